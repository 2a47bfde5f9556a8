"""The contact sheet: a query and its answer as one picture."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from PIL import Image, ImageDraw

from wearabouts.errors import ImageError
from wearabouts.images import decode
from wearabouts.report.banner import banner
from wearabouts.report.lettering import clean, fitted, longest_prefix, text_width, write
from wearabouts.report.words import chance_text
from wearabouts.types import Answer, Box, Match, Pixels

MOST = 60  # matches drawn; a sheet is for looking at
COLUMNS = 5
TILE = 208  # side of the square a result's picture is fitted into
GAP = 20
CAPTION = 74  # height under each tile: rank and similarity, two lines of title
JUDGED = 20  # more of it where there are probabilities
BAR = 5
CHANCE = 28  # from a tile's left side to its probability: room for a rank of two digits
PANEL = 380  # width of the query's side

PAPER, CARD, INK, FAINT, ACCENT = "#f5f5f3", "#ffffff", "#1c1e21", "#71757c", "#d1382f"
TRACK, BARS = "#dedbd5", "#3d6446"


def contact_sheet(answer: Answer, query: Pixels, thumbnails: Sequence[bytes | None]) -> bytes:
    """Draw a query with the box that was searched, and its matches with rank, similarity and title.

    An answer with a verdict has it in a banner above the matches, and each match its probability with a bar, as the
    main figure; its similarity stands beside it as another.

    Args:
        answer: What the search gave.
        query: (H, W, 3) uint8 RGB, the upright query photo at any scale.
        thumbnails: Encoded pictures of the matches in their order; None, damaged or missing ones leave an empty frame.

    Returns:
        PNG bytes; at most `MOST` matches are drawn.
    """
    matches = answer.matches[:MOST]
    columns = min(COLUMNS, max(1, len(matches)))
    rows = -(-len(matches) // columns)
    panel = _query_panel(answer, query)
    left = PANEL + 3 * GAP
    wide = max(2 if answer.verdict is None else 3, columns) * (TILE + GAP)
    told = banner(answer, wide - GAP)
    first = GAP if told is None else told.height + 2 * GAP
    step = TILE + CAPTION + GAP + (JUDGED if answer.verdict is not None else 0)
    height = max(panel.height + 2 * GAP, first + rows * step + GAP)
    sheet = Image.new("RGB", (left + wide, height), PAPER)
    sheet.paste(panel, (GAP, GAP))
    if told is not None:
        sheet.paste(told, (left, GAP))
    draw = ImageDraw.Draw(sheet)
    for place, (match, thumbnail) in enumerate(zip_longest(matches, thumbnails[: len(matches)])):
        row, column = divmod(place, columns)
        corner = (left + column * (TILE + GAP), first + row * step)
        _result(sheet, draw, corner, place + 1, match, thumbnail)
    if not matches and told is None:
        write(draw, (left, GAP), "No product was found.", 17, FAINT)
    written = io.BytesIO()
    sheet.save(written, format="PNG")
    return written.getvalue()


def _query_panel(answer: Answer, query: Pixels) -> Image.Image:
    photo = Image.fromarray(query)
    scale = min(PANEL / photo.width, 1.5 * PANEL / photo.height)
    size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    photo = photo.resize(size, Image.Resampling.LANCZOS)
    lines = list(_query_lines(answer))
    panel = Image.new("RGB", (PANEL, photo.height + 14 + sum(size + 9 for _, size, _ in lines)), PAPER)
    panel.paste(photo, (0, 0))
    draw = ImageDraw.Draw(panel)
    if answer.box is not None:
        _outline(draw, answer.box, answer.size, photo.size)
    top = photo.height + 14
    for text, size_of_type, colour in lines:
        write(draw, (0, top), fitted(text, size_of_type, PANEL), size_of_type, colour)
        top += size_of_type + 9
    return panel


def _query_lines(answer: Answer) -> Iterator[tuple[str, int, str]]:
    """Text, size in pixels and colour of each line under the query."""
    kind = (answer.garment or "").replace("_", " ")
    if kind and answer.garment_probability is not None:
        kind = f"{kind}  {answer.garment_probability:.0%}"
    yield kind or "Query", 22, INK
    for name, value in list(answer.attributes.items())[:8]:
        yield f"{name.replace('_', ' ')}: {value.replace('_', ' ')}", 16, INK
    origin = {"given": "the box as given", "salient": "a box found automatically", "whole": "the whole photo"}
    yield f"Searched {origin[answer.box_origin]}{', every vector compared' if answer.exact else ''}", 14, FAINT
    if "total" in answer.timings:
        found = len(answer.matches)
        yield f"{found} product{'' if found == 1 else 's'} in {answer.timings['total']:.0f} ms", 14, FAINT
    for note in answer.notes[:3]:
        yield note, 14, FAINT


def _outline(draw: ImageDraw.ImageDraw, box: Box, original: tuple[int, int], drawn: tuple[int, int]) -> None:
    inside = box.clipped(*original)
    if inside is None:
        return
    across, down = drawn[0] / original[0], drawn[1] / original[1]
    left, top = inside.left * across, inside.top * down
    right, bottom = (inside.left + inside.width) * across - 1, (inside.top + inside.height) * down - 1
    corners = (left, top, max(left, right), max(top, bottom))
    draw.rectangle(corners, outline="#ffffff", width=5)
    draw.rectangle(corners, outline=ACCENT, width=3)


def _result(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    rank: int,
    match: Match | None,
    thumbnail: bytes | None,
) -> None:
    if match is None:
        return
    left, top = corner
    draw.rectangle((left, top, left + TILE - 1, top + TILE - 1), fill=CARD)
    picture = _tile(thumbnail)
    if picture is None:
        write(draw, (left + 14, top + TILE // 2 - 10), "no picture", 15, FAINT)
    else:
        sheet.paste(picture, (left + (TILE - picture.width) // 2, top + (TILE - picture.height) // 2))
    top += TILE + 6
    write(draw, (left, top), f"{rank}", 16, ACCENT)
    if match.probability is None:
        write(draw, (left + 34, top), f"similarity {match.similarity:.3f}", 14, FAINT)
    else:
        _chance(draw, (left, top - 1), match.probability, match.similarity)
        top += JUDGED
    for line in _title_lines(match.product):
        top += 22
        write(draw, (left, top), line, 15, INK)


def _chance(draw: ImageDraw.ImageDraw, corner: tuple[int, int], probability: float, similarity: float) -> None:
    """The probability large, the similarity small at the other end, and a bar of the probability below."""
    left, top = corner
    write(draw, (left + CHANCE, top - 3), chance_text(probability), 22, INK)
    words = f"similarity {similarity:.2f}"
    write(draw, (left + TILE - text_width(words, 13), top + 5), words, 13, FAINT)
    top += 29
    draw.rectangle((left, top, left + TILE - 1, top + BAR - 1), fill=TRACK)
    share = round(TILE * min(max(probability, 0.0), 1.0))
    if share:
        draw.rectangle((left, top, left + share - 1, top + BAR - 1), fill=BARS)


def _tile(thumbnail: bytes | None) -> Image.Image | None:
    if not thumbnail:
        return None
    try:
        picture = Image.fromarray(decode(thumbnail, target=TILE).pixels)
    except ImageError:
        return None
    picture.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
    return picture


def _title_lines(product: Mapping[str, Any]) -> list[str]:
    """The title in at most two lines: the first as long as fits, the second cut."""
    title = clean(str(product.get("title") or product.get("id") or ""))
    first = longest_prefix(title, 15, TILE)
    if len(first) < len(title) and " " in first:
        first = first.rsplit(" ", 1)[0]
    rest = title[len(first) :].strip()
    return [first, fitted(rest, 15, TILE)] if rest else [first]

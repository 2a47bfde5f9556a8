"""The contact sheet: a query and its answer as one picture."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from wearabouts.errors import ImageError
from wearabouts.images import decode
from wearabouts.types import Answer, Box, Match, Pixels

MOST = 60  # matches drawn; a sheet is for looking at
COLUMNS = 5
TILE = 208  # side of the square a result's picture is fitted into
GAP = 20
CAPTION = 74  # height under each tile: rank and similarity, two lines of title
PANEL = 380  # width of the query's side

PAPER, CARD, INK, FAINT, ACCENT = "#f5f5f3", "#ffffff", "#1c1e21", "#71757c", "#d1382f"

# The first that is there draws the titles that the plain font cannot.
_CJK_FONTS = (
    "noto*/**/NotoSansCJK*-Regular.*",
    "**/NotoSansCJK*-Regular.*",
    "**/NotoSansSC*-Regular.*",
    "**/SourceHanSans*-Regular.*",
    "**/wqy-microhei*",
    "**/PingFang.ttc",
    "**/Hiragino Sans GB*",
    "**/msyh*",
    "**/simsun*",
)
_FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", "C:/Windows/Fonts")


def contact_sheet(answer: Answer, query: Pixels, thumbnails: Sequence[bytes | None]) -> bytes:
    """Draw a query with the box that was searched, and its matches with rank, similarity and title.

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
    width = PANEL + 3 * GAP + max(2, columns) * (TILE + GAP)
    height = max(panel.height + 2 * GAP, 2 * GAP + rows * (TILE + CAPTION + GAP))
    sheet = Image.new("RGB", (width, height), PAPER)
    sheet.paste(panel, (GAP, GAP))
    draw = ImageDraw.Draw(sheet)
    for place, (match, thumbnail) in enumerate(zip_longest(matches, thumbnails[: len(matches)])):
        row, column = divmod(place, columns)
        corner = (PANEL + 3 * GAP + column * (TILE + GAP), GAP + row * (TILE + CAPTION + GAP))
        _result(sheet, draw, corner, place + 1, match, thumbnail)
    if not matches:
        _write(draw, (PANEL + 3 * GAP, GAP), "No product was found.", 17, FAINT)
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
        _write(draw, (0, top), _fitted(text, size_of_type, PANEL), size_of_type, colour)
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
        yield f"{len(answer.matches)} products in {answer.timings['total']:.0f} ms", 14, FAINT
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
        _write(draw, (left + 14, top + TILE // 2 - 10), "no picture", 15, FAINT)
    else:
        sheet.paste(picture, (left + (TILE - picture.width) // 2, top + (TILE - picture.height) // 2))
    top += TILE + 6
    _write(draw, (left, top), f"{rank}", 16, ACCENT)
    _write(draw, (left + 34, top), f"similarity {match.similarity:.3f}", 14, FAINT)
    for line in _title_lines(match.product):
        top += 22
        _write(draw, (left, top), line, 15, INK)


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
    title = _clean(str(product.get("title") or product.get("id") or ""))
    first = _longest_prefix(title, 15, TILE)
    if len(first) < len(title) and " " in first:
        first = first.rsplit(" ", 1)[0]
    rest = title[len(first) :].strip()
    return [first, _fitted(rest, 15, TILE)] if rest else [first]


def _clean(text: str) -> str:
    """One line without control and direction-changing characters, no longer than a sheet can use."""
    kept = (" " if unicodedata.category(sign) in ("Cc", "Cf", "Cs") else sign for sign in text[:400])
    return " ".join("".join(kept).split())


def _fitted(text: str, size: int, width: int) -> str:
    text = _clean(text)
    prefix = _longest_prefix(text, size, width)
    return text if prefix == text else _longest_prefix(text, size, width - size).rstrip() + "…"


def _longest_prefix(text: str, size: int, width: int) -> str:
    font = _font(size, _needs_cjk(text))
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font.getlength(text[:middle]) <= width else (low, middle - 1)
    return text[:low]


def _write(draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, size: int, colour: str) -> None:
    draw.text(corner, text, fill=colour, font=_font(size, _needs_cjk(text)))


def _needs_cjk(text: str) -> bool:
    # East Asian scripts and full-width signs begin here; DejaVu, the plain font, has nearly none of them.
    return any(ord(sign) >= 0x2E80 for sign in text)


@cache
def _font(size: int, cjk: bool) -> ImageFont.FreeTypeFont:
    wide = _cjk_font() if cjk else None
    if wide is not None:
        # In Noto's collection the simplified Chinese face is the third; other collections have fewer faces.
        for face in (2, 0):
            try:
                return ImageFont.truetype(str(wide), size, index=face)
            except OSError:
                continue
    from matplotlib import get_data_path  # only for the fonts it carries, so that a sheet looks alike everywhere

    return ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


@cache
def _cjk_font() -> Path | None:
    for folder in map(Path, _FONT_FOLDERS):
        for pattern in _CJK_FONTS if folder.is_dir() else ():
            found = next(iter(sorted(folder.glob(pattern))), None)
            if found is not None:
                return found
    return None

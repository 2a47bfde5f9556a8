"""What an answer says of its first match, drawn: words, mark and frame differ, so that no colour is needed."""

from __future__ import annotations

from PIL import Image, ImageDraw

from wearabouts.report.lettering import wrapped, write
from wearabouts.report.words import chance_text, threshold_text
from wearabouts.types import REASONS, Answer, Verdict

PAD = 18
MARK = 40  # side of the mark's square
SHARP = 4  # the mark is drawn so many times as large, so that its edges are smooth
DASH = 7

GOOD, SIMILAR, AWAY = "#3d6446", "#94452b", "#71757c"
INK, FAINT, CARD, PAPER = "#1c1e21", "#5f636a", "#ffffff", "#f5f5f3"

WORDS: dict[Verdict, tuple[str, str]] = {
    "same": ("The same item", GOOD),
    "similar": ("Similar products", SIMILAR),
    "not_carried": ("Not carried", AWAY),
}


def banner(answer: Answer, width: int) -> Image.Image | None:
    """The banner of an answer.

    Args:
        answer: From a search.
        width: In pixels, 240 or more.

    Returns:
        A picture of that width and of the height its words need; None for an answer without a verdict.
    """
    if answer.verdict is None:
        return None
    words, colour = WORDS[answer.verdict]
    first = answer.matches[0].probability if answer.matches else None
    if first is not None and answer.verdict != "not_carried":
        words = f"{words}, {'the first ' if answer.verdict == 'similar' else ''}{chance_text(first)} likely"
    why = REASONS.get(answer.reason, answer.reason)
    room = width - 3 * PAD - MARK
    lines = [(words, 24, INK)]
    for text, size, ink in (
        (f"{why[:1].upper()}{why[1:]}.", 16, INK),
        (_facts(answer), 14, FAINT),
        (_worth(answer), 14, FAINT),
    ):
        lines += [(line, size, ink) for line in wrapped(text, size, room, 3)]
    height = 2 * PAD + sum(size + 8 for _, size, _ in lines) - 4
    picture = Image.new("RGB", (width, height), PAPER if answer.verdict == "not_carried" else CARD)
    draw = ImageDraw.Draw(picture)
    _frame(draw, picture.size, answer.verdict, colour)
    picture.paste(_mark(answer.verdict, colour, picture.getpixel((width // 2, 5))), (PAD, PAD - 4))
    top = PAD - 2
    for text, size, ink in lines:
        write(draw, (2 * PAD + MARK, top), text, size, ink)
        top += size + 8
    return picture


def _facts(answer: Answer) -> str:
    facts = threshold_text(answer)
    left = f" · {answer.hidden} less likely left out" if answer.hidden else ""
    return f"{facts[:1].upper()}{facts[1:]}{left}"


def _worth(answer: Answer) -> str:
    if not answer.calibrated_on:
        return ""
    own = "Calibrated on this shop's own labels: " if answer.own_labels else "Estimates, calibrated on "
    return f"{own}{answer.calibrated_on}"


def _frame(draw: ImageDraw.ImageDraw, size: tuple[int, int], verdict: Verdict, colour: str) -> None:
    """Thick for the same item, thin for similar ones, dashed for none."""
    right, bottom = size[0] - 1, size[1] - 1
    if verdict != "not_carried":
        draw.rectangle((0, 0, right, bottom), outline=colour, width=3 if verdict == "same" else 1)
        return
    for start in range(0, right, 2 * DASH):
        end = min(start + DASH, right)
        draw.line((start, 0, end, 0), fill=colour, width=2)
        draw.line((start, bottom - 1, end, bottom - 1), fill=colour, width=2)
    for start in range(0, bottom, 2 * DASH):
        end = min(start + DASH, bottom)
        draw.line((0, start, 0, end), fill=colour, width=2)
        draw.line((right - 1, start, right - 1, end), fill=colour, width=2)


def _mark(verdict: Verdict, colour: str, ground: object) -> Image.Image:
    """A full disc with a tick, a ring with two waves, or a ring that is struck through."""
    side = MARK * SHARP
    picture = Image.new("RGB", (side, side), ground)  # type: ignore[arg-type]  # a pixel's colour, as it was read
    draw = ImageDraw.Draw(picture)
    wide = side // 14

    def scaled(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x * side, y * side) for x, y in points]

    ring = (wide, wide, side - wide, side - wide)
    if verdict == "same":
        draw.ellipse(ring, fill=colour)
        draw.line(scaled((0.28, 0.52), (0.44, 0.67), (0.73, 0.36)), fill=CARD, width=wide + 4, joint="curve")
    else:
        draw.ellipse(ring, outline=colour, width=wide)
    if verdict == "not_carried":
        draw.line(scaled((0.27, 0.73), (0.73, 0.27)), fill=colour, width=wide)
    if verdict == "similar":
        for height in (0.42, 0.6):
            wave = scaled((0.27, height), (0.38, height - 0.06), (0.62, height + 0.05), (0.73, height - 0.02))
            draw.line(wave, fill=colour, width=wide, joint="curve")
    return picture.resize((MARK, MARK), Image.Resampling.LANCZOS)

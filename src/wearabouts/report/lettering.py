"""Words on a picture: what fits a width, in a font that has the letters."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

from PIL import ImageDraw, ImageFont

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


def clean(text: str) -> str:
    """One line without control and direction-changing characters, no longer than a sheet can use."""
    kept = (" " if unicodedata.category(sign) in ("Cc", "Cf", "Cs") else sign for sign in text[:400])
    return " ".join("".join(kept).split())


def wrapped(text: str, size: int, width: int, most: int) -> list[str]:
    """A text broken between words into lines that fit a width; the last of `most` lines is cut where need be."""
    rest = clean(text)
    lines: list[str] = []
    while rest and len(lines) < most - 1:
        line = longest_prefix(rest, size, width) or rest[:1]
        if len(line) < len(rest) and not rest[len(line)].isspace() and " " in line:
            line = line.rsplit(" ", 1)[0]
        lines.append(line.strip())
        rest = rest[len(line) :].strip()
    return [*lines, fitted(rest, size, width)] if rest else lines


def fitted(text: str, size: int, width: int) -> str:
    """A text as one line of at most a width in pixels, cut with an ellipsis where need be."""
    text = clean(text)
    prefix = longest_prefix(text, size, width)
    return text if prefix == text else longest_prefix(text, size, width - size).rstrip() + "…"


def longest_prefix(text: str, size: int, width: int) -> str:
    """As much of a text's beginning as fits a width in pixels at a size of type in pixels."""
    font = _font(size, _needs_cjk(text))
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font.getlength(text[:middle]) <= width else (low, middle - 1)
    return text[:low]


def text_width(text: str, size: int) -> int:
    """How wide one line is, in pixels."""
    return round(_font(size, _needs_cjk(text)).getlength(text))


def write(draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, size: int, colour: str) -> None:
    """Draw one line from its upper left corner."""
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

"""What the four DeepFashion miniatures share: lists as the authors write them, and garments with landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from miniatures import pictures
from wearabouts.types import Box, Pixels

UPPER, LOWER, FULL = 1, 2, 3
# Where the landmarks of a type lie, as fractions of the garment's box, in the order of the lists.
PLACES = {
    UPPER: ((0.4, 0.05), (0.6, 0.05), (0.0, 0.5), (1.0, 0.5), (0.2, 1.0), (0.8, 1.0)),
    LOWER: ((0.25, 0.0), (0.75, 0.0), (0.1, 1.0), (0.9, 1.0)),
    FULL: ((0.4, 0.0), (0.6, 0.0), (0.0, 0.3), (1.0, 0.3), (0.3, 0.5), (0.7, 0.5), (0.1, 1.0), (0.9, 1.0)),
}


def table(
    path: Path, names: Sequence[str], rows: Sequence[Sequence[object]], *, crlf: bool = False, bom: bool = False
) -> Path:
    """Write a list: count, column names (none: no such line), rows; columns padded, each row with a trailing space."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max((len(row[at]) for row in cells), default=0) + 2 for at in range(max(map(len, cells), default=0))]
    lines = [" ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)).rstrip() for row in cells]
    if names:
        lines = ["  ".join(names), *(f"{line} " for line in lines)]
    text = "".join(f"{line}\n" for line in (str(len(rows)), *lines))
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.replace("\n", "\r\n") if crlf else text
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + data.encode())
    return path


def corners(box: Box) -> str:
    """``x_1 y_1 x_2 y_2``, zero padded to three digits as the authors do."""
    return f"{box.left:03.0f} {box.top:03.0f} {box.left + box.width:03.0f} {box.top + box.height:03.0f}"


def points(kind: int, box: Box, states: Sequence[int] = ()) -> str:
    """Visibility, x and y of each landmark of a type; what is cut off lies at 000 000."""
    words = []
    for at, (x, y) in enumerate(PLACES[kind]):
        state = states[at] if at < len(states) else 0
        across, down = (0, 0) if state == 2 else (box.left + x * box.width, box.top + y * box.height)
        words.append(f"{state} {across:03.0f} {down:03.0f}")
    return " ".join(words)


def landmark_names(variation: bool, count: int = 8) -> list[str]:
    """The column names of a list of landmarks."""
    each = ("landmark_visibility", "landmark_location_x", "landmark_location_y")
    names = [f"{name}_{number}" for number in range(1, count + 1) for name in each]
    return ["image_name", "clothes_type", *(["variation_type"] if variation else []), *names]


def photo(item: int, size: tuple[int, int], box: Box, view: int = 0, *, street: bool = False) -> Pixels:
    """(height, width, 3) uint8: an item in its box, on white or before a grey street; views differ in their grain."""
    width, height = size
    pixels = np.full((height, width, 3), 255, np.uint8)
    if street:
        coarse = np.random.default_rng((item, view)).integers(90, 150, (height // 8 + 1, width // 8 + 1, 3))
        pixels = coarse.repeat(8, 0).repeat(8, 1)[:height, :width].astype(np.uint8)
    left, top, wide, high = int(box.left), int(box.top), int(box.width), int(box.height)
    pixels[top : top + high, left : left + wide] = pictures.garment(item, wide, high, view)
    return pixels

"""Boxes and landmarks of photos, from the two lists that every benchmark has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice

from wearabouts.catalog import Faults
from wearabouts.readers.datasets.deepfashion.folders import Folder
from wearabouts.readers.datasets.deepfashion.lists import List, Lookup, Row
from wearabouts.types import LANDMARK_SLOTS, Box, Landmark

CLOTHES = {1: "upper", 2: "lower", 3: "full"}
VARIATIONS = {1: "normal", 2: "medium pose", 3: "large pose", 4: "medium zoom-in", 5: "large zoom-in"}
POSES = {1: "front", 2: "side", 3: "back", 4: "zoom-out", 5: "zoom-in", 6: "stand-alone"}
SOURCES = {1: "shop", 2: "consumer"}
# Clothes type → which of the eight slots its landmarks fill, in the order of the list.
SLOTS = {1: (0, 1, 2, 3, 6, 7), 2: (4, 5, 6, 7), 3: tuple(range(len(LANDMARK_SLOTS)))}
VISIBLE, OCCLUDED, CUT_OFF = 0, 1, 2
LOOKED_AT = 50  # rows that tell whether a list of landmarks has variations
_LENGTHS = {str(kind): 3 * len(slots) for kind, slots in SLOTS.items()}
NOWHERE = Landmark(0.0, 0.0, False)
_CORNERS = "x_1 y_1 x_2 y_2"
# Labels between a box's photo and its corners: column → what its numbers mean.
_MEANINGS = {"clothes_type": CLOTHES, "pose_type": POSES, "source_type": SOURCES}


@dataclass(slots=True)
class Mark:
    """What the lists say of one photo; labels are those of the columns beside box and landmarks."""

    box: Box | None = None
    landmarks: tuple[Landmark, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)


class Marks:
    """Boxes and landmarks by photo.

    Args:
        folder: The benchmark's folder.
        faults: Where rows that cannot be read go.
        boxes: File name of the list of boxes.
        landmarks: File name of the list of landmarks.
        columns: Columns of the boxes between photo and corners: of ``clothes_type``, ``pose_type``, ``source_type``.
        side: Longest side of the pictures as shipped, in pixels: nothing may lie beyond it.
        keep: False leaves boxes and landmarks out (for pictures of another size) and keeps the labels.
    """

    def __init__(
        self,
        folder: Folder,
        faults: Faults,
        boxes: str,
        landmarks: str,
        *,
        columns: tuple[str, ...] = (),
        side: int,
        keep: bool = True,
    ) -> None:
        self.columns = columns
        self.side = side
        self.keep = keep
        header = " ".join(("image_name", *columns, _CORNERS))
        self.boxes = _lookup(folder.optional(boxes, header, faults))
        self.landmarks = _lookup(folder.optional(landmarks, "image_name clothes_type*", faults))
        self._varied = self.landmarks is not None and _varied(self.landmarks.list)

    def of(self, name: str) -> Mark:
        """Box, landmarks and labels of a photo by its listed path; ask for each once."""
        mark = Mark()
        if self.boxes is not None and (row := self.boxes.get(name)):
            self._read_box(row, mark, self.boxes.list)
        if self.landmarks is not None and (row := self.landmarks.get(name)):
            self._read_landmarks(row, mark, self.landmarks.list)
        if not self.keep:
            mark.box, mark.landmarks = None, ()
        return mark

    def finish(self) -> None:
        """Check what is left of the lists once every photo was asked for."""
        for lookup in (self.boxes, self.landmarks):
            if lookup is not None:
                lookup.finish()

    def _read_box(self, row: Row, mark: Mark, of: List) -> None:
        words = row.text.split()
        extra = len(self.columns)
        if len(words) != extra + 4:
            of.fault(
                row.number, "", f"row has {len(words) + 1} words, expected are {extra + 5}; no box was read", "field"
            )
            return
        for column, word in zip(self.columns, words, strict=False):
            try:
                mark.labels[column] = meaning(column, word)
            except ValueError as problem:
                of.fault(row.number, column, f"{problem}; it was left out", "field")
        try:
            mark.box, told = box(words[extra:], self.side)
        except ValueError as problem:
            mark.box, told = None, f"{problem}; the photo has no box"
        if told:
            of.fault(row.number, _CORNERS, told, "field")

    def _read_landmarks(self, row: Row, mark: Mark, of: List) -> None:
        try:
            words = row.text.split()
            clothes, variation, mark.landmarks, told = landmarks(words, self.side, self._varied)
        except ValueError as problem:
            of.fault(row.number, "", f"{problem}; the photo has no landmarks", "field")
            return
        if told:
            of.fault(row.number, "landmark_location", told, "field")
        before = mark.labels.setdefault("clothes_type", clothes)
        if before != clothes:
            reason = f"clothes_type is {clothes} here and {before} in the list of boxes, which was kept"
            of.fault(row.number, "clothes_type", reason, "field")
        if variation:
            try:
                mark.labels["variation"] = meaning("variation_type", variation)
            except ValueError as problem:
                of.fault(row.number, "variation_type", f"{problem}; it was left out", "field")


def whole(word: str) -> int:
    """A whole number, perhaps zero padded and negative.

    Raises:
        ValueError: Anything else, such as ``1_0`` or ``²``, which `int` would take or choke on otherwise.
    """
    digits = word.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise ValueError(f"{word[:40]!r} is not a whole number")
    return int(word, 10)


def meaning(column: str, word: str) -> str:
    """What a number of a column says.

    Raises:
        ValueError: It is none of the column's.
    """
    known = VARIATIONS if column == "variation_type" else _MEANINGS[column]
    said = known.get(whole(word))
    if said is None:
        raise ValueError(f"{column} {word} is not one of {', '.join(f'{key} {value}' for key, value in known.items())}")
    return said


def box(corners: Sequence[str], side: int) -> tuple[Box | None, str]:
    """A box from ``x_1 y_1 x_2 y_2``, cut to the picture, and what was wrong with it (empty for nothing).

    Args:
        corners: Four words.
        side: Longest side of the picture in pixels.

    Raises:
        ValueError: A word is not a number, or the box has no area.
    """
    left, top, right, bottom = map(whole, corners)
    shown = " ".join(corners)
    if right <= left or bottom <= top:
        raise ValueError(f"box {shown} has no area")
    found = Box(left, top, right - left, bottom - top)
    if left >= 0 and top >= 0 and right <= side and bottom <= side:
        return found, ""
    cut = found.clipped(side, side)
    what = "it was cut to it" if cut else "the photo has no box"
    return cut, f"box {shown} leaves the picture, whose longest side is {side}; {what}"


def landmarks(words: Sequence[str], side: int, varied: bool) -> tuple[str, str, tuple[Landmark, ...], str]:
    """Clothes type, variation (a word, or empty), the eight slots and what was wrong, from a row without its photo.

    Args:
        words: The row.
        side: Longest side of the picture in pixels.
        varied: Whether a variation_type stands before the landmarks.

    Raises:
        ValueError: The row is cut off, or a value is none.
    """
    kind = whole(words[0]) if words else 0
    if kind not in SLOTS:
        raise ValueError(f"clothes_type {words[0] if words else ''!r} is not one of 1 upper, 2 lower, 3 full")
    slots = SLOTS[kind]
    extra = len(words) - 1 - 3 * len(slots)
    if extra != varied:
        raise ValueError(
            f"row of {CLOTHES[kind]}-body clothes has {len(words) - 1} words after the type, expected are "
            f"{3 * len(slots) + varied} for {len(slots)} landmarks{' and variation_type' if varied else ''}"
        )
    variation = words[1] if extra else ""
    found = [NOWHERE] * len(LANDMARK_SLOTS)
    told = ""
    numbers = list(map(whole, words[1 + extra :]))
    for slot, state, x, y in zip(slots, numbers[0::3], numbers[1::3], numbers[2::3], strict=True):
        if state not in (VISIBLE, OCCLUDED, CUT_OFF):
            raise ValueError(f"landmark_visibility {state} is not one of 0 visible, 1 occluded, 2 cut off")
        if state == CUT_OFF:
            continue
        within = 0 <= x <= side and 0 <= y <= side
        if state == VISIBLE and not within:
            told = (
                f"{LANDMARK_SLOTS[slot]} at {x} {y} is outside the picture, whose longest side is {side}; not visible"
            )
        found[slot] = Landmark(float(x), float(y), state == VISIBLE and within)
    return CLOTHES[kind], variation, tuple(found), told


def _varied(rows: List) -> bool:
    """Whether a list's rows have a variation_type: what most of the first ones say by their number of words.

    A row alone does not tell: one that lost its last word looks as one that never had a variation.
    """
    votes = Counter[int]()
    with closing(List(rows.path, rows.names, Faults()).rows()) as first:
        for row in islice(first, LOOKED_AT):
            words = row.text.split()
            if len(words) > 1 and words[1] in _LENGTHS:
                votes[len(words) - 2 - _LENGTHS[words[1]]] += 1
    said = "variation_type" in rows.names
    varied = votes[1] > votes[0] if votes[1] != votes[0] else said
    if varied != said:
        what = "a variation_type" if varied else "no variation_type"
        rows.fault(0, "", f"rows have {what}, other than line 2 says; they were read as they are", "field")
    return varied


def _lookup(rows: List | None) -> Lookup | None:
    return Lookup(rows) if rows is not None else None

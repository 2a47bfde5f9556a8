"""Object proposals for shop photos: boxes that a detector found, read one photo at a time.

The authors ran selective search on every shop photo and did not release the boxes. Whoever has boxes of their own puts
them beside the annotations as ``proposals_<category>.jsonl``, one line a photo::

    {"photo": 163478, "boxes": [[12, 40, 310, 480], [0, 0, 200, 150]]}

with left, top, width, height in pixels of the original download, best first. Option ``proposals`` makes them the label
``proposals`` of the shop photos, ``12,40,310,480|0,0,200,150``.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType

from wearabouts.catalog import Fault, Faults
from wearabouts.errors import CatalogError
from wearabouts.readers.datasets.street2shop.pairs import MAX_PHOTO, box_of, whole

MAX_LINE = 1_000_000  # bytes of one line
MAX_BOXES = 1_000  # of one photo; the paper keeps 100


class Proposals:
    """One file, of which only each photo's place is remembered.

    Args:
        path: ``proposals_<category>.jsonl``.
        faults: Where lines and boxes that cannot be read go.

    Raises:
        CatalogError: There is no such file.
    """

    def __init__(self, path: Path, faults: Faults) -> None:
        self.path, self.faults = path, faults
        self._places: dict[int, tuple[int, int]] = {}
        try:
            self._file = path.open("rb")
        except OSError as problem:
            raise CatalogError(
                f"{path} cannot be read ({problem.strerror}); write one line a shop photo, "
                '{"photo": 163478, "boxes": [[left, top, width, height]]}, or leave option proposals out'
            ) from problem
        self._index()

    def __enter__(self) -> Proposals:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def label(self, photo: int) -> dict[str, str]:
        """The label ``proposals`` of a photo; empty where the file says nothing of it."""
        if photo not in self._places:
            return {}
        place, row = self._places[photo]
        self._file.seek(place)
        return {"proposals": "|".join(self._boxes(row, json.loads(self._file.readline(MAX_LINE))["boxes"]))}

    def _index(self) -> None:
        row, place = 0, 0
        while line := self._file.readline(MAX_LINE):
            row += 1
            try:
                record = json.loads(line)
                if not isinstance(record, dict) or not isinstance(record.get("boxes"), list):
                    raise ValueError("a line is an object with photo and boxes")
                photo = whole(record.get("photo"), "photo", MAX_PHOTO)
                if photo in self._places:
                    raise ValueError(f"photo {photo:09d} stood before")
                self._places[photo] = (place, row)
            except (ValueError, RecursionError) as problem:
                if line.strip():
                    self._fault(row, f"{str(problem)[:120]}; the line was left out")
            place = self._file.tell()

    def _boxes(self, row: int, raw: list[object]) -> list[str]:
        kept: list[str] = []
        for numbers in raw[:MAX_BOXES]:
            try:
                if not isinstance(numbers, list) or len(numbers) != 4:
                    raise ValueError(f"{str(numbers)[:60]} is not [left, top, width, height]")
                box = box_of(dict(zip(("left", "top", "width", "height"), numbers, strict=True)))
                kept.append(",".join(f"{side:.10g}" for side in (box.left, box.top, box.width, box.height)))
            except ValueError as problem:
                self._fault(row, f"{problem}; the box was left out")
        if len(raw) > MAX_BOXES:
            self._fault(row, f"{len(raw)} boxes; the first {MAX_BOXES} were kept")
        return kept

    def _fault(self, row: int, reason: str) -> None:
        self.faults.add(Fault(str(self.path), row, "boxes", reason, "field"))

"""The fine annotation of the attribute benchmark: 26 attributes in six groups, in files that belong together by row.

``Anno_fine/train.txt`` names the photos, and row n of ``train_attr.txt`` (26 of 0 and 1), ``train_cate.txt`` (a
category's number), ``train_bbox.txt`` (x_1 y_1 x_2 y_2) and ``train_landmarks.txt`` (x y of the eight slots, 0 0 for
none, or visibility x y) is of photo n; the same with val and test. None has a header, so files of different length
cannot be read at all: every row after the gap would be another photo's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from wearabouts.catalog import Fault, Faults, Photo, Product
from wearabouts.errors import CatalogError
from wearabouts.garments import garment_of
from wearabouts.readers.datasets.deepfashion.folders import GET, Folder, inside
from wearabouts.readers.datasets.deepfashion.labels import numbered_groups
from wearabouts.readers.datasets.deepfashion.marks import CLOTHES, NOWHERE, box, whole
from wearabouts.readers.datasets.deepfashion.pictures import Pictures, photo_id
from wearabouts.types import LANDMARK_SLOTS, Box, Landmark

FOLDER = "Anno_fine"
SPLITS = ("train", "val", "test")
NEEDED, OPTIONAL = ("", "_attr", "_cate"), ("_bbox", "_landmarks")
MAX_BYTES = 64 << 20
GROUPS: dict[str, tuple[str, ...]] = {
    "pattern": ("floral", "graphic", "striped", "embroidered", "pleated", "solid", "lattice"),
    "sleeve": ("long", "short", "sleeveless"),
    "length": ("maxi", "mini", "no_dress"),
    "neckline": ("crew", "v", "square", "no"),
    "fabric": ("denim", "chiffon", "cotton", "leather", "faux", "knit"),
    "fit": ("tight", "loose", "conventional"),
}
EXPECTED: dict[str, int] = {
    "products": 20_000,
    "photos": 20_000,
    "photos:train": 14_000,
    "photos:val": 2_000,
    "photos:test": 4_000,
}
_SLOTS = len(LANDMARK_SLOTS)


def there(folder: Folder) -> bool:
    """Whether the fine annotation is in the folder."""
    return inside(folder.root, FOLDER, "train.txt") is not None


def check(folder: Folder) -> None:
    """Look that all files that are needed are there.

    Raises:
        CatalogError: One is not.
    """
    for split in SPLITS:
        for part in NEEDED:
            if inside(folder.root, FOLDER, f"{split}{part}.txt") is None:
                raise CatalogError(f"no {FOLDER}/{split}{part}.txt in {folder.root}: {GET}")


def notes(folder: Folder) -> Iterator[str]:
    """How many photos each split has, and what is missing.

    Raises:
        CatalogError: Files of a split differ in length.
    """
    for split in SPLITS:
        files = _files(folder, split)
        missing = [f"no {split}{part}.txt" for part in OPTIONAL if part not in files]
        yield ", ".join((f"rows:{split} {len(files['']):,} in {FOLDER}/{split}.txt", *missing))


def read(folder: Folder, faults: Faults, shown: Pictures, side: int, *, keep: bool) -> Iterator[Product]:
    """Walk the photos split by split; each is a product of its own.

    Args:
        folder: The benchmark's folder.
        faults: Where rows and photos that cannot be read go.
        shown: The pictures.
        side: Longest side of a picture in pixels.
        keep: False leaves boxes and landmarks out.

    Raises:
        CatalogError: Files of a split differ in length, or one is not text.
    """
    categories = None
    if folder.find("list_category_cloth.txt"):
        categories = numbered_groups(folder, faults, "list_category_cloth.txt", "category_name category_type", CLOTHES)
    seen: set[str] = set()
    for split in SPLITS:
        files = _files(folder, split)
        desk = _Desk(folder.root / FOLDER, split, faults, side)
        for part in OPTIONAL if keep else ():
            if part not in files:
                desk.fault(0, part, f"no such file, so photos have no {part[1:]}")
        for number, listed in enumerate(files[""], start=1):
            row = {part: lines[number - 1].split() for part, lines in files.items()}
            try:
                name = photo_id(listed.strip())
                if name in seen:
                    raise ValueError(f"photo {name} stood before")
            except ValueError as problem:
                desk.fault(number, "", f"{problem}; the row was left out", "photo")
                continue
            seen.add(name)
            category = desk.category(number, row["_cate"], categories.names if categories else None)
            labels = desk.labels(number, row["_attr"])
            found = desk.box(number, row["_bbox"]) if keep and "_bbox" in row else None
            points = desk.landmarks(number, row["_landmarks"]) if keep and "_landmarks" in row else ()
            uri = shown.uri(name, str(desk.path("")), number)
            if uri is not None:
                photo = Photo(name, uri, "shop", split, found, points, labels)
                yield Product(name, (photo,), category=category, garment=garment_of(category))


class _Desk:
    """Reads the rows of one split, writing faults with their file and row."""

    def __init__(self, folder: Path, split: str, faults: Faults, side: int) -> None:
        self.folder = folder
        self.split = split
        self.faults = faults
        self.side = side

    def path(self, part: str) -> Path:
        return self.folder / f"{self.split}{part}.txt"

    def fault(self, row: int, part: str, reason: str, lost: str = "field") -> None:
        self.faults.add(Fault(str(self.path(part)), row, part[1:], reason, "photo" if lost == "photo" else "field"))

    def category(self, number: int, words: Sequence[str], names: Sequence[str] | None) -> str:
        try:
            label = whole(" ".join(words))
            if not 1 <= label <= (len(names) if names else 50):
                raise ValueError(f"{label} is not one of 1 to {len(names) if names else 50}")
        except ValueError as problem:
            self.fault(number, "_cate", f"category {problem}; the photo has no category")
            return ""
        return names[label - 1] if names else str(label)

    def labels(self, number: int, words: Sequence[str]) -> dict[str, str]:
        wanted = sum(map(len, GROUPS.values()))
        if len(words) != wanted or not set(words) <= {"0", "1"}:
            odd = next((word for word in words if word not in ("0", "1")), "")
            found = f"label {odd[:40]!r}" if odd else f"{len(words)} labels"
            self.fault(
                number, "_attr", f"row has {found}, expected are {wanted} of 0 and 1; the photo has no attributes"
            )
            return {}
        found_labels: dict[str, str] = {}
        at = 0
        for group, names in GROUPS.items():
            holds = [name for name, word in zip(names, words[at : at + len(names)], strict=True) if word == "1"]
            at += len(names)
            if len(holds) != 1:
                self.fault(
                    number, "_attr", f"{len(holds)} of group {group} hold, one of each was expected; kept as it is"
                )
            found_labels[group] = "|".join(holds)
        return found_labels

    def box(self, number: int, words: Sequence[str]) -> Box | None:
        found: Box | None = None
        try:
            if len(words) != 4:
                raise ValueError(f"row has {len(words)} words, expected are x_1 y_1 x_2 y_2")
            found, told = box(words, self.side)
        except ValueError as problem:
            told = f"{problem}; the photo has no box"
        if told:
            self.fault(number, "_bbox", told)
        return found

    def landmarks(self, number: int, words: Sequence[str]) -> tuple[Landmark, ...]:
        step = len(words) // _SLOTS
        try:
            if len(words) not in (2 * _SLOTS, 3 * _SLOTS):
                raise ValueError(
                    f"row has {len(words)} numbers, expected are x y of {_SLOTS} landmarks, or visibility x y"
                )
            numbers = [whole(word) for word in words]
        except ValueError as problem:
            self.fault(number, "_landmarks", f"{problem}; the photo has no landmarks")
            return ()
        found = []
        for at in range(0, len(numbers), step):
            *state, x, y = numbers[at : at + step]
            visible = state[0] == 0 if state else (x, y) != (0, 0)
            within = 0 <= x <= self.side and 0 <= y <= self.side
            if visible and not within:
                self.fault(number, "_landmarks", f"landmark at {x} {y} is outside the picture; not visible")
            found.append(Landmark(float(x), float(y), within) if visible else NOWHERE)
        return tuple(found)


def _files(folder: Folder, split: str) -> dict[str, list[str]]:
    """The lines of each file of a split that is there, all of one length."""
    found: dict[str, list[str]] = {}
    for part in (*NEEDED, *OPTIONAL):
        path = inside(folder.root, FOLDER, f"{split}{part}.txt")
        if path is None:
            continue
        try:
            if path.stat().st_size > MAX_BYTES:
                raise CatalogError(f"{path} has more than {MAX_BYTES:,} bytes; {GET}")
            lines = path.read_bytes().decode("utf-8-sig").splitlines()
        except (OSError, UnicodeError) as problem:
            raise CatalogError(f"{path} cannot be read as text ({problem}); {GET}") from problem
        while lines and not lines[-1].strip():
            lines.pop()
        found[part] = lines
    lengths = {f"{split}{part}.txt": len(lines) for part, lines in found.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise CatalogError(
            f"files in {folder.root / FOLDER} belong together by row and differ in length: {said}; {GET}"
        )
    return found

"""LookBench: street and studio photos against 60,000 product pictures, with attributes.

Gao et al., "LookBench: A Live and Holistic Open Benchmark for Fashion Image Retrieval", 2026 (arXiv 2601.14706). From
the Hugging Face dataset srpone/look-bench. Its card says Apache-2.0; the pictures are from shops and their rights were
not checked: ask before commercial use.

Layout: ``v20251201/<subset>/query.parquet`` and ``gallery.parquet`` for each of `SUBSETS`, and ``noise/*.parquet``, the
distractors that belong to every gallery. One row a picture: ``image`` (its file, as ``bytes`` and ``path``),
``item_ID``, ``category``, ``main_attribute``, ``other_attributes``, ``bbox``, ``difficulty``, ``task``.

What is known of it: folders and file names from the dataset's card; subsets, splits and columns from the authors'
programs; ``image.bytes`` and ``item_ID`` from an independent program that reproduces their figures. The files were not
at hand. Assumed: ``bbox`` is left, top, right, bottom in pixels; identifiers of noise have nothing to do with those of
a subset, so a distractor is the product ``noise/<item_ID>`` and never somebody's answer.

Two traps. The authors' programs search with the whole picture, and so does the one that reproduces them: boxes are
therefore labels only (``bbox``), unless option ``boxes`` asks for more. And the counts: the repository says 1,000
queries for RealStreetLook and 192 for AIGen-Studio, but the coarse recalls it publishes (79.82 and 92.75 %, and 87.93 %
over all) are fractions of 981 and 193, not of those: 981 and 193 are expected here.

A fine hit is, in the paper's words, a product of the query's category and attributes; the programs compare ``item_ID``.
A coarse hit is one of its category. Labels of each photo: ``category``, ``main_attribute``, ``other_attributes``
(joined by ``|``) and ``subset``, which tells distractors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wearabouts.catalog import MAX_TEXT, Fault, Faults, Photo, Product
from wearabouts.errors import CatalogError, ImageError, SettingsError, unknown
from wearabouts.garments import garment_of
from wearabouts.readers import records
from wearabouts.readers.datasets.unpacking import Unpacking
from wearabouts.types import Box

SUBSETS = ("real_streetlook", "real_studio_flat", "aigen_streetlook", "aigen_studio")
COUNTS = {  # subset → queries, gallery with noise
    "real_streetlook": (981, 61_553),
    "real_studio_flat": (1_011, 62_226),
    "aigen_streetlook": (160, 58_846),
    "aigen_studio": (193, 59_254),
}
EXPECTED = {"photos:query": 981, "photos:gallery": 61_553}
NEEDED = ("image", "item_ID", "category")
FACTS = ("category", "main_attribute", "other_attributes", "difficulty", "task", "bbox")

_BATCH = 500  # rows of a file in memory at a time
_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp", "AVIF": ".avif"}


@dataclass(slots=True)
class _Item:
    category: str = ""
    photos: list[Photo] = field(default_factory=list)


def read(
    source: Path,
    faults: Faults,
    *,
    subset: str = "real_streetlook",
    noise: bool = True,
    boxes: bool = False,
    unpack: str | Path | None = None,
) -> Iterator[Product]:
    """Walk the products of one subset and the distractors.

    Args:
        source: The dataset's folder, or that of one version in it.
        faults: Where rows without a readable picture go.
        subset: One of `SUBSETS`; the paper's spelling (``RealStreetLook``) is understood too.
        noise: Whether the distractors belong to the gallery, as in all published figures.
        boxes: Whether ``bbox`` becomes the part of a photo that is searched, unlike in the published figures.
        unpack: Folder for the pictures; None for ``unpacked`` in the dataset's folder.

    Raises:
        CatalogError: A file is missing, cannot be read or lacks a column.
        SettingsError: No such subset.
    """
    name = _subset(subset)
    root = _root(source)
    items: dict[str, _Item] = {}
    for part, files in _files(root, name, noise).items():
        unpacking = Unpacking(f"lookbench-{part.replace('/', '-')}", files, source, unpack)
        row = 0
        for path in files:
            for number, cells in enumerate(_rows(path), 1):
                row += 1
                _take(items, cells, f"{part}/{row:06d}", unpacking, boxes, faults, Fault(str(path), number, "", ""))
    for item_id, item in items.items():
        garment = garment_of(item.category)
        yield Product(item_id, tuple(item.photos), title=item.category, category=item.category, garment=garment)


def notes(source: Path, *, subset: str = "real_streetlook", noise: bool = True, **_: object) -> tuple[str, ...]:
    """Which files are read, for people."""
    root, name = _root(source), _subset(subset)
    files = sum(map(len, _files(root, name, noise).values()))
    distractors = "with the distractors of noise" if noise else "without distractors: not the published gallery"
    return (f"version {root.name}, subset {name}, {files} files, {distractors}",)


def expected(*, subset: str = "real_streetlook", noise: bool = True, **_: object) -> dict[str, int]:
    """The published counts of a subset, in the keys of `EXPECTED`; see the traps above."""
    queries, gallery = COUNTS[_subset(subset)]
    return {"photos:query": queries, "photos:gallery": gallery} if noise else {"photos:query": queries}


def _subset(given: str) -> str:
    plain = {name.replace("_", ""): name for name in SUBSETS}
    name = plain.get(given.lower().replace("-", "").replace("_", ""))
    if name is None:
        raise SettingsError(unknown("subset of LookBench", given, SUBSETS))
    return name


def _root(source: Path) -> Path:
    """The folder of the newest version, or the one given."""
    versions = sorted((path for path in source.glob("v[0-9]*") if path.is_dir()), reverse=True)
    for root in (source, *versions):
        if any((root / subset).is_dir() for subset in SUBSETS):
            return root
    raise CatalogError(
        f"no LookBench in {str(source)!r}: neither {SUBSETS[0]}/query.parquet nor that in v20251201; "
        "download the dataset srpone/look-bench and give its folder"
    )


def _files(root: Path, subset: str, noise: bool) -> dict[str, list[Path]]:
    """Parts of the stream, queries first → their files."""
    wanted = {f"{subset}/query": "query*.parquet", f"{subset}/gallery": "gallery*.parquet"}
    if noise:
        wanted["noise"] = "*.parquet"
    files: dict[str, list[Path]] = {}
    for part, pattern in wanted.items():
        folder = root / part.split("/")[0]
        files[part] = sorted(path for path in folder.glob(pattern) if path.is_file())
        if not files[part]:
            hint = "; noise=False reads the gallery without distractors" if part == "noise" else ""
            raise CatalogError(f"no {pattern} in {str(folder)!r}; download that part of LookBench too{hint}")
    return files


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    import polars
    from polars.exceptions import PanicException, PolarsError

    header = records.header(path)
    if lacking := [name for name in NEEDED if name not in header]:
        raise CatalogError(
            f"{path} has no column {', '.join(lacking)} (columns: {', '.join(header[:30])}); give LookBench's files"
        )
    table = polars.scan_parquet(path, glob=False).select([name for name in (*NEEDED, *FACTS[1:]) if name in header])
    start = 0
    while True:
        try:
            batch = table.slice(start, _BATCH).collect()
        except (PolarsError, PanicException, OSError, ValueError) as problem:
            shown = next(iter(str(problem).splitlines()), type(problem).__name__)[:120]
            raise CatalogError(f"{path} breaks off after row {start} ({shown}); download it again") from problem
        yield from batch.iter_rows(named=True)
        start += batch.height
        if batch.height < _BATCH:
            return


def _take(
    items: dict[str, _Item],
    cells: Mapping[str, Any],
    photo_id: str,
    unpacking: Unpacking,
    boxes: bool,
    faults: Faults,
    at: Fault,
) -> None:
    """Add the picture of one row to its item."""
    from wearabouts.images import LIMITS
    from wearabouts.images.envelopes import open_envelope

    image = cells["image"]
    data = image.get("bytes") if isinstance(image, dict) else image
    try:
        if not isinstance(data, bytes):
            raise ImageError("the row holds no bytes of a picture")
        suffix = _SUFFIXES.get(open_envelope(data, LIMITS).format, ".jpg")
    except ImageError as problem:
        faults.add(Fault(at.source, at.row, "image", f"{problem}; the row was left out", "photo"))
        return
    part = photo_id.rsplit("/", 1)[0]
    item_id = _text(cells["item_ID"])
    if not item_id:
        faults.add(Fault(at.source, at.row, "item_ID", "no item: the picture is a product of its own", "field"))
    item_id = (f"noise/{item_id}" if part == "noise" else item_id) if item_id else photo_id
    labels = {name: text for name in FACTS if (text := _text(cells.get(name)))}
    box = None
    if boxes and "bbox" in labels:
        try:
            box = _box(cells["bbox"])
        except (TypeError, ValueError) as problem:
            faults.add(Fault(at.source, at.row, "bbox", f"{problem}; the whole photo is used", "field"))
    query = part.endswith("query")
    uri = unpacking.file(photo_id.rsplit("/", 1)[1], data, suffix)
    photo = Photo(photo_id, uri, "street" if query else "shop", "query" if query else "gallery", box,
                  labels={**labels, "subset": part.split("/")[0]})  # fmt: skip
    item = items.setdefault(item_id, _Item())
    # Queries are read first: what the shop says of an item wins over what was seen in a photo of it.
    item.category = labels.get("category", "") if not query or not item.category else item.category
    item.photos.append(photo)


def _text(value: Any) -> str:
    """A cell as text: lists joined by ``|``, facts as ``name=value``."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return "|".join(f"{name}={_text(fact)}" for name, fact in value.items() if fact is not None)[:MAX_TEXT]
    if isinstance(value, (list, tuple)):
        return "|".join(_text(part) for part in value)[:MAX_TEXT]
    return str(value).strip()[:MAX_TEXT]


def _box(value: Any) -> Box:
    """Left, top, right, bottom → a box.

    Raises:
        ValueError: They are no such thing.
    """
    corners = [float(part) for part in (json.loads(value) if isinstance(value, str) else value)]
    if len(corners) != 4:
        raise ValueError(f"bbox of {len(corners)} numbers; known is left, top, right, bottom")
    if max(corners) <= 1:
        raise ValueError(f"bbox {corners} counts in fractions; known are pixels")
    return Box(corners[0], corners[1], corners[2] - corners[0], corners[3] - corners[1])

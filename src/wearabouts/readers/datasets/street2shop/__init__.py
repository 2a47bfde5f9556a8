"""Exact Street2Shop, the dataset of "Where to Buy It" (Hadi Kiapour, Han, Lazebnik, Berg and Berg, ICCV 2015).

A street photo, the box of one garment in it, and the shop photos of that very garment, in eleven categories.

Where to get it: the project's page, tamaraberg.com/street2shop: ``photos.tar`` (``photos/photos.txt``, addresses only)
and ``meta.zip`` (``meta/json/``). The pictures themselves are not distributed; `download` fetches those whose addresses
still live. Licence: none stated; the photos belong to their shops and photographers: research, not commercial use.

Layout::

    ROOT/photos/photos.txt                     000000001,http://host/path/picture.jpg
    ROOT/photos/000000001.jpg                  or .jpeg .png .gif .webp .bmp .avif, or in photos/<category>/
    ROOT/meta/json/train_pairs_bags.json       {"photo": 2847, "product": 47270, "bbox": {"left": 146, "top": 307, …}}
    ROOT/meta/json/test_pairs_bags.json        the same
    ROOT/meta/json/retrieval_bags.json         {"photo": 163478, "product": 1}
    ROOT/meta/json/proposals_bags.jsonl        optional, your own: see `street2shop.proposals`

Also read are the pairs flattened to text tables (``train_pairs_bags.txt``), a folder of them or one
(`wearabouts.readers.datasets.street2shop.flat`).

Expected: `EXPECTED`, the rows of the released pairs files (39,265: the paper says 39,479). The paper counts 404,683
shop photos; what the retrieval files hold is counted, not checked.

Traps: product numbers are local to a category, so ids are ``<category>/<product>``. A street photo may stand in several
rows, for several products or several boxes of one: each row is a photo of its own here, ``<category>/<photo>_<product>_
<n>``. 000008288 has a box without width and height, and stays without a box (label ``box`` = ``unknown``); 000098538 is
no whole picture. Boxes may leave the picture: they are cut to it when it is cropped. Downloads are of many formats and
some are pages that say "not found": every one is decoded before it is kept, byte for byte, since boxes count in its
pixels. Products that nobody wears are distractors and stay in the gallery, and so do those worn in training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from wearabouts.catalog import Fault, Faults, Photo, Product
from wearabouts.garments import garment_of
from wearabouts.readers.datasets.street2shop import flat, pairs
from wearabouts.readers.datasets.street2shop.pairs import ROWS, Category, Files
from wearabouts.readers.datasets.street2shop.photos import FAILURES, Pictures, addresses, failures, list_of
from wearabouts.readers.datasets.street2shop.proposals import Proposals

if TYPE_CHECKING:
    from wearabouts.fetch import Fetcher
    from wearabouts.readers.datasets.street2shop.downloading import Downloads

EXPECTED: dict[str, int] = {
    "photos:train": sum(train for train, _ in ROWS.values()),
    "photos:test": sum(test for _, test in ROWS.values()),
    "side:street": sum(train + test for train, test in ROWS.values()),
    **{f"photos:train:{name}": train for name, (train, _) in ROWS.items()},
    **{f"photos:test:{name}": test for name, (_, test) in ROWS.items()},
}


def read(
    source: Path,
    faults: Faults,
    *,
    category: str = "",
    images: str | Path | None = None,
    proposals: bool = False,
    download: bool = False,
    retry: bool = False,
) -> Iterator[Product]:
    """Walk the products, category by category. A photo that is not there keeps the path where it should be.

    Args:
        source: The root, or one flattened table.
        faults: Where rows that cannot be read go.
        category: Categories to read, parted by commas; empty for all there are.
        images: Folder of the photos where it is not ``ROOT/photos``.
        proposals: Also read ``proposals_<category>.jsonl`` into the label ``proposals`` of the shop photos.
        download: First fetch the photos that are missing, as `wearabouts.readers.datasets.street2shop.download` does.
        retry: With `download`, also ask again for photos whose addresses were found dead.

    Raises:
        CatalogError: A file is missing or is not what it should be.
        SettingsError: No such category.
    """
    files = pairs.find(source)
    chosen = files.chosen(category)
    if download:
        from wearabouts.readers.datasets.street2shop.downloading import fetch_missing

        fetch_missing(source, category=category, images=images, retry=retry)
    pictures = Pictures(source if source.is_dir() else source.parent, images)
    absent = [name for name in ROWS if name not in files.of]
    if absent and not category and source.is_dir():
        reason = f"no files of {', '.join(absent)}; option category names those to read"
        faults.add(Fault(str(files.root), 0, "category", reason))
    for name in chosen:
        loaded = _loaded(files, name, faults)
        with ExitStack() as opened:
            boxes = opened.enter_context(Proposals(_beside(files, name), faults)) if proposals else None
            for product in loaded.products():
                yield _product(loaded, product, pictures, boxes)


def notes(
    source: Path,
    *,
    category: str = "",
    images: str | Path | None = None,
    **_: object,
) -> tuple[str, ...]:
    """Which categories there are, and how many photos are there, dead and missing."""
    files = pairs.find(source)
    chosen = files.chosen(category)
    root = source if source.is_dir() else source.parent
    pictures = Pictures(root, images)
    told = [f"Street2Shop, categories {', '.join(chosen)}"]
    if files.flat:
        told.append("flattened pairs: they lack the shop photos of products that nobody wears, so they are no gallery")
    dead = sum(final and photo not in pictures for photo, (final, _) in failures(pictures.folder).items())
    listed = list_of(root)
    if listed.is_file():
        missing = sum(photo not in pictures for photo, _ in addresses(listed, Faults(limit=0))) - dead
        more = f" and {max(missing, 0):,} missing (option download=true fetches them)"
    else:
        more = f"; no list of addresses at {listed}, so none can be fetched"
    told.append(f"photos in {pictures.folder}: {len(pictures):,} present, {dead:,} dead ({FAILURES}){more}")
    return tuple(told)


def expected(*, category: str = "", **_: object) -> dict[str, int]:
    """The published counts of the categories that are read."""
    names = [name.strip() for name in category.split(",") if name.strip()] or list(ROWS)
    rows = [ROWS[name] for name in names if name in ROWS]
    totals = {"photos:train": sum(train for train, _ in rows), "photos:test": sum(test for _, test in rows)}
    each = {key: count for key, count in EXPECTED.items() if key.rpartition(":")[2] in names}
    return {**totals, "side:street": sum(totals.values()), **each}


def download(
    root: Path,
    *,
    category: str = "",
    images: str | Path | None = None,
    retry: bool = False,
    fetcher: Fetcher | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Downloads:
    """Fetch the photos that are missing; run again, it goes on where it was stopped.

    Args:
        root: The dataset.
        category: Only photos of these categories, parted by commas; empty for all there are.
        images: Folder to put them in where it is not ``root/photos``.
        retry: Also ask again for those whose addresses were found dead.
        fetcher: The door to the network; None for one with the usual caps and manners.
        progress: Called with what is being done, how many photos are done, and of how many.

    Returns:
        How many are present, were fetched, are dead, and failed in a way that may pass.

    Raises:
        CatalogError: A file is missing or is not what it should be.
    """
    from wearabouts.readers.datasets.street2shop.downloading import fetch_missing

    return fetch_missing(root, category=category, images=images, retry=retry, fetcher=fetcher, progress=progress)


def _loaded(files: Files, name: str, faults: Faults) -> Category:
    return flat.load(files, name, faults) if files.flat else pairs.load(files, name, faults)


def _beside(files: Files, name: str) -> Path:
    folder = next(iter(files.of[name].values())).parent
    return pairs.inside(files.root if files.root.is_dir() else folder, folder / f"proposals_{name}.jsonl")


def _product(loaded: Category, product: int, pictures: Pictures, boxes: Proposals | None) -> Product:
    photos = []
    for row in loaded.street.get(product, ()):
        photo_id = f"{loaded.name}/{row.photo:09d}_{product}_{row.number}"
        unknown = {"box": "unknown"} if row.box is None else {}
        uri = str(pictures.path(row.photo))
        photos.append(Photo(photo_id, uri, "street", row.split, row.box, (), {"photo": f"{row.photo:09d}", **unknown}))
    for photo in loaded.shop.get(product, ()):
        labels = {"photo": f"{photo:09d}", **(boxes.label(photo) if boxes else {})}
        photo_id = f"{loaded.name}/{photo:09d}_{product}"
        photos.append(Photo(photo_id, str(pictures.path(photo)), "shop", "gallery", None, (), labels))
    number = f"{loaded.name}/{product}"
    return Product(number, tuple(photos), category=loaded.name, garment=garment_of(loaded.name))

"""Hipster Wars: outfits rated by players in five styles, the test set of StyleNet.

Kiapour, Yamaguchi, Berg and Berg, "Hipster Wars: Discovering Elements of Fashion Styles", ECCV 2014. From
hipsterwars.com and its authors' pages. For research only: no commercial use.

Layout: ``skills.txt``, one ``Style,id,skill`` a line (``Pinup,1234,27.1``), where style is one of `STYLES` and skill
the rating of the photo in that style; pictures in ``classes/<Style>/<id>.jpg`` or ``images/<id>.jpg``.

What is known of it: the three columns, their order and both places of pictures were read in two independent programs
that use the set; the archive itself was not at hand. Assumed: an id may come back in another style (it was rated in
several games), so a product is a style and an id. The file ``hipsterwars_Jan_2014.mat``, which also goes round, holds
the pictures themselves in a MATLAB format and is not read.

Expected: StyleNet's protocol takes the upper half of every style by skill and reports 1,893 pictures. How many the
whole set has is not asserted: 1,893 is also given as the size of the whole. Skills are labels; which half to take is
the protocol's business.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path

from wearabouts.catalog import Fault, Faults, Photo, Product
from wearabouts.errors import CatalogError
from wearabouts.readers.datasets.local import Folder

STYLES = ("Hipster", "Goth", "Preppy", "Pinup", "Bohemian")
EXPECTED: dict[str, int] = {}  # no published count could be verified
LIST = "skills.txt"

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_LINE = 1_000  # characters; a real one has about 40


def read(source: Path, faults: Faults) -> Iterator[Product]:
    """Walk the outfits, each a product with one street photo.

    Args:
        source: The folder with ``skills.txt``.
        faults: Where rows that cannot be read go, and pictures that are not there.

    Raises:
        CatalogError: There is no readable ``skills.txt``.
    """
    path, folder = _list(source), Folder(source)
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for row, line in enumerate(iter(lambda: file.readline(_MAX_LINE), ""), 1):
                if line.strip():
                    try:
                        product = _product(line, folder)
                        if product.id in seen:
                            raise ValueError(f"{product.id!r} stood before; the first one was kept")
                    except ValueError as problem:
                        faults.add(Fault(str(path), row, "", str(problem)))
                        continue
                    seen.add(product.id)
                    yield product
    except OSError as problem:
        raise CatalogError(f"{path} cannot be read ({problem.strerror}); give a readable file") from problem


def notes(source: Path, **_: object) -> tuple[str, ...]:
    """What was found, for people."""
    return (f"styles and skills from {_list(source).name}; every photo has split test",)


def _list(source: Path) -> Path:
    path = source / LIST
    if path.is_file():
        return path
    hint = ""
    if any(source.glob("*.mat")):
        hint = " (a .mat file is not read: write skills.txt and pictures from it)"
    raise CatalogError(
        f"no {LIST} in {str(source)!r}{hint}; it lies beside classes/ or images/ and has one 'Style,id,skill' a line"
    )


def _product(line: str, folder: Folder) -> Product:
    cells = [cell.strip() for cell in next(csv.reader([line]))]
    if len(cells) != 3:
        raise ValueError(f"{len(cells)} cells, not style, id and skill")
    style, number, skill = cells
    if style not in STYLES:
        raise ValueError(f"style {style[:40]!r} is not one of {', '.join(STYLES)}")
    if not _ID.fullmatch(number):
        raise ValueError(f"id {number[:80]!r} is not letters and digits")
    if not math.isfinite(float(skill)):
        raise ValueError(f"skill {skill[:40]!r} is not a finite number")
    uri = folder.picture(f"images/{number}.jpg", f"classes/{style}/{number}.jpg")
    photo_id = f"{style}/{number}"
    photo = Photo(photo_id, uri, "street", "test", labels={"style": style, "skill": str(float(skill))})
    return Product(photo_id, (photo,), title=style, category=style)

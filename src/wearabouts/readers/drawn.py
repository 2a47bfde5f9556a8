"""A drawn shop as `wearabouts.drawn.writing` leaves it: a folder with ``products.jsonl`` and photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wearabouts.catalog import Fault, Faults, Product
from wearabouts.drawn.manifest import MAX_LINE, read_line
from wearabouts.errors import CatalogError
from wearabouts.readers.intake import Intake

MANIFEST = "products.jsonl"


def read(source: Path, faults: Faults) -> Iterator[Product]:
    """Walk the products of a drawn shop.

    Args:
        source: The folder, or the ``products.jsonl`` in it.
        faults: Where lines that are not products go; each costs only itself.

    Raises:
        CatalogError: There is no readable ``products.jsonl``.
    """
    path = source / MANIFEST if source.is_dir() else source
    intake = Intake(path, faults)
    seen: set[str] = set()
    try:
        with path.open("rb") as file:
            row = 0
            while line := file.readline(MAX_LINE * 4):
                row += 1
                if not line.strip():
                    continue
                try:
                    product = read_line(line.decode("utf-8"), intake.uri)
                    if product.id in seen:
                        raise ValueError(f"id {product.id!r} stood before; the first one was kept")
                except ValueError as problem:
                    faults.add(Fault(str(path), row, "", str(problem)))
                    continue
                seen.add(product.id)
                yield product
    except OSError as problem:
        raise CatalogError(f"{path} cannot be read ({problem.strerror}); give the folder of a drawn shop") from problem

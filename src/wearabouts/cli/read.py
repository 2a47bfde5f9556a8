"""`read`: what a source holds, as the index would take it, without touching a photo or a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wearabouts.cli.faults import show_faults, write_faults
from wearabouts.cli.options import (
    ColumnsOption,
    FaultsOption,
    JsonOption,
    ReaderOption,
    WordsOption,
    reader_options,
    whole_number,
)
from wearabouts.cli.terminal import Progress, say, show_json, show_table

if TYPE_CHECKING:
    from wearabouts.catalog import Product


def read(
    source: Annotated[str, typer.Argument(help="Feed, table or folder.")],
    reader: ReaderOption = None,
    columns: ColumnsOption = None,
    words: WordsOption = None,
    show: Annotated[int, typer.Option(parser=whole_number, metavar="NUMBER", help="Products to show.")] = 10,
    faults: FaultsOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a catalog holds and what in it cannot be read."""
    from wearabouts.catalog import Faults
    from wearabouts.readers import open_catalog
    from wearabouts.types import as_dict

    catalog = open_catalog(source, reader=reader, **reader_options(columns, words))
    found = Faults()
    first: list[Product] = []
    products = photos = kinds = 0
    with Progress("products", quiet=json) as progress:
        for product in catalog.products(found):
            products += 1
            photos += len(product.photos)
            kinds += bool(product.garment)
            if len(first) < show:
                first.append(product)
            if not products % 1000:
                progress.update("reading", products)
    if faults is not None:
        write_faults(found, faults)
    counts = {"products": products, "photos": photos, "with_garment": kinds}
    if json:
        listed = {"counts": found.counts, "kept": found.kept}
        show_json(as_dict({"notes": catalog.notes, **counts, "faults": listed, "first": first}))
        return
    for note in catalog.notes:
        say(note)
    _show(first, source)
    show_faults(found)
    say(f"{products:,} products with {photos:,} photos; the garment is known of {kinds:,} before any photo is seen")


def _show(products: list[Product], source: str) -> None:
    columns = ("id", "title", "category", "garment", "price", "photos", "first photo")
    rows = [
        (
            item.id,
            item.title,
            item.category,
            item.garment,
            f"{item.price:,.2f} {item.currency}" if item.price is not None else "",
            len(item.photos),
            item.photos[0].uri if item.photos else "",
        )
        for item in products
    ]
    show_table(f"the first of {Path(source).name}", columns, rows, numbers=(4, 5))

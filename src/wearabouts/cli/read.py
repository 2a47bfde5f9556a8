"""`read`: what a source holds, as the index would take it, without touching a photo or a store."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from wearabouts.errors import CatalogError, SettingsError, unknown

if TYPE_CHECKING:
    from wearabouts.catalog import Catalog, Faults, Product
    from wearabouts.readers.census import Census, Line

SOURCE = (
    "Feed, table or folder; or the name of a dataset's reader, such as street2shop, with the dataset's ROOT after it."
)
TOLD_EVERY = 1_000  # products between two signs of progress


def read(
    source: Annotated[str, typer.Argument(help=SOURCE)],
    root: Annotated[str | None, typer.Argument(help="The dataset's folder, where SOURCE names a reader.")] = None,
    reader: ReaderOption = None,
    columns: ColumnsOption = None,
    words: WordsOption = None,
    show: Annotated[int, typer.Option(parser=whole_number, metavar="NUMBER", help="Products to show.")] = 10,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Also open every picture and count those that are broken.")
    ] = False,
    download: Annotated[
        bool, typer.Option("--download", help="First fetch the dataset's missing photos; goes on where it was stopped.")
    ] = False,
    allow_private_addresses: Annotated[
        bool, typer.Option("--allow-private-addresses", help="With --download, also fetch photos from this network.")
    ] = False,
    faults: FaultsOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a catalog or dataset holds, against its published counts, and what in it cannot be read."""
    from wearabouts.catalog import Faults
    from wearabouts.readers import expected, open_catalog
    from wearabouts.readers.census import Census, verdict
    from wearabouts.types import as_dict

    name, place = _named(source, root, reader)
    options = reader_options(columns, words, reader=name, source=place)
    if download:
        say(_download(name, place, options, allow_private=allow_private_addresses, quiet=json), err=json)
    catalog = open_catalog(place, reader=name, **options)
    found, census = Faults(), Census(look=pictures)
    first, kinds = _walk(catalog, found, census, show, quiet=json)
    lines = census.lines(expected(catalog.name, options), catalog.notes)
    if faults is not None:
        write_faults(found, faults)
    if json:
        counts = {"products": census.counts["products"], "photos": census.counts["photos"], "with_garment": kinds}
        listed = {"counts": found.counts, "kept": found.kept}
        counted = [{**as_dict(line), "difference": line.difference} for line in lines]
        told = {"notes": catalog.notes, **counts, "census": counted, "verdict": verdict(lines)}
        show_json(as_dict({**told, "faults": listed, "first": first}))
        return
    for note in catalog.notes:
        say(note)
    _show(first, place)
    show_faults(found)
    _close(census, lines, kinds)


def _named(source: str, root: str | None, reader: str | None) -> tuple[str | None, str]:
    """The reader, where it is named, and the source."""
    from wearabouts.readers import READERS

    if root is not None:
        if source not in READERS:
            raise SettingsError(unknown("reader", source, READERS))
        if reader not in (None, source):
            raise SettingsError(f"reader {source} and --reader {reader} are both given; name one of them")
        return source, root
    if source in READERS and not Path(source).exists():
        raise CatalogError(
            f"{source} is a reader, and no file or folder of that name is here; give what it is to read: "
            f"wearabouts read {source} ROOT"
        )
    return reader, source


def _download(name: str | None, place: str, options: dict[str, Any], *, allow_private: bool, quiet: bool) -> str:
    """Fetch what is missing, and say what came."""
    from wearabouts.fetch import Fetcher, FetchSettings
    from wearabouts.readers import downloader

    if name is None:
        raise SettingsError(
            "--download without a reader; name the dataset: wearabouts read street2shop ROOT --download"
        )
    fetch = downloader(name)
    takes = inspect.signature(fetch).parameters
    told = {option: value for option, value in options.items() if option in takes}
    with (
        Fetcher(FetchSettings(allow_private=allow_private)) as fetcher,
        Progress("photos", quiet=quiet) as progress,
    ):
        return str(fetch(Path(place), fetcher=fetcher, progress=progress.update, **told))


def _walk(catalog: Catalog, faults: Faults, census: Census, show: int, *, quiet: bool) -> tuple[list[Product], int]:
    """The first products, and how many have a known garment."""
    first: list[Product] = []
    kinds = 0
    with Progress("products", quiet=quiet) as progress:
        for number, product in enumerate(census.watch(catalog.products(faults)), 1):
            kinds += bool(product.garment)
            if len(first) < show:
                first.append(product)
            if not number % TOLD_EVERY:
                progress.update("reading", number)
    return first, kinds


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


def _close(census: Census, lines: tuple[Line, ...], kinds: int) -> None:
    """The census, what is missing, and the last word on it."""
    from wearabouts.readers.census import verdict

    told = verdict(lines)
    if told:
        cells = [(line.what, _number(line.expected), f"{line.found:,}", _signed(line.difference)) for line in lines]
        show_table("census", ("what", "expected", "found", "difference"), cells, numbers=(1, 2, 3))
    elif any(line.what.startswith("photos:") for line in lines):
        show_table("census", ("what", "found"), [(line.what, f"{line.found:,}") for line in lines], numbers=(1,))
    for kind, first in (("missing", census.first_missing), ("broken", census.first_broken)):
        if count := census.counts[f"pictures:{kind}"]:
            say(f"{count:,} {'picture is' if count == 1 else 'pictures are'} {kind}, the first of them {first}")
    counts = census.counts
    if census.look and not counts["pictures:broken"]:
        say(f"{counts['photos'] - counts['pictures:missing']:,} pictures were opened, and none is broken")
    say(
        f"{counts['products']:,} products with {counts['photos']:,} photos; "
        f"the garment is known of {kinds:,} before any photo is seen"
    )
    if told:
        say(told)


def _number(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _signed(difference: int | None) -> str:
    return "" if difference is None else f"{difference:+,}" if difference else "0"

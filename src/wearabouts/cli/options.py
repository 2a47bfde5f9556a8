"""Options that several commands share, and how their words become values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wearabouts.errors import ImageError, QueryError, SettingsError, StoreError

if TYPE_CHECKING:
    from wearabouts.encoders import Encoder
    from wearabouts.search import Searcher
    from wearabouts.settings import SearchSettings
    from wearabouts.stores import Mode
    from wearabouts.types import Box

DEFAULT_STORE = "wearabouts-store"


def whole_number(text: str) -> int:
    """An option's word as a number; Typer's own message would not repeat what was given."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{str(text)!r} is not a whole number; give one such as 10") from None


def share(text: str) -> float:
    """An option's word as a number such as 0.95; who reads it says which are allowed."""
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{str(text)!r} is not a number; give one such as 0.95") from None


StoreOption = Annotated[
    str, typer.Option("--store", "-s", help="Folder of the store, or an address such as milvus://host:19530/shop.")
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model", "-m", help="A bundle: its folder, or `mini`, which is shipped; or the baseline `histogram`."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]
ExactOption = Annotated[bool, typer.Option("--exact", help="Compare with every stored vector.")]
WhereOption = Annotated[
    str | None, typer.Option("--where", "-w", help='A filter, such as "price < 50 and availability = in_stock".')
]
ReaderOption = Annotated[
    str | None,
    typer.Option(
        "--reader",
        help="Of feeds folder, table, google_merchant, shopify, woocommerce, magento, drawn; of datasets their names, "
        "such as street2shop. Guessed for feeds when left out.",
    ),
]
ColumnsOption = Annotated[list[str] | None, typer.Option("--map", help="A column by name, such as id=sku.")]
WordsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-o",
        help="An option of the reader, such as layout=classes, images=FOLDER, currency=EUR, hidden=true.",
    ),
]
FaultsOption = Annotated[Path | None, typer.Option("--faults", help="Write all that was skipped to this CSV file.")]
CountOption = Annotated[
    int, typer.Option("--count", "-k", parser=whole_number, metavar="NUMBER", help="How many products.")
]


def load_encoder(model: str) -> Encoder:
    """The encoder of a bundle by name or folder, or a baseline such as ``histogram``.

    Raises:
        BundleError: There is no such bundle.
    """
    from wearabouts.evaluation import open_encoder

    return open_encoder(model)


def existing_store(store: str) -> str:
    """The same address; where it is a folder, only once something is there.

    Raises:
        StoreError: Nothing is, or there is no such engine.
    """
    from wearabouts.stores import folder_of

    folder = folder_of(store)
    if folder is not None and not folder.exists():
        raise StoreError(
            f"no store at {store}; make one with `wearabouts index SOURCE --store {store}`, or name another store"
        )
    return store


def open_searcher(store: str, model: str, *, mode: Mode = "read", settings: SearchSettings | None = None) -> Searcher:
    """A searcher over an existing store, with the second stage that the model's bundle has.

    Raises:
        StoreError: No store there, or filled by another encoder.
        BundleError: No such bundle.
    """
    from wearabouts import search
    from wearabouts.stores import open_store

    existing_store(store)
    encoder = load_encoder(model)
    opened = open_store(store, mode=mode, encoder_hash=encoder.hash)
    try:
        return search.open_searcher(encoder, opened, settings=settings)
    except BaseException:
        opened.close()
        raise


def read_photo(path: Path) -> bytes:
    """A photo's bytes, no more than the image door takes.

    Raises:
        ImageError: No such file, or too large.
    """
    from wearabouts.images import LIMITS

    try:
        with path.open("rb") as file:
            data = file.read(LIMITS.bytes + 1)
    except OSError as error:
        raise ImageError(f"photo {path} cannot be read ({error.strerror}); give the path of an image file") from None
    if len(data) > LIMITS.bytes:
        raise ImageError(f"photo {path} is over {LIMITS.bytes:,} bytes; give a smaller file")
    return data


def parse_box(text: str | None) -> Box | None:
    """``left,top,width,height`` in pixels of the upright photo.

    Raises:
        QueryError: Anything else.
    """
    from wearabouts.types import Box

    if text is None:
        return None
    try:
        left, top, width, height = (float(part) for part in text.split(","))
        return Box(left, top, width, height)
    except ValueError:
        raise QueryError(
            f"box {text!r} is not allowed; give left,top,width,height in pixels, width and height above 0, "
            "such as 40,60,300,420"
        ) from None


def reader_options(
    columns: list[str] | None, words: list[str] | None, *, reader: str | None = None, source: str | Path | None = None
) -> dict[str, Any]:
    """What a reader is told beyond its source: ``--map`` as its mapping, ``--option`` as the rest.

    Args:
        columns: Words of ``--map``.
        words: Words of ``--option``.
        reader: The reader's name: its signature says what each word stands for.
        source: Where the reader is not named, the source that it is guessed from. With neither, words stay words
            (`wearabouts.readers.options.from_words` turns them into values once the reader is known).

    Raises:
        SettingsError: A word that is not name=value, or is no value of an option that the reader has.
        CatalogError: No reader fits the source.
    """
    given = parse_pairs(words or [], "--option")
    if "mapping" in given:
        raise SettingsError(
            f"--option mapping={given['mapping']} is not allowed; columns are named with --map, such as --map id=sku"
        )
    mapping = parse_pairs(columns or [], "--map")
    told: dict[str, Any] = {"mapping": mapping} if mapping else {}
    if not given or (reader is None and source is None):
        return {**given, **told}
    from wearabouts.readers import guess
    from wearabouts.readers.options import from_words

    return {**from_words(reader or guess(source or ""), given), **told}


def parse_pairs(words: list[str], option: str) -> dict[str, str]:
    """``name=value`` words as a dict.

    Raises:
        SettingsError: A word without a name or an equals sign, or a name given twice.
    """
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip() or name.strip() in pairs:
            raise SettingsError(f"{option} {word!r} is not allowed; give each name once as name=value, such as id=sku")
        pairs[name.strip()] = value.strip()
    return pairs

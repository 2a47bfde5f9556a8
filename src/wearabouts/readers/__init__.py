"""Readers: every dataset, feed and folder as one stream of products.

A reader is a module with ``read(source, faults, **options)``, a generator of products, and, where it guesses anything,
``notes(source, **options)``, sentences that say what. The registry is a visible dict and a reader is imported only when
it is used.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from wearabouts.catalog import Catalog, Faults, Product
from wearabouts.errors import CatalogError, SettingsError, unknown

# name → "module:attribute", imported only when asked for
READERS: dict[str, str] = {
    "folder": "wearabouts.readers.folder:read",
    "table": "wearabouts.readers.table:read",
    "google_merchant": "wearabouts.readers.feeds.google_merchant:read",
    "shopify": "wearabouts.readers.feeds.shopify:read",
    "woocommerce": "wearabouts.readers.feeds.woocommerce:read",
    "magento": "wearabouts.readers.feeds.magento:read",
    "drawn": "wearabouts.readers.drawn:read",
    "cifar10": "wearabouts.readers.datasets.cifar10:read",
    "fashion_mnist": "wearabouts.readers.datasets.fashion_mnist:read",
    "lookbench": "wearabouts.readers.datasets.lookbench:read",
    "fashion144k": "wearabouts.readers.datasets.fashion144k:read",
    "grocery_store": "wearabouts.readers.datasets.grocery_store:read",
    "hipsterwars": "wearabouts.readers.datasets.hipsterwars:read",
    "pairs": "wearabouts.readers.pairs:read",
    "street2shop": "wearabouts.readers.datasets.street2shop:read",
    "darn": "wearabouts.readers.datasets.darn:read",
    "deepfashion_attributes": "wearabouts.readers.datasets.deepfashion.attribute_prediction:read",
    "deepfashion_inshop": "wearabouts.readers.datasets.deepfashion.inshop:read",
    "deepfashion_consumer2shop": "wearabouts.readers.datasets.deepfashion.consumer2shop:read",
    "deepfashion_landmarks": "wearabouts.readers.datasets.deepfashion.landmark_detection:read",
}

_XML = frozenset({".xml", ".rss", ".atom", ".rdf"})
_TEXT = frozenset({".csv", ".tsv", ".txt", ".tab"})
_ROWS = frozenset({".jsonl", ".ndjson", ".parquet", ".pq"})


def open_catalog(source: str | Path, *, reader: str | None = None, **options: Any) -> Catalog:
    """Bind a source to its reader.

    Args:
        source: A folder, feed or table on this machine.
        reader: A name in `READERS`; None guesses from the source.
        options: What that reader takes, such as ``mapping`` for ``table``.

    Raises:
        CatalogError: No such source, or no reader fits it.
        SettingsError: An unknown reader or option.
    """
    path = _local(source)
    name = reader or guess(path)
    if name not in READERS:
        raise SettingsError(unknown("reader", name, READERS))
    read, notes = _load(name)
    takes = [
        option
        for option, parameter in inspect.signature(read).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    for option in options:
        if option not in takes:
            raise SettingsError(unknown(f"option of reader {name}", option, takes))

    def stream(faults: Faults) -> Iterator[Product]:
        return read(path, faults, **options)

    return Catalog(name, str(source), stream, (f"reader {name}", *notes(path, **options)))


def guess(source: str | Path) -> str:
    """Name of the reader that fits a source, from its suffix and its first bytes.

    Raises:
        CatalogError: None fits; the message names them all.
    """
    path = _local(source)
    if path.is_dir():
        return "drawn" if _is_drawn(path / "products.jsonl") else "folder"
    if _is_drawn(path):
        return "drawn"
    suffix = path.suffix.lower()
    start = _start(path)
    if suffix in _XML or re.match(rb"(\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*<", start):
        return "google_merchant"
    if suffix in _ROWS or start.startswith(b"PAR1"):
        return "table"
    if suffix in _TEXT or not suffix:
        from wearabouts.readers import rows

        return _by_header({name.strip().casefold() for name in rows.sniff(path).header})
    raise CatalogError(
        f"no reader known for {path.name!r}: give a folder, .xml, .csv, .tsv, .jsonl or .parquet, "
        f"or name one of the readers {', '.join(sorted(READERS))}"
    )


def expected(reader: str, options: Mapping[str, Any] | None = None) -> dict[str, int]:
    """The published counts of a dataset, by the keys of `wearabouts.readers.census`; empty for feeds and folders.

    Args:
        reader: A name in `READERS`.
        options: What the reader is told: counts may depend on it.
    """
    module = import_module(READERS[reader].split(":")[0])
    counts: Callable[..., dict[str, int]] | None = getattr(module, "expected", None)
    return dict(getattr(module, "EXPECTED", {})) if counts is None else counts(**(options or {}))


def downloader(reader: str) -> Callable[..., Any]:
    """What fetches the missing photos of a dataset: a function of its root and of some of the reader's options.

    Raises:
        SettingsError: Of this dataset there is nothing to fetch.
    """
    function: Callable[..., Any] | None = getattr(import_module(READERS[reader].split(":")[0]), "download", None)
    if function is None:
        raise SettingsError(f"reader {reader} downloads nothing; its photos come with the dataset itself")
    return function


def _is_drawn(path: Path) -> bool:
    return path.suffix == ".jsonl" and path.is_file() and _start(path).startswith(b'{"drawn": ')


def _by_header(header: set[str]) -> str:
    if header & {"handle", "url handle"} and header & {
        "option1 name",
        "variant price",
        "variant sku",
        "image src",
        "product image url",
    }:
        return "shopify"
    if {"type", "sku", "name"} <= header and header & {
        "regular price",
        "in stock?",
        "attribute 1 name",
        "visibility in catalog",
    }:
        return "woocommerce"
    if "sku" in header and header & {
        "attribute_set_code",
        "store_view_code",
        "additional_attributes",
        "configurable_variations",
    }:
        return "magento"
    google = {re.sub(r"[ _]+", "_", name.removeprefix("g:")) for name in header}
    if {"id", "title", "image_link"} <= google and google & {"link", "price", "availability"}:
        return "google_merchant"
    return "table"


def _local(source: str | Path) -> Path:
    if re.match(r"(?i)[a-z][a-z0-9+.-]+://", str(source)):
        raise CatalogError(f"{str(source)[:200]!r} is an address; a reader takes a file or folder: download it first")
    path = Path(source)
    try:
        found = path.exists()
    except OSError as problem:
        raise CatalogError(f"{str(source)[:200]!r} is no path ({problem.strerror}); give a file or folder") from problem
    if not found:
        raise CatalogError(f"no file or folder at {str(source)!r}; give a folder, .xml, .csv, .tsv, .jsonl or .parquet")
    if not path.is_dir() and not path.is_file():
        raise CatalogError(f"{str(source)!r} is neither a file nor a folder; give one of them")
    return path


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(512)
    except OSError as problem:
        raise CatalogError(f"{path} cannot be read ({problem.strerror}); give a readable file") from problem


def _load(name: str) -> tuple[Callable[..., Iterator[Product]], Callable[..., tuple[str, ...]]]:
    module, attribute = READERS[name].split(":")
    loaded = import_module(module)
    return getattr(loaded, attribute), getattr(loaded, "notes", lambda _source, **_options: ())

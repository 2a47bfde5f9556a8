"""Addresses of a store in Milvus, and what may be asked for in them.

    milvus://host:19530/collection?index=hnsw&m=16&ef=128
    milvuss://host:443/collection                            the same over TLS
    milvus-lite:folder/shop.db/collection                    Milvus Lite: a file, no server

A password or token is never part of an address, which is shown and logged: it comes from the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from wearabouts.errors import StoreError, unknown

TOKEN: Final = "WEARABOUTS_MILVUS_TOKEN"  # noqa: S105 - the name of a variable, not its value
PORT: Final = 19_530
COLLECTION: Final = "wearabouts"
INDEXES: Final = ("hnsw", "ivf_flat", "flat")
CONSISTENCIES: Final = ("session", "strong")
EXAMPLE: Final = "milvus://host:19530/shop"

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
_LITE: Final = re.compile(r"milvus-lite:(?P<path>.+?\.db)(/(?P<collection>[^/?]*))?(\?(?P<query>.*))?")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store lies, and how it is to be built, searched and waited for.

    Attributes:
        text: The address as given, for people.
        uri: What the client connects to: an http(s) address, or the path of a Milvus Lite file.
        collection: The collection of vectors; its two companions are named after it.
        lite: Whether it is a file.
        index: ``hnsw``, ``ivf_flat`` or ``flat``; decides when the collection is made.
        m: Neighbours of a node in an HNSW graph.
        ef_construction: How widely such a graph is built.
        ef: How widely it is searched, at least.
        nlist: Lists of an IVF index.
        nprobe: Lists gone through in a search.
        partitions: Partitions over which garments are spread; decides when the collection is made.
        shards: Channels of writing; decides when the collection is made.
        consistency: ``session``: this client's own writes at once, those of others once their time has come (a fifth
            of a second with the server's own settings); ``strong``: those of others at once too, waited for.
        patience: Seconds for which a server that is away is tried again.
    """

    text: str
    uri: str
    collection: str
    lite: bool
    index: str = "hnsw"
    m: int = 16
    ef_construction: int = 200
    ef: int = 128
    nlist: int = 1_024
    nprobe: int = 64
    partitions: int = 64
    shards: int = 1
    consistency: str = "session"
    patience: float = 30.0

    @property
    def token(self) -> str:
        """The secret of the environment, read when it is needed and kept nowhere."""
        return os.environ.get(TOKEN, "")


def parse(text: str) -> Address:
    """Read an address.

    Raises:
        StoreError: It cannot be read, or asks for what there is not.
    """
    if text.startswith("milvus-lite:"):
        found = _LITE.fullmatch(text)
        if found is None:
            raise StoreError(f"the store {text!r} is no Milvus Lite file; give milvus-lite:FILE.db/collection")
        # A file holds few enough vectors, on one machine, that comparing with every one of them is the better index.
        options = {"index": "flat", **_options(text, found["query"] or "")}
        return _address(text, found["path"], found["collection"] or "", lite=True, options=options)
    parts = urlsplit(text)
    if "@" in parts.netloc:
        raise StoreError(
            f"the address of a store in Milvus must not hold a name or password; put user:password, or a token, into "
            f"the environment as {TOKEN}, and give {EXAMPLE}"
        )
    scheme = "https" if parts.scheme == "milvuss" else "http"
    uri = f"{scheme}://{_host(text, parts)}"
    return _address(text, uri, parts.path.strip("/"), lite=False, options=_options(text, parts.query))


def _host(text: str, parts: SplitResult) -> str:
    try:
        host, port = parts.hostname, parts.port or PORT
    except ValueError:
        host, port = None, PORT
    if not host or parts.fragment:
        raise StoreError(f"the store {text!r} names no host; give one as in {EXAMPLE}")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address(text: str, uri: str, collection: str, *, lite: bool, options: Mapping[str, object]) -> Address:
    collection = collection or COLLECTION
    if not _NAME.fullmatch(collection):
        raise StoreError(
            f"the collection {collection[:80]!r} of {text!r} is not 1 to 200 of A-Z, a-z, 0-9 and _, beginning with no "
            "digit; rename it"
        )
    return Address(text, uri, collection, lite, **options)  # type: ignore[arg-type]  # each was read as its own type


def _whole(least: int, most: int) -> Callable[[str], int | None]:
    def read(word: str) -> int | None:
        return int(word) if word.isascii() and word.isdigit() and least <= int(word[:9]) <= most else None

    return read


def _one_of(names: tuple[str, ...]) -> Callable[[str], str | None]:
    return lambda word: word.lower() if word.lower() in names else None


# name → (how its word is read, what is allowed)
_OPTIONS: Final[Mapping[str, tuple[Callable[[str], object], str]]] = {
    "index": (_one_of(INDEXES), "one of " + ", ".join(INDEXES)),
    "m": (_whole(2, 2_048), "2 to 2048"),
    "ef_construction": (_whole(8, 32_768), "8 to 32768"),
    "ef": (_whole(1, 32_768), "1 to 32768"),
    "nlist": (_whole(1, 65_536), "1 to 65536"),
    "nprobe": (_whole(1, 65_536), "1 to 65536"),
    "partitions": (_whole(1, 4_096), "1 to 4096"),
    "shards": (_whole(1, 16), "1 to 16"),
    "consistency": (_one_of(CONSISTENCIES), "one of " + ", ".join(CONSISTENCIES)),
    "patience": (_whole(0, 3_600), "0 to 3600 seconds"),
}


def _options(text: str, query: str) -> dict[str, object]:
    options: dict[str, object] = {}
    for name, word in parse_qsl(query, keep_blank_values=True):
        if name not in _OPTIONS:
            raise StoreError(f"the store {text!r}: {unknown('option', name, _OPTIONS)}")
        read, allowed = _OPTIONS[name]
        value = read(word)
        if value is None:
            raise StoreError(f"the store {text!r}: {name}={word} is not allowed; give {allowed}")
        options[name] = value
    return options

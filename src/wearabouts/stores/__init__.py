"""Where the shop lies: products, photos and vectors, behind one small protocol with one suite of tests for all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from wearabouts.catalog import Photo, Product
from wearabouts.errors import StoreError, unknown
from wearabouts.stores.upkeep import backup, check_backup, repair, restore
from wearabouts.types import Floats, Ranking

__all__ = [
    "MAX_BESIDE",
    "STORES",
    "Finding",
    "Known",
    "Mode",
    "PhotoRecord",
    "ProductRecord",
    "Store",
    "backup",
    "check_backup",
    "folder_of",
    "open_store",
    "repair",
    "restore",
]

MAX_BESIDE = 8_192  # bytes


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """One photo as it is written: what the catalog says of it and what the encoder saw.

    Attributes:
        photo: The catalog's row.
        digest: SHA-256 of the photo's bytes, hex; the same digest under the same encoder is never embedded twice.
        vector: (D,) float32 of length 1, from the shop side.
        garment: The predicted garment, or empty.
        seen: What the model saw, attribute → value.
        thumbnail: A small re-encoded JPEG without metadata, at most 512 px; empty bytes for none.
        validators: The address's ETag and Last-Modified, for conditional requests.
        beside: What a verifier wants kept of the photo, by kind (`wearabouts.verifiers.evidence`); opaque to a store,
            at most `MAX_BESIDE` bytes a kind.
    """

    photo: Photo
    digest: str
    vector: Floats
    garment: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)
    thumbnail: bytes = b""
    validators: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProductRecord:
    """One product and all its photos as one write: after it, the product is exactly this."""

    product: Product
    photos: tuple[PhotoRecord, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What the store already has of a photo, so that a second run can skip it."""

    product_id: str
    uri: str
    digest: str
    validators: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing `check` found wrong."""

    kind: str
    subject: str
    detail: str
    repairable: bool


class Store(Protocol):
    """Products, photos and vectors: added, changed, deleted and searched at once.

    A write is acknowledged by returning: from then on it survives `kill -9`.
    """

    @property
    def encoder_hash(self) -> str:
        """Hash of the encoder that filled the store; another encoder's vectors are refused."""
        ...

    @property
    def dim(self) -> int:
        """Floats per vector."""
        ...

    def upsert(self, records: Iterable[ProductRecord]) -> int:
        """Write products whole (all of one call in one transaction); returns how many photos they have."""
        ...

    def delete(self, product_ids: Iterable[str]) -> int:
        """Remove products and their photos; ids that are not there are no error. Returns how many products went."""
        ...

    def product(self, product_id: str) -> dict[str, Any] | None:
        """One product as plain data (the fields of `Product`, `photos` with id, uri, garment, seen), or None."""
        ...

    def told(self, product_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Id → product as `product` gives it, of those that are there: many for about the price of one."""
        ...

    def products(self) -> Iterator[str]:
        """Ids of all products, in order of id."""
        ...

    def known(self, product_id: str) -> dict[str, Known]:
        """Photo id → what is already stored of that product's photos."""
        ...

    def record(self, product_id: str) -> ProductRecord | None:
        """The product exactly as it was written, vectors and thumbnails too, or None."""
        ...

    def digest_record(self, digest: str) -> PhotoRecord | None:
        """Any stored photo with these bytes, so that a moved photo is not embedded again; None for none."""
        ...

    def thumbnail(self, photo_id: str) -> bytes | None:
        """The stored small copy, or None."""
        ...

    def vectors(self, photo_ids: Sequence[str]) -> Floats:
        """(n, D) float32 in the order asked for; StoreError names the first id that is not there."""
        ...

    def photos(self, product_ids: Sequence[str]) -> list[tuple[str, ...]]:
        """The ids of each product's photos, from memory; none for a product that is not there."""
        ...

    def beside(self, photo_ids: Sequence[str], kind: str) -> list[bytes | None]:
        """What was written beside the photos, of one kind, in the order asked for.

        None where there is none: no such photo, none of that kind, or a value that was damaged since.
        """
        ...

    def note(self, name: str) -> dict[str, Any] | None:
        """A fact the shop keeps about itself, such as its own ``calibration``, as plain data; None for none.

        Raises:
            StoreError: The note is damaged.
        """
        ...

    def write_note(self, name: str, facts: Mapping[str, Any] | None) -> None:
        """Keep a fact, in place of the one of that name; None removes it. Acknowledged like any write.

        Args:
            name: 1 to 64 of a-z, 0-9, ``.``, ``_`` and ``-``.
            facts: What JSON can hold, keys being texts.

        Raises:
            StoreError: It cannot be kept, or the store is open for reading.
        """
        ...

    def search(
        self, vector: Floats, count: int, *, where: str | None = None, garments: Sequence[str] = (), exact: bool = False
    ) -> Ranking:
        """The `count` most similar photos (fewer only where fewer are left).

        Args:
            vector: (D,) float32 of length 1.
            count: How many photos.
            where: A filter in the language of `wearabouts.stores.where`, or None.
            garments: Only photos of products whose garment is one of these; empty for all.
            exact: Compare with every stored vector, whatever index there is.

        Raises:
            QueryError: The filter cannot be read or names an unknown column.
        """
        ...

    def refresh(self) -> None:
        """Show what other processes have written before the call; what this store wrote itself always shows at once.

        Without it, theirs shows within a second. Nothing to do for an engine that always asks.
        """
        ...

    def settle(self, progress: Callable[[float], None] | None = None) -> None:
        """Do now what would be done in the background some time: for the end of a long job, before `close`.

        Args:
            progress: Told the part that is done, 0 to 1.
        """
        ...

    def vitals(self) -> Mapping[str, float]:
        """Figures by name that change while the store is open, for `/metrics`; cheap, and empty where none are kept.

        An engine with an approximate index that watches itself tells its ``recall`` here, and how sure it is.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """Counts, sizes, columns one can filter by, the index in use and why; for people and for `/readyz`."""
        ...

    def check(self, *, repair: bool = False) -> list[Finding]:
        """Verify everything the store can verify about itself; with `repair`, mend what is derived."""
        ...

    def close(self) -> None:
        """Release files and locks. A closed store cannot be used."""
        ...


# engine → "module:attribute", imported only when asked for
STORES: dict[str, str] = {
    "embedded": "wearabouts.stores.embedded:EmbeddedStore",
    "milvus": "wearabouts.stores.milvus:MilvusStore",
    "milvuss": "wearabouts.stores.milvus:MilvusStore",
    "milvus-lite": "wearabouts.stores.milvus:MilvusStore",
}

Mode = Literal["read", "write"]

_ADDRESS: Final = re.compile(r"([a-z][a-z0-9+-]+):(.*)", re.DOTALL)


def folder_of(address: str | Path) -> Path | None:
    """The folder of an embedded store, whether it is there or not; None for an address of another engine.

    Raises:
        StoreError: The address names an engine there is none of.
    """
    engine, rest = _parted(address)
    return Path(rest) if engine == "embedded" else None


def open_store(
    address: str | Path,
    *,
    mode: Mode = "read",
    encoder_hash: str | None = None,
    dim: int | None = None,
    rebuild: bool = False,
) -> Store:
    """Open the store at an address, or make a new one there.

    Args:
        address: A folder (or ``embedded:FOLDER``), ``milvus://host:19530/collection`` (``milvuss://`` with TLS), or
            ``milvus-lite:FILE.db/collection``.
        mode: ``write`` takes the one writer's lock of an embedded store; any number may read at the same time.
        encoder_hash: The encoder in use; refused when the store was filled by another. None skips the check.
        dim: Floats per vector; needed, with `encoder_hash`, to make a new store (mode ``write`` only).
        rebuild: Empty the store first, and dedicate it to `encoder_hash` and `dim` (mode ``write`` only).

    Raises:
        StoreError: No store there, another encoder's, of an unknown version, being written by somebody else, or out
            of reach.
    """
    engine, rest = _parted(address)
    module, attribute = STORES[engine].split(":")
    opener = getattr(import_module(module), attribute)
    where = Path(rest) if engine == "embedded" else rest
    store: Store = opener.open(where, mode=mode, encoder_hash=encoder_hash, dim=dim, rebuild=rebuild)
    return store


def _parted(address: str | Path) -> tuple[str, str]:
    """The engine, and what it is given to open: the whole address, but for a folder only its path."""
    found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if found is None:
        return "embedded", str(address)
    engine, rest = found.groups()
    if engine in STORES:
        return engine, rest if engine == "embedded" else str(address)
    if rest.startswith("//"):
        known = ", ".join(STORES)
        raise StoreError(
            f"{unknown('engine', engine, STORES)}; a store is a folder, or an address that begins with one of {known}"
        )
    return "embedded", str(address)

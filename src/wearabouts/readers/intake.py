"""The desk every reader brings its rows to: raw fields go in, checked products come out, faults are written down.

A reader knows its format; what a price, an address or a product must be is decided here, once for all formats.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import unquote, urlsplit

from wearabouts.catalog import MAX_TEXT, Fault, Faults, Photo, Product
from wearabouts.garments import garment_of
from wearabouts.readers import fields
from wearabouts.types import Box, Side

MAX_ID = 256  # characters of a product id: it becomes part of addresses and file names
MAX_PHOTOS = 100  # of one product; more is a mistake or an attack
MAX_ATTRIBUTES = 64
MAX_FOLDERS = 10_000  # remembered; forgotten all at once when there are more
MAX_ATTRIBUTE = 500  # characters of one attribute's value, descriptions included

Value = TypeVar("Value")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")


@dataclass
class Draft:
    """A product as a reader found it, before it is checked."""

    row: int
    id: str
    title: str = ""
    category: str = ""
    kinds: str = ""
    garment: str = ""
    brand: str = ""
    price: fields.Money | None = None
    regular_price: fields.Money | None = None
    availability: str = ""
    link: str = ""
    group: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    photos: list[DraftPhoto] = field(default_factory=list)


@dataclass
class DraftPhoto:
    """A photo as a reader found it: the reference as written, and the row and column it stood in."""

    reference: str
    row: int
    column: str = ""
    side: Side = "shop"
    split: str = ""
    box: Box | None = None
    labels: dict[str, str] = field(default_factory=dict)


class Intake:
    """Checks drafts of one source.

    Args:
        source: The feed, table or folder.
        faults: Where everything unreadable goes.
        allow_local_paths: Also accept photos outside the source's own folder.
        images: Folder or http(s) address that relative photo references start from, instead of the source's folder.
    """

    def __init__(
        self, source: Path, faults: Faults, *, allow_local_paths: bool = False, images: str | Path | None = None
    ) -> None:
        self.source = source
        self.faults = faults
        self.allow_local_paths = allow_local_paths
        self.address = str(images).rstrip("/") if images and re.match("(?i)https?://", str(images)) else ""
        own = source if source.is_dir() else source.parent
        self.folder = Path(os.path.realpath(own if self.address or not images else Path(images)))
        self._seen: set[int] = set()
        self._folders: dict[str, str] = {}

    def fault(self, row: int, column: str, reason: str, lost: Literal["product", "photo", "field"] = "product") -> None:
        """Write one fault down."""
        self.faults.add(Fault(str(self.source), row, column, reason, lost))

    def read(self, parse: Callable[[str], Value], raw: str, row: int, column: str) -> Value | None:
        """Parse one optional field: None where it is empty, or bad (then the fault is written and the row is kept)."""
        if not raw.strip():
            return None
        try:
            return parse(raw)
        except ValueError as problem:
            self.fault(row, column, f"{problem}; the field was left out", "field")
            return None

    def uri(self, reference: str) -> str:
        """Where a photo lies: an http(s) address as written, or an absolute local path.

        Raises:
            ValueError: Another scheme, or a path out of the folder that photos may lie in.
        """
        reference = reference.strip()
        if not reference or len(reference) > MAX_TEXT or "\x00" in reference:
            raise ValueError("photo reference is empty, too long or holds a NUL byte")
        scheme = _SCHEME.match(reference)
        if reference.startswith("//"):
            return fields.link("https:" + reference)
        if scheme and scheme.group(1).lower() in ("http", "https"):
            return fields.link(reference)
        if scheme and scheme.group(1).lower() == "file":
            parts = urlsplit(reference)
            if parts.netloc not in ("", "localhost"):
                raise ValueError(f"photo {fields.text(reference, 80)!r} names another machine; allowed: file:///path")
            return self._local(unquote(parts.path))
        if scheme and not reference.startswith((".", "/")) and "/" not in scheme.group(1):
            raise ValueError(
                f"photo {fields.text(reference, 80)!r} has scheme {scheme.group(1)!r}; allowed: http(s), file, a path"
            )
        if self.address:
            return fields.link(f"{self.address}/{reference.lstrip('/')}")
        return self._local(reference)

    def _local(self, reference: str) -> str:
        if "\x00" in reference or not reference.isprintable():
            raise ValueError(f"photo {fields.text(reference, 80)!r} holds bytes that are no text; rename the file")
        path = self._real(os.path.join(self.folder, reference.replace("\\", "/")))
        if not self.allow_local_paths and not path.startswith(os.path.join(self.folder, "")):
            raise ValueError(
                f"photo {fields.text(reference, 80)!r} lies outside {self.folder.name!r}, the folder of the source; "
                "allow_local_paths=True accepts it"
            )
        return path

    def _real(self, path: str) -> str:
        """The path with all links followed; folders are looked up once, as a feed has many photos in few of them."""
        folder, name = os.path.split(path)
        if name in ("", ".", ".."):
            return os.path.realpath(path)
        if folder not in self._folders:
            if len(self._folders) > MAX_FOLDERS:
                self._folders.clear()
            self._folders[folder] = os.path.realpath(folder)
        path = os.path.join(self._folders[folder], name)
        return os.path.realpath(path) if os.path.islink(path) else path

    def product(self, draft: Draft) -> Product | None:
        """Check a draft; None, with the fault written, where no product can be made of it."""
        product_id = fields.text(draft.id, MAX_TEXT)
        if not product_id or len(product_id) > MAX_ID:
            found = f"is {len(product_id)} characters long" if product_id else "is missing"
            self.fault(draft.row, "id", f"the product's id {found}; allowed: 1 to {MAX_ID} characters")
            return None
        photos = self._photos(product_id, draft)
        if not photos:
            self.fault(
                draft.row, "photo", f"product {product_id!r} has no photo that can be used; it needs at least one"
            )
            return None
        # 64-bit digests, not the ids: a set of them stays small for millions of products.
        digest = int.from_bytes(blake2b(product_id.encode("utf-8", "replace"), digest_size=8).digest(), "big")
        if digest in self._seen:
            self.fault(draft.row, "id", f"id {product_id!r} stood before in this source; the first one was kept")
            return None
        self._seen.add(digest)
        return self._checked(product_id, photos, draft)

    def _checked(self, product_id: str, photos: tuple[Photo, ...], draft: Draft) -> Product:
        title, category = fields.text(draft.title), fields.text(draft.category)
        sold, before = draft.price, draft.regular_price
        if sold is None and before is not None:
            sold, before = before, None
        return Product(
            id=product_id,
            photos=photos,
            title=title,
            category=category,
            garment=draft.garment or garment_of(draft.kinds or category, title),
            brand=fields.text(draft.brand),
            price=sold.amount if sold else None,
            regular_price=before.amount if sold and before and before.amount > sold.amount else None,
            currency=sold.currency if sold else "",
            availability=draft.availability,
            link=draft.link,
            group=fields.text(draft.group, MAX_ID),
            attributes=attributes(draft.attributes),
        )

    def _photos(self, product_id: str, draft: Draft) -> tuple[Photo, ...]:
        photos: dict[str, Photo] = {}
        for found in draft.photos:
            try:
                uri = self.uri(found.reference)
            except ValueError as problem:
                self.fault(found.row, found.column, str(problem), "photo")
                continue
            if uri in photos:
                continue
            if len(photos) == MAX_PHOTOS and not self.source.is_dir():
                reason = f"product {product_id!r} has more than {MAX_PHOTOS} photos; the first {MAX_PHOTOS} were kept"
                self.fault(found.row, found.column, reason, "photo")
                break
            photo_id = (
                f"{product_id}~{blake2b(found.reference.strip().encode('utf-8', 'replace'), digest_size=5).hexdigest()}"
            )
            photos[uri] = Photo(photo_id, uri, found.side, found.split, found.box, (), attributes(found.labels))
        return tuple(photos.values())


def attributes(raw: Mapping[str, str]) -> dict[str, str]:
    """Names in lower_snake_case, ``colour`` as ``color``, values as short plain text; empty ones dropped."""
    kept: dict[str, str] = {}
    for name, value in raw.items():
        key = fields.column_name(name).replace("colour", "color")
        shown = fields.plain(value, MAX_ATTRIBUTE)
        if key and shown and key not in kept and len(kept) < MAX_ATTRIBUTES:
            kept[key] = shown
    return kept


def on_sale(
    intake: Intake,
    regular: fields.Money | None,
    sale: fields.Money | None,
    begins: str,
    ends: str,
    row: int,
    column: str,
    now: datetime | None,
) -> tuple[fields.Money | None, fields.Money | None]:
    """The price a customer pays now, and the one before the sale (None without a sale).

    Args:
        intake: Where bad dates are reported.
        regular: Price outside the sale.
        sale: Price in the sale.
        begins: First moment of the sale, or empty for always.
        ends: Its end, or empty for never.
        row: For faults.
        column: For faults.
        now: The moment to judge by; None for the present.
    """
    if sale is None or regular is None:
        return (regular or sale), None
    if sale.amount >= regular.amount:
        return regular, None
    first, last = (intake.read(fields.moment, date, row, column) for date in (begins, ends))
    if (begins.strip() and first is None) or (ends.strip() and last is None):
        return regular, None
    moment = now or datetime.now(UTC)
    running = (first is None or first <= moment) and (last is None or moment <= last)
    money = sale if sale.currency or not regular.currency else fields.Money(sale.amount, regular.currency)
    return (money, regular) if running else (regular, None)


def first(values: Iterable[str]) -> str:
    """The first value that says something, or empty."""
    return next((value.strip() for value in values if value.strip()), "")

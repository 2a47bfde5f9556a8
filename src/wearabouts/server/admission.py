"""From a written product to stored vectors: the same line that fills the store from a feed, with one product on it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wearabouts.catalog import MAX_TEXT, Availability, Catalog, Faults, Photo, Product
from wearabouts.embedding import index
from wearabouts.errors import FetchError
from wearabouts.fetch import Fetched, Fetcher
from wearabouts.search import Searcher
from wearabouts.server.problems import RefusalError
from wearabouts.server.remote import check_address
from wearabouts.server.replies import WrittenReply, web_address
from wearabouts.stores import Store

MAX_PHOTOS = 20
UPLOAD = "upload:"

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Short = Annotated[str, Field(max_length=200)]
Amount = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]


class PhotoWrite(BaseModel):
    """A photo of a written product, by address."""

    model_config = ConfigDict(extra="forbid")

    uri: str = Field(description="An http(s) address")
    id: Short = Field(
        default="", description="Unique in the shop; empty for one made from the product's id and the address"
    )


class ProductWrite(BaseModel):
    """A product as it is written: whole, replacing what was there."""

    model_config = ConfigDict(extra="forbid")

    title: Text = ""
    category: Text = Field(default="", description="The shop's own category words")
    garment: Short = Field(default="", description="The model's garment class, where the shop knows it")
    brand: Text = ""
    price: Amount | None = None
    regular_price: Amount | None = None
    currency: Annotated[str, Field(pattern="^([A-Z]{3})?$")] = ""
    availability: Availability | None = None
    link: Text = Field(default="", description="The product's page: http(s)")
    group: Short = ""
    attributes: dict[Short, Text] = Field(default_factory=dict, max_length=100)
    photos: list[PhotoWrite] = Field(default_factory=list, max_length=MAX_PHOTOS)


def read_product(product_id: str, fields: Mapping[str, Any], uploads: Mapping[str, bytes]) -> Product:
    """Check what a client sent and make the product of it.

    Args:
        product_id: From the address.
        fields: The fields of `ProductWrite`, not yet checked.
        uploads: `upload_address` → bytes.

    Raises:
        RefusalError: 422 with the first fault.
    """
    try:
        given = ProductWrite.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise RefusalError(422, "product", f"product field {name}: {first['msg']}") from None
    if given.link and not web_address(given.link):
        raise RefusalError(422, "product", "product field link: give an address that begins with https:// or http://")
    addresses = [(photo.id, check_address(photo.uri)) for photo in given.photos] + [("", uri) for uri in uploads]
    if not 1 <= len(addresses) <= MAX_PHOTOS:
        detail = (
            f"a product needs 1 to {MAX_PHOTOS} photos, by address or as files 'photo'; this one has {len(addresses)}"
        )
        raise RefusalError(422, "product", detail)
    photos = {photo.id: photo for photo in (_photo(product_id, name, uri) for name, uri in addresses)}
    known = given.model_dump(exclude={"photos", "availability"})
    return Product(id=product_id, photos=tuple(photos.values()), availability=given.availability or "", **known)


def read_fields(text: str) -> dict[str, Any]:
    """The form field ``product``.

    Raises:
        RefusalError: 400 where it is not one JSON object.
    """
    try:
        fields = json.loads(text or "{}")
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise RefusalError(400, "json", "the form field 'product' is not one JSON object")
    return fields


def upload_address(data: bytes) -> str:
    """The address under which the store remembers a photo that came as a file."""
    return UPLOAD + sha256(data).hexdigest()


class Deliveries:
    """A fetcher for one write: uploads from memory, the rest from the web, nothing from this machine's disk."""

    def __init__(self, uploads: Mapping[str, bytes], fetcher: Fetcher) -> None:
        self._uploads = uploads
        self._fetcher = fetcher

    def fetch(self, uri: str, *, root: None = None, validators: Mapping[str, str] | None = None) -> Fetched:
        """See `wearabouts.fetch.Fetcher.fetch`."""
        if uri in self._uploads:
            return Fetched(self._uploads[uri], {})
        if not web_address(uri):
            raise FetchError(f"{uri[:200]} is not an http(s) address")
        return self._fetcher.fetch(uri, root=None, validators=validators or {})


def write_product(product: Product, searcher: Searcher, store: Store, deliveries: Deliveries) -> WrittenReply:
    """Embed and store one product; blocks.

    Raises:
        RefusalError: 422 where none of its photos could be read; what was stored before stays then.
        StoreError: The store was opened for reading, or its disk fails.
    """

    def one(_: Faults) -> Iterator[Product]:
        yield product

    faults = Faults()
    catalog = Catalog("api", product.id, one)
    index(catalog, searcher.encoder, store, fetcher=deliveries, all_photos=True, workers=1, faults=faults)
    skipped = [fault.reason for fault in faults.kept]
    stored = store.product(product.id)
    if stored is None or faults.counts["product"]:
        raise RefusalError(422, "image", f"none of the product's photos could be read: {'; '.join(skipped)}")
    return WrittenReply(id=product.id, photos=len(stored["photos"]), skipped=skipped)


def _photo(product_id: str, name: str, uri: str) -> Photo:
    digest = sha256(uri.encode()).hexdigest()[:16]
    return Photo(id=name or f"{product_id}#{digest}", uri=uri)

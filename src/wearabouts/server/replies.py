"""What the API says, as models: the OpenAPI description and the check that nothing else gets out.

No model has a place for a vector, a local path or a photo's bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, Field

from wearabouts.search import Comparison
from wearabouts.types import Answer, Box, Match

Signer = Callable[[str], str]


class PhotoReply(BaseModel):
    """One photo of a product."""

    id: str
    thumbnail: str = Field(description="Address of the small copy, on this server")
    garment: str = Field(default="", description="The garment the model saw, or empty")
    seen: dict[str, str] = Field(default_factory=dict, description="Attributes the model saw")


class ProductReply(BaseModel):
    """One thing the shop sells."""

    id: str
    title: str = ""
    category: str = Field(default="", description="The shop's own category words")
    garment: str = Field(default="", description="The model's garment class")
    brand: str = ""
    price: float | None = Field(default=None, description="What a customer pays now, in `currency`")
    regular_price: float | None = Field(default=None, description="Before a sale")
    currency: str = Field(default="", description="ISO 4217")
    availability: str = Field(default="", description="`in_stock`, `out_of_stock`, `preorder`, `backorder` or empty")
    link: str = Field(default="", description="The product's page: http(s) or empty")
    group: str = Field(default="", description="Products of one group are variants of one another")
    attributes: dict[str, str] = Field(default_factory=dict)
    photos: list[PhotoReply] = Field(default_factory=list)


class MatchReply(BaseModel):
    """One product of an answer, with its photo that matched best."""

    product: ProductReply
    photo: PhotoReply
    similarity: float = Field(description="Cosine in [-1, 1]; larger is closer; not a probability")
    agrees: list[str] = Field(description="Attributes on which photo and product agree")
    differs: list[str] = Field(description="Attributes on which they differ")


class BoxReply(BaseModel):
    """A rectangle in pixels of the upright photo."""

    left: float
    top: float
    width: float
    height: float


class SizeReply(BaseModel):
    """Width and height of the upright photo in pixels; 0 where no photo was sent."""

    width: int
    height: int


class AnswerReply(BaseModel):
    """What was found for one photo, or for words."""

    matches: list[MatchReply] = Field(description="Products, best first, each once")
    garment: str | None = Field(description="The garment searched for; null where the model knows none")
    garment_probability: float | None = Field(description="How sure the model is of it, in [0, 1]")
    attributes: dict[str, str] = Field(description="What the model sees in the photo")
    box: BoxReply | None = Field(description="The part that was searched; null for the whole photo")
    box_origin: str = Field(description="`given`, `salient` (found automatically) or `whole`")
    size: SizeReply
    timings: dict[str, float] = Field(description="Milliseconds by stage")
    exact: bool = Field(description="Whether every stored vector was compared")
    notes: list[str] = Field(description="Sentences for the person")


class ComparisonReply(BaseModel):
    """How alike two photos are."""

    similarity: float = Field(description="Cosine in [-1, 1]")
    garments: list[str | None] = Field(description="The garment seen in each")
    agrees: list[str]
    differs: list[str]
    timings: dict[str, float]


class WrittenReply(BaseModel):
    """What a write left behind."""

    id: str
    photos: int = Field(description="Photos stored")
    skipped: list[str] = Field(default_factory=list, description="Photos that could not be read, and why")


class ColumnReply(BaseModel):
    """Something a filter may name."""

    name: str
    kind: str = Field(description="`text`, `path` (a category covers what lies beneath it) or `number`")
    filled: int = Field(description="Products that have it")
    values: list[str] = Field(default_factory=list, description="Its commonest values")
    range: list[float] = Field(default_factory=list, description="Smallest and largest value of a number")


class ShopReply(BaseModel):
    """What a page needs to know before it can ask."""

    name: str
    products: int
    photos: int
    model: str
    reads_text: bool = Field(description="Whether a search may have words: the model reads text")
    garments: list[str] = Field(description="Garments the model knows; empty for none")
    columns: list[ColumnReply] = Field(description="What a filter may name")
    currencies: list[str] = Field(description="The commonest currencies of the prices")
    samples: list[str] = Field(description="Addresses of street photos to try")
    max_k: int
    max_body_bytes: int
    image_url: bool = Field(description="Whether a search may name the address of a photo")


def product_reply(product: Mapping[str, Any], sign: Signer) -> ProductReply:
    """A stored product as it leaves the house."""
    known = {name: product[name] for name in ProductReply.model_fields if product.get(name) is not None}
    known["link"] = web_address(str(known.get("link", "")))
    known["attributes"] = {str(name): str(value) for name, value in dict(known.get("attributes", {})).items()}
    known["photos"] = [_photo_reply(photo, sign) for photo in product.get("photos", ())]
    return ProductReply.model_validate(known)


def answer_reply(answer: Answer, sign: Signer) -> AnswerReply:
    """An answer as it leaves the house."""
    return AnswerReply(
        matches=[_match_reply(match, sign) for match in answer.matches],
        garment=answer.garment,
        garment_probability=answer.garment_probability,
        attributes=dict(answer.attributes),
        box=_box_reply(answer.box),
        box_origin=answer.box_origin,
        size=SizeReply(width=answer.size[0], height=answer.size[1]),
        timings=dict(answer.timings),
        exact=answer.exact,
        notes=list(answer.notes),
    )


def comparison_reply(comparison: Comparison) -> ComparisonReply:
    """A comparison as it leaves the house."""
    return ComparisonReply(
        similarity=comparison.similarity,
        garments=list(comparison.garments),
        agrees=list(comparison.agrees),
        differs=list(comparison.differs),
        timings=dict(comparison.timings),
    )


def web_address(address: str) -> str:
    """The address where it is an http(s) one, else empty: feeds are written by strangers."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return address if parts.scheme in ("http", "https") and parts.netloc else ""


def thumbnail_address(photo_id: str, sign: Signer) -> str:
    """Where the photo's small copy lies on this server."""
    signature = sign(photo_id)
    return f"/v1/photos/{quote(photo_id, safe='')}/thumbnail" + (f"?signature={signature}" if signature else "")


def _match_reply(match: Match, sign: Signer) -> MatchReply:
    product = product_reply(match.product, sign)
    fallback = PhotoReply(id=match.photo_id, thumbnail=thumbnail_address(match.photo_id, sign))
    return MatchReply(
        product=product,
        photo=next((photo for photo in product.photos if photo.id == match.photo_id), fallback),
        similarity=match.similarity,
        agrees=list(match.agrees),
        differs=list(match.differs),
    )


def _photo_reply(photo: Mapping[str, Any], sign: Signer) -> PhotoReply:
    photo_id = str(photo["id"])
    seen = {str(name): str(value) for name, value in dict(photo.get("seen") or {}).items()}
    garment = str(photo.get("garment") or "")
    return PhotoReply(id=photo_id, thumbnail=thumbnail_address(photo_id, sign), garment=garment, seen=seen)


def _box_reply(box: Box | None) -> BoxReply | None:
    return None if box is None else BoxReply(left=box.left, top=box.top, width=box.width, height=box.height)

"""What the API says, as models: the OpenAPI description and the check that nothing else gets out.

No model has a place for a vector, a local path or a photo's bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, Field

from wearabouts.search import Comparison, Searcher
from wearabouts.types import REASONS, Answer, Box, Match, Verdict, as_dict

Signer = Callable[[str], str]
_WHY = "; ".join(f"`{code}`: {why}" for code, why in REASONS.items())


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
    probability: float | None = Field(
        default=None, description="That it is the very same item, in [0, 1]; null where no verifier has spoken"
    )
    unlikely: bool = Field(
        default=False, description="Far less likely than the first: among the matches only where `tail` was asked for"
    )
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


class LevelReply(BaseModel):
    """What the answer says at another precision; one between two of them has what the next higher says."""

    precision: float = Field(description="Of the answers that say `same`, the share that is to be right")
    threshold: float | None = Field(description="As the answer's own")
    verdict: Verdict
    reason: str


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
    verdict: Verdict | None = Field(
        default=None,
        description="`same`: the first match is the very same item. `similar`: products that may be, or look alike. "
        "`not_carried`: the shop does not have the item. null where no verifier has spoken",
    )
    reason: str = Field(default="", description=f"Why: {_WHY}; empty without a verdict")
    carried: float | None = Field(default=None, description="Probability that the item is in the shop at all")
    precision: float | None = Field(
        default=None, description="Of the answers that say `same`, the share that is to be right, as asked for"
    )
    threshold: float | None = Field(
        default=None, description="Probability from which the first match is `same` at that precision; null: none is"
    )
    hidden: int = Field(default=0, description="Products left out as far less likely; ask with `tail` to get them")
    calibrated_on: str = Field(default="", description="What the probabilities were fitted on")
    own_labels: bool = Field(
        default=False, description="Whether that was this shop's own labels; without them a probability is an estimate"
    )
    levels: list[LevelReply] = Field(
        default_factory=list, description="The verdict at every precision the calibration tells apart, lowest first"
    )


class ComparisonReply(BaseModel):
    """How alike two photos are."""

    similarity: float = Field(description="Cosine in [-1, 1]")
    garments: list[str | None] = Field(description="The garment seen in each")
    agrees: list[str]
    differs: list[str]
    timings: dict[str, float]
    probability: float | None = Field(
        default=None, description="That both show the very same item, in [0, 1]; null without a verifier"
    )
    calibrated_on: str = Field(default="", description="What that probability was fitted on")


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


class JudgeReply(BaseModel):
    """The second stage: what tells whether two photos show the very same item."""

    name: str
    calibrated_on: str = Field(description="What its probabilities were fitted on")
    population: str = Field(description="Of which pairs they speak")
    labels: int = Field(description="How many labelled queries they were fitted on")
    own_labels: bool = Field(description="Whether these are this shop's own; without them a probability is an estimate")
    precision: float = Field(description="What `precision` is where a search does not give it")


class ShopReply(BaseModel):
    """What a page needs to know before it can ask."""

    name: str
    products: int
    photos: int
    model: str
    reads_text: bool = Field(description="Whether a search may have words: the model reads text")
    judge: JudgeReply | None = Field(description="What judges a photo's matches; null: similarity alone orders them")
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


def answer_reply(answer: Answer, sign: Signer, tail_share: float) -> AnswerReply:
    """An answer as it leaves the house.

    Args:
        answer: From a search.
        sign: Gives a photo's signature.
        tail_share: A match less likely than this share of the first one's probability is marked as unlikely.
    """
    first = answer.matches[0].probability if answer.matches else None
    least = None if first is None else first * tail_share
    return AnswerReply(
        matches=[_match_reply(match, sign, least) for match in answer.matches],
        garment=answer.garment,
        garment_probability=answer.garment_probability,
        attributes=dict(answer.attributes),
        box=_box_reply(answer.box),
        box_origin=answer.box_origin,
        size=SizeReply(width=answer.size[0], height=answer.size[1]),
        timings=dict(answer.timings),
        exact=answer.exact,
        notes=list(answer.notes),
        verdict=answer.verdict,
        reason=answer.reason,
        carried=answer.carried,
        precision=answer.precision,
        threshold=answer.threshold,
        hidden=answer.hidden,
        calibrated_on=answer.calibrated_on,
        own_labels=answer.own_labels,
        levels=[LevelReply.model_validate(as_dict(level)) for level in answer.levels],
    )


def comparison_reply(comparison: Comparison) -> ComparisonReply:
    """A comparison as it leaves the house."""
    return ComparisonReply(
        similarity=comparison.similarity,
        garments=list(comparison.garments),
        agrees=list(comparison.agrees),
        differs=list(comparison.differs),
        timings=dict(comparison.timings),
        probability=comparison.probability,
        calibrated_on=comparison.calibrated_on,
    )


def judge_reply(searcher: Searcher) -> JudgeReply | None:
    """The second stage at work, with the calibration as of now: reads the store."""
    second = searcher.stage_two
    curves = second.curves.current().calibration if second is not None else None
    if second is None or curves is None:
        return None
    return JudgeReply(
        name=second.verifier.name,
        calibrated_on=curves.calibrated_on,
        population=curves.population,
        labels=curves.labels,
        own_labels=curves.own_labels,
        precision=searcher.settings.precision,
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


def _match_reply(match: Match, sign: Signer, least: float | None) -> MatchReply:
    product = product_reply(match.product, sign)
    fallback = PhotoReply(id=match.photo_id, thumbnail=thumbnail_address(match.photo_id, sign))
    return MatchReply(
        product=product,
        photo=next((photo for photo in product.photos if photo.id == match.photo_id), fallback),
        similarity=match.similarity,
        probability=match.probability,
        unlikely=least is not None and (match.probability is None or match.probability < least),
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

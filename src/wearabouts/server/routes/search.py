"""Search by photo, by product and by pair."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request

from wearabouts.server.context import Context, Shared, may_search
from wearabouts.server.intake import media_type, read_box, read_json
from wearabouts.server.problems import RefusalError
from wearabouts.server.remote import fetch_photo
from wearabouts.server.replies import AnswerReply, ComparisonReply, answer_reply, comparison_reply
from wearabouts.types import Answer, Restriction

router = APIRouter(prefix="/v1", tags=["search"], dependencies=[Depends(may_search)])

PHOTO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["photo"],
                    "properties": {"photo": {"type": "string", "format": "binary", "description": "The photo"}},
                }
            },
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["url"],
                    "properties": {"url": {"type": "string", "description": "Only where the server allows it"}},
                }
            },
        },
    }
}
PAIR_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["a", "b"],
                    "properties": {name: {"type": "string", "format": "binary"} for name in ("a", "b")},
                }
            }
        },
    }
}

Count = Annotated[int, Query(ge=1, le=1000, description="How many products")]
BoxText = Annotated[
    str | None, Query(max_length=100, description="`left,top,width,height` in pixels of the upright photo")
]
Where = Annotated[
    str | None, Query(max_length=2000, description="A filter such as `price < 50 and availability = in_stock`")
]
MAX_TEXT = 1000
TextWeight = Annotated[float, Query(ge=0, le=1, description="How much the words count beside the photo: 1 is all")]
Exact = Annotated[bool, Query(description="Compare with every stored vector: audits any answer")]
Precision = Annotated[
    float | None,
    Query(ge=0.5, le=0.999, description="Of the answers that say `same`, the share to be right; null: the shop's own"),
]
Tail = Annotated[bool, Query(description="Also give the products that are far less likely, marked `unlikely`")]


@router.post("/search", openapi_extra=PHOTO_BODY, summary="Search by photo")
async def search(
    request: Request,
    shared: Shared,
    k: Count = 12,
    box: BoxText = None,
    category: Annotated[
        Literal["hard", "soft", "off"], Query(description="How strictly the predicted garment restricts the answer")
    ] = "soft",
    garment: Annotated[str | None, Query(max_length=60, description="Search for this garment instead")] = None,
    where: Where = None,
    exact: Exact = False,
    text: Annotated[
        str, Query(max_length=MAX_TEXT, description="What should be otherwise, such as `in red`; see `reads_text`")
    ] = "",
    text_weight: TextWeight = 0.5,
    precision: Precision = None,
    tail: Tail = False,
) -> AnswerReply:
    """Send a photo as the form file `photo`, as the raw body with an `image/*` type, or its address as JSON.

    The photo is read in memory and forgotten with the answer. `verdict` says whether the first match is the very same
    item, where the shop's model has a verifier; `precision` and `tail` change nothing where it has none.
    """
    _check_count(k, shared)
    area = read_box(box)
    restriction: Restriction = category
    async with shared.intake.body(request) as body:
        photo = await _photo(request, body, shared)
        find = partial(
            shared.searcher.search,
            photo,
            k,
            box=area,
            category=restriction,
            garment=garment or None,
            where=_filter(where),
            exact=exact,
            text=text.strip(),
            text_weight=text_weight,
            precision=precision,
            tail=tail,
        )
        answer = await shared.searches.run(find)
    return _reply(answer, shared)


@router.get("/search", summary="Search by words")
async def search_text(
    shared: Shared,
    text: Annotated[str, Query(min_length=1, max_length=MAX_TEXT, description="Such as `red floral dress`")],
    k: Count = 12,
    garment: Annotated[str | None, Query(max_length=60, description="Only products of this garment")] = None,
    where: Where = None,
    exact: Exact = False,
) -> AnswerReply:
    """Find products by words, where the shop's model reads text (`reads_text` of `/v1/describe`)."""
    _check_count(k, shared)
    find = partial(shared.searcher.search_text, text, k, garment=garment or None, where=_filter(where), exact=exact)
    return _reply(await shared.searches.run(find), shared)


@router.get("/products/{product_id:path}/similar", summary="More like this")
async def similar(
    product_id: str, shared: Shared, k: Count = 12, where: Where = None, exact: Exact = False
) -> AnswerReply:
    """Find products that look like one of the shop's own."""
    _check_count(k, shared)
    if await shared.reads.run(shared.store.product, product_id) is None:
        raise RefusalError(404, "unknown-product", f"no product {product_id[:100]!r} in this shop")
    find = partial(shared.searcher.similar, product_id, k, where=_filter(where), exact=exact)
    return _reply(await shared.searches.run(find), shared)


@router.post("/compare", openapi_extra=PAIR_BODY, summary="Compare two photos")
async def compare(request: Request, shared: Shared, box_a: BoxText = None, box_b: BoxText = None) -> ComparisonReply:
    """Send two photos as the form files `a` and `b`."""
    areas = read_box(box_a, "box_a"), read_box(box_b, "box_b")
    if media_type(request) != "multipart/form-data":
        raise RefusalError(415, "media-type", "send multipart/form-data with the files 'a' and 'b'")
    async with shared.intake.body(request) as body:
        form = await shared.intake.form(request, body)
        find = partial(shared.searcher.compare, form.file("a"), form.file("b"), box_a=areas[0], box_b=areas[1])
        comparison = await shared.searches.run(find)
    shared.metrics.timed(comparison.timings)
    return comparison_reply(comparison)


async def _photo(request: Request, body: bytes, shared: Context) -> bytes:
    """The photo a search request carries, whichever way it carries it."""
    kind = media_type(request)
    if kind == "multipart/form-data":
        form = await shared.intake.form(request, body)
        return form.file("photo")
    if kind == "application/json":
        return await fetch_photo(read_json(body).get("url"), shared)
    if kind.startswith("image/") or kind == "application/octet-stream":
        return body
    detail = f"media type {kind[:80]!r} carries no photo; send multipart/form-data with a file 'photo', or image/*"
    raise RefusalError(415, "media-type", detail)


def _reply(answer: Answer, shared: Context) -> AnswerReply:
    shared.metrics.timed(answer.timings)
    shared.metrics.judged(answer.verdict)
    return answer_reply(answer, shared.signer.sign, shared.searcher.settings.tail_share)


def _check_count(k: int, shared: Context) -> None:
    if k > shared.settings.max_k:
        raise RefusalError(
            422, "parameter", f"k {k} is more than the {shared.settings.max_k} products this server gives"
        )


def _filter(where: str | None) -> str | None:
    return where if where and where.strip() else None

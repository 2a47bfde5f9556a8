"""What a page shows: the shop's facts, thumbnails, samples."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from wearabouts.search import reads_text
from wearabouts.server.context import Context, Shared, counted, may_read
from wearabouts.server.problems import RefusalError
from wearabouts.server.replies import ColumnReply, ShopReply, judge_reply
from wearabouts.server.security import require_search

router = APIRouter(prefix="/v1", tags=["shop"])

JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}, "description": "A re-encoded JPEG"}}


@router.get("/describe", summary="What this shop can answer", dependencies=[Depends(may_read)])
async def describe(shared: Shared) -> ShopReply:
    """Counts, garments and filters: what a page needs before it can ask."""
    facts = await shared.reads.run(shared.store.describe)
    settings = shared.settings
    columns = [ColumnReply.model_validate(column) for column in facts["columns"]]
    return ShopReply(
        name=settings.name,
        products=facts["products"],
        photos=facts["photos"],
        model=shared.searcher.encoder.name,
        reads_text=reads_text(shared.searcher.encoder),
        judge=await shared.reads.run(judge_reply, shared.searcher),
        garments=list(shared.searcher.encoder.garments),
        columns=columns,
        currencies=next((column.values for column in columns if column.name == "currency"), []),
        samples=[f"/v1/samples/{number}" for number in range(len(shared.samples))],
        max_k=settings.max_k,
        max_body_bytes=settings.max_body_bytes,
        image_url=settings.allow_image_url,
    )


@router.get(
    "/photos/{photo_id:path}/thumbnail",
    summary="A photo's small copy",
    response_class=Response,
    responses=JPEG,
    dependencies=[Depends(counted)],
)
async def thumbnail(
    request: Request, photo_id: str, shared: Shared, signature: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """The small re-encoded JPEG from the store, never the bytes that came in."""
    if not shared.signer.valid(photo_id, signature):
        require_search(request, shared.settings)
    data = await shared.reads.run(shared.store.thumbnail, photo_id)
    if not data:
        raise RefusalError(404, "unknown-photo", f"no photo {photo_id[:100]!r} with a small copy in this shop")
    return _jpeg(request, data, shared)


@router.get(
    "/samples/{number}",
    summary="A street photo to try",
    response_class=Response,
    responses=JPEG,
    dependencies=[Depends(counted)],
)
async def sample(request: Request, number: int, shared: Shared) -> Response:
    """One of the street photos the page offers; `describe` lists them."""
    try:
        data = await shared.reads.run(shared.samples.photo, number)
    except IndexError:
        raise RefusalError(404, "unknown-sample", f"no sample {number}; there are {len(shared.samples)}") from None
    return _jpeg(request, data, shared)


def _jpeg(request: Request, data: bytes, shared: Context) -> Response:
    """A picture that browsers keep for an hour and then ask after."""
    tag = f'"{sha256(data).hexdigest()[:32]}"'
    scope = "private" if shared.settings.search_keys else "public"
    headers = {"ETag": tag, "Cache-Control": f"{scope}, max-age=3600", "Content-Disposition": "inline"}
    if tag in (given.strip() for given in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="image/jpeg", headers=headers)

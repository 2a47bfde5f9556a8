"""One product: read, written whole, removed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from wearabouts.errors import StoreError
from wearabouts.server.admission import (
    Deliveries,
    ProductWrite,
    read_fields,
    read_product,
    upload_address,
    write_product,
)
from wearabouts.server.context import Context, Shared, may_read, may_write
from wearabouts.server.intake import media_type, read_json
from wearabouts.server.problems import RefusalError
from wearabouts.server.replies import ProductReply, WrittenReply, product_reply

T = TypeVar("T")

LONGEST_ID = 500
WRITE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": ProductWrite.model_json_schema(ref_template="#/components/schemas/{model}")},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "product": {"type": "string", "description": "The product as JSON"},
                        "photo": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    },
                }
            },
        },
    }
}

router = APIRouter(prefix="/v1/products", tags=["products"])


@router.get("/{product_id:path}", summary="A product", dependencies=[Depends(may_read)])
async def product(product_id: str, shared: Shared) -> ProductReply:
    """What the store holds of one product."""
    found = await shared.reads.run(shared.store.product, product_id)
    if found is None:
        raise RefusalError(404, "unknown-product", f"no product {product_id[:100]!r} in this shop")
    return product_reply(found, shared.signer.sign)


@router.put(
    "/{product_id:path}", summary="Write a product", dependencies=[Depends(may_write)], openapi_extra=WRITE_BODY
)
async def put(request: Request, product_id: str, shared: Shared) -> WrittenReply:
    """Write a product whole, replacing what was there; needs an admin key.

    Send JSON with photos by address, or a form with the product as JSON in `product` and its photos as files `photo`.
    The answer comes once the product is on the disk and can be found.
    """
    if not 1 <= len(product_id) <= LONGEST_ID:
        raise RefusalError(422, "product", f"a product's id has 1 to {LONGEST_ID} characters, not {len(product_id)}")
    async with shared.intake.body(request) as body:
        uploads: dict[str, bytes] = {}
        if media_type(request) == "multipart/form-data":
            form = await shared.intake.form(request, body)
            uploads = {upload_address(data): data for name, data in form.files if name == "photo"}
            fields = read_fields(form.texts.get("product", ""))
        elif media_type(request) == "application/json":
            fields = read_json(body)
        else:
            raise RefusalError(415, "media-type", "send the product as application/json or multipart/form-data")
        written = read_product(product_id, fields, uploads)
        deliveries = Deliveries(uploads, shared.fetcher)
        return await _write(shared, partial(write_product, written, shared.searcher, shared.store, deliveries))


@router.delete("/{product_id:path}", summary="Remove a product", status_code=204, dependencies=[Depends(may_write)])
async def delete(product_id: str, shared: Shared) -> Response:
    """Remove a product and its photos; needs an admin key. Removing what is not there is no error."""
    await _write(shared, partial(shared.store.delete, [product_id]))
    return Response(status_code=204)


async def _write(shared: Context, work: Callable[[], T]) -> T:
    """Run a write, telling a store that was opened for reading from one that fails."""
    try:
        return await shared.writes.run(work)
    except StoreError:
        facts = await shared.reads.run(shared.store.describe)
        if facts.get("mode") == "read":
            detail = "this server opened its store for reading; start it with writing allowed"
            raise RefusalError(403, "forbidden", detail) from None
        raise

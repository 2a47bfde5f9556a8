"""One product: read, written whole, removed."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from wearabouts.server.context import Shared, may_read, may_write
from wearabouts.server.problems import RefusalError
from wearabouts.server.replies import ProductReply, product_reply

router = APIRouter(prefix="/v1/products", tags=["products"])


@router.get("/{product_id:path}", summary="A product", dependencies=[Depends(may_read)])
async def product(product_id: str, shared: Shared) -> ProductReply:
    """What the store holds of one product."""
    found = await shared.reads.run(shared.store.product, product_id)
    if found is None:
        raise RefusalError(404, "unknown-product", f"no product {product_id[:100]!r} in this shop")
    return product_reply(found, shared.signer.sign)

"""For those who run the server: is it alive, can it answer, what did it count."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from wearabouts.errors import WearaboutsError
from wearabouts.server.context import Shared, counted
from wearabouts.server.problems import RefusalError
from wearabouts.server.replies import judge_reply
from wearabouts.server.security import require_admin

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """Alive."""

    status: str


class Readiness(BaseModel):
    """Able to answer, and with what."""

    status: str
    model: str
    products: int
    photos: int
    verifier: str = Field(default="", description="What judges whether it is the very same item; empty for nothing")
    calibrated_on: str = Field(default="", description="What its probabilities were fitted on")
    recall: float | None = Field(
        default=None, description="Share of the true nearest photos that searches find, of real queries asked again"
    )


@router.get("/healthz", summary="Alive?")
async def healthz() -> Health:
    """Answers as long as the process runs, however busy the searches are."""
    return Health(status="ok")


@router.get("/readyz", summary="Ready?", dependencies=[Depends(counted)])
async def readyz(shared: Shared) -> Readiness:
    """Answers 200 once the store can be read and was filled by the encoder in use, else 503."""
    encoder, store = shared.searcher.encoder, shared.store
    try:
        facts = await shared.reads.run(store.describe)
        fits = store.encoder_hash == encoder.hash
        judge = await shared.reads.run(judge_reply, shared.searcher) if fits else None
    except (WearaboutsError, OSError):
        raise RefusalError(
            503, "store", "the store cannot be read; see the server's log", {"Retry-After": "5"}
        ) from None
    if not fits:
        raise RefusalError(
            503, "model", "the store was filled by another encoder; index it again", {"Retry-After": "60"}
        )
    return Readiness(
        status="ready",
        model=encoder.name,
        products=facts["products"],
        photos=facts["photos"],
        verifier=judge.name if judge else "",
        calibrated_on=judge.calibrated_on if judge else "",
        recall=store.vitals().get("recall"),
    )


@router.get("/metrics", summary="Counters for Prometheus", dependencies=[Depends(counted)])
async def metrics(request: Request, shared: Shared) -> Response:
    """Open on loopback; with an admin key where the server binds wider."""
    if not shared.settings.loopback:
        require_admin(request, shared.settings)
    return Response(
        await shared.reads.run(shared.metrics.render), media_type="text/plain; version=0.0.4; charset=utf-8"
    )

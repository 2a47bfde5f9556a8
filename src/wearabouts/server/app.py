"""The application: routes, checks around them, and what starts and stops with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from wearabouts import __version__
from wearabouts.search import Searcher
from wearabouts.server import problems
from wearabouts.server.context import Context
from wearabouts.server.metrics import MetricsMiddleware
from wearabouts.server.routes import operations, pages, products, search, shop
from wearabouts.server.security import SecurityMiddleware
from wearabouts.server.settings import ServerSettings
from wearabouts.stores import Store

ABOUT = """A street photo goes in, the shop's own products come out.

Errors are RFC 9457 problems. Where keys are set, send one as `Authorization: Bearer KEY` or `X-API-Key: KEY`.
A `similarity` is a cosine in [-1, 1], not a probability. No query photo is kept, and no vector is given out."""
REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "The request cannot be answered as asked", "model": problems.Problem},
    "503": {"description": "Busy or not ready; Retry-After says when to come back", "model": problems.Problem},
}


def create_app(searcher: Searcher, store: Store, settings: ServerSettings | None = None) -> FastAPI:
    """Build the application over an open store.

    Args:
        searcher: Answers the searches; threads share it.
        store: The searcher's store. Products can be written only where it was opened for writing.
        settings: None for the defaults: loopback, search open, writing closed.

    Returns:
        An ASGI application. `wearabouts.server.run` gives it a deadline for slow clients; other servers need their own.
    """
    context = Context.build(searcher, store, settings or ServerSettings())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        context.close()

    app = FastAPI(
        title=context.settings.name,
        summary="Visual search over a shop's own products",
        description=ABOUT,
        version=__version__,
        docs_url=None,  # the usual pages load scripts from elsewhere; docs/api.md and /openapi.json say the same
        redoc_url=None,
        lifespan=lifespan,
        responses=REFUSALS,
    )
    app.state.context = context
    problems.install(app)
    for routes in (search, products, shop, operations, pages):
        app.include_router(routes.router)
    _wrap(app, context)
    return app


def _wrap(app: FastAPI, context: Context) -> None:
    """Put the checks around the routes; the last added is the outermost."""
    if context.settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=context.settings.allowed_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "X-API-Key", "Content-Type"],
            expose_headers=["Retry-After"],
            max_age=600,
        )
    app.add_middleware(SecurityMiddleware, settings=context.settings)
    app.add_middleware(MetricsMiddleware, metrics=context.metrics)

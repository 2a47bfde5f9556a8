"""Every error as RFC 9457 problem+json, from one table."""

from __future__ import annotations

import logging
import secrets
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from wearabouts import errors

log = logging.getLogger("wearabouts.server")

MEDIA_TYPE = "application/problem+json"
LONGEST_DETAIL = 600


class RefusalError(errors.WearaboutsError):
    """A request turned away before it reached the library.

    Args:
        status: HTTP status, 4xx or 503.
        kind: Last part of the problem's type, such as ``rate``.
        detail: What was given, what is allowed, what to do.
        headers: Headers the status calls for, such as Retry-After.
    """

    def __init__(self, status: int, kind: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.headers = status, kind, headers or {}


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="`urn:wearabouts:problem:` and a word that programs can switch on")
    title: str = Field(description="The status in words")
    status: int
    detail: str = Field(description="What was given, what is allowed, what to do")
    errors: list[dict[str, str]] | None = Field(default=None, description="For 422: each faulty parameter and why")


# The one table: class → status and the word in the problem's type. Subclasses fall back on their parent's row.
TABLE: dict[type[Exception], tuple[int, str]] = {
    errors.ImageError: (422, "image"),
    errors.QueryError: (422, "query"),
    errors.FetchError: (422, "fetch"),
    errors.CatalogError: (422, "product"),
    errors.StoreError: (503, "store"),
    errors.BundleError: (503, "model"),
    errors.SettingsError: (500, "internal"),
    errors.EvaluationError: (500, "internal"),
    errors.WearaboutsError: (500, "internal"),
}


def problem(status: int, kind: str, detail: str, *, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    """One problem as a response."""
    body = {
        "type": f"urn:wearabouts:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail[:LONGEST_DETAIL],
        **more,
    }
    return JSONResponse(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def refusal(error: RefusalError) -> JSONResponse:
    """The response for a request that was turned away."""
    return problem(error.status, error.kind, str(error), headers=error.headers)


def from_error(error: Exception) -> JSONResponse:
    """The response for an error of the library."""
    row = next((TABLE[kind] for kind in type(error).__mro__ if kind in TABLE), (500, "internal"))
    if row[0] == 500:
        return internal(error)
    headers = {"Retry-After": "5"} if row[0] == 503 else None
    return problem(row[0], row[1], str(error), headers=headers)


def install(app: FastAPI) -> None:
    """Register the handlers, so that no other form of error leaves the app."""

    @app.exception_handler(RefusalError)
    async def _refused(_: Request, error: RefusalError) -> Response:
        return refusal(error)

    @app.exception_handler(errors.WearaboutsError)
    async def _known(_: Request, error: errors.WearaboutsError) -> Response:
        return from_error(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        # The input itself is not echoed: it may be long, secret or somebody's script.
        faults = [{"parameter": ".".join(map(str, item["loc"])), "reason": str(item["msg"])} for item in error.errors()]
        first = faults[0] if faults else {"parameter": "request", "reason": "not understood"}
        return problem(422, "parameter", f"{first['parameter']}: {first['reason']}", errors=faults[:20])

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> Response:
        return problem(error.status_code, "http", str(error.detail), headers=dict(error.headers or {}))

    @app.exception_handler(ClientDisconnect)
    async def _gone(_: Request, __: ClientDisconnect) -> Response:
        return problem(400, "disconnected", "the request ended before its body did")


def internal(error: Exception) -> JSONResponse:
    """A 500 that says nothing of the inside but can be found in the log."""
    ticket = secrets.token_hex(4)
    log.error("internal error %s", ticket, exc_info=error)
    return problem(500, "internal", f"something failed on this side; the server's log knows it as {ticket}")

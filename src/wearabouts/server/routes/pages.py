"""The page: static files read once, each with its type, its ETag and a strict policy."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from importlib.resources import files

from fastapi import APIRouter, Request
from starlette.responses import Response

from wearabouts.server.problems import RefusalError
from wearabouts.server.security import PAGE_POLICY, SEALED

router = APIRouter(include_in_schema=False)

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@router.api_route("/", methods=["GET", "HEAD"])
async def index(request: Request) -> Response:
    """The search page."""
    return _static(request, "index.html")


@router.api_route("/page/{name}", methods=["GET", "HEAD"])
async def part(request: Request, name: str) -> Response:
    """A script, style or drawing of the page."""
    return _static(request, name)


@router.api_route("/embed.js", methods=["GET", "HEAD"])
async def embed(request: Request) -> Response:
    """The search box for a shop's own page."""
    response = _static(request, "embed.js")
    response.headers["cross-origin-resource-policy"] = "cross-origin"
    return response


@lru_cache(maxsize=1)
def _files() -> dict[str, tuple[bytes, str]]:
    """Name → bytes and ETag of everything the page consists of."""
    parts = {}
    for entry in files("wearabouts.server").joinpath("page").iterdir():
        if entry.name.rpartition(".")[2] in TYPES:
            data = entry.read_bytes()
            parts[entry.name] = (data, f'"{sha256(data).hexdigest()[:32]}"')
    return parts


def _static(request: Request, name: str) -> Response:
    found = _files().get(name)
    if found is None:
        raise RefusalError(404, "unknown-page", "no such page; begin at /")
    data, tag = found
    policy = PAGE_POLICY if name.endswith(".html") else SEALED
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Security-Policy": policy}
    if tag in (given.strip() for given in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=TYPES[name.rpartition(".")[2]], headers=headers)

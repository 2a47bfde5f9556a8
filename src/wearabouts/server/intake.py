"""From a request's bytes to photos: counted while they arrive, kept in memory only, gone with the request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from wearabouts.server.limits import BodyBudget
from wearabouts.server.problems import RefusalError
from wearabouts.server.settings import ServerSettings
from wearabouts.types import Box

MAX_FILES = 20
MAX_FIELDS = 20
MAX_FIELD_BYTES = 256 * 1024


@dataclass(slots=True)
class Form:
    """A multipart request: files and text fields by name, in the order sent."""

    files: list[tuple[str, bytes]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def file(self, name: str) -> bytes:
        """The one file of that name.

        Raises:
            RefusalError: 400 where it is missing.
        """
        found = [data for given, data in self.files if given == name]
        if len(found) != 1:
            given = ", ".join(sorted({other for other, _ in self.files})) or "none"
            detail = f"the form must have one file {name!r}; it has {len(found)} (files given: {given[:200]})"
            raise RefusalError(400, "form", detail)
        return found[0]


class Intake:
    """Reads request bodies under the server's limits."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._budget = BodyBudget(settings.max_buffered_bytes)

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncGenerator[bytes]:
        """The whole body, for the length of the block.

        Raises:
            RefusalError: 413 over the size limit, 408 over the time limit, 503 where all bodies together are too many.
        """
        limit = self._settings.max_body_bytes
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            raise _too_large(limit)
        with self._budget.share() as book:
            chunks = bytearray()
            try:
                async with asyncio.timeout(self._settings.receive_seconds):
                    async for chunk in request.stream():
                        if len(chunks) + len(chunk) > limit:
                            raise _too_large(limit)
                        book(len(chunk))
                        chunks += chunk
            except TimeoutError:
                detail = f"the body was not received whole within {self._settings.receive_seconds:g} s"
                raise RefusalError(408, "slow", detail) from None
            yield bytes(chunks)

    async def form(self, request: Request, body: bytes) -> Form:
        """The body read as multipart/form-data, without touching the disk.

        Raises:
            RefusalError: 400 where it is not that.
        """

        async def whole() -> AsyncGenerator[bytes]:
            yield body

        parser = MultiPartParser(
            request.headers, whole(), max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES
        )
        parser.spool_max_size = self._settings.max_body_bytes + 1
        form = Form()
        try:
            parsed = await parser.parse()
            for name, value in parsed.multi_items():
                if isinstance(value, UploadFile):
                    form.files.append((name, await value.read()))
                else:
                    form.texts[name] = value
            await parsed.close()
        except (MultiPartException, ValueError, LookupError) as error:
            raise RefusalError(400, "form", f"the body is not a readable multipart/form-data form: {error}") from None
        return form


def media_type(request: Request) -> str:
    """The request's media type, lower case, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def read_json(body: bytes) -> dict[str, Any]:
    """A body that must be one JSON object.

    Raises:
        RefusalError: 400 where it is not.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise RefusalError(400, "json", "the body is not one JSON object in UTF-8")
    return value


def read_box(text: str | None, name: str = "box") -> Box | None:
    """A box as ``left,top,width,height``, or None for none.

    Raises:
        RefusalError: 422 where it cannot be read.
    """
    if text is None or not text.strip():
        return None
    try:
        left, top, width, height = (float(part) for part in text.split(","))
        return Box(left, top, width, height)
    except ValueError:
        shown = text[:80]
        detail = f"{name} {shown!r} is not left,top,width,height: four numbers in pixels, width and height above 0"
        raise RefusalError(422, "box", detail) from None


def _too_large(limit: int) -> RefusalError:
    detail = f"the body is larger than the {limit} bytes this server takes; send a smaller photo"
    return RefusalError(413, "size", detail)

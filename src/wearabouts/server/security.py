"""Who may ask, from where, and which headers every answer carries."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wearabouts.server.problems import RefusalError, internal, refusal
from wearabouts.server.settings import ServerSettings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SEALED = "default-src 'none'; frame-ancestors 'none'; sandbox"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def given_key(request: Request) -> str:
    """The key a request carries, as ``Authorization: Bearer`` or ``X-API-Key``; empty for none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")


def holds(key: str, keys: Sequence[str]) -> bool:
    """Whether a key is one of those; every one is compared, in constant time."""
    given = key.encode("utf-8", "surrogateescape")
    return any([hmac.compare_digest(given, known.encode()) for known in keys])


def require_search(request: Request, settings: ServerSettings) -> None:
    """Let through whoever may search.

    Raises:
        RefusalError: 401 without a valid key, where keys are set.
    """
    if not settings.search_keys or holds(given_key(request), settings.search_keys + settings.admin_keys):
        return
    raise _unauthorised("a search key")


def require_admin(request: Request, settings: ServerSettings) -> None:
    """Let through whoever may write.

    Raises:
        RefusalError: 401 without a valid key, 403 with a search key or where writing is not set up.
    """
    key = given_key(request)
    if holds(key, settings.admin_keys) or (settings.open_admin and settings.loopback):
        return
    if not settings.admin_keys:
        raise RefusalError(403, "forbidden", "writing is not set up on this server; set admin_keys and start it again")
    if holds(key, settings.search_keys):
        raise RefusalError(403, "forbidden", "a search key may not do this; send an admin key")
    raise _unauthorised("an admin key")


def _unauthorised(what: str) -> RefusalError:
    detail = f"{what} is needed; send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'"
    return RefusalError(401, "key", detail, {"WWW-Authenticate": 'Bearer realm="wearabouts"'})


def client_name(request: Request) -> str:
    """Who is counted as one client: the IPv4 address, or the /64 network of an IPv6 address."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return address.exploded[:19]
    return str(address)


class ThumbnailSigner:
    """Signs thumbnail addresses where search needs a key, because an ``<img>`` cannot send one.

    The secret follows from the search keys: several servers of one shop agree, and a changed key ends old addresses.
    """

    def __init__(self, search_keys: Sequence[str]) -> None:
        text = "\0".join(sorted(search_keys)).encode()
        self._secret = blake2b(text, person=b"wearabouts-thumb").digest() if search_keys else b""

    def sign(self, photo_id: str) -> str:
        """The signature of one photo's address; empty where none is needed."""
        if not self._secret:
            return ""
        return blake2b(photo_id.encode("utf-8", "surrogatepass"), key=self._secret, digest_size=16).hexdigest()

    def valid(self, photo_id: str, signature: str) -> bool:
        """Whether the signature opens that photo."""
        return hmac.compare_digest(self.sign(photo_id).encode(), signature.encode("utf-8", "surrogateescape"))


class SecurityMiddleware:
    """Checks Host and Origin before anything else runs, and seals every response, that to an unforeseen fault included.

    The Host check stops DNS rebinding; the Origin check stops another site's page from writing or spending searches
    through the browser of somebody who can reach this server.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self.app = app
        self._hosts = settings.hosts
        self._origins = frozenset(settings.allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request through the checks."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        started = False

        async def sealed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _seal(MutableHeaders(scope=message), shared=bool(self._origins))
            await send(message)

        try:
            self._check(Headers(scope=scope), scope["method"])
            await self.app(scope, receive, sealed)
        except RefusalError as error:
            await refusal(error)(scope, receive, sealed)
        except Exception as error:
            if started:
                raise
            await internal(error)(scope, receive, sealed)

    def _check(self, headers: Headers, method: str) -> None:
        host = headers.get("host", "")
        name = _host_name(host)
        if name is None or (self._hosts and name not in self._hosts):
            detail = f"host {host[:100]!r} is not served here; add it to allowed_hosts, or ask for one of those set"
            raise RefusalError(421, "host", detail)
        if method in SAFE_METHODS or "*" in self._origins:
            return
        origin = headers.get("origin")
        if origin is None:
            if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
                raise RefusalError(403, "origin", "a page of another site sent this; add it to allowed_origins")
        elif origin not in self._origins and urlsplit(origin).netloc.lower() != host.lower():
            raise RefusalError(403, "origin", f"origin {origin[:100]!r} is not in allowed_origins")


def _host_name(host: str) -> str | None:
    """The Host header without its port, lower case; None where it is not a host at all."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    if not host or parts.netloc != host or "@" in host or parts.hostname is None:
        return None
    return f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname


def _seal(headers: MutableHeaders, *, shared: bool) -> None:
    headers.setdefault("content-security-policy", SEALED)
    headers["x-content-type-options"] = "nosniff"
    headers["referrer-policy"] = "no-referrer"
    headers["cross-origin-opener-policy"] = "same-origin"
    headers.setdefault("cross-origin-resource-policy", "cross-origin" if shared else "same-origin")
    headers.setdefault("cache-control", "no-store")

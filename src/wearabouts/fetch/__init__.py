"""The only door to the network, and to files that a feed names: polite to hosts, safe for us.

Safe: http and https only; each address that a name resolves to is checked, at every redirect too, and the connection
goes to the address that was checked (a second DNS answer has no say; TLS still verifies the name). No proxies from the
environment, no cookies, no credentials. Bytes (after decompression), time (headers that drip included) and redirects
are capped. Local files must be plain files inside the folder they are allowed to lie in.

Polite: few connections and a pause per host, conditional requests, ``Retry-After`` obeyed for all threads, back-off
between tries.
"""

from __future__ import annotations

import email.utils
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpcore
import httpx

from wearabouts.errors import FetchError
from wearabouts.fetch.local import read_local
from wearabouts.fetch.network import Budget, Guard, PinnedTransport, Resolve, system_resolve
from wearabouts.fetch.terms import Fetched, FetchSettings, scheme_of, shown

__all__ = ["FetchSettings", "Fetched", "Fetcher"]

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LONGEST_WAIT = 3_600.0  # seconds a host may ask to be left alone
_NETWORK = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpx.TransportError, OSError)


class _PassingError(Exception):
    """This try failed in a way that may pass; `after` seconds were asked for by the host."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class _Gate:
    """One host's turnstile: so many at once, so long between starts, nothing before it asked to be left alone."""

    def __init__(self, settings: FetchSettings) -> None:
        self.slots = threading.BoundedSemaphore(settings.per_host)
        self.lock = threading.Lock()
        self.next_start = 0.0
        self.users = 0


class Fetcher:
    """Fetches photos; one for all threads.

    Args:
        settings: Caps and manners.
        resolve: Host and port → addresses as text; the system's resolver, or a test's.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        settings: FetchSettings | None = None,
        *,
        resolve: Resolve = system_resolve,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings or FetchSettings()
        self._budget = Budget()
        guard = Guard(resolve, self._budget, allow_private=self.settings.allow_private)
        self._client = httpx.Client(
            transport=PinnedTransport(guard),
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(self.settings.read_seconds, connect=self.settings.connect_seconds),
            headers={
                "User-Agent": self.settings.user_agent,
                "Accept": "image/*,*/*;q=0.5",
                "Accept-Encoding": "identity",
            },
        )
        self._sleep = sleep
        self._gates: dict[str, _Gate] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def fetch(self, uri: str, *, root: Path | None = None, validators: Mapping[str, str] | None = None) -> Fetched:
        """Get the bytes at an address.

        Args:
            uri: A local path, or a ``file:``, ``http:`` or ``https:`` address.
            root: Folder that local files must lie in, links resolved; None for anywhere.
            validators: What `Fetched.validators` said last time; the answer's data is None where nothing changed.

        Raises:
            FetchError: It could not, or may not, be fetched; the message says why.
        """
        scheme = scheme_of(uri)
        if scheme in ("http", "https"):
            return self._fetch_remote(uri, dict(validators or {}))
        if scheme == "file":
            try:
                parts = urlsplit(uri)
            except ValueError as problem:
                raise FetchError(f"{shown(uri)} is not an address ({problem}); give file:///path") from problem
            if parts.netloc not in ("", "localhost"):
                raise FetchError(f"{shown(uri)} names another machine; allowed: file:///path on this one")
            return read_local(unquote(parts.path), root, dict(validators or {}), self.settings.max_bytes)
        if scheme:
            raise FetchError(f"{shown(uri)} has scheme {scheme!r}; allowed: a path, file:, http: or https:")
        return read_local(uri, root, dict(validators or {}), self.settings.max_bytes)

    def _fetch_remote(self, uri: str, validators: dict[str, str]) -> Fetched:
        deadline = time.monotonic() + self.settings.seconds
        for attempt in range(1, self.settings.tries + 1):
            try:
                return self._follow(uri, validators, deadline)
            except _PassingError as problem:
                wait = max(self.settings.backoff * 2 ** (attempt - 1), problem.after or 0.0)
                if attempt == self.settings.tries or time.monotonic() + wait > deadline:
                    tries = f"{attempt} {'try' if attempt == 1 else 'tries'}"
                    message = f"{shown(uri)} failed after {tries}: {problem}; try again later"
                    raise FetchError(message, passing=True) from problem
                self._sleep(wait)
        raise FetchError(f"{shown(uri)} was not tried: tries is {self.settings.tries}; give at least 1")

    def _follow(self, uri: str, validators: dict[str, str], deadline: float) -> Fetched:
        url = self._checked(uri, uri)
        for _ in range(self.settings.redirects + 1):
            found = self._request(url, uri, validators, deadline)
            if isinstance(found, Fetched):
                return found
            url = self._checked(found, uri)
        raise FetchError(
            f"{shown(uri)} redirects more than {self.settings.redirects} times (redirects); give the final address"
        )

    def _checked(self, address: str, uri: str) -> httpx.URL:
        """An address we may ask for: what the resolver says of its host is checked when connecting."""
        try:
            url = httpx.URL(address)
            port = url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
        except (httpx.InvalidURL, ValueError, TypeError) as problem:
            raise FetchError(f"{shown(uri)} is not an address ({problem}); give http(s)://host/path") from problem
        if url.scheme not in ("http", "https") or not url.host:
            raise FetchError(f"{shown(uri)} leads to {shown(address)!r}; allowed: http(s)://host/path")
        if url.userinfo:
            raise FetchError(f"{shown(uri)} holds a user name or password; give an address without one")
        if port not in self.settings.ports and not self.settings.allow_private:
            raise FetchError(
                f"{shown(uri)} asks for port {port}; allowed: {', '.join(map(str, self.settings.ports))} (ports)"
            )
        return url

    def _request(self, url: httpx.URL, uri: str, validators: Mapping[str, str], deadline: float) -> Fetched | str:
        """One request: the answer, or the address it redirects to."""
        headers = {}
        if "etag" in validators:
            headers["If-None-Match"] = validators["etag"]
        if "last_modified" in validators:
            headers["If-Modified-Since"] = validators["last_modified"]
        with self._turn(url.host, deadline, uri) as gate, self._budget.until(deadline):
            try:
                with self._client.stream("GET", url, headers=headers) as response:
                    return self._answer(response, url, uri, validators, deadline)
            except _PassingError as problem:
                with gate.lock:
                    gate.next_start = max(gate.next_start, time.monotonic() + (problem.after or 0.0))
                raise
            except _NETWORK as problem:
                raise _PassingError(str(problem) or type(problem).__name__) from problem
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError, ValueError) as problem:
                raise FetchError(f"{shown(uri)} gave an answer that is not HTTP ({shown(str(problem))})") from problem

    def _answer(
        self, response: httpx.Response, url: httpx.URL, uri: str, validators: Mapping[str, str], deadline: float
    ) -> Fetched | str:
        status, headers = response.status_code, response.headers
        fresh = {
            name: headers[key]
            for name, key in (("etag", "etag"), ("last_modified", "last-modified"))
            if re.fullmatch(r"[\x20-\x7e]{1,500}", headers.get(key, ""))
        }
        if status == 304 and validators:
            return Fetched(None, {**validators, **fresh})
        if status in REDIRECTS and headers.get("location"):
            return str(url.join(headers["location"][:5_000]))
        if status in RETRIED:
            raise _PassingError(f"status {status}", _retry_after(headers.get("retry-after", "")))
        if status != 200:
            raise FetchError(f"{shown(uri)} answered with status {status}; allowed: 200")
        declared = headers.get("content-length", "")
        if declared.isdigit() and len(declared) < 19 and int(declared) > self.settings.max_bytes:
            raise FetchError(f"{shown(uri)} has {declared} bytes; allowed are {self.settings.max_bytes} (max_bytes)")
        data = bytearray()
        for chunk in _decoded(response, self.settings.max_bytes, uri):
            data += chunk
            if len(data) > self.settings.max_bytes:
                raise FetchError(f"{shown(uri)} has more than the {self.settings.max_bytes} bytes allowed (max_bytes)")
            if time.monotonic() > deadline:
                message = f"{shown(uri)} took more than {self.settings.seconds:g} seconds (seconds)"
                raise FetchError(message, passing=True)
        return Fetched(bytes(data), fresh)

    @contextmanager
    def _turn(self, host: str, deadline: float, uri: str) -> Iterator[_Gate]:
        """Wait for this host's turn, then hold one of its places."""
        with self._lock:
            gate = self._gates.setdefault(host, _Gate(self.settings))
            gate.users += 1
        try:
            if not gate.slots.acquire(timeout=max(0.0, deadline - time.monotonic())):
                raise FetchError(
                    f"{shown(uri)} waited {self.settings.seconds:g} seconds for its host (seconds, per_host)",
                    passing=True,
                )
            try:
                with gate.lock:
                    start = max(gate.next_start, time.monotonic())
                    if start > deadline:
                        raise FetchError(
                            f"{shown(uri)}: its host asked not to be called again so soon; try again later",
                            passing=True,
                        )
                    gate.next_start = start + self.settings.pause
                if (wait := start - time.monotonic()) > 0:
                    self._sleep(wait)
                yield gate
            finally:
                gate.slots.release()
        finally:
            with self._lock:
                gate.users -= 1
                if not gate.users and gate.next_start <= time.monotonic():
                    self._gates.pop(host, None)


def _decoded(response: httpx.Response, limit: int, uri: str) -> Iterator[bytes]:
    """The body; compressed ones (though we asked for none) are unpacked only as far as the limit allows."""
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("identity", ""):
        yield from response.iter_raw()
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise FetchError(f"{shown(uri)} is sent as {shown(coding)!r}; allowed: identity, gzip, deflate")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    left = limit + 1
    try:
        for chunk in response.iter_raw():
            data = unpack.decompress(chunk, left)
            left -= len(data)
            yield data
            if left <= 0 or unpack.eof:
                return
        yield unpack.flush()[:left]
    except zlib.error as problem:
        raise FetchError(f"{shown(uri)} is not the {coding} it says ({problem})") from problem
    if not unpack.eof:
        raise _PassingError(f"the {coding} body breaks off")


def _retry_after(raw: str) -> float | None:
    raw = raw.strip()[:60]
    if raw.isascii() and raw.isdigit():
        return min(float(raw), _LONGEST_WAIT)
    try:
        wait = email.utils.parsedate_to_datetime(raw).timestamp() - time.time() if raw else None
        return None if wait is None else min(max(0.0, wait), _LONGEST_WAIT)
    except (ValueError, TypeError, OverflowError):
        return None

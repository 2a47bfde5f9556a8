"""Connections that go only where they may: resolved once, every address checked, and a checked one used.

This closes the usual ways around an address check: a second DNS answer (rebinding), odd spellings (``0x7f.1``,
``2130706433``), IPv6 addresses that carry an IPv4 one, and redirects. It is httpx's transport.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

from wearabouts.errors import FetchError

Resolve = Callable[[str, int], list[str]]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# IANA's special-purpose registry, IPv4: nothing in these is a public web server.
_CLOSED_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        re.findall(
            r"\S+",
            """
            0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
            192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
            224.0.0.0/4 240.0.0.0/4
            """,
        ),
    )
)
# IPv6: only global unicast is open, less what the registry takes out of it (2001::/23 holds Teredo and ORCHID,
# 2002::/16 is 6to4).
_OPEN_V6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6 = tuple(map(ipaddress.IPv6Network, ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NO_SUCH_HOST = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
_STALE = 8  # kept connections that may prove closed before one request is given up
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


def is_public(address: str) -> bool:
    """Whether an address is a public unicast one.

    IPv4 addresses within IPv6 (mapped, NAT64, ISATAP) are judged as what they carry; 6to4 and Teredo are never public.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in _CLOSED_V4)
    if parsed.ipv4_mapped is not None:
        return is_public(str(parsed.ipv4_mapped))
    if parsed in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
    if parsed not in _OPEN_V6 or any(parsed in network for network in _CLOSED_V6):
        return False
    if (int(parsed) >> 32) & 0xFFFFFFFF in _ISATAP:
        return is_public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
    return True


def system_resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, in the system's order."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


class Budget:
    """The moment by which the calling thread's request must be done; each thread has its own."""

    def __init__(self) -> None:
        self._local = threading.local()

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Within this block, no wait of this thread goes past the deadline (of `time.monotonic`)."""
        self._local.deadline = deadline
        try:
            yield
        finally:
            del self._local.deadline

    def left(self, timeout: float | None) -> float:
        """The timeout, cut to what is left; raises `httpcore.ReadTimeout` when nothing is."""
        rest: float = getattr(self._local, "deadline", time.monotonic() + 60.0) - time.monotonic()
        if rest <= 0:
            raise httpcore.ReadTimeout("the time for this file is used up")
        return rest if timeout is None else min(rest, timeout)


class Guard(httpcore.NetworkBackend):
    """Opens TCP connections to checked addresses only.

    Args:
        resolve: Host and port → addresses as text.
        budget: Deadline of the request at hand.
        allow_private: Skip the check.
    """

    def __init__(self, resolve: Resolve, budget: Budget, *, allow_private: bool) -> None:
        self._resolve = resolve
        self._budget = budget
        self._allow_private = allow_private
        self._sockets = httpcore.SyncBackend()
        self._mine = threading.local()

    @contextmanager
    def watching(self) -> Iterator[Callable[[], bool]]:
        """Gives a function that says whether this thread opened a connection since the block began."""
        self._mine.opened = False
        yield lambda: bool(self._mine.opened)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve, check every answer, and connect to the first that takes the call."""
        self._mine.opened = True
        addresses = self._addresses(host, port)
        problem: Exception | None = None
        for address in addresses[:4]:
            try:
                stream = self._sockets.connect_tcp(
                    address, port, self._budget.left(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                problem = failed
            else:
                return _Timed(stream, self._budget)
        raise httpcore.ConnectError(f"no connection to {host}:{port} ({problem})")

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = self._resolve(host, port)
        except (UnicodeError, ValueError) as problem:
            raise FetchError(f"host {host[:100]!r} is no host name; give http(s)://host/path") from problem
        except OSError as problem:
            if isinstance(problem, socket.gaierror) and problem.errno in _NO_SUCH_HOST:
                raise FetchError(
                    f"host {host[:100]!r} does not exist ({problem.strerror}); correct the address"
                ) from problem
            raise httpcore.ConnectError(f"host {host[:100]!r} has no address ({problem})") from problem
        if not addresses:
            raise httpcore.ConnectError(f"host {host[:100]!r} has no address")
        for address in addresses:
            if not self._allow_private and not is_public(address):
                raise FetchError(
                    f"host {host[:100]!r} is at {address}, which is not a public address; allow_private=True permits it"
                )
        return addresses

    def connect_unix_socket(self, path: str, *_: Any, **__: Any) -> httpcore.NetworkStream:
        """Never."""
        raise FetchError(f"no connection to the socket {path!r}: only http(s) addresses are fetched")

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class _Timed(httpcore.NetworkStream):
    """A stream whose every wait ends at the request's deadline: headers that drip byte by byte cannot hold us."""

    def __init__(self, stream: httpcore.NetworkStream, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._budget.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._budget.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        # The name, not the checked address: certificates are for names.
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, self._budget.left(timeout)), self._budget)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


class PinnedTransport(httpx.BaseTransport):
    """httpx over a connection pool whose connections are opened by a `Guard`."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            network_backend=guard,
            max_connections=64,
            max_keepalive_connections=32,
            keepalive_expiry=15.0,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; httpcore's own errors pass through."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
        )
        response = self._send(
            httpcore.Request(
                method=request.method, url=url, headers=request.headers.raw, content=b"", extensions=request.extensions
            )
        )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response.stream),
            extensions=response.extensions,
        )

    def _send(self, request: httpcore.Request) -> httpcore.Response:
        """Send; a kept connection that the host has closed meanwhile is no failure of the host: take another one."""
        for _ in range(_STALE):
            with self._guard.watching() as opened:
                try:
                    return self._pool.handle_request(request)
                except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError):
                    if opened():
                        raise
        return self._pool.handle_request(request)

    def close(self) -> None:
        """Close the pool."""
        self._pool.close()

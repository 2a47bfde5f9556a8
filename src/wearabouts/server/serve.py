"""A socket, uvicorn, and an orderly end."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from wearabouts.errors import SettingsError
from wearabouts.server.receipt import deadline_protocol
from wearabouts.server.settings import ServerSettings

BACKLOG = 2048
SWITCH = 0.0005  # seconds


class _Server(uvicorn.Server):
    """A uvicorn server that tells when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()


def build_server(app: FastAPI, settings: ServerSettings, ready: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """A uvicorn server with this project's limits, not yet running."""
    protocol = deadline_protocol(settings.receive_seconds, settings.max_connections)
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="on",
        access_log=False,  # addresses and search words of people stay out of the log; /metrics counts
        log_level="warning",
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=settings.stop_seconds,
        backlog=BACKLOG,
    )
    return _Server(config, ready)


def open_socket(settings: ServerSettings) -> socket.socket:
    """Bind the address of the settings.

    Raises:
        SettingsError: The address is taken or not this machine's.
    """
    host = settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, settings.port))
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise SettingsError(
            f"cannot bind {settings.host} port {settings.port}: {reason}; choose another port, or 0 for any free one"
        ) from None
    return listener


def address(listener: socket.socket) -> str:
    """The URL a person types to reach a bound socket on this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def run(app: FastAPI, settings: ServerSettings, *, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM, then return; requests that run then may end, for `stop_seconds` at most.

    Args:
        app: What `create_app` gave.
        settings: The same settings.
        ready: Called once with the server's URL when it answers.

    Raises:
        SettingsError: The address cannot be bound.
    """
    listener = open_socket(settings)
    url = address(listener)
    server = build_server(app, settings, (lambda: ready(url)) if ready else (lambda: None))
    with listener, _returning(), _taking_turns():
        server.run(sockets=[listener])


@contextmanager
def _taking_turns() -> Iterator[None]:
    """Let threads wait a tenth as long for each other's Python as they would: a search must not stand behind a write.

    A search gives the interpreter up for its scans, and has to get it back from whoever computes meanwhile.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def _returning() -> Iterator[None]:
    """Let a stopped server return to its caller, who has a store to close.

    Once it has stopped, uvicorn raises the signal again that stopped it, which would end the process there and then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's alone
        return
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""The wire: a request must have arrived whole by a deadline, and its answer must be taken.

uvicorn waits for ever for a client that sends one byte a second, so its HTTP/1.1 protocol gets a clock here.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from wearabouts.server.problems import MEDIA_TYPE

_RECEIVED = (h11.DONE, h11.MUST_CLOSE, h11.CLOSED, h11.ERROR)


class DeadlineProtocol(H11Protocol):
    """HTTP/1.1 with an absolute deadline for headers and body together, and one for a client that does not read.

    Subclassed by `deadline_protocol`, because uvicorn makes the objects itself.
    """

    receive_seconds = 10.0
    max_connections = 4096
    _clock: asyncio.TimerHandle | None = None
    _write_clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Start the clock with the connection: silence is slow, too."""
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            self._refuse(503, "busy", "too many connections; try again in 2 s", b"retry-after: 2\r\n")
            return
        self._start()

    def data_received(self, data: bytes) -> None:
        """Stop the clock once the request is whole."""
        if self._clock is None:
            self._start()
        super().data_received(data)
        idle = self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]
        if idle or self.conn.their_state in _RECEIVED:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave no clock behind."""
        self._stop()
        self._stop_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read: give it as long as it had to send."""
        super().pause_writing()
        self._stop_writing()
        self._write_clock = self.loop.call_later(self.receive_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self._stop_writing()

    def send_400_response(self, msg: str) -> None:
        """Bytes that are not HTTP are answered in the same form as every other fault."""
        self._refuse(400, "http", "this is not an HTTP/1.1 request")

    def _start(self) -> None:
        self._clock = self.loop.call_later(self.receive_seconds, self._late)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _stop_writing(self) -> None:
        if self._write_clock is not None:
            self._write_clock.cancel()
            self._write_clock = None

    def _late(self) -> None:
        self._clock = None
        if self.transport.is_closing():
            return
        if self.cycle is not None and self.cycle.response_started:
            self.transport.close()
            return
        self._refuse(408, "slow", f"the request was not received whole within {self.receive_seconds:g} s")

    def _refuse(self, status: int, kind: str, detail: str, header: bytes = b"") -> None:
        """Write one problem past the state machine, which may be in the middle of a request, and close."""
        title = HTTPStatus(status).phrase
        problem = {"type": f"urn:wearabouts:problem:{kind}", "title": title, "status": status, "detail": detail}
        body = json.dumps(problem).encode()
        head = f"HTTP/1.1 {status} {title}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(head.encode() + header + b"connection: close\r\n\r\n" + body)
        self.transport.close()


def deadline_protocol(receive_seconds: float, max_connections: int) -> type[DeadlineProtocol]:
    """The protocol class with a server's own limits."""
    limits = {"receive_seconds": receive_seconds, "max_connections": max_connections}
    return type("DeadlineProtocol", (DeadlineProtocol,), limits)

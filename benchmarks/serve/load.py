"""An open-loop load generator: requests fall due at random moments at a fixed rate, whether or not others are answered.

What counts is the time from the moment a request was due until its answer was there, so that a server that stalls is
charged for everybody who came meanwhile (*coordinated omission*). HTTP/1.1 over connections kept open, by asyncio's
own sockets: the client shares the machine with the server, so it has to be cheap.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

PATIENCE = 5.0  # seconds after the last request was due: what is not answered by then counts as so long, and as failed
BOUNDARY = "photo-of-a-query"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the requests of one rate.

    Attributes:
        rate: Requests a second that fell due.
        laps: Milliseconds of each, from when it was due.
        failed: How many had no answer of status 200 in time.
        late: Milliseconds after it was due that the median request was sent: the client's own lateness.
    """

    rate: float
    laps: tuple[float, ...]
    failed: int
    late: float


def loaded(url: str, photos: Sequence[bytes], rate: float, seconds: float, seed: int) -> Outcome:
    """Send photos at a rate.

    Args:
        url: Where to, ``http://127.0.0.1:8000/v1/search?k=10``.
        photos: JPEG files, taken in turn.
        rate: Requests a second.
        seconds: How long.
        seed: Of the moments.
    """
    rng = np.random.default_rng(seed)
    due = np.cumsum(rng.exponential(1 / rate, max(round(rate * seconds), 10)))
    return asyncio.run(_all(url, [_request(url, photo) for photo in photos], due, rate))


async def _all(url: str, requests: Sequence[bytes], due: np.ndarray, rate: float) -> Outcome:
    parts = urlsplit(url)
    assert parts.hostname is not None
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    every: list[asyncio.StreamWriter] = []
    laps = np.full(len(due), np.nan)
    late = np.zeros(len(due))
    begin = time.perf_counter()

    async def one(number: int) -> None:
        late[number] = time.perf_counter() - begin - due[number]
        try:
            if idle:
                pair = idle.pop()
            else:
                pair = await asyncio.open_connection(parts.hostname, parts.port)
                every.append(pair[1])
            pair[1].write(requests[number % len(requests)])
            status = await _answer(pair[0])
        except (OSError, asyncio.IncompleteReadError, ValueError):
            return
        idle.append(pair)
        if status == 200:
            laps[number] = time.perf_counter() - begin - due[number]

    tasks = []
    for number, moment in enumerate(due):
        await asyncio.sleep(max(begin + moment - time.perf_counter(), 0))
        tasks.append(asyncio.create_task(one(number)))
    _, waiting = await asyncio.wait(tasks, timeout=PATIENCE)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for writer in every:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in every), return_exceptions=True)
    failed = np.isnan(laps)
    laps[failed] = np.maximum(time.perf_counter() - begin - due[failed], PATIENCE)
    return Outcome(rate, tuple((1000 * laps).tolist()), int(failed.sum()), float(1000 * np.median(late)))


async def _answer(reader: asyncio.StreamReader) -> int:
    """Read one answer to its end; its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = head.split("\r\n")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    await reader.readexactly(int(fields["content-length"]) if "content-length" in fields else 0)
    return int(lines[0].split()[1])


def _request(url: str, photo: bytes) -> bytes:
    """A form with one file."""
    parts = urlsplit(url)
    body = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    body += photo + f"\r\n--{BOUNDARY}--\r\n".encode()
    head = (
        f"POST {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body

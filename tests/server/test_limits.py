"""What one client, and all together, may ask for; and that the server stays awake meanwhile."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from server.world import PIECES, Served, picture, problem, serve
from wearabouts.search import Searcher
from wearabouts.server.limits import BodyBudget, Gate, TokenBuckets
from wearabouts.server.problems import RefusalError
from wearabouts.stores import Store

PHOTO = picture(PIECES[0][1])
Shop = tuple[Searcher, Store]


class Blocked:
    """A searcher whose searches wait until they are let go."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self.encoder, self.settings, self.stage_two = searcher.encoder, searcher.settings, None
        self.go = threading.Event()
        self.entered = threading.Semaphore(0)

    def search(self, *args: Any, **options: Any) -> Any:
        self.entered.release()
        assert self.go.wait(30)
        return self._searcher.search(*args, **options)


class Broken:
    """A searcher with a fault of its own."""

    def __init__(self, searcher: Searcher) -> None:
        self.encoder = searcher.encoder

    def search(self, *args: Any, **options: Any) -> Any:
        raise ZeroDivisionError("the secret inside")


def test_a_bucket_refills_evenly():
    now = 0.0
    buckets = TokenBuckets(60, clock=lambda: now)
    for _ in range(60):
        buckets.take("a")
    with pytest.raises(RefusalError) as caught:
        buckets.take("a")
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "1"})
    buckets.take("b")
    now = 2.0
    buckets.take("a")
    buckets.take("a")
    with pytest.raises(RefusalError):
        buckets.take("a")


def test_buckets_forget_the_longest_unused():
    buckets = TokenBuckets(1, clients=2, clock=lambda: 0.0)
    for client in ("a", "b", "c"):
        buckets.take(client)
    buckets.take("a")  # forgotten, so full again
    with pytest.raises(RefusalError):
        buckets.take("c")


def test_the_budget_gives_back():
    budget = BodyBudget(100)
    with budget.share() as first:
        first(60)
        with budget.share() as second:
            second(30)
            with pytest.raises(RefusalError):
                second(30)
        assert budget.held == 60
    assert budget.held == 0


def test_the_gate_keeps_its_place_until_the_work_ends():
    async def story() -> None:
        gate = Gate("test", threads=1, queue=1, seconds=0.05)
        go = threading.Event()
        with pytest.raises(RefusalError, match="within"):
            await gate.run(go.wait, 20)
        assert gate.busy == 1  # given up by the caller, yet still running
        with pytest.raises(RefusalError, match="within"):
            await gate.run(go.wait, 20)
        assert gate.busy == 1  # the waiting one was dropped
        go.set()
        while gate.busy:
            await asyncio.sleep(0.01)
        assert await gate.run(lambda: 7) == 7
        gate.close()

    asyncio.run(story())


def test_the_loop_answers_while_searches_block_and_the_queue_is_short(shop: Shop):
    blocked = Blocked(shop[0])
    with serve(blocked, shop[1], search_threads=1, search_queue=1) as running, ThreadPoolExecutor(4) as clients:
        first = clients.submit(running.search, PHOTO)
        assert blocked.entered.acquire(timeout=10)
        second = clients.submit(running.search, PHOTO)
        while running.context.searches.busy < 2:
            time.sleep(0.01)
        assert running.client.get("/healthz").json() == {"status": "ok"}
        assert running.client.get("/readyz").status_code == 200
        assert b"wearabouts_searches_in_flight 2.0" in running.client.get("/metrics").content
        third = running.search(PHOTO)
        problem(third, 503, "busy")
        assert int(third.headers["retry-after"]) >= 1
        blocked.go.set()
        assert first.result(20).status_code == second.result(20).status_code == 200
        assert running.search(PHOTO).status_code == 200


def test_a_search_that_takes_too_long_is_refused(shop: Shop):
    blocked = Blocked(shop[0])
    with serve(blocked, shop[1], search_seconds=0.2) as running:
        problem(running.search(PHOTO), 503, "busy")
        blocked.go.set()


def test_a_fault_inside_says_nothing_of_the_inside(shop: Shop, caplog: pytest.LogCaptureFixture):
    with serve(Broken(shop[0]), shop[1]) as running:
        response = running.search(PHOTO)
        detail = problem(response, 500, "internal")
        assert "secret" not in response.text
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "ZeroDivision" not in response.text
        assert detail.split()[-1] in caplog.text


def test_rate_by_client(shop: Shop):
    with serve(*shop, searches_per_minute=3) as running:
        statuses = [running.search(PHOTO).status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        late = running.search(PHOTO)
        problem(late, 429, "rate")
        assert 1 <= int(late.headers["retry-after"]) <= 20
        assert running.client.get("/v1/describe").status_code == 200  # reads are counted apart


def test_guessing_keys_costs_tokens(shop: Shop):
    with serve(*shop, searches_per_minute=2, search_keys=["k" * 20]) as running:
        assert [running.search(PHOTO).status_code for _ in range(3)] == [401, 401, 429]


def test_large_bodies(shop: Shop):
    with serve(*shop, max_body_bytes=5000) as running:
        assert running.search(picture(PIECES[0][1], (40, 40))).status_code == 200
        problem(running.search(b"x" * 5001), 413, "size")
        chunked = running.client.post(
            "/v1/search", content=(b"x" * 1000 for _ in range(50)), headers={"content-type": "image/jpeg"}
        )
        problem(chunked, 413, "size")
        problem(running.client.post("/v1/search", files={"photo": b"x" * 6000}), 413, "size")
        assert running.client.get("/healthz").status_code == 200
    with serve(*shop, max_buffered_bytes=5000) as running:
        problem(running.search(b"x" * 8000), 503, "busy")


def drip(where: tuple[str, int], start: bytes, more: bytes) -> bytes:
    """Send a start, then one byte at a time for ever; what the server answers before it closes."""
    with socket.create_connection(where, timeout=10) as wire:
        wire.sendall(start)
        wire.settimeout(0.05)
        received = b""
        for place in range(400):
            try:
                wire.send(more[place % len(more) :][:1])
                chunk = wire.recv(65536)
                if not chunk:
                    return received
                received += chunk
            except TimeoutError:
                continue
            except OSError:
                return received
    raise AssertionError("the server never closed")


def test_slow_clients_are_closed_and_cost_nothing(shop: Shop):
    photo_head = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: 100000\r\n\r\n"
    )
    unread = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    starts = [b"", b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", photo_head, unread] * 4
    with serve(*shop, receive_seconds=2) as running, ThreadPoolExecutor(len(starts)) as clients:
        slow = [clients.submit(drip, running.where, start, b"a") for start in starts]
        assert running.search(PHOTO).status_code == 200
        for start, answer in zip(starts, (future.result(40) for future in slow), strict=True):
            # What was sent and never read can make the closing a reset, which takes the answer with it.
            assert answer[:12] in (b"", b"HTTP/1.1 404" if start == unread else b"HTTP/1.1 408")
        assert running.search(PHOTO).status_code == 200


def test_a_kept_connection_is_not_cut_between_requests(shop: Shop):
    ask = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serve(*shop, receive_seconds=1) as running, socket.create_connection(running.where, timeout=10) as wire:
        for _ in range(2):
            wire.sendall(ask)
            answer = b""
            while b'"ok"' not in answer:
                chunk = wire.recv(65536)
                assert chunk, answer
                answer += chunk
            assert answer.startswith(b"HTTP/1.1 200")
            time.sleep(1.3)


def test_too_many_connections_are_told(shop: Shop):
    with serve(*shop, max_connections=2) as running:
        held = [socket.create_connection(running.where) for _ in range(2)]
        time.sleep(0.1)
        assert running.raw(b"").startswith(b"HTTP/1.1 503")
        for wire in held:
            wire.close()


def test_bytes_that_are_not_http(served: Served):
    for junk in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nConnection: close\r\n\r\n",
        b"A" * 70000,
    ):
        answer = served.raw(junk)
        assert answer.startswith(b"HTTP/1.1 4")
        assert b"application/problem+json" in answer
    assert served.client.get("/healthz").status_code == 200

"""Health, readiness, counters, the API's own description, and what is nowhere."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from server.world import ADMIN, PIECES, SEARCH, Served, open_shop, picture, problem, serve
from wearabouts.search import Searcher
from wearabouts.stores import Store

PHOTO = picture(PIECES[0][1])


def test_ready_tells_what_is_served(served: Served):
    ready = served.client.get("/readyz").json()
    assert (ready["status"], ready["products"], ready["photos"]) == ("ready", 7, 7)


def test_not_ready_where_the_encoder_changed(shop: tuple[Searcher, Store]):
    class Other:
        encoder = type("Other", (), {"name": "other", "hash": "other-1"})

    with serve(Other(), shop[1]) as running:
        problem(running.client.get("/readyz"), 503, "model")


def test_describe_gives_the_page_what_it_needs(served: Served):
    shop = served.client.get("/v1/describe").json()
    assert shop["products"] == 7
    assert shop["garments"] == ["dress", "pants", "shoes"]
    price = next(column for column in shop["columns"] if column["name"] == "price")
    assert (price["kind"], price["filled"], price["range"]) == ("number", 6, [25.0, 120.0])
    assert shop["currencies"] == ["EUR"]


def test_counters_count(shop: tuple[Searcher, Store]):
    with serve(*shop) as running:
        running.search(PHOTO)
        running.search(b"no picture")
        running.client.get("/no/such/place")
        value = running.context.metrics.registry.get_sample_value
        search = {"route": "/v1/search", "method": "POST"}
        assert value("wearabouts_requests_total", {**search, "status": "200"}) == 1
        assert value("wearabouts_requests_total", {**search, "status": "422"}) == 1
        assert value("wearabouts_refusals_total", {"status": "404"}) == 1
        assert value("wearabouts_stage_seconds_count", {"stage": "encode"}) == 1
        text = running.client.get("/metrics").text
        assert "/no/such/place" not in text


def test_the_store_s_own_figures_are_told(tmp_path: Path):
    with open_shop(tmp_path / "store") as (searcher, store), serve(searcher, store) as running:
        running.search(PHOTO)
        value = running.context.metrics.registry.get_sample_value
        before = value("wearabouts_store_writes")
        assert (value("wearabouts_store_photos"), value("wearabouts_store_recall")) == (7, 1)
        assert running.client.get("/readyz").json()["recall"] == 1
        store.delete(["p/rose"])
        assert (value("wearabouts_store_photos"), value("wearabouts_store_writes")) == (6, before + 1)
        text = running.client.get("/metrics").text
        assert "\nwearabouts_store_recall_low 1.0\n" in text
        assert "# HELP wearabouts_store_recall The store: share of the true nearest photos that searches find" in text
        store.close()
        assert "wearabouts_store" not in running.client.get("/metrics").text


def test_metrics_need_an_admin_key_where_the_server_binds_wider(shop: tuple[Searcher, Store]):
    with serve(*shop, host="0.0.0.0", search_keys=[SEARCH], admin_keys=[ADMIN]) as running:
        problem(running.client.get("/metrics", headers={"x-api-key": SEARCH}), 403, "forbidden")
        assert running.client.get("/metrics", headers={"x-api-key": ADMIN}).status_code == 200
        assert running.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/nowhere", 404),
        ("GET", "/page/../settings.py", 404),
        ("GET", "/page/..%2fsettings.py", 404),
        ("GET", "/v1/samples/0", 404),
        ("GET", "/v1/compare", 405),
        ("PATCH", "/v1/products/x", 405),
        ("GET", "/docs", 404),
        ("GET", "/v1/photos/%00/thumbnail", 404),
        ("GET", "/v1/photos/%FF%FE/thumbnail", 404),
        ("GET", "/v1/products/%F0%9F%A7%A5", 404),
        ("GET", "/v1/samples/99999999999999999999", 404),
        ("GET", "/v1/samples/x", 422),
    ],
)
def test_what_is_nowhere_is_a_problem(served: Served, method: str, path: str, status: int):
    response = served.client.request(method, path)
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, response.json()["status"]) == (status, status)


def test_openapi_describes_every_route_and_its_errors(served: Served):
    api = served.client.get("/openapi.json").json()
    operations = {(method, path): what for path, entry in api["paths"].items() for method, what in entry.items()}
    assert set(operations) == {
        ("post", "/v1/search"),
        ("get", "/v1/search"),
        ("post", "/v1/compare"),
        ("get", "/v1/products/{product_id}/similar"),
        ("get", "/v1/products/{product_id}"),
        ("put", "/v1/products/{product_id}"),
        ("delete", "/v1/products/{product_id}"),
        ("get", "/v1/photos/{photo_id}/thumbnail"),
        ("get", "/v1/samples/{number}"),
        ("get", "/v1/describe"),
        ("get", "/healthz"),
        ("get", "/readyz"),
        ("get", "/metrics"),
    }
    for what in operations.values():
        assert what["summary"]
        assert what["description"]
        assert "4XX" in what["responses"]
    body = operations["post", "/v1/search"]["requestBody"]["content"]
    assert set(body) == {"multipart/form-data", "image/*", "application/json"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_returns_to_the_caller(number: signal.Signals):
    story = """
from wearabouts.server import ServerSettings, run
from fastapi import FastAPI
run(FastAPI(), ServerSettings(port=0), ready=lambda url: print(url, flush=True))
print("the caller goes on")
"""
    with subprocess.Popen([sys.executable, "-c", story], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}openapi.json", trust_env=False, timeout=20).status_code == 200
        process.send_signal(number)
        assert process.stdout.read() == "the caller goes on\n"
        assert process.wait(20) == 0


def test_stopping_lets_a_running_search_end(shop: tuple[Searcher, Store]):
    searcher, store = shop
    entered, go = threading.Event(), threading.Event()

    class Slow:
        encoder, settings = searcher.encoder, searcher.settings

        def search(self, *args: object, **options: object) -> object:
            entered.set()
            assert go.wait(20)
            return searcher.search(*args, **options)  # type: ignore[arg-type]

    with serve(Slow(), store) as running:
        statuses: list[int] = []
        ask = {"content": PHOTO, "headers": {"content-type": "image/jpeg"}, "timeout": 30, "trust_env": False}
        url = f"{running.url}v1/search"
        client = threading.Thread(target=lambda: statuses.append(httpx.post(url, **ask).status_code))
        client.start()
        assert entered.wait(10)
        threading.Timer(0.3, go.set).start()
    client.join(10)
    assert statuses == [200]

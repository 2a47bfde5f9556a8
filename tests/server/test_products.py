"""Writing over HTTP: acknowledged means stored and findable; strangers cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.world import ADMIN, SEARCH, Served, open_shop, picture, problem, serve
from wearabouts.search import Searcher
from wearabouts.stores import Store

YELLOW = picture((240, 220, 20))
AS_ADMIN = {"authorization": f"Bearer {ADMIN}"}


@pytest.fixture(scope="module")
def keyed(shop: tuple[Searcher, Store]) -> Iterator[Served]:
    with serve(*shop, search_keys=[SEARCH], admin_keys=[ADMIN]) as running:
        yield running


def put(served: Served, name: str, fields: object, *photos: bytes, headers: dict[str, str] | None = None):
    files = [("product", (None, json.dumps(fields))), *(("photo", ("x.jpg", data)) for data in photos)]
    return served.client.put(f"/v1/products/{name}", files=files, headers=headers or AS_ADMIN)


def test_a_written_product_is_found_then_gone(keyed: Served):
    fields = {
        "title": "Lemon",
        "price": 9.5,
        "currency": "EUR",
        "availability": "in_stock",
        "attributes": {"size": "S"},
    }
    written = put(keyed, "new%2Flemon", fields, YELLOW)
    assert written.status_code == 200, written.text
    assert written.json() == {"id": "new/lemon", "photos": 1, "skipped": []}

    got = keyed.client.get("/v1/products/new%2Flemon", headers=AS_ADMIN).json()
    assert (got["title"], got["price"], got["attributes"]) == ("Lemon", 9.5, {"size": "S"})
    thumbnail = keyed.client.get(got["photos"][0]["thumbnail"])
    assert thumbnail.content[:3] == b"\xff\xd8\xff"
    assert thumbnail.content != YELLOW

    answer = keyed.client.post(
        "/v1/search",
        params={"k": 1, "category": "off"},
        content=YELLOW,
        headers={**AS_ADMIN, "content-type": "image/jpeg"},
    ).json()
    assert answer["matches"][0]["product"]["id"] == "new/lemon"

    assert keyed.client.delete("/v1/products/new%2Flemon", headers=AS_ADMIN).status_code == 204
    assert keyed.client.delete("/v1/products/new%2Flemon", headers=AS_ADMIN).status_code == 204
    problem(keyed.client.get("/v1/products/new%2Flemon", headers=AS_ADMIN), 404, "unknown-product")
    problem(keyed.client.get(got["photos"][0]["thumbnail"]), 404, "unknown-photo")


def test_writing_replaces_whole(keyed: Served):
    put(keyed, "twice", {"title": "First", "price": 1}, YELLOW, picture((10, 10, 10)))
    put(keyed, "twice", {"title": "Second"}, YELLOW)
    got = keyed.client.get("/v1/products/twice", headers=AS_ADMIN).json()
    assert (got["title"], got["price"], len(got["photos"])) == ("Second", None, 1)
    keyed.client.delete("/v1/products/twice", headers=AS_ADMIN)


def test_a_bad_photo_costs_itself_only(keyed: Served):
    written = put(keyed, "half", {}, YELLOW, b"no picture").json()
    assert written["photos"] == 1
    assert len(written["skipped"]) == 1
    keyed.client.delete("/v1/products/half", headers=AS_ADMIN)
    problem(put(keyed, "none", {}, b"no picture"), 422, "image")
    problem(keyed.client.get("/v1/products/none", headers=AS_ADMIN), 404, "unknown-product")


@pytest.mark.parametrize(
    "fields, word",
    [
        ({"titel": "x"}, "titel"),
        ({"price": -1}, "price"),
        ({"price": "cheap"}, "price"),
        ({"currency": "euro"}, "currency"),
        ({"availability": "soon"}, "availability"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"title": "x" * 5001}, "title"),
        ({"photos": [{"uri": "file:///etc/passwd"}]}, "https://"),
        ({"photos": [{"uri": "/etc/passwd"}]}, "https://"),
        ({"photos": [{"uri": "https://shop.example/x.jpg"}] * 21}, "photos"),
    ],
)
def test_faulty_fields_are_named(keyed: Served, fields: dict, word: str):
    response = put(keyed, "faulty", fields, YELLOW)
    assert response.status_code == 422
    assert word in problem(response, 422, response.json()["type"].rpartition(":")[2])


def test_faulty_requests(keyed: Served):
    def raw(content: bytes, kind: str):
        return keyed.client.put("/v1/products/faulty", content=content, headers={**AS_ADMIN, "content-type": kind})

    problem(raw(b"{}", "application/json"), 422, "product")  # no photo
    problem(raw(b"[]", "application/json"), 400, "json")
    problem(raw(b"[" * 100_000, "application/json"), 400, "json")
    problem(raw(YELLOW, "image/jpeg"), 415, "media-type")
    problem(put(keyed, "x" * 501, {}, YELLOW), 422, "product")
    # An address inside this machine is never fetched.
    inside = json.dumps({"photos": [{"uri": "http://127.0.0.1:9/x.jpg"}]}).encode()
    problem(raw(inside, "application/json"), 422, "image")


def test_who_may_write(keyed: Served, served: Served):
    problem(put(keyed, "x", {}, YELLOW, headers={"x-nothing": "1"}), 401, "key")
    problem(put(keyed, "x", {}, YELLOW, headers={"x-api-key": SEARCH}), 403, "forbidden")
    problem(put(keyed, "x", {}, YELLOW, headers={"x-api-key": ADMIN[:-1]}), 401, "key")
    problem(served.client.delete("/v1/products/p%2Fsky"), 403, "forbidden")
    assert served.client.get("/v1/products/p%2Fsky").status_code == 200


def test_open_admin_on_loopback(shop: tuple[Searcher, Store]):
    with serve(*shop, open_admin=True) as running:
        assert put(running, "open", {}, YELLOW, headers={"x-nothing": "1"}).status_code == 200
        assert running.client.delete("/v1/products/open").status_code == 204


def test_a_store_opened_for_reading_refuses_writes(tmp_path: Path):
    with open_shop(tmp_path / "store", mode="read") as shop, serve(*shop, open_admin=True) as running:
        problem(running.client.delete("/v1/products/p%2Fsky"), 403, "forbidden")
        assert running.client.get("/v1/products/p%2Fsky").status_code == 200

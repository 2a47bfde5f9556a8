"""Keys, hosts, origins and headers."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from server.world import ADMIN, PIECES, SEARCH, Served, picture, problem, serve
from wearabouts.search import Searcher
from wearabouts.server.security import ThumbnailSigner, _host_name
from wearabouts.stores import Store

PHOTO = picture(PIECES[0][1])
FRIEND, STRANGER = "https://shop.example", "https://evil.example"


@pytest.fixture(scope="module")
def keyed(shop: tuple[Searcher, Store]) -> Iterator[Served]:
    with serve(*shop, search_keys=[SEARCH, SEARCH + "2"], admin_keys=[ADMIN], allowed_origins=[FRIEND]) as running:
        yield running


def search(served: Served, **headers: str) -> httpx.Response:
    sent = {"content-type": "image/jpeg", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return served.client.post("/v1/search", content=PHOTO, headers=sent)


def test_keys_in_both_headers(keyed: Served):
    assert search(keyed, x_api_key=SEARCH).status_code == 200
    assert search(keyed, authorization=f"Bearer {SEARCH}2").status_code == 200
    assert search(keyed, authorization=f"bearer {ADMIN}").status_code == 200
    for wrong in ("", SEARCH[:-1], SEARCH + "3", "é"):
        response = keyed.client.post(
            "/v1/search", content=PHOTO, headers=[(b"content-type", b"image/jpeg"), (b"x-api-key", wrong.encode())]
        )
        problem(response, 401, "key")
        assert response.headers["www-authenticate"].startswith("Bearer")
    problem(search(keyed, authorization=f"Basic {SEARCH}"), 401, "key")


@pytest.mark.parametrize("path", ["/v1/describe", "/v1/products/p%2Fsky", "/v1/products/p%2Fsky/similar"])
def test_every_reading_route_asks_for_the_key(keyed: Served, path: str):
    problem(keyed.client.get(path), 401, "key")
    assert keyed.client.get(path, headers={"x-api-key": SEARCH}).status_code == 200


def test_thumbnails_open_by_signature_only(keyed: Served):
    address = search(keyed, x_api_key=SEARCH).json()["matches"][0]["photo"]["thumbnail"]
    plain, signature = address.split("?signature=")
    assert keyed.client.get(address).status_code == 200
    problem(keyed.client.get(plain), 401, "key")
    problem(keyed.client.get(f"{plain}?signature={'0' * len(signature)}"), 401, "key")
    assert keyed.client.get(plain, headers={"x-api-key": SEARCH}).status_code == 200
    other = plain.replace("scarlet", "sky")
    problem(keyed.client.get(f"{other}?signature={signature}"), 401, "key")


def test_a_signature_follows_from_the_keys():
    one, same, other = ThumbnailSigner(["a", "b"]), ThumbnailSigner(["b", "a"]), ThumbnailSigner(["a"])
    assert one.sign("x") == same.sign("x") != other.sign("x")
    assert one.valid("x", one.sign("x"))
    assert not one.valid("y", one.sign("x"))
    assert ThumbnailSigner([]).valid("x", "")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil@127.0.0.1", "127.0.0.1:x", "", "[::1"],
)
def test_other_hosts_are_refused(served: Served, host: str):
    response = served.raw(f"GET /v1/describe HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert response.startswith((b"HTTP/1.1 421", b"HTTP/1.1 400")), response[:200]
    assert b"products" not in response


def test_known_hosts_are_served(served: Served, shop: tuple[Searcher, Store]):
    port = served.where[1]
    for host in ("localhost", f"localhost:{port}", f"127.0.0.1:{port}", "[::1]:80"):
        assert served.client.get("/v1/describe", headers={"host": host}).status_code == 200
    with serve(*shop, allowed_hosts=["shop.lan"]) as running:
        assert running.client.get("/v1/describe", headers={"host": "Shop.LAN:80"}).status_code == 200


def test_host_names():
    assert _host_name("Shop.Example:80") == "shop.example"
    assert _host_name("[::1]:8600") == "[::1]"
    assert [_host_name(host) for host in ("", "a/b", "a?b", "u@h", "h:99999", "h:x")] == [None] * 6


def test_another_sites_page_cannot_write_or_search(served: Served, keyed: Served):
    for headers in ({"origin": STRANGER}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}):
        problem(search(served, **headers), 403, "origin")
    assert search(served, origin=served.url.rstrip("/"), sec_fetch_site="same-origin").status_code == 200
    assert search(keyed, x_api_key=SEARCH, origin=FRIEND, sec_fetch_site="cross-site").status_code == 200
    problem(
        keyed.client.delete("/v1/products/p%2Fsky", headers={"x-api-key": ADMIN, "origin": STRANGER}), 403, "origin"
    )


def test_cors_is_for_the_allowed_origins(keyed: Served, served: Served):
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    granted = keyed.client.options("/v1/search", headers={"origin": FRIEND, **asked})
    assert granted.headers["access-control-allow-origin"] == FRIEND
    assert "access-control-allow-credentials" not in granted.headers
    assert (
        "access-control-allow-origin"
        not in keyed.client.options("/v1/search", headers={"origin": STRANGER, **asked}).headers
    )
    assert (
        "access-control-allow-origin"
        not in served.client.options("/v1/search", headers={"origin": FRIEND, **asked}).headers
    )
    refused = keyed.client.options("/v1/search", headers={"origin": FRIEND, "access-control-request-method": "DELETE"})
    assert refused.status_code == 400
    # A page of the friend must be able to read why it was refused, too.
    assert search(keyed, origin=FRIEND).headers["access-control-allow-origin"] == FRIEND


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/describe", "/nowhere", "/page/app.js", "/openapi.json"])
def test_every_answer_is_sealed(served: Served, path: str):
    headers = served.client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "server" not in headers


def test_thumbnail_headers(served: Served):
    address = search(served).json()["matches"][0]["photo"]["thumbnail"]
    response = served.client.get(address)
    assert response.headers["content-type"] == "image/jpeg"
    assert "sandbox" in response.headers["content-security-policy"]
    assert "max-age" in response.headers["cache-control"]
    again = served.client.get(address, headers={"if-none-match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert b"Exif" not in response.content

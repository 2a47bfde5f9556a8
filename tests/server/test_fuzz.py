"""Random requests, the same every run: whatever comes in, no 5xx goes out and the server stays up."""

from __future__ import annotations

import random

from server.world import PIECES, Served, picture

PHOTO = picture(PIECES[0][1], (40, 50))
WORDS = ("price", "and", "or", "not", "in", "has", "contains", "category", "in stock", "null", "nan", "1e309", "9" * 30)
SIGNS = ("<", ">=", "=", "(", ")", "'", '"', "%", ",", "-0", "../", "{}", "\\", "\x00", "\u202e", "🧥", "a" * 300)
PATHS = (
    "/v1/search", "/v1/compare", "/v1/describe", "/v1/products/p%2Fsky", "/v1/products/{}/similar",
    "/v1/photos/{}/thumbnail", "/v1/samples/{}", "/{}", "/page/{}", "/v1/{}",
)  # fmt: skip
TYPES = (
    "image/jpeg", "application/json", "multipart/form-data",
    "multipart/form-data; boundary=x", "text/plain", "x" * 200, "",
    "multipart/form-data; boundary=" + "y" * 300, "multipart/form-data; charset=utf-7; boundary=x",
)  # fmt: skip


def text(source: random.Random) -> str:
    return " ".join(source.choice(WORDS + SIGNS) for _ in range(source.randint(1, 7)))


def body(source: random.Random) -> bytes:
    damaged = bytearray(PHOTO)
    for _ in range(source.randint(0, 12)):
        damaged[source.randrange(len(damaged))] = source.randrange(256)
    part = (
        b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n' + bytes(damaged) + b"\r\n--x--\r\n"
    )
    return source.choice(
        [
            b"",
            bytes(damaged),
            bytes(damaged[: source.randrange(len(damaged))]),
            part,
            part[:-9],
            b"--x\r\n" * 50,
            b'{"url": 5}',
        ]
    )


def test_random_requests_never_fail_inside(served: Served):
    source = random.Random(20)
    failed = []
    for _ in range(200):
        path = source.choice(PATHS).replace("{}", "".join(f"%{byte:02X}" for byte in text(source).encode()[:200]))
        names = source.sample(["k", "box", "category", "garment", "where", "exact", "signature", "box_a", "nothing"], 3)
        method = source.choice(["GET", "POST", "POST", "PUT", "DELETE", "HEAD"])
        response = served.client.request(
            method,
            path,
            params={name: text(source) for name in names},
            content=body(source) if method in ("POST", "PUT") else None,
            headers={"content-type": source.choice(TYPES)},
        )
        if response.status_code >= 500:
            failed.append((method, str(response.url), response.text))
        elif response.status_code >= 400 and method != "HEAD":
            assert response.headers["content-type"] == "application/problem+json"
    assert failed == []
    assert served.client.get("/healthz").status_code == 200


def test_random_filters_are_read_or_refused(served: Served):
    source = random.Random(21)
    statuses = {served.search(PHOTO, where=text(source), category="off").status_code for _ in range(100)}
    assert statuses <= {200, 422}


def test_mutated_bytes_on_the_wire(served: Served):
    source = random.Random(22)
    good = (
        b"POST /v1/search?k=3 HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(PHOTO)
    )
    for _ in range(100):
        damaged = bytearray(good)
        for _ in range(source.randint(1, 4)):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        answer = served.raw(bytes(damaged) + PHOTO, half_close=True)
        assert not answer or (answer.startswith(b"HTTP/1.1 ") and answer[9:10] in b"24"), (bytes(damaged), answer[:300])
    assert served.client.get("/healthz").status_code == 200

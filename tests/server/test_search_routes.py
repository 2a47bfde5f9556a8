"""Searching over a real socket: what comes back is true, what cannot be meant is one problem."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from server.world import PIECES, Served, pair, picture, problem

COLOURS = {name: colour for name, colour, _, _ in PIECES}


def ids(answer: dict) -> list[str]:
    return [match["product"]["id"] for match in answer["matches"]]


@pytest.mark.parametrize("name", ["scarlet", "leaf", "sky"])
def test_the_three_ways_to_send_a_photo_agree(served: Served, name: str):
    photo = picture(COLOURS[name], (300, 400))
    options = {"k": 3, "category": "off"}
    octets = {"content-type": "application/octet-stream"}
    raw = served.search(photo, **options).json()
    form = served.client.post("/v1/search", params=options, files={"photo": ("x.jpg", photo, "image/jpeg")}).json()
    plain = served.client.post("/v1/search", params=options, content=photo, headers=octets).json()
    assert ids(raw)[0] == f"p/{name}"
    assert ids(raw) == ids(form) == ids(plain)
    assert raw["size"] == {"width": 300, "height": 400}
    similarities = [match["similarity"] for match in raw["matches"]]
    assert similarities == sorted(similarities, reverse=True)
    assert similarities[0] > 0.99
    assert len(set(ids(raw))) == len(ids(raw)) == 3


def test_the_box_decides(served: Served):
    photo = pair(COLOURS["scarlet"], COLOURS["leaf"])
    left = served.search(photo, box="0,0,200,300", k=1).json()
    right = served.search(photo, box="200,0,200,300", k=1).json()
    assert left["garment"] == "dress"
    assert right["garment"] == "pants"
    assert left["box_origin"] == "given"
    assert right["box"] == {"left": 200.0, "top": 0.0, "width": 200.0, "height": 300.0}


def test_hard_restriction_and_garment(served: Served):
    photo = picture(COLOURS["scarlet"])
    hard = served.search(photo, category="hard", garment="pants", k=7).json()
    assert sorted(ids(hard)) == ["p/leaf", "p/moss"]
    assert hard["garment"] == "pants"
    assert len(ids(served.search(photo, category="off", k=7).json())) == 7


def test_filters_restrict_and_faults_are_told(served: Served):
    photo = picture(COLOURS["scarlet"])
    cheap = served.search(photo, category="off", where="price <= 30", k=7).json()
    assert sorted(ids(cheap)) == ["p/leaf", "p/scarlet"]
    assert "p/brick" not in ids(served.search(photo, category="off", where="in stock", k=7).json())
    for broken in ("price <", "colour_of_money = 3", "(" * 40 + "price < 3" + ")" * 40, "price < 'x", "\x00", "🙂"):
        assert problem(served.search(photo, where=broken), 422, "query")
    problem(served.search(photo, where="a" * 2001), 422, "parameter")


@pytest.mark.parametrize(
    "parameters, kind",
    [
        ({"k": 0}, "parameter"),
        ({"k": 101}, "parameter"),
        ({"k": "many"}, "parameter"),
        ({"box": "1,2,3"}, "box"),
        ({"box": "1,2,3,nan"}, "box"),
        ({"box": "1,2,-3,4"}, "box"),
        ({"box": "9000,9000,5,5"}, "query"),
        ({"category": "firm"}, "parameter"),
        ({"garment": "spaceship"}, "query"),
    ],
)
def test_faulty_parameters(served: Served, parameters: dict, kind: str):
    problem(served.search(picture(COLOURS["sky"]), **parameters), 422, kind)


def test_bodies_that_carry_no_photo(served: Served):
    post = served.client.post
    problem(post("/v1/search", content=b"", headers={"content-type": "image/jpeg"}), 422, "image")
    problem(post("/v1/search", content=b"<svg/>", headers={"content-type": "image/svg+xml"}), 422, "image")
    problem(post("/v1/search", content=b"x", headers={"content-type": "text/plain"}), 415, "media-type")
    problem(post("/v1/search"), 415, "media-type")
    problem(post("/v1/search", files={"picture": b"x"}), 400, "form")
    problem(post("/v1/search", files=[("photo", b"x"), ("photo", b"y")]), 400, "form")
    problem(post("/v1/search", files=[("photo", b"x")] * 21), 400, "form")
    boundless = {"content-type": "multipart/form-data"}
    problem(post("/v1/search", content=b"--x", headers=boundless), 400, "form")
    torn = {"content-type": "multipart/form-data; boundary=x"}
    problem(post("/v1/search", content=b"--y\r\n\r\n", headers=torn), 400, "form")
    problem(post("/v1/search", content=b"[1]", headers={"content-type": "application/json"}), 400, "json")


def test_an_address_is_not_fetched_unless_allowed(served: Served):
    body = json.dumps({"url": "https://shop.example/a.jpg"})
    refused = served.client.post("/v1/search", content=body, headers={"content-type": "application/json"})
    assert "allow_image_url" in problem(refused, 403, "fetch")


def test_more_like_this(served: Served):
    answer = served.client.get("/v1/products/p%2Fscarlet/similar", params={"k": 2}).json()
    assert "p/scarlet" not in ids(answer)
    assert set(ids(answer)) == {"p/brick", "p/rose"}
    problem(served.client.get("/v1/products/nothing/similar"), 404, "unknown-product")


def test_compare(served: Served):
    def compare(a: bytes, b: bytes, **parameters: str) -> dict:
        response = served.client.post("/v1/compare", files={"a": a, "b": b}, params=parameters)
        assert response.status_code == 200, response.text
        return response.json()

    red, pink, blue = (picture(COLOURS[name]) for name in ("scarlet", "rose", "ink"))
    assert compare(red, red)["similarity"] == pytest.approx(1, abs=1e-5)
    assert compare(red, pink)["similarity"] > compare(red, blue)["similarity"]
    assert compare(red, blue)["garments"] == ["dress", "shoes"]
    both = pair(COLOURS["scarlet"], COLOURS["ink"])
    assert compare(both, both, box_a="0,0,200,300", box_b="200,0,200,300")["garments"] == ["dress", "shoes"]
    problem(served.client.post("/v1/compare", files={"a": red}), 400, "form")
    problem(served.client.post("/v1/compare", files={"a": red, "b": b"no picture"}), 422, "image")


def test_nothing_private_leaves(served: Served):
    text = served.search(picture(COLOURS["scarlet"]), category="off", k=7).text
    assert "/secret/path" not in text
    assert "javascript:" not in text
    assert "vector" not in text


@pytest.mark.data
def test_every_odd_file_is_answered_or_refused(served: Served, data_folder: Path):
    folder = data_folder / "robustness"
    rows = list(csv.DictReader((folder / "images.csv").read_text(encoding="utf-8").splitlines()))
    outcomes = {}
    for row in rows:
        response = served.search((folder / row["path"]).read_bytes(), k=3)
        if response.status_code == 200:
            assert len(response.json()["matches"]) == 3
        else:
            problem(response, 422, "image")
        outcomes[row["path"]] = response.status_code
    assert len(outcomes) == 311
    upright = [
        row["path"] for row in rows if row["kind"] in ("same_picture", "exif_orientation", "same_picture_after_exif")
    ]
    accepted = {".jpg", ".png", ".webp", ".gif", ".bmp", ".avif"}
    refused = [path for path in upright if outcomes[path] != 200 and Path(path).suffix in accepted]
    assert refused == []
    assert served.client.get("/healthz").status_code == 200

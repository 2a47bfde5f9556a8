"""Feeds with thirty kinds of faults: every good row is read, every fault is told with row, column and what it cost."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from fakes import TinyEncoder
from wearabouts.catalog import Faults
from wearabouts.embedding import index
from wearabouts.errors import CatalogError
from wearabouts.fetch import Fetched
from wearabouts.readers import open_catalog
from wearabouts.stores import open_store

FEEDS = Path(__file__).parent / "feeds"
COLUMNS = (
    "id", "title", "link", "image_link", "additional_image_link", "availability", "price", "sale_price",
    "sale_price_effective_date", "brand",
)  # fmt: skip
GOOD = {
    "title": "Linen Shirt", "link": "https://shop.example/p", "image_link": "https://i.example/p.jpg",
    "availability": "in_stock", "price": "19.99 USD", "brand": "Example",
}  # fmt: skip
TWO = "https://i.example/second.jpg"


def photo(reference: str) -> tuple[dict[str, str], str, str]:
    """A bad first photo beside a good second one."""
    return {"image_link": reference, "additional_image_link": TWO}, "image_link", "photo"


# kind → (what is changed in a good row, the column told, what is lost)
KINDS: dict[str, tuple[dict[str, str], str, str]] = {
    "no id": ({"id": ""}, "id", "product"),
    "id of 300 characters": ({"id": "x" * 300}, "id", "product"),
    "id that stood before": ({"id": "good"}, "id", "product"),
    "no title": ({"title": ""}, "title", "field"),
    "no photo": ({"image_link": ""}, "photo", "product"),
    "photo: javascript": photo("javascript:alert(1)"),
    "photo: data": photo("data:image/png;base64 AAAA"),
    "photo: ftp": photo("ftp://i.example/p.jpg"),
    "photo: out of the folder": photo("../../secret.jpg"),
    "photo: absolute path": photo("/etc/passwd"),
    "photo: file address": photo("file:///etc/passwd"),
    "photo: file of another machine": photo("file://host/p.jpg"),
    "photo: with a password": photo("https://u:p@i.example/p"),
    "photo: without a host": photo("https:///p.jpg"),
    "photo: 6,000 characters": photo("p" * 6_000),
    "more than 100 photos": (
        {"additional_image_link": ",".join(f"https://i.example/{n}.jpg" for n in range(120))},
        "additional_image_link",
        "photo",
    ),
    "price below zero": ({"price": "-5.00 USD"}, "price", "field"),
    "price without a number": ({"price": "on request"}, "price", "field"),
    "price in an unknown currency": ({"price": "5.00 XQX"}, "price", "field"),
    "price range": ({"price": "10.00 - 20.00 USD"}, "price", "field"),
    "price grouped oddly": ({"price": "1.2.3,4 USD"}, "price", "field"),
    "price above all measure": ({"price": "9999999999999 USD"}, "price", "field"),
    "sale above the price": ({"sale_price": "29.99 USD"}, "sale_price", "field"),
    "sale at no known time": (
        {"sale_price": "9.99 USD", "sale_price_effective_date": "2026-01-01/later"},
        "sale_price_effective_date",
        "field",
    ),
    "unknown availability": ({"availability": "ask us"}, "availability", "field"),
    "link: javascript": ({"link": "javascript:alert(1)"}, "link", "field"),
    "link: with a password": ({"link": "https://shop.example@evil.example/"}, "link", "field"),
    "NUL byte": ({"brand": "Exa\x00mple"}, "brand", "field"),
}
LINES = {  # whole lines as bytes
    "bytes of no encoding": (
        b"latin,Linen Shirt,,https://i.example/p.jpg,,in_stock,5 USD,,,Caf\xe9\n",
        "brand",
        "field",
    ),
    "too few cells": (b"few,Linen Shirt,,https://i.example/p.jpg\n", "additional_image_link", "field"),
    "too many cells": (
        b"many,Linen Shirt, white,,https://i.example/p.jpg,,in_stock,5 USD,,,Example,1\n",
        "",
        "product",
    ),
    "a quote that is not closed": (
        b'open,"Linen Shirt,,https://i.example/p.jpg,,in_stock,5 USD,,,Example\n',
        "",
        "product",
    ),
    "a line of two million characters": (b"long," + b"x" * 2_000_000 + b"\n", "", "product"),
}


def line(cells: dict[str, str]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.DictWriter(buffer, COLUMNS, lineterminator="\n").writerow(cells)
    return buffer.getvalue().encode()


def faulty_feed() -> tuple[bytes, list[tuple[int, str, str]], list[str]]:
    """The feed, its faults as (row, column, lost), and the ids that must be read."""
    content = [(",".join(COLUMNS) + "\n").encode(), line({**GOOD, "id": "good", "brand": "Günther & Söhne"})]
    faults, ids = [], ["good"]
    for place, (kind, (change, column, lost)) in enumerate(KINDS.items(), 1):
        row = 2 * place
        cells = {**GOOD, "id": f"bad{place}", **change}
        content += [line(cells), line({**GOOD, "id": f"ok{place}", "title": f"after {kind}"})]
        faults.append((row, column, lost))
        ids += [cells["id"]] * (lost != "product") + [f"ok{place}"]
    for place, (kind, (raw, column, lost)) in enumerate(LINES.items(), len(KINDS) + 1):
        content += [raw, line({**GOOD, "id": f"ok{place}", "title": f"after {kind}"})]
        faults.append((2 * place, column, lost))
        ids += [raw.split(b",")[0].decode()] * (lost != "product") + [f"ok{place}"]
    return b"".join(content), faults, ids


def test_thirty_kinds_of_faults_are_listed_and_all_good_rows_read(tmp_path: Path) -> None:
    content, expected, ids = faulty_feed()
    assert len(expected) >= 30
    path = tmp_path / "feed.csv"
    path.write_bytes(content)
    catalog = open_catalog(path)
    assert catalog.name == "google_merchant"
    faults = Faults()
    products = {product.id: product for product in catalog.products(faults)}
    assert [(fault.row, fault.column, fault.lost) for fault in faults.kept] == expected
    assert list(products) == ids
    assert all(fault.source == str(path) and fault.reason and "\n" not in fault.reason for fault in faults.kept)
    good = products["good"]
    assert (good.title, good.price, good.availability, good.brand) == (
        "Linen Shirt",
        19.99,
        "in_stock",
        "Günther & Söhne",
    )
    for place in range(1, len(expected) + 1):
        product = products[f"ok{place}"]
        assert (product.price, product.currency, product.photos[0].uri) == (19.99, "USD", "https://i.example/p.jpg")
        assert product.garment == "" or product.title.startswith("after")


def test_what_a_bad_field_costs_is_that_field_alone(tmp_path: Path) -> None:
    content, _, _ = faulty_feed()
    path = tmp_path / "feed.csv"
    path.write_bytes(content)
    products = {product.id: product for product in open_catalog(path).products()}
    by_kind = {kind: products.get(f"bad{place}") for place, kind in enumerate(KINDS, 1)}
    for kind, product in by_kind.items():
        if product is None:
            continue
        assert (product.price is None) == (kind.startswith("price")), kind
        assert (product.availability == "") == (kind == "unknown availability"), kind
        assert (product.link == "") == (kind.startswith("link")), kind
        assert [photo.uri for photo in product.photos] == [TWO] or not kind.startswith("photo"), kind
        assert not any("passwd" in photo.uri or "secret" in photo.uri for photo in product.photos)
    many, nul, late = (by_kind[kind] for kind in ("more than 100 photos", "NUL byte", "sale at no known time"))
    assert many is not None
    assert len(many.photos) == 100
    assert nul is not None
    assert nul.brand == "Example"
    assert late is not None
    assert (late.price, late.regular_price) == (19.99, None)


class EveryPhoto:
    """Stands for the network: each address has the same small photo."""

    def __init__(self) -> None:
        buffer = io.BytesIO()
        Image.new("RGB", (64, 64), (200, 30, 40)).save(buffer, "JPEG")
        self.data = buffer.getvalue()

    def fetch(self, uri: str, *, root: None = None, validators: Mapping[str, str] | None = None) -> Fetched:
        assert uri.startswith("https://i.example/")
        return Fetched(self.data, {})


def test_the_feed_of_faults_is_indexed_and_its_faults_listed(tmp_path: Path, tiny_encoder: TinyEncoder) -> None:
    content, expected, ids = faulty_feed()
    path = tmp_path / "feed.csv"
    path.write_bytes(content)
    store = open_store(tmp_path / "store", mode="write", encoder_hash=tiny_encoder.hash, dim=tiny_encoder.dim)
    try:
        summary = index(open_catalog(path), tiny_encoder, store, fetcher=EveryPhoto())
        assert sorted(store.products()) == sorted(ids)
    finally:
        store.close()
    assert summary.products == len(ids)
    assert [(fault.row, fault.column, fault.lost) for fault in summary.faults.kept] == expected


@pytest.mark.parametrize("name", sorted(path.name for path in FEEDS.iterdir() if path.suffix != ".md"))
def test_damaged_feeds_give_faults_or_one_clear_error_and_whole_products(tmp_path: Path, name: str) -> None:
    content = (FEEDS / name).read_bytes()
    path = tmp_path / name
    chance = random.Random(name)
    whole = {product.id for product in open_catalog(FEEDS / name).products()}
    read, refusals = 0, []
    for _ in range(40):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(damaged))
            piece = chance.choice(
                [
                    b"",
                    b'"',
                    b"\x00",
                    b"\xff\xfe",
                    b"<",
                    b"&",
                    b"]]>",
                    b"\r",
                    b"," * 50,
                    chance.randbytes(8),
                    damaged[:40],
                ]
            )
            damaged[place : place + chance.randint(0, 12)] = piece
        path.write_bytes(damaged)
        try:
            products = list(open_catalog(path).products(Faults()))
        except CatalogError as problem:
            refusals.append(str(problem))
            continue
        read += len(whole & {product.id for product in products})
        assert all(product.id and product.photos for product in products)
        local = [photo.uri for product in products for photo in product.photos if not photo.uri.startswith("http")]
        assert all(uri.startswith(str(tmp_path)) for uri in local)
    assert not any("\n" in refusal for refusal in refusals)
    assert read > 20 * len(whole)  # most of a feed survives a little damage


def test_the_list_of_faults_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    path.write_text(",".join(COLUMNS) + "\n" + ",no id,,https://i.example/p.jpg,,,,,,\n" * 500)
    faults = Faults(limit=100)
    assert list(open_catalog(path).products(faults)) == []
    assert (len(faults.kept), len(faults), faults.counts["product"]) == (100, 500, 500)

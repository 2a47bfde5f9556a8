"""Rows and records: what is refused before it is written, and what a checksum tells apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stores.oracle import DIM, photo_record, product_record, unit
from wearabouts.errors import StoreError
from wearabouts.stores import ProductRecord
from wearabouts.stores.embedded.truth.rows import (
    checksum,
    pack_product,
    vector_sum,
)
from wearabouts.stores.records import MAX_ID, MAX_THUMBNAIL, garment_of, validated


@pytest.fixture
def photo():
    return photo_record("a", unit(np.random.default_rng(1))[0])


@pytest.mark.parametrize(
    "facts, said",
    [
        ({"title": "a\ud800b"}, "title of product 'p' holds a NUL or a lone surrogate"),
        ({"brand": "a\0b"}, "brand of product 'p'"),
        ({"price": float("nan")}, "price nan of product 'p'"),
        ({"regular_price": float("inf")}, "regular_price inf"),
    ],
)
def test_facts_that_cannot_be_kept(photo, facts, said):
    with pytest.raises(StoreError, match=said):
        validated(product_record("p", [photo], **facts), DIM)


@pytest.mark.parametrize("ident", ["a\ud800", "a\0", "x" * (MAX_ID + 1)])
def test_ids_that_cannot_be_kept(photo, ident):
    with pytest.raises(StoreError, match="product id"):
        validated(product_record(ident, [photo]), DIM)
    moved = replace(photo, photo=replace(photo.photo, id=ident))
    with pytest.raises(StoreError, match="photo id"):
        validated(product_record("p", [moved]), DIM)


def test_photos_that_cannot_be_kept(photo):
    with pytest.raises(StoreError, match="no photos"):
        validated(ProductRecord(product_record("p", [photo]).product, ()), DIM)
    with pytest.raises(StoreError, match="twice"):
        validated(product_record("p", [photo, photo]), DIM)
    with pytest.raises(StoreError, match=f"at most {MAX_THUMBNAIL}"):
        validated(product_record("p", [replace(photo, thumbnail=bytes(MAX_THUMBNAIL + 1))]), DIM)
    with pytest.raises(StoreError, match="bytes of facts"):
        pack_product(product_record("p", [photo], attributes={"a": "x" * 2**21}), 1)
    with pytest.raises(StoreError, match="neither text nor a finite number"):
        pack_product(product_record("p", [photo], attributes={"a": float("nan")}), 1)


def test_checksums_tell_apart_what_reads_alike():
    rows = [("ab", "c"), ("a", "bc"), (b"ab", "c"), ("ab", "c", None), (1,), (1.0,), ("1",), (None,), ("",), (b"",), ()]
    assert len({checksum(*row) for row in rows}) == len(rows)
    assert vector_sum(bytes(64)) != vector_sum(bytes(63) + b"\1")
    assert -(2**63) <= vector_sum(b"x") < 2**63


def test_of_equally_frequent_garments_the_first_counts(photo):
    photos = [replace(photo, garment=garment) for garment in ("", "hat", "dress", "dress", "hat")]
    assert garment_of(product_record("p", photos)) == "hat"
    assert garment_of(product_record("p", photos[:1])) == ""
    assert garment_of(product_record("p", photos, garment="shoes")) == "shoes"

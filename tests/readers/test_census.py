"""The census: every count by hand, against published ones, without holding a product."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from miniatures import darn, street2shop
from pictures import saved, scene
from wearabouts.catalog import Photo, Product
from wearabouts.cli import main
from wearabouts.errors import SettingsError
from wearabouts.readers import READERS, expected
from wearabouts.readers.census import Census, Line, verdict
from wearabouts.readers.options import from_words, takes
from wearabouts.types import Box, Landmark


def census_of(*products: Product, look: bool = False) -> Census:
    census = Census(look=look)
    assert list(census.watch(products)) == list(products)
    return census


def test_every_count_by_hand(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole.png", tmp_path / "broken.png"
    whole.write_bytes(saved(scene()))
    broken.write_bytes(saved(scene())[:100])
    photos = (
        Photo("1", str(whole), "street", "train", Box(0, 0, 1, 1)),
        Photo("2", str(whole), "street", "train", Box(0, 0, 1, 1), (Landmark(1, 1, True),)),
        Photo("3", str(broken), "shop", "gallery"),
        Photo("4", str(tmp_path / "nowhere.png"), "shop", "gallery"),
        Photo("5", "http://host/5.png", "shop"),
    )
    products = (Product("a", photos[:3], category="bags"), Product("b", photos[3:], category="hats"))
    counts = {
        "products": 2,
        "photos": 5,
        "products:train": 1,
        "products:gallery": 2,
        "photos:train": 2,
        "photos:gallery": 2,
        "photos:train:bags": 2,
        "photos:gallery:bags": 1,
        "photos:gallery:hats": 1,
        "side:street": 2,
        "side:shop": 3,
        "boxes": 2,
        "landmarks": 1,
        "pictures:missing": 1,
    }
    assert census_of(*products).counts == counts
    looked = census_of(*products, look=True)
    assert looked.counts == {**counts, "pictures:broken": 1}
    assert (looked.first_missing, looked.first_broken) == (str(tmp_path / "nowhere.png"), str(broken))


def test_no_product_is_kept() -> None:
    alive: list[weakref.ref[np.ndarray]] = []

    def stream() -> Iterator[Product]:
        for number in range(50):
            weight = np.zeros(1)
            alive.append(weakref.ref(weight))
            yield Product(str(number), (), attributes={"weight": weight})  # type: ignore[dict-item]  # to be watched
            del weight

    kept = [sum(each() is not None for each in alive) for _ in Census().watch(stream())]
    assert max(kept) <= 2


def test_lines_put_published_counts_first() -> None:
    census = census_of(Product("a", (Photo("1", "http://h/1", "shop", "train"),)))
    lines = census.lines({"photos:train": 1, "photos:val": 7, "rows:list": 5}, ["a list, rows:list 1,005 and more"])
    assert lines[:3] == (Line("photos:train", 1, 1), Line("photos:val", 7, 0), Line("rows:list", 5, 1005))
    assert [line.difference for line in lines[:3]] == [0, -7, 1000]
    assert [(line.what, line.found, line.difference) for line in lines[3:]] == [
        ("photos", 1, None),
        ("products", 1, None),
        ("products:train", 1, None),
        ("side:shop", 1, None),
    ]


def test_the_verdict_says_what_differs() -> None:
    whole = [Line("photos:train", 3, 3), Line("photos:train:bags", 3, 3), Line("boxes", None, 9)]
    assert verdict(whole) == "this is the complete published set: all 2 counts agree"
    assert verdict([*whole, Line("pictures:missing", None, 9)]).endswith("counts agree, but 9 pictures:missing")
    assert verdict([Line("boxes", None, 9)]) == ""
    wrong = [Line("photos:train", 3_000, 2_999), Line("photos:train:bags", 3_000, 2_999)]
    assert verdict(wrong) == "this is not the complete published set: photos:train 2,999 of 3,000"
    assert verdict([Line("photos:train", 3, 3), Line("photos:train:bags", 2, 3)]).endswith("photos:train:bags 3 of 2")


def test_published_counts_are_numbers_and_feeds_have_none() -> None:
    for name in READERS:
        counts = expected(name)
        assert all(isinstance(count, int) and count > 0 for count in counts.values())
    assert expected("folder") == {}
    assert expected("darn") == {"side:shop": 453_983}


@pytest.mark.parametrize("name", list(READERS))
def test_every_option_of_every_reader_has_a_type(name: str) -> None:
    assert all(kind is not None for kind in takes(name).values())


def test_words_become_what_the_signature_asks_for() -> None:
    told = from_words("street2shop", {"category": "true", "proposals": "Yes", "images": "12", "retry": "false"})
    assert told == {"category": "true", "proposals": True, "images": "12", "retry": False}
    assert from_words("cifar10", {"seed": "7", "protocol": "cifar10-1"}) == {"seed": 7, "protocol": "cifar10-1"}


@pytest.mark.parametrize(
    ("reader", "words", "message"),
    [
        ("street2shop", {"retry": "maybe"}, "'maybe'; allowed: true or false"),
        ("cifar10", {"seed": "x"}, "'x'; allowed: a whole number"),
        ("cifar10", {"protocol": "cifar10-3"}, "did you mean 'cifar10-"),
        ("street2shop", {"categry": "bags"}, "did you mean 'category'"),
        ("woocommerce", {"now": "2026-01-01"}, "cannot be given in words"),
        ("street2shp", {}, "did you mean 'street2shop'"),
    ],
)
def test_words_that_cannot_be_meant(reader: str, words: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        from_words(reader, words)


def test_reading_a_dataset_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = street2shop.write(tmp_path / "set")
    assert main(["read", "street2shop", str(made.root), "--show", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line.split() for line in lines if line.strip().startswith("photos:test ")) == [
        "photos:test",
        "8,637",
        f"{made.test}",
        f"-{8_637 - made.test:,}",
    ]
    assert lines[-1] == (
        f"this is not the complete published set: photos:train {made.train} of 30,628, "
        f"photos:test {made.test} of 8,637, side:street {made.train + made.test} of 39,265"
    )


def test_the_census_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = darn.write(tmp_path / "set", draw=False)
    assert main(["read", "darn", str(root), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    census = {line["what"]: line for line in told["census"]}
    assert told["verdict"] == "this is not the complete published set: side:shop 28 of 453,983"
    assert census["side:shop"] == {"what": "side:shop", "expected": 453_983, "found": 28, "difference": 28 - 453_983}
    assert census["pictures:missing"]["found"] == told["photos"] == 40


def test_broken_pictures_are_counted_when_they_are_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = street2shop.write(tmp_path / "set", categories=["bags"])
    path = made.root / "photos" / "000000001.jpg"
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    words = ["read", "street2shop", str(made.root), "-o", "category=bags"]
    assert main(words) == 0
    assert "broken, the first" not in capsys.readouterr().out
    assert main([*words, "--pictures"]) == 0
    assert f"1 picture is broken, the first of them {path}" in " ".join(capsys.readouterr().out.split())
    path.write_bytes(whole)
    assert main([*words, "--pictures"]) == 0
    assert "27 pictures were opened, and none is broken" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["stret2shop", "."], ("stret2shop", "did you mean 'street2shop'")),
        (["street2shop"], ("wearabouts read street2shop ROOT",)),
        (["darn", ".", "--reader", "table"], ("darn", "--reader table")),
        (["darn", "nowhere"], ("nowhere",)),
        (["darn", ".", "--download"], ("downloads nothing",)),
        ([".", "--download"], ("read street2shop ROOT --download",)),
        (["street2shop", ".", "-o", "retry=perhaps"], ("retry", "perhaps", "true or false")),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    parts: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["read", *words]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert all(part in told for part in parts)

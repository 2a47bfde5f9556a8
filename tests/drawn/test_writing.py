"""A shop on disk: whole, resumed, and read back as it was drawn."""

from __future__ import annotations

import hashlib
import io
import json

import pytest
from PIL import Image

from wearabouts.catalog import Faults
from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.writing import MANIFEST, write
from wearabouts.errors import CatalogError, SettingsError
from wearabouts.readers import open_catalog

SMALL = {"views": ("front",), "street": 1, "size": 80}


def stamps(folder):
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*.jpg")}


def contents(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).digest() for path in folder.rglob("*.jpg")}


def test_what_was_written_is_read_back(tmp_path):
    shop = DrawnShop(1, 5)
    said = []
    manifest = write(tmp_path, shop, **SMALL, progress=lambda done, total: said.append((done, total)))
    assert manifest == tmp_path / MANIFEST
    assert said == [(done, 5) for done in range(1, 6)]
    faults = Faults()
    catalog = open_catalog(tmp_path)
    assert catalog.name == "drawn"
    products = list(catalog.products(faults))
    assert len(faults) == 0
    assert [product.id for product in products] == [shop.spec(index).product_id for index in range(5)]
    for index, product in enumerate(products):
        told = shop.product(index, ("front",), 1)
        assert (product.title, product.price, product.group, product.attributes) == (
            told.title,
            told.price,
            told.group,
            told.attributes,
        )
        for photo in product.photos:
            drawn = shop.render(index, photo.labels["view"], 80)
            assert photo.box == drawn.box
            assert photo.landmarks == drawn.landmarks
            assert photo.labels == drawn.labels
            with Image.open(photo.uri) as picture:
                assert picture.size == (64, 80)


def test_a_second_run_draws_only_what_is_missing(tmp_path):
    shop = DrawnShop(1, 4)
    write(tmp_path, shop, **SMALL)
    before, pixels, text = stamps(tmp_path), contents(tmp_path), (tmp_path / MANIFEST).read_bytes()
    lost = next(path for path in tmp_path.rglob("street-0.jpg"))
    lost.unlink()
    write(tmp_path, shop, **SMALL)
    after = stamps(tmp_path)
    assert contents(tmp_path) == pixels
    redrawn = {name for name in after if after[name] != before[name]}
    assert redrawn == {str((lost.parent / name).relative_to(tmp_path)) for name in ("front.jpg", "street-0.jpg")}
    assert (tmp_path / MANIFEST).read_bytes() == text


def test_a_broken_run_leaves_no_manifest_and_is_continued(tmp_path):
    class StopError(Exception):
        pass

    def stop(done, total):
        if done == 2:
            raise StopError

    shop = DrawnShop(1, 4)
    with pytest.raises(StopError):
        write(tmp_path, shop, **SMALL, progress=stop)
    assert not (tmp_path / MANIFEST).exists()
    first = stamps(tmp_path)
    assert len(first) == 4
    write(tmp_path, shop, **SMALL)
    assert {name: stamp for name, stamp in stamps(tmp_path).items() if name in first} == first
    assert len((tmp_path / MANIFEST).read_text().splitlines()) == 4


def test_another_shop_or_size_replaces_what_differs(tmp_path):
    write(tmp_path, DrawnShop(1, 2), **SMALL)
    write(tmp_path, DrawnShop(1, 2), views=("front",), street=1, size=100)
    for path in tmp_path.rglob("*.jpg"):
        with Image.open(io.BytesIO(path.read_bytes())) as picture:
            assert picture.height == 100


def test_two_workers_write_the_same_bytes_as_one(tmp_path):
    write(tmp_path / "one", DrawnShop(1, 3), **SMALL)
    write(tmp_path / "two", DrawnShop(1, 3), **SMALL, workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert (tmp_path / "one" / MANIFEST).read_bytes() == (tmp_path / "two" / MANIFEST).read_bytes()


def test_bad_orders_are_refused_before_anything_is_written(tmp_path):
    shop = DrawnShop(1, 2)
    with pytest.raises(SettingsError, match="unknown view 'side'"):
        write(tmp_path / "x", shop, views=("side",))
    with pytest.raises(SettingsError, match="at least one photo"):
        write(tmp_path / "x", shop, views=(), street=0)
    assert not (tmp_path / "x").exists()
    (tmp_path / "file").write_text("here")
    with pytest.raises(CatalogError, match="cannot be written"):
        write(tmp_path / "file", shop, **SMALL)


def line(**changes):
    photo = {
        "id": "a~front",
        "uri": "photos/a.jpg",
        "side": "shop",
        "split": "gallery",
        "box": [1, 2, 3, 4],
        "landmarks": [],
    }
    record = {"drawn": 1, "id": "a", "title": "T", "photos": [photo], "price": 3.5}
    photo.update(changes.pop("photo", {}))
    return json.dumps(record | changes)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "not JSON"),
        (line(id=""), "a product needs an id"),
        (line(id=7), "id is not a text"),
        (line(photos=[]), "0 photos"),
        (line(photos={}), "photos is not a list"),
        (line(photos=[3]), "a photo is not a JSON object"),
        (line(price="3"), "price is not 1 numbers"),
        (line(price=-1), "below 0"),
        (line(price=10**400), "out of range"),
        (line(availability="soon"), "availability 'soon'"),
        (line(attributes={"a": 1}), "attributes is not an object"),
        (line(photo={"side": "above"}), "side 'above'"),
        (line(photo={"box": [0, 0, 0, 5]}), "positive width"),
        (line(photo={"box": [float("nan"), 0, 1, 5]}), "not finite"),
        (line(photo={"landmarks": [[1, 2, 1]]}), "1 landmarks"),
        (line(photo={"uri": "../../etc/passwd"}), "lies outside"),
        (line(photo={"uri": "/etc/passwd"}), "lies outside"),
        (line(photo={"uri": "ftp://host/a.jpg"}), "ftp"),
        (line(title="x" * 6000), "title is not a text"),
    ],
)
def test_a_bad_line_costs_itself_only(tmp_path, bad, reason):
    (tmp_path / MANIFEST).write_text("\n".join([line(id="before"), bad, "", line(id="after")]))
    faults = Faults()
    products = list(open_catalog(tmp_path, reader="drawn").products(faults))
    assert [product.id for product in products] == ["before", "after"]
    assert [fault.row for fault in faults.kept] == [2]
    assert reason in faults.kept[0].reason


def test_an_id_that_stands_twice_is_kept_once(tmp_path):
    (tmp_path / MANIFEST).write_text(line() + "\n" + line(title="again"))
    faults = Faults()
    (product,) = open_catalog(tmp_path, reader="drawn").products(faults)
    assert product.title == "T"
    assert faults.counts["product"] == 1


def test_bytes_that_are_no_text_and_endless_lines_are_bounded(tmp_path):
    (tmp_path / MANIFEST).write_bytes(b"\xff\xfe\xfa\n" + b"x" * 9_000_000 + b"\n" + line().encode())
    faults = Faults()
    assert [product.id for product in open_catalog(tmp_path, reader="drawn").products(faults)] == ["a"]
    assert len(faults) >= 2


def test_a_folder_without_manifest_is_one_clear_error(tmp_path):
    with pytest.raises(CatalogError, match="give the folder of a drawn shop"):
        list(open_catalog(tmp_path, reader="drawn").products())

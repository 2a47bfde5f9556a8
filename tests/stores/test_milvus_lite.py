"""A store in a Milvus Lite file."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from stores.milvus_world import (
    MilvusContract,
    assert_filters_hold,
    assert_survives_breaking_off,
    emptied,
    made,
)
from stores.oracle import DIM, HASH, Shop, assert_same_ranking, assert_same_record, photo_record, product_record, unit
from walkthrough import ROOT
from wearabouts.errors import StoreError
from wearabouts.stores import open_store
from wearabouts.stores.milvus import checking, packing, searching

pytest.importorskip("milvus_lite")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return f"milvus-lite:{tmp_path_factory.mktemp('lite')}/shop.db/contract"


@pytest.fixture
def store(address):
    store = emptied(made(address))
    yield store
    store.close()


@pytest.fixture
def generator():
    return np.random.default_rng(5)


class TestMilvusLite(MilvusContract):
    pass


def test_any_filter_keeps_what_a_plain_loop_keeps(store, generator):
    assert_filters_hold(store, generator, 60)


def test_a_write_that_breaks_off_leaves_old_or_new(store, generator, monkeypatch):
    assert_survives_breaking_off(store, generator, monkeypatch)


def test_a_killed_delete_is_finished_by_repair(store, generator, monkeypatch):
    monkeypatch.setattr(checking, "GRACE", -60.0)
    store.upsert([product_record("p", [photo_record("a", unit(generator)[0], thumbnail=b"x")])])
    store._connection.delete(store._reader.products, list(store._reader.heads([packing.product_key("p")])))
    assert store.search(unit(generator)[0], 5).photo_ids == ()
    assert {each.kind for each in store.check(repair=True)} == {"leftover"}
    assert store.check() == []


def test_what_is_being_written_is_not_swept(store, generator, monkeypatch):
    writing = packing.Writing()
    writing.add(product_record("p", [photo_record("a", unit(generator)[0])]), store._writer._next([]))
    store._connection.insert(store._reader.photos, writing.photos)
    assert store.check(repair=True) == []
    monkeypatch.setattr(checking, "GRACE", -60.0)
    assert len(store.check(repair=True)) == 1


def test_damage_is_found_and_removed(store, generator):
    store.upsert([product_record(name, [photo_record(name, unit(generator)[0], thumbnail=b"x")]) for name in "abc"])
    heads = {name: store._reader.heads([packing.product_key(name)], packing.FULL) for name in "abc"}
    (head,) = heads["a"].values()
    store._connection.delete(store._reader.photos, packing.keys_of(head)[0])
    (head,) = heads["b"].values()
    spoiled = packing.head(head["key"], head["version"], "b", head["facts"].replace("Thing", "Other") + " ")
    store._connection.upsert(
        store._reader.products, [{**spoiled, "photos": 1, "pieces": 1, "checksum": head["checksum"]}]
    )
    with pytest.raises(StoreError, match="1 photos of product 'a' are missing; run `wearabouts check"):
        store.record("a")
    with pytest.raises(StoreError, match="'b' are damaged; run `wearabouts check"):
        store.product("b")
    assert {(each.kind, each.subject) for each in store.check(repair=True)} == {
        ("product", "product a"),
        ("product", "product b"),
    }
    assert store.check() == []
    assert list(store.products()) == ["c"]


def test_another_encoder_is_refused_and_rebuilding_dedicates_anew(tmp_path, generator):
    address = f"milvus-lite:{tmp_path}/shop.db/things"
    with pytest.raises(StoreError, match=r"there is no store at .*wearabouts index SOURCE --store milvus-lite:"):
        open_store(address)
    store = made(address)
    store.upsert([product_record("p", [photo_record("a", unit(generator)[0])])])
    store.write_note("calibration", {"n": 1})
    store.close()
    with pytest.raises(StoreError, match=f"was filled by encoder {HASH}, the one in use is sha256:other; use that enc"):
        open_store(address, encoder_hash="sha256:other")
    with pytest.raises(StoreError, match="holds vectors of 16 floats, the encoder in use gives 8"):
        made(address, dim=8)
    reader = open_store(address, encoder_hash=HASH)
    with pytest.raises(StoreError, match="is open for reading"):
        reader.delete(["p"])
    reader.close()
    store = made(address, encoder_hash="new", dim=8, rebuild=True)
    assert (store.encoder_hash, store.dim, list(store.products()), store.note("calibration")) == ("new", 8, [], None)
    store.close()


def test_crowds_larger_than_a_search_gives_are_read_whole(store, generator, monkeypatch):
    """The limits of a server are made small, so that few photos reach them."""
    monkeypatch.setattr(searching, "MOST", 60)
    monkeypatch.setattr(searching, "SCANNED", 20)
    shop, (crowd, other) = Shop(), unit(generator, 2)
    records = [product_record(f"c{i:03d}", [photo_record(f"c{i:03d}", crowd)], title="crowd") for i in range(90)]
    records += [product_record(f"o{i}", [photo_record(f"o{i}", each)]) for i, each in enumerate(unit(generator, 30))]
    store.upsert(records)
    shop.upsert(records)
    for query in (crowd, other):
        for count in (1, 5, 100, 500):
            assert_same_ranking(store.search(query, count), shop.nearest(query, count))
    kept = shop.nearest(other, 100, lambda record: record.product.title == "crowd")
    assert_same_ranking(store.search(other, 100, where="title contains rowd"), kept)


def test_long_facts_and_large_copies_come_back(store, generator):
    photo = photo_record("a", unit(generator)[0], thumbnail=generator.bytes(300_000))
    record = product_record("p", [photo], title="ü" * 5_000, attributes={"long": "x" * 200_000})
    store.upsert([record])
    assert_same_record(store.record("p"), record)
    assert store.thumbnail("a") == photo.thumbnail
    assert store.search(photo.vector, 1, where="long contains xxx").photo_ids == ("a",)


def test_the_process_ends_by_itself_with_a_store_left_open(tmp_path):
    code = f"""
import sys, json
from stores.milvus_world import made
store = made("milvus-lite:{tmp_path}/shop.db")
store.write_note("calibration", {{"n": 1}})
print(json.dumps(store.note("calibration")))
"""
    paths = os.pathsep.join(str(ROOT / name) for name in ("src", "tests"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"n": 1}
    store = made(f"milvus-lite:{tmp_path}/shop.db", dim=DIM)
    assert store.note("calibration") == {"n": 1}
    store.close()


@pytest.mark.parametrize("rebuild", [False, True])
@pytest.mark.parametrize("taken", ["shop", "shop_products"])
def test_collections_of_somebody_else_are_refused_and_left_alone(tmp_path, taken, rebuild):
    file = str(tmp_path / "theirs.db")
    pymilvus = pytest.importorskip("pymilvus")
    client = pymilvus.MilvusClient(file)
    client.create_collection(taken, dimension=4)
    client.insert(taken, [{"id": number, "vector": [1.0, 0, 0, 0]} for number in range(3)])
    client.close()
    with pytest.raises(StoreError, match=f"collection {taken} was made by something else"):
        open_store(f"milvus-lite:{file}/shop", mode="write", encoder_hash=HASH, dim=DIM, rebuild=rebuild)
    with pytest.raises(StoreError):
        open_store(f"milvus-lite:{file}/shop")
    client = pymilvus.MilvusClient(file)
    assert client.list_collections() == [taken]
    assert client.query(taken, filter="id >= 0", output_fields=["count(*)"])[0]["count(*)"] == 3
    client.close()


def test_a_store_that_lacks_a_collection_says_so_at_once(tmp_path):
    address = f"milvus-lite:{tmp_path}/shop.db/torn"
    store = made(address)
    store._connection.call("tearing", lambda client: client.drop_collection("torn_pieces"))
    store.close()
    with pytest.raises(StoreError, match="lacks the collection torn_pieces"):
        open_store(address)
    made(address, rebuild=True).close()

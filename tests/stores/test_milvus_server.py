"""A store on a real Milvus server, which these tests start, kill and start again."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest

from milvus_server import MilvusServer, missing
from stores.milvus_world import MilvusContract, assert_filters_hold, assert_survives_breaking_off, emptied, made
from stores.oracle import Shop, assert_same_ranking, assert_same_record, photo_record, product_record, unit
from wearabouts.cli import main
from wearabouts.errors import StoreError
from wearabouts.stores import open_store

pytest.importorskip("pymilvus")
if missing():
    pytest.skip(missing(), allow_module_level=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = MilvusServer(tmp_path_factory.mktemp("milvus"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def address(server):
    return f"milvus://{server.address}/contract?index=flat&partitions=4"


@pytest.fixture
def store(address):
    store = emptied(made(address))
    yield store
    store.close()


@pytest.fixture
def generator():
    return np.random.default_rng(5)


class TestMilvusServer(MilvusContract):
    pass


def test_any_filter_keeps_what_a_plain_loop_keeps(store, generator):
    assert_filters_hold(store, generator, 40)


def test_a_write_that_breaks_off_leaves_old_or_new(store, generator, monkeypatch):
    assert_survives_breaking_off(store, generator, monkeypatch)


def test_a_reader_sees_a_changing_product_as_one_of_its_writings(store, address, generator):
    """Every search while a product is written again and again finds its photos of one writing, all of them."""
    pool = unit(generator, 6)
    reader = open_store(address)
    done = threading.Event()

    def write():
        for turn in range(24):
            photos = [photo_record(f"{turn}/{place}", pool[turn % 6]) for place in range(1 + turn % 3)]
            store.upsert([product_record("p", photos, title=str(turn))])
        done.set()

    store.upsert([product_record("p", [photo_record("start", pool[0])])])
    reader.refresh()
    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        ids = reader.search(pool[0], 10).photo_ids
        turns = {ident.partition("/")[0] for ident in ids}
        assert len(turns) == 1
        seen |= turns
        if turns != {"start"}:
            assert len(ids) == 1 + int(turns.pop()) % 3
    writer.join()
    assert len(seen) > 3
    reader.refresh()
    assert set(reader.search(pool[0], 10).photo_ids) == {f"23/{place}" for place in range(3)}
    reader.close()


def test_another_client_sees_what_is_acknowledged_once_it_refreshes(store, address, generator):
    reader = open_store(address)
    for turn in range(5):
        vector = unit(generator)[0]
        store.upsert([product_record(f"p{turn}", [photo_record(f"a{turn}", vector)])])
        store.delete([f"p{turn - 1}"])
        reader.refresh()
        assert list(reader.products()) == [f"p{turn}"]
        assert reader.search(vector, 3).photo_ids == (f"a{turn}",)
        assert reader.product(f"p{turn - 1}") is None
    reader.close()
    strong = open_store(address + "&consistency=strong")
    store.delete(["p4"])
    assert strong.search(vector, 3).photo_ids == ()
    strong.close()


def test_a_server_killed_while_it_is_written_to_loses_nothing_acknowledged(server, address, generator):
    store, shop = emptied(made(address)), Shop()
    pool = unit(generator, 3)
    acknowledged = []
    first, killed = threading.Event(), threading.Event()

    def write():
        for turn in range(30):
            if turn == 12:
                killed.wait(30)
            names = [f"p{(5 * turn + place) % 40}" for place in range(5)]
            records = [
                product_record(
                    name, [photo_record(f"{name}/{turn}", pool[turn % 3], thumbnail=b"small")], title=str(turn)
                )
                for name in names
            ]
            store.upsert(records)
            acknowledged.append(records)
            if turn == 10:
                first.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert first.wait(60)
    server.kill()
    killed.set()
    server.start()
    writer.join(90)
    assert not writer.is_alive()
    assert len(acknowledged) == 30
    for records in acknowledged:
        shop.upsert(records)
    store.close()
    again = made(address)
    for ident, record in shop.records.items():
        assert_same_record(again.record(ident), record)
    for query in pool:
        assert_same_ranking(again.search(query, 100), shop.nearest(query, 100))
    again.close()


def test_what_was_acknowledged_before_a_kill_is_there_after_it(server, address, generator):
    store, shop = emptied(made(address)), Shop()
    records = [product_record(f"p{i}", [photo_record(f"a{i}", each)]) for i, each in enumerate(unit(generator, 300))]
    store.upsert(records)
    shop.upsert(records)
    store.delete([f"p{i}" for i in range(0, 300, 3)])
    shop.delete([f"p{i}" for i in range(0, 300, 3)])
    server.kill()
    server.start()
    query = unit(generator)[0]
    assert_same_ranking(store.search(query, 50), shop.nearest(query, 50))
    assert list(store.products()) == sorted(shop.records)
    assert store.check() == []
    store.close()


def test_a_graph_finds_nearly_all_and_exact_finds_all(server, generator):
    centres = unit(generator, 40, dim=32)
    vectors = centres[generator.integers(40, size=4_000)] + 0.1 * generator.standard_normal((4_000, 32))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    store = made(f"milvus://{server.address}/graph?index=hnsw&ef=64&partitions=4", dim=32)
    shop = Shop()
    records = [
        product_record(f"p{i}", [photo_record(f"a{i}", each)], price=float(i % 100)) for i, each in enumerate(vectors)
    ]
    for start in range(0, 4_000, 1_000):
        store.upsert(records[start : start + 1_000])
    shop.upsert(records)
    assert store.describe()["index"]["kind"] == "hnsw"
    found = wanted = 0
    for query in vectors[:12] + np.float32(0.02):
        query = (query / np.linalg.norm(query)).astype(np.float32)
        nearest = shop.nearest(query, 10)
        assert_same_ranking(store.search(query, 10, exact=True), nearest)
        found += len(set(store.search(query, 10).photo_ids) & {photo for photo, _, _ in nearest})
        wanted += 10
        few = shop.nearest(query, 50, lambda record: record.product.price == 7)
        assert_same_ranking(store.search(query, 50, where="price = 7"), few)
    assert found >= 0.95 * wanted
    store.close()


def test_the_command_line_fills_searches_and_describes_it(server, tmp_path, capsys):
    address = f"milvus://{server.address}/shop?partitions=4"
    model = ["--model", "histogram"]

    def run(*words):
        assert main([*map(str, words)]) == 0
        return json.loads(capsys.readouterr().out)

    assert main(["draw", str(tmp_path / "shop"), "--products", "12", "--street", "0"]) == 0
    capsys.readouterr()
    summary = run("index", tmp_path / "shop", "--store", address, *model, "--json")
    assert summary["products"] == 12
    again = run("index", tmp_path / "shop", "--store", address, *model, "--json")
    assert (again["embedded"], again["unchanged"]) == (0, summary["photos"])
    photo = next(path for path in sorted((tmp_path / "shop").rglob("*.jpg")))
    answer = run("search", photo, "--store", address, *model, "--where", "title contains a or price > 0", "--json")
    assert answer["matches"][0]["similarity"] == pytest.approx(1, abs=1e-3)
    told = run("describe", address, "--json")
    assert (told["kind"], told["products"], told["photos"]) == ("milvus", 12, summary["photos"])
    assert run("check", address, "--json") == {"store": address, "found": [], "left": []}


def test_a_server_that_is_away_is_said_and_waited_for(server, address, generator):
    store = emptied(made(address + "&patience=1"))
    server.kill()
    began = time.monotonic()
    for action in (lambda: store.search(unit(generator)[0], 3), lambda: store.delete(["p"])):
        with pytest.raises(StoreError, match=r"no Milvus server answered within 1 s .*start it, or give the address"):
            action()
    with pytest.raises(StoreError, match="no Milvus server answered within 1 s"):
        open_store(address + "&patience=1")
    assert time.monotonic() - began < 60
    server.start()
    patient = open_store(address)
    assert list(patient.products()) == []
    patient.close()
    store.close()

"""A mapped base and what came since answer together as one plain dictionary does, whatever happens in between."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from stores.contract import FILTERS
from stores.oracle import DIM, HASH, Shop, assert_same_ranking, random_product, unit
from wearabouts.errors import QueryError
from wearabouts.stores import open_store
from wearabouts.stores.embedded.truth import writing
from wearabouts.stores.embedded.truth.schema import connect, read_meta, reading
from wearabouts.stores.embedded.views.loading import load, replay
from wearabouts.stores.embedded.views.view import Rows
from wearabouts.stores.where import parse


class Life(RuleBasedStateMachine):
    """Products come, change and go; the base is made anew; writer and reader close and open again."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed):
        self.folder = self.folders()
        self.generator = np.random.default_rng(seed)
        self.pool = unit(self.generator, 3)
        self.shop = Shop()
        self.store = open_store(self.folder, mode="write", encoder_hash=HASH, dim=DIM)
        self.reader = open_store(self.folder)

    @rule(ids=st.lists(st.integers(0, 15), min_size=1, max_size=6))
    def upsert(self, ids):
        records = [random_product(self.generator, f"p{each}", pool=self.pool) for each in dict.fromkeys(ids)]
        self.store.upsert(records)
        self.shop.upsert(records)

    @rule(ids=st.lists(st.integers(0, 15), max_size=4))
    def delete(self, ids):
        self.store.delete([f"p{each}" for each in ids])
        self.shop.delete([f"p{each}" for each in ids])

    @rule()
    def rebuild(self):
        self.store.rebuild()

    @rule(base=st.booleans())
    def reopen(self, base):
        self.store.close()
        if not base:
            for path in (self.folder / "derived").glob("*"):
                path.unlink()
        self.store = open_store(self.folder, mode="write", encoder_hash=HASH, dim=DIM)

    @rule()
    def forget_removals(self):
        """What a writer does that finds the log long: lagging bases can no longer be brought up to date by it."""
        self.store.close()
        before, writing.MAX_REMOVALS = writing.MAX_REMOVALS, -1
        try:
            self.store = open_store(self.folder, mode="write", encoder_hash=HASH, dim=DIM)
        finally:
            writing.MAX_REMOVALS = before

    @rule()
    def reopen_reader(self):
        self.reader.close()
        self.reader = open_store(self.folder)

    @invariant()
    def answers_as_the_oracle(self):
        query = self.pool[0] if self.generator.random() < 0.5 else unit(self.generator)[0]
        where = str(self.generator.choice([*FILTERS]))
        self.reader.refresh()
        for store in (self.store, self.reader):
            assert_same_ranking(store.search(query, 50), self.shop.nearest(query, 50))
            if "color" not in where or self.colored():
                found = store.search(query, 50, where=where)
                assert_same_ranking(found, self.shop.nearest(query, 50, FILTERS[where]))
            wanted = [f"p{each}" for each in range(16)]
            assert store.photos(wanted) == [
                tuple(each.photo.id for each in self.shop.records[ident].photos) if ident in self.shop.records else ()
                for ident in wanted
            ]
            living = [each for record in self.shop.records.values() for each in record.photos]
            if living:
                found = store.vectors([each.photo.id for each in living])
                np.testing.assert_array_equal(found, [each.vector for each in living])

    def colored(self):
        return any("color" in record.product.attributes for record in self.shop.records.values())

    def teardown(self):
        assert self.reader.check() == []
        self.reader.close()
        self.store.close()


def test_a_life_equals_the_oracle(tmp_path):
    numbers = iter(range(10_000))
    Life.folders = lambda self: tmp_path / str(next(numbers))
    run_state_machine_as_test(
        Life, settings=settings(max_examples=8, stateful_step_count=10, deadline=None, database=None)
    )


def filled(folder, count=25):
    generator = np.random.default_rng(5)
    shop = Shop()
    shop.upsert(random_product(generator, f"p{i}") for i in range(count))
    store = open_store(folder, mode="write", encoder_hash=HASH, dim=DIM)
    store.upsert(shop.records.values())
    store.rebuild()
    return shop, store, generator


def harmed(folder, statement):
    with sqlite3.connect(folder / "store.db") as connection:
        connection.execute(statement)
    connection.close()


def test_opening_reads_no_row_that_the_base_holds(tmp_path):
    shop, store, generator = filled(tmp_path / "store")
    fresh = random_product(generator, "new")
    store.upsert([fresh])
    connection = connect(tmp_path / "store", write=False)
    asked = []
    connection.set_trace_callback(asked.append)
    with reading(connection):
        view = load(connection, read_meta(connection, tmp_path / "store"), tmp_path / "store" / "derived")
    connection.close()
    held = sum(len(record.photos) for record in shop.records.values())
    assert (len(view.base), len(view.vectors)) == (held, len(fresh.photos))
    bounds = [int(found) for statement in asked for found in re.findall(r"number > (-?\d+)", statement)]
    assert len(bounds) >= 3  # products, photos, removals
    assert min(bounds) == view.base.sequence
    assert view.rows._photo_ids == [each.photo.id for each in fresh.photos]
    store.close()


def test_an_old_view_stays_true_while_new_ones_come(tmp_path):
    _, store, generator = filled(tmp_path / "store")
    folder = tmp_path / "store"
    connection = connect(folder, write=False)
    with reading(connection):
        view = load(connection, read_meta(connection, folder), folder / "derived")
    ids = view.photo_ids(np.arange(len(view.alive)))
    masks = {where: view.columns.mask(parse(where)).tolist() for where in FILTERS}
    before = view
    for step in range(6):
        store.upsert([random_product(generator, f"p{step}"), random_product(generator, f"more {step}")])
        store.delete([f"p{step + 10}"])
        with reading(connection):
            view = replay(connection, read_meta(connection, folder), view)
    assert before.photo_ids(np.arange(len(before.alive))) == ids
    assert before.alive.all()
    assert {where: before.columns.mask(parse(where)).tolist() for where in FILTERS} == masks
    assert int(view.present.sum()) == len(list(store.products()))
    connection.close()
    store.close()


def test_a_product_whose_new_row_is_damaged_does_not_show_its_old_one(tmp_path):
    folder = tmp_path / "store"
    shop, store, generator = filled(folder)
    changed = random_product(generator, "p3")
    store.upsert([changed])
    store.close()
    harmed(folder, "UPDATE vectors SET data = zeroblob(64) WHERE photo > (SELECT number FROM products WHERE id = 'p3')")
    store = open_store(folder)
    assert not set(store.photos(["p3"])[0])
    shop.delete(["p3"])
    query = unit(generator)[0]
    assert_same_ranking(store.search(query, 99), shop.nearest(query, 99))
    assert "vector" in {finding.kind for finding in store.check()}
    store.close()


def test_a_damaged_row_costs_itself_alone_in_a_rebuild(tmp_path):
    folder = tmp_path / "store"
    shop, store, generator = filled(folder)
    store.close()
    harmed(folder, "UPDATE vectors SET data = zeroblob(64) WHERE photo = (SELECT number FROM photos WHERE id = 'p2/0')")
    harmed(folder, "UPDATE products SET attributes = '[[' WHERE id = 'p5'")
    harmed(folder, "DELETE FROM vectors WHERE photo = (SELECT number FROM photos WHERE id = 'p7/0')")
    store = open_store(folder, mode="write")
    store.rebuild()
    query = unit(generator)[0]
    expected = [each for each in shop.nearest(query, 999) if each[0] not in ("p2/0", "p7/0")]
    assert_same_ranking(store.search(query, 999), expected)
    assert store.describe()["index"]["base"] == len(expected)
    store.close()


@pytest.mark.parametrize("harmed_at", ["vectors", "photos/data", "products/hashes", "column/brand/codes", "slots"])
def test_a_block_found_damaged_while_searching_costs_no_answer(tmp_path, monkeypatch, harmed_at):
    monkeypatch.setattr("wearabouts.stores.embedded.generations.generation.AT_ONCE", 0)
    folder = tmp_path / "store"
    shop, store, generator = filled(folder)
    store.close()
    (path,) = (folder / "derived").iterdir()
    raw = bytearray(path.read_bytes())
    end, length = int.from_bytes(raw[12:20], "little"), int.from_bytes(raw[20:28], "little")
    told = json.loads(raw[end : end + length][8 * -(-(end - 4_096) // (256 * 1024)) :])
    raw[told["arrays"][harmed_at][2] + 3] ^= 1
    path.write_bytes(raw)
    store = open_store(folder)
    query = unit(generator)[0]
    for where in (None, "brand = acme"):
        keep = FILTERS[where] if where else (lambda record: True)
        assert_same_ranking(store.search(query, 99, where=where), shop.nearest(query, 99, keep))
    assert store.photos(["p1"]) == [tuple(each.photo.id for each in shop.records["p1"].photos)]
    assert store.describe()["index"]["base"] == 0
    assert [finding.kind for finding in store.check()] == ["derived"]
    store.close()


def test_attributes_that_read_alike_are_both_filtered_by_before_and_after_a_rebuild(tmp_path):
    generator = np.random.default_rng(5)
    both, one, none = (random_product(generator, name) for name in ("both", "one", "none"))
    both = replace(both, product=replace(both.product, attributes={"Color": "red", "color": "blue"}))
    one = replace(one, product=replace(one.product, attributes={"color": "blue"}))
    none = replace(none, product=replace(none.product, attributes={}))
    query = unit(generator)[0]
    with closing(open_store(tmp_path / "store", mode="write", encoder_hash=HASH, dim=DIM)) as store:
        store.upsert([both, one, none])
        for _ in range(2):  # in memory, then in a file
            found = {
                where: set(store.search(query, 50, where=where).product_ids)
                for where in ("color = red", "color = blue", "has color", "color contains e")
            }
            both_ways = {"both", "one"}
            assert found == {
                "color = red": {"both"},
                "color = blue": both_ways,
                "has color": both_ways,
                "color contains e": both_ways,
            }
            store.rebuild()


def test_a_view_finds_the_photos_of_a_product_while_it_is_being_replaced(tmp_path, monkeypatch):
    generator = np.random.default_rng(6)
    with closing(open_store(tmp_path / "store", mode="write", encoder_hash=HASH, dim=DIM)) as store:
        store.upsert([random_product(generator, "p")])
        before = store.photos(["p"])
        assert before[0]
        seen, adding = [], Rows.add_products

        def added(rows, facts):
            seen.append(view.photos_of(["p"]))
            return adding(rows, facts)

        view = store._tracker.current()
        monkeypatch.setattr(Rows, "add_products", added)
        store.upsert([random_product(generator, "p")])
        assert seen == [before]


def test_half_a_character_in_a_filter_is_refused(tmp_path):
    with (
        closing(open_store(tmp_path / "store", mode="write", encoder_hash=HASH, dim=DIM)) as store,
        pytest.raises(QueryError, match="half of a character"),
    ):
        store.search(np.eye(1, DIM, dtype=np.float32)[0], 3, where='brand = "\ud800"')


def test_a_product_may_be_asked_for_many_times(tmp_path):
    generator = np.random.default_rng(7)
    with closing(open_store(tmp_path / "store", mode="write", encoder_hash=HASH, dim=DIM)) as store:
        store.upsert([random_product(generator, "p"), random_product(generator, "q")])
        store.rebuild()
        once = store.photos(["p", "q"])
        assert store.photos(["p", "q"] * 20) == once * 20
        assert store.check() == []

"""Searching from several threads while one writes: never an error, never a product that has gone, never one missing."""

from __future__ import annotations

import threading

import numpy as np

from stores.oracle import DIM, HASH, photo_record, product_record, unit
from wearabouts.errors import StoreError
from wearabouts.stores import open_store

THREADS = 3
WRITES = 80


class World:
    """What is certainly there, what certainly has gone, and what went wrong; ids are never used again."""

    def __init__(self):
        self.present = set()
        self.gone = set()
        self.problems = []
        self.rounds = 0
        self.over = threading.Event()


def search_on(store, world, seed):
    generator = np.random.default_rng(seed)
    try:
        while not world.over.is_set():
            gone, present = set(world.gone), set(world.present)
            store.refresh()
            where = "in stock" if generator.random() < 0.5 else None
            ranking = store.search(unit(generator)[0], 10_000, where=where)
            found = set(ranking.product_ids)
            missing = present - found - set(world.gone) - world.going
            if found & gone or missing:
                world.problems.append((found & gone, missing))
            try:
                vectors = store.vectors(ranking.photo_ids[:5])
                assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
            except StoreError as error:  # deleted since: the error must say so
                if "is not in the store" not in str(error):
                    raise
            if len(ranking):
                store.product(ranking.product_ids[0])
                store.thumbnail(ranking.photo_ids[0])
            world.rounds += 1
    except BaseException as error:
        world.problems.append(repr(error))


def write_on(store, world):
    generator = np.random.default_rng(0)
    for number in range(WRITES):
        ids = [f"{number}-{place}" for place in range(5)]
        store.upsert(
            product_record(
                ident,
                [photo_record(f"{ident}/{j}", unit(generator)[0]) for j in range(2)],
                availability="in_stock",
                attributes={f"only_{number}": "x"},
            )
            for ident in ids
        )
        world.present |= set(ids)
        if number % 2:
            world.going = set(sorted(world.present)[:4])
            store.delete(world.going)
            world.gone |= world.going
            world.present -= world.going
        if number % 30 == 29:
            store.rebuild()


def lived_through(store, writer):
    world = World()
    world.going = set()
    threads = [threading.Thread(target=search_on, args=(store, world, seed)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        write_on(writer, world)
    finally:
        world.over.set()
        for thread in threads:
            thread.join()
    assert world.problems == []
    assert world.rounds > THREADS
    store.refresh()
    assert set(store.search(unit(np.random.default_rng(1))[0], 10_000).product_ids) == world.present


def test_threads_of_the_writer(tmp_path):
    store = open_store(tmp_path / "store", mode="write", encoder_hash=HASH, dim=DIM)
    lived_through(store, store)
    assert store.check() == []
    store.close()


def test_threads_of_a_reader(tmp_path):
    writer = open_store(tmp_path / "store", mode="write", encoder_hash=HASH, dim=DIM)
    reader = open_store(tmp_path / "store")
    lived_through(reader, writer)
    reader.close()
    writer.close()

"""The embedded store keeps the contract."""

from __future__ import annotations

from functools import partial

import pytest

from stores.contract import StoreContract
from stores.oracle import DIM, HASH
from wearabouts.stores import open_store


class TestEmbedded(StoreContract):
    @pytest.fixture
    def open_again(self, tmp_path):
        opened = []

        def opener():
            for store in opened:
                store.close()
            opened.append(open_store(tmp_path / "store", mode="write", encoder_hash=HASH, dim=DIM))
            return opened[-1]

        yield opener
        for store in opened:
            store.close()


class TestEmbeddedSeenByAReader(TestEmbedded):
    """The same, searching through a second store that only reads: every write shows once it is refreshed."""

    @pytest.fixture
    def open_again(self, tmp_path):
        pairs = []

        def opener():
            for pair in pairs:
                pair.close()
            writer = open_store(tmp_path / "store", mode="write", encoder_hash=HASH, dim=DIM)
            pairs.append(_Pair(writer, open_store(tmp_path / "store")))
            return pairs[-1]

        yield opener
        for pair in pairs:
            pair.close()


class _Pair:
    def __init__(self, writer, reader):
        self.writer, self.reader = writer, reader

    def __getattr__(self, name):
        if name in ("upsert", "delete", "write_note"):
            return partial(self.written, getattr(self.writer, name))
        return getattr(self.reader, name)

    def written(self, act, *given):
        done = act(*given)
        self.reader.refresh()
        return done

    def close(self):
        self.reader.close()
        self.writer.close()

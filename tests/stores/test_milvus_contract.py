"""Milvus keeps the contract: as a file (Milvus Lite), and as a real server that the tests start."""

from __future__ import annotations

import pytest

from stores.contract import StoreContract
from stores.milvus_world import emptied, opened
from stores.oracle import DIM, HASH


class MilvusContract(StoreContract):
    """One store for all tests of a class, emptied before each: a server takes seconds to make collections."""

    @pytest.fixture
    def open_again(self, address):
        stores = []

        def opener():
            for store in stores:
                store.close()
            stores.append(opened(address, mode="write", encoder_hash=HASH, dim=DIM))
            return stores[-1]

        emptied(opener())
        yield opener
        for store in stores:
            store.close()


class TestMilvusLite(MilvusContract):
    @pytest.fixture(scope="class")
    @classmethod
    def address(cls, tmp_path_factory):
        pytest.importorskip("milvus_lite")
        return f"milvus-lite:{tmp_path_factory.mktemp('lite')}/shop.db/contract"


class TestMilvusServer(MilvusContract):
    @pytest.fixture(scope="class")
    @classmethod
    def address(cls, milvus_server):
        return f"milvus://{milvus_server.address}/contract?index=flat"

"""The Milvus server of the tests: started once, by the worker that needs it, and ended by its own process id."""

from __future__ import annotations

import pytest

from milvus_server import MilvusServer, missing


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory):
    pytest.importorskip("pymilvus")
    if missing():
        pytest.skip(missing())
    server = MilvusServer(tmp_path_factory.mktemp("milvus"))
    server.start()
    yield server
    server.kill()

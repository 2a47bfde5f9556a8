"""A Milvus server for the length of a measurement, where `make milvus` has set one up and none is named already."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from talk import REPOSITORY

ADDRESS = "WEARABOUTS_MILVUS"


@contextmanager
def milvus(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Start one over a folder that is kept, with the settings it is shipped with; `ADDRESS` names it meanwhile.

    Args:
        folder: Of its data.
        say: Told when it is started.
    """
    sys.path.append(str(REPOSITORY / "tests"))
    from milvus_server import MilvusServer, missing

    if os.environ.get(ADDRESS) or missing():
        yield
        return
    say("starting a Milvus server")
    server = MilvusServer(folder, {})
    try:
        server.start()
        os.environ[ADDRESS] = f"http://{server.address}"
    except RuntimeError as error:  # then its row says that there was none
        say(str(error))
    try:
        yield
    finally:
        os.environ.pop(ADDRESS, None)
        server.kill()

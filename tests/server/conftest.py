"""One shop and one open server for the whole folder; tests that need other settings start their own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import TinyTextEncoder
from server.world import Served, open_shop, serve
from wearabouts.search import Searcher
from wearabouts.stores import Store

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Searcher, Store]]:
    """Seven products in a store opened for writing; tests that write use ids of their own and clean up."""
    folder: Path = tmp_path_factory.mktemp("shop") / "store"
    with open_shop(folder) as opened:
        yield opened


@pytest.fixture(scope="session")
def served(shop: tuple[Searcher, Store]) -> Iterator[Served]:
    """The default settings: loopback, search open, writing closed; no rate limit that a test run could reach."""
    with serve(*shop, searches_per_minute=1_000_000, reads_per_minute=1_000_000) as running:
        yield running


@pytest.fixture(scope="session")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The same seven products, seen by a model that reads text too."""
    folder: Path = tmp_path_factory.mktemp("talking") / "store"
    with (
        open_shop(folder, encoder=TinyTextEncoder()) as opened,
        serve(*opened, searches_per_minute=1_000_000, reads_per_minute=1_000_000) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window; for one module, because its driver keeps an event loop that others must not meet."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip(f"no Chromium on the PATH: {', '.join(CHROMIUM)}")
    with driver.sync_playwright() as playing:
        running = playing.chromium.launch(executable_path=found, args=FLAGS)
        yield running
        running.close()

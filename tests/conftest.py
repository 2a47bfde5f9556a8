"""Fixtures shared by the whole mirror."""

from __future__ import annotations

import os
from pathlib import Path

# Before numpy or torch is loaded: as many tests run at once as there are cores, and threads that wait for each other
# burn the time of the others.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from fakes import TinyEncoder, TinyGarmentEncoder

# What takes longest, longest first: begun last, it would run alone. Several workers take files in this order.
LONGEST = (
    "test_tutorials.py",
    "test_train.py",
    "test_wtbi_training.py",
    "test_training_page.py",
    "test_papers_story.py",
    "test_benchmarks.py",
    "test_judging.py",
    "test_search_benchmark.py",
    "test_darn_bundle.py",
    "test_street_photos.py",
    "test_codes_page.py",
    "test_pipeline.py",
    "test_papers_study.py",
    "test_hub_page.py",
    "test_papers_page.py",
    "test_questions.py",
)


def pytest_configure(config: pytest.Config) -> None:
    config.option.loadscopereorder = False  # pytest-xdist would begin with the files of most tests


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture
def tiny_encoder() -> TinyEncoder:
    """A numpy-only encoder: 32 floats from a colour grid, no garments, no attributes."""
    return TinyEncoder()


@pytest.fixture
def tiny_garment_encoder() -> TinyGarmentEncoder:
    """The same with three garments and one attribute, told by the mean colour of the photo's centre."""
    return TinyGarmentEncoder()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real photographs, from WEARABOUTS_DATA; skips where it is unset or not there."""
    given = os.environ.get("WEARABOUTS_DATA", "")
    if not given:
        pytest.skip("WEARABOUTS_DATA is not set: it names the folder of real photographs")
    folder = Path(given)
    if not folder.is_dir():
        pytest.skip(f"WEARABOUTS_DATA={given} is not a folder")
    return folder

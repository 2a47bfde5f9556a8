"""Fixtures shared by the whole mirror."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fakes import TinyEncoder, TinyGarmentEncoder


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

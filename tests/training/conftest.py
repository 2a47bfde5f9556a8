"""A drawn shop to train on, drawn once for all tests of training."""

from __future__ import annotations

from pathlib import Path

import pytest

from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.writing import write


@pytest.fixture(scope="session")
def drawn_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 12 products of the drawn shop's training part: front, back and two street photos of 64 px each."""
    folder = tmp_path_factory.mktemp("drawn") / "shop"
    write(folder, DrawnShop(seed=3, products=12, part="train"), views=("front", "back"), street=2, size=64)
    return folder

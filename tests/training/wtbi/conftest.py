"""Shared by the tests of WTBI's training."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """So little work is quicker on one thread, above all where the other core is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Networks begin with the same weights, whichever test ran before."""
    torch.manual_seed(0)


@pytest.fixture
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """No report page is drawn: it takes longer than what these tests train."""
    monkeypatch.setattr("wearabouts.training.reporting.write_page", lambda run: None)

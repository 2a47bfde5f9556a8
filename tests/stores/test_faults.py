"""A system call that fails is a typed error that says what to do, or nothing at all; the store stays whole."""

from __future__ import annotations

import pytest

from torture import faults, tracing
from torture.ground import ground

FAULTS = 50


@pytest.fixture(scope="module", autouse=True)
def _strace():
    if reason := tracing.reason():
        pytest.skip(reason)


def test_failing_system_calls_lose_nothing_and_are_typed():
    with ground() as folder:
        sites = faults.chosen(faults.sites(folder), FAULTS)
        outcome = faults.batch(folder, sites)
    assert len(sites) == FAULTS
    assert {"pwrite64", "fdatasync", "fsync", "rename", "unlink", "openat"} <= {site.call for site in sites}
    assert outcome.problems == []
    assert outcome.died >= 10
    assert outcome.refused >= 10
    for said in outcome.messages:
        assert "; " in said, f"{said!r} does not say what to do"

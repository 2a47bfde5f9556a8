"""The power goes while a store is written: what was acknowledged is there when it comes back."""

from __future__ import annotations

import numpy as np
import pytest

from torture import power, tracing
from torture.disk import LOSSES, Disk, Write, applied
from torture.ground import ground

STATES = 200


@pytest.fixture
def disk():
    return Disk()


def after(disk, loss):
    return disk.after(loss, np.random.default_rng(0))


def test_what_was_not_synced_is_lost_or_kept(disk):
    file = disk.make("a")
    disk.write(file, 0, b"old")
    disk.sync(file, 1)
    assert after(disk, "data") == {"": None, "a": b"old"}
    assert after(disk, "names") == {"": None}  # synced, and its name is not
    disk.sync_folder("", 1)
    disk.write(file, 1, b"new")
    assert after(disk, "nothing") == {"": None, "a": b"onew"}
    assert after(disk, "everything") == {"": None, "a": b"old"}
    disk.rename("a", "b")
    assert after(disk, "everything") == {"": None, "a": b"old"}
    assert after(disk, "data") == {"": None, "b": b"old"}
    disk.sync_folder("", 1)
    disk.unlink("b")
    assert after(disk, "names") == {"": None, "b": b"onew"}
    assert after(disk, "nothing") == {"": None}


def test_a_file_in_a_folder_that_was_lost_is_lost(disk):
    disk.make_folder("f")
    file = disk.make("f/a")
    disk.write(file, 0, b"x")
    disk.sync(file, 1)
    disk.sync_folder("f", 1)
    assert after(disk, "everything") == {"": None}
    disk.sync_folder("", 1)
    assert after(disk, "everything") == {"": None, "f": None, "f/a": b"x"}


@pytest.mark.parametrize("sector", [512, 4096])
def test_a_torn_write_ends_between_two_sectors(disk, sector):
    file = disk.make("a")
    disk.sync_folder("", 1)
    disk.write(file, 0, bytes(20_000))
    disk.sync(file, 1)
    disk.write(file, 100, b"\1" * 10_000)
    lengths = set()
    for seed in range(40):
        raw = disk.after(f"torn at {sector}", np.random.default_rng(seed))["a"]
        kept = raw.count(1)
        assert raw == bytes(100) + b"\1" * kept + bytes(19_900 - kept)
        assert kept in (0, 10_000) or (kept + 100) % sector == 0
        lengths.add(kept)
    assert len(lengths) > 2


def test_a_file_grows_by_zeros():
    assert applied(b"ab", [Write(4, b"c"), Write(6, None)]) == b"ab\0\0c\0"
    assert applied(b"abc", [Write(1, None)]) == b"a"


def test_nothing_acknowledged_is_lost_with_the_power():
    if reason := tracing.reason():
        pytest.skip(reason)
    with ground() as folder:
        outcome = power.batch(folder, some=STATES)
    assert outcome.problems == []
    assert set(outcome.losses) == set(LOSSES)
    assert sum(outcome.losses.values()) + outcome.alike == STATES
    assert outcome.points > 100
    assert outcome.acknowledged > 15
    assert outcome.copies > 0

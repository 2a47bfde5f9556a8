"""The files of the derived base: written once, mapped, distrusted."""

from __future__ import annotations

import os

import numpy as np
import pytest

from stores.bases import facts, written
from wearabouts.errors import StoreError
from wearabouts.stores.embedded.generations import derived
from wearabouts.stores.embedded.generations.generation import no_base, opened
from wearabouts.stores.embedded.generations.segment import Damaged

DIM = 8


def make(folder, generation=1, size=40, **told):
    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(size)
    vectors = generator.standard_normal((size, DIM)).astype(np.float32)
    slots = np.sort(generator.integers(0, 10, size))
    shop = [facts(f"p{slot}", 100 + slot, float(slot), {"size": str(slot)}, brand="Acme") for slot in range(10)]
    path = folder / f"base-{generation:08d}.segment"
    written(path, shop, vectors, [f"photo {row}" for row in range(size)], slots, generation=generation, **told)
    return vectors, slots


def newest(folder, **changed):
    asked = {"dim": DIM, "encoder_hash": "one", "fits": lambda era, sequence: (era, sequence) == ("e", 7)} | changed
    return derived.newest(folder, **asked)


@pytest.mark.parametrize("count", [0, 1, 40, 300])
def test_what_is_written_is_read(tmp_path, count):
    vectors, slots = make(tmp_path / "derived", size=count)
    base = newest(tmp_path / "derived")
    rows = np.arange(count)
    np.testing.assert_array_equal(base.gathered(rows), vectors)
    np.testing.assert_array_equal(base.slots, slots)
    assert base.photos(rows) == [f"photo {row}" for row in rows]
    assert base.numbers(rows).tolist() == [row + 1 for row in rows]
    assert base.found([*base.photos(rows)[::-1], "photo", ""]).tolist() == [*rows[::-1], -1, -1]
    wanted = [np.flatnonzero(slots == slot).tolist() for slot in (3, 0, 9, 3)]
    found, counts = base.rows_of(np.asarray([3, 0, 9, 3]))
    assert [part.tolist() for part in np.split(found, np.cumsum(counts)[:-1])] == wanted
    assert base.product_ids.find(["p3", "p10", "p0"]).tolist() == [3, -1, 0]
    assert (base.generation, base.sequence, base.era, len(base)) == (1, 7, "e", count)
    if count:
        with pytest.raises(ValueError, match="read-only"):
            base.vectors[...] = 0


def test_the_newest_that_fits_is_taken_and_damaged_ones_are_passed_over(tmp_path):
    for generation, count in ((1, 10), (2, 20), (3, 30)):
        make(tmp_path, generation, count)
    assert newest(tmp_path).generation == 3
    assert newest(tmp_path, without=[tmp_path / "base-00000003.segment"]).generation == 2
    (tmp_path / "base-00000003.segment").write_bytes(b"noise")
    os.truncate(tmp_path / "base-00000002.segment", 5_000)
    assert newest(tmp_path).generation == 1
    (tmp_path / "base-00000001.segment").unlink()
    assert newest(tmp_path).path is None
    assert newest(tmp_path / "never").path is None


@pytest.mark.parametrize(
    "changed", [{"dim": 9}, {"encoder_hash": "two"}, {"fits": lambda era, sequence: False}], ids=lambda each: str(*each)
)
def test_another_s_base_is_left_aside(tmp_path, changed):
    make(tmp_path)
    assert newest(tmp_path).path is not None
    assert newest(tmp_path, **changed).path is None


def test_every_byte_counts(tmp_path):
    make(tmp_path)
    (path,) = tmp_path.iterdir()
    raw = path.read_bytes()
    assert derived.fault(path) is None
    for place in [*range(0, 100), *range(100, len(raw), 97), len(raw) - 1]:
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 16]) + raw[place + 1 :])
        assert derived.fault(path) is not None, place
        assert newest(tmp_path).path is None
    for size in (0, 7, 4_095, 4_096, len(raw) - 1):
        path.write_bytes(raw[:size])
        assert derived.fault(path) is not None


@pytest.mark.parametrize(
    "told",
    [
        {"count": 41},
        {"count": -1},
        {"dim": 4},
        {"products": 9},
        {"format": 99},
        {"era": None},
        {"index": {"kind": "magic", "why": "", "facts": {}}},
        {"index": {"kind": "exact"}},
        {"index": []},
        {"sequence": "7"},
    ],
    ids=str,
)
def test_a_sound_file_whose_facts_cannot_be_is_refused(tmp_path, told):
    make(tmp_path, **told)
    with pytest.raises(Damaged):
        opened(tmp_path / "base-00000001.segment")


def test_generations_rise_and_older_ones_go_only_when_asked(tmp_path):
    folder = tmp_path / "derived"
    generation, draft, target = derived.next_draft(folder)
    assert (generation, target.name) == (1, "base-00000001.segment")
    assert draft.name.startswith("base-00000001.segment.")
    vectors, _ = make(folder)
    first = newest(folder)
    make(folder, 2, 50)
    for left in ("base-00000001.segment.77.tmp", "base-00000009.vectors"):
        (folder / left).write_bytes(b"half")
    assert derived.next_draft(folder)[0] == 3
    derived.drop_older(folder, 2)
    assert [path.name for path in folder.iterdir()] == ["base-00000002.segment"]
    np.testing.assert_array_equal(first.gathered(np.arange(40)), vectors)
    assert len(newest(folder)) == 50


def test_a_linked_folder_is_not_written_through(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "derived").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is a link"):
        derived.next_draft(tmp_path / "derived")
    assert derived.generations(tmp_path / "derived") == []


def test_too_many_open_files_are_an_error_and_not_a_store_without_its_index(tmp_path, monkeypatch):
    make(tmp_path)

    def exhausted(*args):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("wearabouts.stores.embedded.generations.segment.os.open", exhausted)
    with pytest.raises(StoreError, match="allow more open files"):
        newest(tmp_path)


def test_the_base_of_an_empty_store_answers_everything_with_nothing():
    base = no_base(DIM)
    assert (len(base), base.products, base.path) == (0, 0, None)
    assert base.found(["a"]).tolist() == [-1]
    assert base.photos(np.zeros(0, np.int64)) == []
    assert base.gathered(np.zeros(0, np.int64)).shape == (0, DIM)

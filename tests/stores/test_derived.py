"""The derived base as a file: written once, mapped, distrusted."""

from __future__ import annotations

import numpy as np
import pytest

from wearabouts.errors import StoreError
from wearabouts.stores.embedded import derived

DIM = 8


def written(folder, count=40, sequence=7, encoder_hash="one"):
    generator = np.random.default_rng(count)
    vectors = generator.standard_normal((count, DIM)).astype(np.float32)
    numbers = np.cumsum(generator.integers(1, 9, count))
    derived.write(
        folder,
        sequence=sequence,
        encoder_hash=encoder_hash,
        dim=DIM,
        numbers=numbers,
        sums=numbers * 3,
        rows=(row.tobytes() for row in vectors),
    )
    return numbers, vectors


def newest(folder, **changed):
    return derived.newest(folder, **{"dim": DIM, "encoder_hash": "one", "sequence": 100} | changed)


@pytest.mark.parametrize("count", [0, 1, 40, 300])
def test_what_is_written_is_read(tmp_path, monkeypatch, count):
    monkeypatch.setattr(derived, "BLOCK", 1_000)  # not a multiple of a row
    numbers, vectors = written(tmp_path / "derived", count)
    base = newest(tmp_path / "derived")
    np.testing.assert_array_equal(base.numbers, numbers)
    np.testing.assert_array_equal(base.sums, numbers * 3)
    np.testing.assert_array_equal(base.vectors, vectors)
    assert (base.generation, base.sequence) == (1, 7)
    assert not base.vectors.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        base.vectors[...] = 0


def test_a_generation_is_never_overwritten_and_the_last_one_stays_mapped(tmp_path):
    _, vectors = written(tmp_path / "derived")
    first = newest(tmp_path / "derived")
    (tmp_path / "derived" / "base-00000001.vectors.77.tmp").write_bytes(b"half")
    written(tmp_path / "derived", 50)
    assert [path.name for path in (tmp_path / "derived").iterdir()] == ["base-00000002.vectors"]
    np.testing.assert_array_equal(first.vectors, vectors)
    assert len(newest(tmp_path / "derived").numbers) == 50


@pytest.mark.parametrize("changed", [{"dim": 9}, {"encoder_hash": "two"}, {"sequence": 6}])
def test_another_s_base_is_left_aside(tmp_path, changed):
    written(tmp_path / "derived")
    assert newest(tmp_path / "derived").path is not None
    assert newest(tmp_path / "derived", **changed).path is None


def test_every_byte_counts(tmp_path):
    written(tmp_path / "derived")
    (path,) = (tmp_path / "derived").iterdir()
    raw = path.read_bytes()
    assert derived.fault(path) is None
    for place in [*range(0, 300), *range(300, len(raw), 37), len(raw) - 1]:
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 16]) + raw[place + 1 :])
        assert derived.fault(path) is not None, place
        assert newest(tmp_path / "derived").path is None
    for size in (0, 7, 4_095, 4_096, len(raw) - 1):
        path.write_bytes(raw[:size])
        assert derived.fault(path) is not None


def test_too_few_rows_write_nothing(tmp_path):
    with pytest.raises(OSError, match="bytes of vectors"):
        derived.write(
            tmp_path / "derived",
            sequence=1,
            encoder_hash="one",
            dim=DIM,
            numbers=np.arange(3),
            sums=np.arange(3),
            rows=[bytes(4 * DIM)] * 2,
        )
    assert list((tmp_path / "derived").iterdir()) == []


def test_a_linked_folder_is_not_written_through(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "derived").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is a link"):
        written(tmp_path / "derived")
    assert list((tmp_path / "elsewhere").iterdir()) == []

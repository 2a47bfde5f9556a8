"""A pickle from a stranger: arrays come out, and nothing else happens."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from miniatures import cifar10 as mini
from wearabouts.errors import CatalogError
from wearabouts.readers.datasets import unpickling


class Runs:
    """Asks the unpickler to run a command."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_a_python_2_batch_is_read(tmp_path: Path) -> None:
    data = bytes(range(256)) * 24
    (tmp_path / "batch").write_bytes(mini.python_batch("data_batch_3", [7, 2], data))
    batch = unpickling.load(tmp_path / "batch")
    assert batch["batch_label"] == b"training batch 3 of 5"
    assert batch["labels"] == [7, 2]
    assert batch["data"].shape == (2, 3_072)
    assert batch["data"].tobytes() == data
    # pickle itself, trusted here, is the oracle
    whole = pickle.loads((tmp_path / "batch").read_bytes(), encoding="bytes")
    np.testing.assert_array_equal(whole[b"data"], batch["data"])


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])  # 5 packs arrays by another function; no batch uses it
def test_batches_written_by_today_s_python_are_read_too(tmp_path: Path, protocol: int) -> None:
    data = np.arange(6_144, dtype=np.uint32).astype(np.uint8).reshape(2, 3_072)
    (tmp_path / "batch").write_bytes(pickle.dumps({b"data": data, "labels": [0, 1]}, protocol=protocol))
    batch = unpickling.load(tmp_path / "batch")
    np.testing.assert_array_equal(batch["data"], data)


def test_fortran_order_is_kept(tmp_path: Path) -> None:
    data = np.asfortranarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    (tmp_path / "batch").write_bytes(pickle.dumps({"data": data}, protocol=2))
    np.testing.assert_array_equal(unpickling.load(tmp_path / "batch")["data"], data)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_runs_a_command_is_refused_and_runs_nothing(tmp_path: Path, protocol: int) -> None:
    marker = tmp_path / "it-ran"
    (tmp_path / "batch").write_bytes(pickle.dumps({"data": Runs(marker)}, protocol=protocol))
    with pytest.raises(CatalogError, match="do not trust"):
        unpickling.load(tmp_path / "batch")
    assert not marker.exists()


@pytest.mark.parametrize(
    "asked",
    [b"cbuiltins\neval\n", b"cbuiltins\ngetattr\n", b"cnumpy\nload\n", b"cnumpy\nndarray.tofile\n",
     b"cnumpy.core.multiarray\nfromfile\n", b"cos\nsystem\n", b"Psomething outside\n"],
)  # fmt: skip
def test_names_beside_those_of_arrays_are_refused(tmp_path: Path, asked: bytes) -> None:
    (tmp_path / "batch").write_bytes(b"\x80\x02" + asked + b".")
    with pytest.raises(CatalogError, match="do not trust"):
        unpickling.load(tmp_path / "batch")


def test_a_file_cannot_change_what_the_next_one_meets(tmp_path: Path) -> None:
    """BUILD with a pair sets attributes on the function it is given: it must be gone with the file."""
    poison = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(N}" + mini.text(b"__defaults__") + b"Nstb."
    (tmp_path / "poison").write_bytes(poison)
    with pytest.raises(CatalogError):
        unpickling.load(tmp_path / "poison")
    (tmp_path / "batch").write_bytes(mini.python_batch("data_batch_1", [1], bytes(3_072)))
    assert unpickling.load(tmp_path / "batch")["data"].shape == (1, 3_072)


@pytest.mark.parametrize("shape", [(10**9, 3_072), (2, 3_072), (-1, 3_072)])
def test_an_array_that_claims_another_size_costs_no_memory(tmp_path: Path, shape: tuple[int, int]) -> None:
    claimed = mini.pickled({b"data": mini.array(bytes(3_072), (1, 3_072))})
    claimed = claimed.replace(mini.integer(1) + mini.integer(3_072) + b"\x86", mini.integer_any(shape) + b"\x86")
    (tmp_path / "batch").write_bytes(claimed)
    with pytest.raises(CatalogError, match="damaged"):
        unpickling.load(tmp_path / "batch")


def test_other_types_than_bytes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "batch").write_bytes(pickle.dumps({"data": np.zeros((1, 4), np.float64)}, protocol=2))
    with pytest.raises(CatalogError, match="single bytes"):
        unpickling.load(tmp_path / "batch")


@pytest.mark.parametrize("cut", [0, 1, 2, 40, 1_000, -1])
def test_a_truncated_pickle_is_refused(tmp_path: Path, cut: int) -> None:
    whole = mini.python_batch("data_batch_1", [1], bytes(3_072))
    (tmp_path / "batch").write_bytes(whole[:cut])
    with pytest.raises(CatalogError, match="not a readable pickle"):
        unpickling.load(tmp_path / "batch")


def test_a_list_is_no_batch_and_a_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "batch").write_bytes(pickle.dumps([1], protocol=2))
    with pytest.raises(CatalogError, match="holds a list"):
        unpickling.load(tmp_path / "batch")
    with pytest.raises(CatalogError, match="none"):
        unpickling.load(tmp_path / "none")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "batch").open("wb") as file:
        file.truncate(unpickling.MAX_BYTES + 1)
    with pytest.raises(CatalogError, match="more than"):
        unpickling.load(tmp_path / "batch")

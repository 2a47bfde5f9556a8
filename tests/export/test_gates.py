"""Gates on an export: cosines and recalls are those of the definition, and each of them can refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wearabouts.errors import BundleError, SettingsError
from wearabouts.export.gates import INT8, KEYS, Gate, Probe, compared

SIDE = 4


def _photos(values: list[int]) -> np.ndarray:
    return np.stack([np.full((SIDE, SIDE, 3), value, np.uint8) for value in values])


def _embed(moved: dict[int, float] | None = None):
    """A photo's grey value as an angle on the half circle; some of them moved."""

    def embed(photos: np.ndarray) -> np.ndarray:
        values = photos[:, 0, 0, 0].astype(float)
        angle = np.pi * np.array([(moved or {}).get(int(value), value) for value in values]) / 255
        return np.stack((np.cos(angle), np.sin(angle)), 1).astype(np.float32)

    return embed


def _probe(street: list[int], shop: list[int]) -> Probe:
    return Probe(
        {"street": _photos(street), "shop": _photos(shop)},
        {"street": np.arange(len(street)), "shop": np.arange(len(shop))},
    )


def _both(embed):
    return {"street": embed, "shop": embed}


def test_cosines_and_recalls_are_those_of_the_definition() -> None:
    # Street photo 1 lies nearer to shop photo 0 once it has moved by 25; photo 3 has no product in the shop.
    probe = _probe([10, 60, 110, 200], [12, 58, 108])
    figures = compared(_both(_embed()), _both(_embed({60: 30})), list(_photos([0, 100])), probe, Gate(0.5, 0.5, 0.5))
    assert figures["photos"] == 2 + 4 + 3
    assert figures["least_cosine"] == pytest.approx(np.cos(np.pi * 30 / 255), abs=1e-5)
    assert figures["mean_cosine"] == pytest.approx((8 + np.cos(np.pi * 30 / 255)) / 9, abs=1e-5)
    assert figures["probe_queries"] == 3
    assert figures["recall_before"] == 1
    assert figures["recall_after"] == pytest.approx(2 / 3, abs=1e-6)


def test_a_drifted_vector_is_refused_with_the_figures() -> None:
    with pytest.raises(BundleError, match=r"least cosine 0\.73\d+, at least 0\.9"):
        compared(_both(_embed()), _both(_embed({60: 0})), list(_photos([0, 60])), None, INT8)


def test_lost_products_are_refused_although_the_vectors_are_close() -> None:
    street = list(range(0, 200, 20))
    probe = _probe(street, [value + 2 for value in street])
    near = {2: 8.0, 22: 14.0, 42: 47.0}  # moved, but still the nearest of its product
    swapped = {2: 22.0, 22: 2.0, 42: 62.0, 62: 42.0}  # four shop photos change places with a neighbour
    gate = Gate(least=0.9, mean=0.9, recall=0.02)
    assert compared(_both(_embed()), _both(_embed(near)), [], probe, gate)["recall_after"] == 1
    with pytest.raises(BundleError, match=r"1 of them may lose their product, 4 did"):
        compared(_both(_embed()), _both(_embed(swapped)), [], probe, gate)


def test_two_towers_are_compared_each_on_its_own_photos() -> None:
    probe = _probe([10, 60], [12, 58])
    sides = {"street": _embed(), "shop": _embed()}
    after = {"street": _embed(), "shop": _embed({58: 61})}
    figures = compared(sides, after, list(_photos([0, 1, 2])), probe, Gate(0.9, 0.9, 0.1))
    assert figures["photos"] == 3 + 3 + 2 + 2
    assert figures["least_cosine"] == pytest.approx(np.cos(np.pi * 3 / 255), abs=1e-5)


def test_a_probe_is_what_a_run_kept(tmp_path: Path) -> None:
    assert Probe.read(tmp_path) is None
    photos, sides = _photos([2, 1, 3]), np.array([False, True, False])
    np.savez_compressed(tmp_path / "probe.npz", **dict(zip(KEYS, (photos, np.array([7, 7, 8]), sides), strict=True)))
    probe = Probe.read(tmp_path)
    assert probe is not None
    assert probe.pixels["shop"].shape == (2, SIDE, SIDE, 3)
    assert [list(probe.products[side]) for side in ("street", "shop")] == [[7], [7, 8]]
    assert [list(probe.pixels[side][:, 0, 0, 0]) for side in ("street", "shop")] == [[1], [2, 3]]
    whole = (tmp_path / "probe.npz").read_bytes()
    for damaged in (b"nothing", b"", whole[:100], whole[:60] + b"\xff" * 40 + whole[100:]):
        (tmp_path / "probe.npz").write_bytes(damaged)
        with pytest.raises(SettingsError, match="cannot be read"):
            Probe.read(tmp_path)

"""Windows over shop photos, and features that are computed once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from training.wtbi.worlds import supervision
from wearabouts.errors import SettingsError
from wearabouts.models.trunks import trunk
from wearabouts.models.wtbi import Wtbi
from wearabouts.training.run import Run
from wearabouts.training.wtbi.features import features, looked, prepared, windows
from wearabouts.training.wtbi.recipe import WtbiRecipe


def test_one_scale_of_one_is_the_whole_photo() -> None:
    assert windows((1.0,)) == [(0.0, 0.0, 1.0)]


@pytest.mark.parametrize(("side", "along"), [(0.5, 3), (0.7, 2), (0.25, 7), (0.34, 5)])
def test_windows_reach_every_border_and_overlap_by_half(side: float, along: int) -> None:
    found = windows((side,))
    assert len(found) == along**2
    lefts, tops = (sorted({window[n] for window in found}) for n in (0, 1))
    assert lefts == tops
    assert lefts[0] == 0
    assert lefts[-1] + side == pytest.approx(1)
    assert max(np.diff(lefts)) <= side / 2 + 1e-9
    # One window fewer would leave less than half.
    assert along == 2 or (1 - side) / (along - 2) > side / 2


def test_the_papers_hundred_proposals_are_about_these() -> None:
    assert len(windows((1.0, 0.7, 0.5, 0.35, 0.25))) == 1 + 4 + 9 + 25 + 49


def test_a_window_shows_its_part_of_the_photo() -> None:
    photos = torch.zeros(1, 3, 16, 16)
    photos[:, 0, :8] = 1.0  # the upper half is red
    photos[:, 2, :, 8:] = 1.0  # the right half is blue as well
    seen = looked(photos, windows((1.0, 0.5)))
    assert seen.shape == (10, 3, 16, 16)
    assert torch.equal(seen[:1], photos)
    corners = {(0, 0): 1, (0, 0.5): 3, (0.5, 0): 7, (0.5, 0.5): 9}
    for (top, left), place in corners.items():
        expected = torch.tensor([float(top == 0), 0.0, float(left == 0.5)])[:, None, None].expand(3, 16, 16)
        assert torch.allclose(seen[place], expected, atol=1e-6)


def test_rows_are_a_street_photo_or_a_window_and_are_computed_once(tmp_path: Path) -> None:
    world = supervision(products=6, categories=2)
    net = Wtbi(trunk("small", width=8), 2, dim=10, size=32).eval()
    run = Run(tmp_path, WtbiRecipe(name="x"))
    seen = features(net, world, (1.0, 0.7), run, "learned")
    street, shop = np.flatnonzero(world.street), np.flatnonzero(~world.street)
    assert seen.street.shape == (12, 10)
    assert seen.shop.shape == (12 * 5, 10)
    assert seen.street_photo.tolist() == street.tolist()
    assert seen.shop_product.tolist() == np.repeat(world.product[shop], 5).tolist()
    with torch.inference_mode():
        for row in (0, 7):
            views = looked(prepared(world, shop[[row]], run.device), windows((1.0, 0.7)))
            assert np.allclose(seen.shop[5 * row : 5 * row + 5], net.embed(views).numpy(), atol=1e-5)
        assert np.allclose(seen.street[3:4], net.embed(prepared(world, street[[3]], run.device)).numpy(), atol=1e-5)
        net.fc6.weight.zero_()
    again = features(net, world, (1.0, 0.7), run, "learned")
    assert np.array_equal(again.shop, seen.shop)
    assert not list(tmp_path.glob(".*.part"))
    with pytest.raises(SettingsError, match="new folder"):
        features(net, world.taken(np.arange(8)), (1.0, 0.7), run, "learned")


def test_no_photo_of_a_side_is_no_row(tmp_path: Path) -> None:
    world = supervision(products=3, categories=1)
    only = world.taken(np.flatnonzero(~world.street))
    seen = features(
        Wtbi(trunk("small", width=8), 1, dim=4, size=32).eval(), only, (1.0,), Run(tmp_path, WtbiRecipe(name="x")), "h"
    )
    assert seen.street.shape == (0, 4)
    assert seen.shop.shape == (6, 4)

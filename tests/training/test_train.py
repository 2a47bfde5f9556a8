"""The walk through the workshop, in miniature: kill and go on gives the same weights; the bundle is served."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from wearabouts import bundles
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import SettingsError
from wearabouts.export import main_export
from wearabouts.training import main_train
from wearabouts.training.mini.whitening import whitening

RECIPE = Path(__file__).parents[2] / "recipes/mini-tiny.toml"
# The recipe as shipped but for how much of everything.
SMALLER = (("photos = 60", "photos = 24"), ("drawn_products = 24", "drawn_products = 12"), ("size = 96", "size = 64"))
SMALLER += (("count = 12", "count = 8"), ("checkpoint = 4", "checkpoint = 3"))


class StoppedError(Exception):
    """What a killed process would be to its run."""


@pytest.mark.data
def test_a_stopped_run_goes_on_to_the_same_weights_and_becomes_a_bundle(tmp_path: Path, data_folder: Path) -> None:
    def stop_at(step: int, order: int):
        seen = []

        def told(what: str, done: int, total: int) -> None:
            if what == "steps" and done == step:
                seen.append(step)
                if len(seen) > order or (tmp_path / "stopped" / "order-1").is_dir():
                    raise StoppedError

        return told

    text = RECIPE.read_text("utf-8")
    for old, new in SMALLER:
        assert old in text
        text = text.replace(old, new)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(text, encoding="utf-8")
    whole = main_train(recipe, data_folder, tmp_path / "whole")
    stopped = tmp_path / "stopped"
    (stopped / "features").mkdir(parents=True)
    (stopped / "features").rmdir()
    (stopped / "features").symlink_to(whole / "features")  # the views are the same: made once
    for step, order in ((2, 0), (7, 0), (5, 1)):  # before a checkpoint, and after one of each order
        with pytest.raises(StoppedError):
            main_train(recipe, data_folder, stopped, progress=stop_at(step, order))
    main_train(recipe, data_folder, stopped)
    first, second = (load_file(run / "weights.safetensors") for run in (whole, stopped))
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name].numpy(), second[name].numpy()) for name in first)

    bundle = bundles.load(main_export(whole, tmp_path / "bundle"))
    encoder = OnnxEncoder(bundle, threads=1)
    encoding = encoder.encode([np.full((50, 40, 3), 90, np.uint8)])
    assert encoding.vectors.shape == (1, bundle.card.dim)
    assert encoding.garments is not None
    assert bundle.card.training["recipe"]["name"] == "mini-tiny"
    assert bundle.card.notices

    other = tmp_path / "other.toml"
    other.write_text(text.replace("seed = 0", "seed = 1"))
    with pytest.raises(SettingsError, match="another recipe"):
        main_train(other, data_folder, whole)


def test_whitening_decorrelates_and_keeps_directions() -> None:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(6, 6))
    features = (rng.normal(size=(4000, 6)) * (5, 3, 2, 1, 0.5, 0.1) @ mixing + 3).astype(np.float32)
    weight, bias = whitening(features, 4, power=0.5)
    out = features @ weight.T + bias
    covariance = np.cov(out.T)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 1e-3 * covariance.max()
    assert np.diag(covariance).max() / np.diag(covariance).min() < 1.01  # evened out
    kept = np.cov((features @ (weight0 := whitening(features, 4, power=0.0)[0]).T).T)
    assert np.all(np.diff(np.diag(kept)) < 0)
    assert weight0.shape == (4, 6)
    assert np.linalg.norm(out, axis=1).mean() == pytest.approx(1, abs=1e-4)
    assert np.abs(out.mean(0)).max() < 1e-3

"""Weights taken over from an earlier run: all of a trunk's, or a refusal that says why."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from wearabouts.errors import SettingsError
from wearabouts.models.trunks import trunk
from wearabouts.training.starting import start


def kept(path: Path, width: int = 8) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    weights = {f"trunk.{name}": value.clone() for name, value in trunk("small", width=width).state_dict().items()}
    save_file({**weights, "head.weight": torch.ones(3)}, path)
    return weights


def test_a_trunk_takes_over_every_weight_and_nothing_else(tmp_path: Path) -> None:
    weights = kept(tmp_path / "weights.safetensors")
    torch.manual_seed(2)
    ours = trunk("small", width=8)
    start(ours, str(tmp_path / "weights.safetensors"))
    assert all(torch.equal(value, weights[f"trunk.{name}"]) for name, value in ours.state_dict().items())


def test_no_path_leaves_it_alone() -> None:
    ours = trunk("small", width=8)
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    start(ours, "")
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    kept(tmp_path / "wide.safetensors", width=16)
    (tmp_path / "text.safetensors").write_text("no weights")
    save_file({"head.weight": torch.ones(3)}, tmp_path / "bare.safetensors")
    for name, said in (("wide", "another trunk"), ("text", "cannot be read"), ("bare", "0 of"), ("none", "none")):
        with pytest.raises(SettingsError, match=said):
            start(trunk("small", width=8), str(tmp_path / f"{name}.safetensors"))

"""`hub`: a published photo tower, fine-tuned on a catalog, its weights mixed back towards where it started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from wearabouts.errors import CatalogError, SettingsError
from wearabouts.models.hub import HubTower, interpolated
from wearabouts.training.data import supervision as data_of
from wearabouts.training.data.supervision import Supervision
from wearabouts.training.hub.recipe import HubRecipe
from wearabouts.training.hub.task import Tuning, looked_at, measured
from wearabouts.training.hub.towers import open_start, rebuilt
from wearabouts.training.loop import fit
from wearabouts.training.run import WEIGHTS, Run, write_tensors

BEGINNING = "start.safetensors"  # the network before the first step: what interpolation goes back to
SAMPLED = 2048  # photos, at most, that the projection's axes are made from


def train(recipe: HubRecipe, data: Path, run: Run) -> dict[str, Any]:
    """Train by a recipe, see `wearabouts.training.main_train`.

    Returns:
        What `run.json` should say: the start, photos, the phase, and figures of start, mixture and tuned weights on the
        same held-out photos.

    Raises:
        SettingsError: The recipe cannot be meant, a licence must be accepted, or the extra ``tune`` is missing.
        BundleError: The start has no such model.
        FetchError: The hub does not answer.
        CatalogError: The data cannot be read, or no product has photos that could find each other.
    """
    start = open_start(recipe.network)
    told = start.told
    _, preprocessing = rebuilt(told)
    learned, held = data_of.read(recipe.data, data, preprocessing, run)
    _check(recipe, learned)
    net = build(told, _width(start.tower, told), recipe.network.dim, start.tower).to(run.device)
    _begin(net, learned, recipe, run)
    figures = {"start": measured(net, held)}
    beginning = {name: value.detach().cpu().clone() for name, value in net.state_dict().items()}
    phase = fit(Tuning(recipe, net, learned, held), recipe.steps, run, "tuning")
    figures["tuned"] = measured(net, held)
    tuned = {name: value.cpu() for name, value in net.state_dict().items()}
    served = interpolated(beginning, tuned, recipe.network.interpolate)
    net.load_state_dict(served)
    figures["served"] = measured(net, held)
    if run.first:
        write_tensors(run.folder / WEIGHTS, served)
    run.processes.wait()
    return {
        "start": told | {"features": _width(start.tower, told)},
        "photos": len(learned),
        "lost": learned.lost + held.lost,
        "dim": net.dim,
        "parameters": sum(each.numel() for each in net.parameters()),
        "interpolated": recipe.network.interpolate,
        "phases": {"tuning": phase},
        "held_out": figures,
    }


def build(told: dict[str, Any], features: int, dim: int, tower: torch.nn.Module | None = None) -> HubTower:
    """The network that a run wrote down.

    Args:
        told: What `run.json` says of the start.
        features: Floats that the tower gives.
        dim: Floats of the vector; 0 for the tower's own.
        tower: With its weights; None makes one with weights as they come.

    Raises:
        SettingsError: The vector would be longer than what it is made of.
    """
    if dim > features:
        raise SettingsError(f"[network] dim = {dim}, but the tower gives {features} floats; give at most those, or 0")
    if tower is None:
        tower = rebuilt(told)[0]
    return HubTower(
        tower, told["scale"], told["shift"], output=told["output"], pooled=told["pooled"], features=features, dim=dim
    )


def _begin(net: HubTower, learned: Supervision, recipe: HubRecipe, run: Run) -> None:
    """The projection's axes; kept, so that a resumed run goes back to the very same beginning."""
    path = run.folder / BEGINNING
    if run.first and not path.is_file():
        count = min(SAMPLED, len(learned))
        rows = np.sort(np.random.default_rng((recipe.seed, 7)).permutation(len(learned))[:count])
        net.begin(torch.from_numpy(looked_at(net, learned, rows, features=True)).to(run.device))
        write_tensors(path, net.state_dict())
    run.processes.wait()
    net.load_state_dict(load_file(path))


def _width(tower: torch.nn.Module, told: dict[str, Any]) -> int:
    """Floats that the tower gives for a photo."""
    size = told["preprocessing"]["size"]
    probe = HubTower(tower, told["scale"], told["shift"], output=told["output"], pooled=told["pooled"], features=1)
    with torch.inference_mode():
        return int(probe.eval().features(torch.zeros(1, 3, size, size)).shape[1])


def _check(recipe: HubRecipe, learned: Supervision) -> None:
    """Whether there is something to learn for each weight that is not 0."""
    weights = recipe.losses
    if not weights.sides and not weights.views:
        raise SettingsError("[losses] sides and views are both 0: nothing is learned; raise one of them")
    street, shop = learned.product[learned.street], learned.product[~learned.street]
    if weights.sides and not len(np.intersect1d(street, shop)):
        raise CatalogError(
            "no product has both street and shop photos, which [losses] sides learns from; set sides = 0 and views = 1"
        )

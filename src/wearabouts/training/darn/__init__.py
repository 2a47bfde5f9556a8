"""`darn`: attributes on each side first, then triplets across the sides; principal components at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from wearabouts.errors import CatalogError, SettingsError
from wearabouts.models.darn import Darn
from wearabouts.training.darn.heads import heads
from wearabouts.training.darn.recipe import DarnRecipe
from wearabouts.training.darn.task import Attributes, Learning, looked_at, measured
from wearabouts.training.data import supervision as data_of
from wearabouts.training.data.supervision import Supervision, Vocabulary
from wearabouts.training.loop import Rows, fit
from wearabouts.training.run import WEIGHTS, Run, write_tensors
from wearabouts.training.starting import start

MOST = 8192  # floats of a vector that a bundle's card allows
SAMPLED = 4096  # photos, at most, that principal components are made from


def train(recipe: DarnRecipe, data: Path, run: Run) -> dict[str, Any]:
    """Train by a recipe, see `wearabouts.training.main_train`.

    Returns:
        What `run.json` should say: vocabulary, photos, what each phase came to, figures of the served vectors.

    Raises:
        CatalogError: The data cannot be read or lacks a side or a label that the recipe learns from.
        SettingsError: The recipe cannot be meant.
    """
    learned, held = data_of.read(recipe.data, data, recipe.network.size, run)
    _check(recipe, learned)
    photos = sampled(learned, recipe.seed)
    net = build(recipe, learned.vocabulary, min(recipe.network.pca, len(photos) - 2))
    for tower in {net.tower("shop"), net.tower("street")}:
        start(tower.trunk, recipe.network.start)
    net = net.to(run.device)
    phases = {}
    if recipe.losses.attributes:
        phases["pretraining"] = fit(Attributes(net, recipe, learned, held), recipe.pretraining, run, "pretraining")
    phases["joint"] = fit(Learning(net, recipe, learned, held), recipe.joint, run, "joint")
    if len(net.basis):
        features = looked_at(net, learned, photos)[0]
        net.fit_pca(*(torch.from_numpy(each).to(run.device) for each in (features, learned.street[photos])))
        if run.first:
            write_tensors(run.folder / WEIGHTS, net.state_dict())
    return {
        "vocabulary": learned.vocabulary.plain(),
        "photos": len(learned),
        "lost": learned.lost + held.lost,
        "dim": net.served_dim,
        "phases": phases,
        "held_out": measured(net, held, reduced=True),
    }


def build(recipe: DarnRecipe, vocabulary: Vocabulary, pca: int) -> Darn:
    """The network of a recipe, weights as they come.

    Args:
        recipe: Sizes, and whether there are attributes.
        vocabulary: The values of the branches.
        pca: Floats of the served vector; 0 serves the features.

    Raises:
        SettingsError: The served vector would be longer than a bundle allows.
    """
    network = recipe.network
    branches = {name: len(values) for name, values in heads(vocabulary).items()} if recipe.losses.attributes else {}
    net = Darn(
        branches,
        trunk=network.trunk,
        size=network.size,
        towers=network.towers,
        fc=network.fc,
        branch=network.branch,
        local=network.features == "fc1+conv",
        dropout=network.dropout,
        pca=pca,
    )
    if net.served_dim > MOST:
        raise SettingsError(f"[network] pca = 0 serves {net.dim:,} floats, at most {MOST:,} are; set pca to 256")
    return net


def sampled(learned: Supervision, seed: int) -> Rows:
    """Photos that principal components are made from: all, or `SAMPLED` of them, as many of either side as can be."""
    sides = [np.flatnonzero(learned.street == side) for side in (True, False)]
    fewer = min(SAMPLED // 2, *(len(rows) for rows in sides))
    drawn = [np.random.default_rng((seed, 5)).permutation(rows)[: SAMPLED - fewer] for rows in sides]
    return np.sort(np.concatenate(drawn))


def _check(recipe: DarnRecipe, learned: Supervision) -> None:
    """Whether there is something to learn for each weight that is not 0."""
    loss = recipe.losses
    if not loss.ranking and not loss.attributes:
        raise SettingsError("[losses] ranking and attributes are both 0: nothing is learned; raise one of them")
    missing = [
        name for name, there in (("street", learned.street.any()), ("shop", not learned.street.all())) if not there
    ]
    if missing and (loss.ranking or recipe.network.towers == 2):
        raise CatalogError(f"no {missing[0]} photos to learn from; two towers, or triplets across sides, need both")
    if loss.attributes and not heads(learned.vocabulary):
        raise CatalogError(
            "no labels to learn from; name some in [data] category or attributes, or set [losses] attributes = 0"
        )

"""`head`, trained: vectors of a finished model, computed once, and a small network on top of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from wearabouts import bundles
from wearabouts.bundles import Bundle
from wearabouts.errors import SettingsError
from wearabouts.models.head import Head
from wearabouts.training.data.supervision import Supervision, read
from wearabouts.training.head.recipe import HeadRecipe
from wearabouts.training.head.task import Heading
from wearabouts.training.head.vectors import vectors
from wearabouts.training.loop import fit
from wearabouts.training.run import Run, replace

START = "start.json"  # of a run's folder: the bundle it stands on


def train(recipe: HeadRecipe, data: Path, run: Run) -> dict[str, Any]:
    """Train by a recipe of `head`; the arguments are those of every model, see `wearabouts.training.main_train`.

    Raises:
        BundleError: The model to stand on cannot be loaded.
        SettingsError: The recipe cannot be trained with this data.
        CatalogError: The data is not there.
    """
    start = bundles.load(recipe.network.start)
    told = _claimed(start, run)
    learned, held = read(recipe.data, data, start.card.preprocessing, run)
    _check(recipe, learned)
    given = vectors(start, learned, run, "vectors")
    asked = vectors(start, held, run, "held_out vectors")
    torch.manual_seed(recipe.seed)
    classes = len(learned.vocabulary.categories)
    net = build(recipe, start, classes).to(run.device)
    fitted = fit(Heading(recipe, net, learned, given, held, asked), recipe.steps, run)
    return {
        "start": told,
        "photos": len(learned),
        "photos_lost": learned.lost,
        "held_out": len(held),
        "vocabulary": learned.vocabulary.plain(),
        "parameters": sum(each.numel() for each in net.parameters()),
        **fitted,
    }


def build(recipe: HeadRecipe, start: Bundle, classes: int) -> Head:
    """The network of a recipe on a bundle, weights as they come."""
    network = recipe.network
    told_apart = classes if recipe.losses.classes else 0
    return Head(start.card.dim, network.dim, network.hidden, network.bits, told_apart)


def _claimed(start: Bundle, run: Run) -> dict[str, str]:
    """Which bundle the run stands on; another one under the same name, put there meanwhile, is refused."""
    told = {"name": start.card.name, "encoder": start.hash, "street": start.card.graphs["street"].sha256}
    path = run.folder / START
    before = json.loads(path.read_text("utf-8")) if path.is_file() else told
    if before != told:
        raise SettingsError(
            f"{run.folder} was begun on {before['name']!r} with encoder {before['encoder'][:9]}…, which is now "
            f"{told['encoder'][:9]}…; give --out another folder, or delete that one"
        )
    run.processes.wait()
    if run.first:
        replace(path, json.dumps(told) + "\n")
    return told


def _check(recipe: HeadRecipe, learned: Supervision) -> None:
    losses = recipe.losses
    if losses.classes and len(learned.vocabulary.categories) < 2:
        raise SettingsError(
            f"[losses] classes needs two classes, the data has {len(learned.vocabulary.categories)}; "
            "see [data] category, or give items or codes a weight in its place"
        )

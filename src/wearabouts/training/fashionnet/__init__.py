"""FashionNet, trained: one phase in which turns of the pose and turns of recognition alternate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from wearabouts.training.data.supervision import read
from wearabouts.training.fashionnet.building import begin, build, check
from wearabouts.training.fashionnet.recipe import FashionNetRecipe
from wearabouts.training.fashionnet.task import FashionNetTask
from wearabouts.training.loop import fit
from wearabouts.training.losses import tags
from wearabouts.training.run import Run


def train(recipe: FashionNetRecipe, data: Path, run: Run) -> dict[str, Any]:
    """Train by a recipe of `fashionnet`; the arguments are those of every model, see `wearabouts.training.main_train`.

    Raises:
        SettingsError: The recipe cannot be trained with this data.
        CatalogError: The data is not there, or lacks what the recipe asks for.
    """
    learned, held = read(recipe.data, data, recipe.network.size, run)
    check(recipe, learned)
    torch.manual_seed(recipe.seed)
    net = build(recipe, learned.vocabulary)
    begin(net, recipe)
    if len(net.tag_lead):
        net.tag_lead.copy_(tags.rarity(torch.from_numpy(learned.tags), recipe.losses.most).log())
    told = fit(FashionNetTask(net.to(run.device), recipe, learned, held, run.device), recipe.steps, run)
    return {
        "photos": len(learned),
        "photos_held_out": len(held),
        "photos_lost": learned.lost + held.lost,
        "landmarks": int(learned.annotated.sum()),
        "vocabulary": learned.vocabulary.plain(),
        **told,
    }

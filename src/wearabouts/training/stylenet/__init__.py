"""`stylenet`, trained: tags to convergence, then a new head, and triplets with the tags beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from wearabouts.models.stylenet import StyleNet
from wearabouts.training.data.supervision import Vocabulary, read
from wearabouts.training.loop import fit
from wearabouts.training.run import Run
from wearabouts.training.starting import start
from wearabouts.training.stylenet.measuring import Held
from wearabouts.training.stylenet.recipe import StylenetRecipe
from wearabouts.training.stylenet.task import Classifying, Lesson, Ranking
from wearabouts.training.stylenet.triplets import Triplets


def train(recipe: StylenetRecipe, data: Path, run: Run) -> dict[str, Any]:
    """Train by a recipe of `stylenet`; the arguments are those of every model, see `wearabouts.training.main_train`.

    Phase ``classification`` learns the tags of every photo; phase ``ranking`` begins with a new head and learns
    triplets, with the tags of the dissimilar photo beside them unless the recipe says otherwise.

    Raises:
        SettingsError: The recipe cannot be trained with this data.
        CatalogError: The data is not there, or no triplet can be made of its tags.
    """
    tagged = recipe.data.model_copy(update={"category": "", "attributes": ()})
    learned, held = read(tagged, data, recipe.network.size, run)
    words, sizes = learned.vocabulary, recipe.triplets
    compared, classified = places(words, recipe.tags.compared), places(words, recipe.tags.classified)
    triplets = Triplets(learned.tags[:, compared], sizes.similar, sizes.dissimilar, run.progress)
    lesson = Lesson(recipe, learned, Held(held, compared, classified, similar=sizes.similar), classified)
    torch.manual_seed(recipe.seed)
    net = build(recipe, words)
    start(net.trunk, recipe.network.start)
    net = net.to(run.device)
    told: dict[str, Any] = {
        "photos": len(learned),
        "photos_lost": learned.lost,
        "held_out": len(held),
        "anchors": len(triplets.anchors),
        "vocabulary": words.plain(),
        "parameters": sum(each.numel() for module in (net.trunk, net.project) for each in module.parameters()),
    }
    if recipe.learning.classify:
        told["classification"] = fit(Classifying(net, lesson), recipe.classification, run, "classification")
    torch.manual_seed(recipe.seed + 1)  # a run that goes on here begins with the same head
    net.new_head()
    told["ranking"] = fit(Ranking(net, lesson, triplets), recipe.ranking, run, "ranking")
    return told


def build(recipe: StylenetRecipe, words: Vocabulary) -> StyleNet:
    """The network of a recipe, weights as they come."""
    network = recipe.network
    return StyleNet(network.trunk, network.size, network.dim, len(places(words, recipe.tags.classified)))


def places(words: Vocabulary, groups: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Places of the tags of some groups in the vocabulary; of all where none is named."""
    if not groups:
        return np.arange(len(words.tags))
    return np.concatenate([words.groups[group] for group in groups])

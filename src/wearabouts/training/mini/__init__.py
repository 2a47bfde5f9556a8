"""`mini`, trained: views of photographs, kept features of the frozen layers, and a loop over them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wearabouts.garments import ATTRIBUTES, GARMENTS
from wearabouts.models.mini import Mini
from wearabouts.models.mobilenet import load_tflite
from wearabouts.training.mini import data as sources
from wearabouts.training.mini import features, loop
from wearabouts.training.mini.recipe import MiniRecipe
from wearabouts.training.run import Run


def train(recipe: MiniRecipe, data: Path, run: Run) -> dict[str, Any]:
    """Train by a recipe of `mini`; the arguments are those of every model, see `wearabouts.training.main_train`.

    Raises:
        SettingsError: The recipe cannot be trained with this data.
        CatalogError: The data is not there.
    """
    net = start(recipe, data).to(run.device)
    units = sources.units(recipe, data)
    key = json.dumps(
        [recipe.seed, recipe.data.model_dump(), recipe.network.size, recipe.network.weights], sort_keys=True
    )
    kept = features.compute(net, units, run.folder / "features", key, run.device, run.progress)
    loop.fit(loop.prepare(recipe, net, kept, run.device), run)
    return {"views": len(kept), "items": len(set(kept.item.tolist()))}


def start(recipe: MiniRecipe, data: Path) -> Mini:
    """The network of a recipe with its trunks filled from the published weights, nothing trained yet."""
    net = build(recipe)
    weights = data / recipe.network.weights
    load_tflite(net.v1, weights / "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite")
    load_tflite(net.v2, weights / "tf2_mobilenet_v2_1.0_224_ptq.tflite")
    return net


def build(recipe: MiniRecipe) -> Mini:
    """The network of a recipe, weights as they come."""
    sizes = {name: len(values) for name, values in ATTRIBUTES.items()}
    net = recipe.network
    return Mini(len(GARMENTS), sizes, net.identity_dim, net.garment_dim, net.photo_dim)

"""`mini`, trained: views of photographs, kept features of the frozen layers, and a loop over them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from wearabouts.garments import ATTRIBUTES, GARMENTS
from wearabouts.models.mini import FLATTENING, Mini
from wearabouts.models.mobilenet import load_tflite
from wearabouts.training.mini import data as sources
from wearabouts.training.mini import features, loop, narrowing
from wearabouts.training.mini.recipe import MiniRecipe
from wearabouts.training.run import WEIGHTS, Run, write_tensors


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
    trained = []
    for order in range(recipe.steps.orders):
        again = copy.deepcopy(net)
        loop.fit(loop.prepare(recipe, again, kept, run.device), run.part(f"order-{order}"), order)
        trained.append(again.state_dict())
    net.load_state_dict(narrowing.averaged(trained))
    served = build_served(recipe).to(run.device)
    narrowing.narrow(net.eval(), served, kept, recipe.network)
    write_tensors(run.folder / WEIGHTS, {f"net.{name}": value for name, value in served.state_dict().items()})
    return {"views": len(kept), "items": len(set(kept.item.tolist()))}


def start(recipe: MiniRecipe, data: Path) -> Mini:
    """The network of a recipe with its trunks filled from the published weights, nothing trained yet."""
    net = build(recipe)
    weights = data / recipe.network.weights
    load_tflite(net.v1, weights / "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite")
    load_tflite(net.v2, weights / "tf2_mobilenet_v2_1.0_224_ptq.tflite")
    return net


def build(recipe: MiniRecipe) -> Mini:
    """The network of a recipe as it is trained, weights as they come."""
    net = recipe.network
    return Mini(len(GARMENTS), _sizes(), net.identity_dim, net.garment_dim, net.photo_dim)


def build_served(recipe: MiniRecipe) -> Mini:
    """The network of a recipe as it is served, weights as they come."""
    net, dims = recipe.network, recipe.network.served
    sizes = _sizes()
    return Mini(
        len(GARMENTS),
        sizes,
        min(dims.identity_dim, net.identity_dim),
        net.garment_dim,
        min(dims.photo_dim, net.photo_dim),
        min(dims.labels_dim, len(GARMENTS) + sum(sizes.values())),
        FLATTENING,
    )


def _sizes() -> dict[str, int]:
    return {name: len(values) for name, values in ATTRIBUTES.items()}

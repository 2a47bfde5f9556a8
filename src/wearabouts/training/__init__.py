"""From photographs and a recipe to trained weights."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wearabouts.errors import SettingsError
from wearabouts.training.recipe import Recipe, load

RECIPE = "recipe.json"
SUMMARY = "run.json"

Progress = Callable[[str, int, int], None]


def main_train(recipe: Path, data: Path, out: Path, *, progress: Progress | None = None) -> Path:
    """Train by a recipe; run again, an interrupted run goes on.

    Args:
        recipe: A TOML file, see `wearabouts.training.recipe.Recipe`.
        data: Folder of the photographs the recipe names.
        out: Folder of the run: kept features, checkpoints, log, `run.json` at the end.
        progress: Called with what is being done, how much is done, and of how much.

    Returns:
        The folder of the run.

    Raises:
        SettingsError: The recipe cannot be meant, the extra ``train`` is missing, or the folder holds another recipe's
            run.
        CatalogError: The data is not there.
    """
    try:
        import torch

        from wearabouts.training import data as sources
        from wearabouts.training import features, loop
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"training needs {error.name}, which is not installed: pip install 'wearabouts[train]'"
        ) from error
    read = load(Path(recipe))
    tell = progress or (lambda what, done, total: None)
    _claim(Path(out), read)
    torch.manual_seed(read.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    began = time.time()
    net = start(read, Path(data)).to(device)
    units = sources.units(read, Path(data))
    key = json.dumps([read.seed, read.data.model_dump(), read.network.size, read.network.weights], sort_keys=True)
    kept = features.compute(net, units, Path(out) / "features", key, device, tell)
    task = loop.prepare(read, net, kept, device)
    loop.fit(task, Path(out), tell)
    summary: dict[str, Any] = {
        "recipe": read.model_dump(),
        "views": len(kept),
        "items": len(set(kept.item.tolist())),
        "seconds_of_the_last_start": round(time.time() - began, 1),
        "device": torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"{os.cpu_count()} cores, {platform.machine()}",
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
    }
    (Path(out) / SUMMARY).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return Path(out)


def start(recipe: Recipe, data: Path) -> Any:
    """The network of a recipe with its trunks filled from the published weights, nothing trained yet."""
    from wearabouts.models.mobilenet import load_tflite

    net = build(recipe)
    weights = data / recipe.network.weights
    load_tflite(net.v1, weights / "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite")
    load_tflite(net.v2, weights / "tf2_mobilenet_v2_1.0_224_ptq.tflite")
    return net


def build(recipe: Recipe) -> Any:
    """The network of a recipe, weights as they come."""
    from wearabouts.garments import ATTRIBUTES, GARMENTS
    from wearabouts.models.mini import Mini

    sizes = {name: len(values) for name, values in ATTRIBUTES.items()}
    net = recipe.network
    return Mini(len(GARMENTS), sizes, net.identity_dim, net.garment_dim, net.photo_dim)


def _claim(out: Path, recipe: Recipe) -> None:
    """Write down whose run the folder is, or refuse it when it is another's."""
    text = recipe.model_dump_json(indent=1) + "\n"
    path = out / RECIPE
    if path.is_file() and path.read_text("utf-8") != text:
        raise SettingsError(
            f"{out} holds a run of another recipe (see {path.name}); give --out another folder, or delete that one"
        )
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")

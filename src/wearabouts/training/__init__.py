"""From photographs and a recipe to trained weights."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wearabouts.errors import SettingsError
from wearabouts.training.recipe import MODELS, load, part

SUMMARY = "run.json"

Progress = Callable[[str, int, int], None]


def main_train(recipe: Path, data: Path, out: Path, *, progress: Progress | None = None) -> Path:
    """Train by a recipe; run again, an interrupted run goes on.

    The model's own ``train(recipe, data, run)`` does the work: it reads what it learns from below `data`, goes on from
    ``run.resume()``, writes with ``run.save`` and returns what `run.json` should say of it.

    Args:
        recipe: A TOML file, see `wearabouts.training.recipe`.
        data: Folder of the photographs the recipe names.
        out: Folder of the run: checkpoints, log, what the model keeps, `run.json` at the end.
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

        from wearabouts.training.run import Run
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"training needs {error.name}, which is not installed: pip install 'wearabouts[train]'"
        ) from error
    read = load(Path(recipe))
    run = Run(Path(out), read, progress)
    torch.manual_seed(read.seed)
    told = part(MODELS[read.model].train)(read, Path(data), run)
    summary: dict[str, Any] = {
        "recipe": read.model_dump(),
        **told,
        **run.spent(),
        "device": torch.cuda.get_device_name()
        if run.device.type == "cuda"
        else f"{os.cpu_count()} cores, {platform.machine()}",
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
    }
    (Path(out) / SUMMARY).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return Path(out)

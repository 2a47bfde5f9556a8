"""From photographs and a recipe to trained weights."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wearabouts.errors import SettingsError
from wearabouts.training.recipe import MODELS, load, part

SUMMARY = "run.json"

Progress = Callable[[str, int, int], None]
Say = Callable[[str], None]


def main_train(
    recipe: Path,
    data: Path,
    out: Path,
    *,
    progress: Progress | None = None,
    say: Say | None = None,
    processes: int = 1,
) -> Path:
    """Train by a recipe; run again, an interrupted run goes on.

    The model's own ``train(recipe, data, run)`` does the work: it reads what it learns from below `data`, trains with
    `wearabouts.training.loop.fit` or a loop of its own, and returns what `run.json` should say of it.

    Args:
        recipe: A TOML file, see `wearabouts.training.recipe`.
        data: Folder of the photographs the recipe names.
        out: Folder of the run: checkpoints, log, what the model keeps; at the end `run.json` and `report.html`.
        progress: Called with what is being done, how much is done, and of how much.
        say: Called with a line when something begins or has ended.
        processes: Started on this machine to train together. 1 trains in this process, which may itself be one of
            several that ``accelerate launch`` or ``torchrun`` started.

    Returns:
        The folder of the run.

    Raises:
        SettingsError: The recipe cannot be meant, the extra ``train`` is missing, or the folder holds another recipe's
            run.
        CatalogError: The data is not there.
    """
    try:
        import torch

        from wearabouts.training.allocating import keep_pages
        from wearabouts.training.launching import launched
        from wearabouts.training.processes import Processes
        from wearabouts.training.reporting import write_page
        from wearabouts.training.run import Run, replace
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"training needs {error.name}, which is not installed: pip install 'wearabouts[train]'"
        ) from error
    read = load(Path(recipe))
    progress, say = progress or (lambda what, done, total: None), say or (lambda text: None)
    if processes > 1:
        _together(read.model, processes)
        return launched(processes, Path(recipe), Path(data), Path(out), progress=progress, say=say)
    keep_pages()
    joined = Processes.joined()
    _together(read.model, joined.count)
    run = Run(Path(out), read, progress, joined, say)
    torch.manual_seed(read.seed)
    told = part(MODELS[read.model].train)(read, Path(data), run)
    summary: dict[str, Any] = {
        "recipe": read.model_dump(),
        **told,
        **run.spent(),
        "device": torch.cuda.get_device_name()
        if run.device.type == "cuda"
        else f"{os.cpu_count()} cores, {platform.machine()}",
        "processes": joined.count,
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
    }
    if run.first:
        replace(Path(out) / SUMMARY, json.dumps(summary, indent=1) + "\n")
        write_page(run)
    joined.left()
    return Path(out)


def main_preview(recipe: Path, data: Path, out: Path, picture: Path, *, progress: Progress | None = None) -> Path:
    """Draw what a recipe's augmentation does to photos, and train nothing.

    Args:
        recipe: As for `main_train`.
        data: As for `main_train`.
        out: Folder of the run; the photos that are read for the picture are kept there for the training.
        picture: Where the PNG goes.
        progress: As for `main_train`.

    Returns:
        `picture`.

    Raises:
        SettingsError: The recipe changes no photos, or the picture cannot be written there.
        CatalogError: The data is not there.
    """
    read = load(Path(recipe))
    settings = getattr(read, "augment", None)
    if settings is None or not any(settings.model_dump().values()):
        raise SettingsError(f"{recipe} changes no photos, so there is nothing to show; give it a table [augment]")
    from wearabouts.training.data.supervision import PREVIEW
    from wearabouts.training.data.supervision import read as read_data
    from wearabouts.training.run import Run

    made = Path(out) / PREVIEW
    made.unlink(missing_ok=True)
    read_data(read.data, Path(data), read.network.size, Run(Path(out), read, progress))  # type: ignore[attr-defined] # of all models that change photos
    try:
        shutil.copyfile(made, picture)
    except OSError as error:
        raise SettingsError(
            f"{picture} cannot be written ({error.strerror}); give a file in a folder there is"
        ) from error
    return Path(picture)


def _together(model: str, processes: int) -> None:
    if processes > 1 and not MODELS[model].shared:
        raise SettingsError(f"{model} is trained by one process; {processes} were asked for: leave --processes out")

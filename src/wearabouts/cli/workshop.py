"""`train` and `export`: the workshop, reached by name so that a shop without torch never meets it."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from wearabouts.cli.terminal import Progress, say
from wearabouts.errors import SettingsError

TRAIN = "wearabouts.training:main_train"
PREVIEW = "wearabouts.training:main_preview"
EXPORT = "wearabouts.export:main_export"


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe, such as recipes/mini.toml.")],
    data: Annotated[Path, typer.Option(help="Folder of the photographs to learn from.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; an interrupted run goes on from there.")],
    processes: Annotated[int, typer.Option(min=1, max=64, help="Started here to train together.")] = 1,
    preview: Annotated[
        Path | None, typer.Option(help="Write a picture of what augmentation does to photos, and train nothing.")
    ] = None,
) -> None:
    """Train a model by a recipe."""
    if not recipe.is_file():
        raise SettingsError(f"recipe {recipe} is not a file; give a TOML file, such as recipes/mini.toml")
    if not data.is_dir():
        raise SettingsError(f"data {data} is not a folder; give the folder of photographs the recipe names")
    # Of processes that a launcher started, the first one speaks.
    first = os.environ.get("RANK", "0") == "0"
    with Progress("", quiet=not first) as progress:
        if preview is not None:
            _reach(PREVIEW)(recipe, data, out, preview, progress=progress.update)
        else:
            _reach(TRAIN)(recipe, data, out, progress=progress.update, say=progress.say, processes=processes)
    if first:
        say(f"written: {preview}" if preview else f"trained; now: wearabouts export {out} --out BUNDLE")


def export(
    run: Annotated[Path, typer.Argument(help="Folder that `train` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder of the bundle to write.")],
    int8: Annotated[bool, typer.Option("--int8", help="Write a second bundle, OUT-int8, in whole numbers.")] = False,
) -> None:
    """Turn a trained run into a bundle, and check that it says the same."""
    if not run.is_dir():
        raise SettingsError(f"run {run} is not a folder; give the folder that `wearabouts train … --out` wrote")
    _reach(EXPORT)(run, out, int8=int8)
    say(f"bundle written; now: wearabouts index SOURCE --model {out}")


def _reach(name: str) -> Callable[..., Any]:
    module, attribute = name.split(":")
    function: Callable[..., Any] = getattr(import_module(module), attribute)
    return function

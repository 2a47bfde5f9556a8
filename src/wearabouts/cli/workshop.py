"""`train` and `export`: the workshop, reached by name so that a shop without torch never meets it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from wearabouts.cli.terminal import Progress, say
from wearabouts.errors import SettingsError

TRAIN = "wearabouts.training:main_train"
EXPORT = "wearabouts.export:main_export"


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe, such as recipes/mini.toml.")],
    data: Annotated[Path, typer.Option(help="Folder of the photographs to learn from.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; an interrupted run goes on from there.")],
) -> None:
    """Train a model by a recipe."""
    if not recipe.is_file():
        raise SettingsError(f"recipe {recipe} is not a file; give a TOML file, such as recipes/mini.toml")
    if not data.is_dir():
        raise SettingsError(f"data {data} is not a folder; give the folder of photographs the recipe names")
    with Progress("steps") as progress:
        _reach(TRAIN)(recipe, data, out, progress=progress.update)
    say(f"trained; now: wearabouts export {out} --out BUNDLE")


def export(
    run: Annotated[Path, typer.Argument(help="Folder that `train` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder of the bundle to write.")],
) -> None:
    """Turn a trained run into a bundle, and check that it says the same."""
    if not run.is_dir():
        raise SettingsError(f"run {run} is not a folder; give the folder that `wearabouts train … --out` wrote")
    _reach(EXPORT)(run, out)
    say(f"bundle written; now: wearabouts index SOURCE --model {out}")


def _reach(name: str) -> Callable[..., Any]:
    module, attribute = name.split(":")
    function: Callable[..., Any] = getattr(import_module(module), attribute)
    return function

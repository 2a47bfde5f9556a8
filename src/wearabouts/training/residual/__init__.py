"""`residual`, trained: the photos of one split of any catalog with categories, in memory, and a loop over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wearabouts.training.residual import loop, rows
from wearabouts.training.residual.checking import held_out
from wearabouts.training.residual.recipe import ResidualRecipe
from wearabouts.training.run import Run


def train(recipe: ResidualRecipe, data: Path, run: Run) -> dict[str, Any]:
    """Train by a recipe of `residual`; the arguments are those of every model, see `wearabouts.training.main_train`.

    Raises:
        SettingsError: The recipe cannot be trained with this data.
        CatalogError: The data is not there, or has no categories.
    """
    read = rows.read(recipe, data, run.progress)
    trained, held = read.parted(recipe.data.held_out, recipe.seed)
    net = loop.fit(recipe, trained, run)
    told = {"photos": len(trained), "photos_lost": read.lost, "classes": list(read.names)}
    return told | ({"held_out": held_out(net, trained, held)} if len(held) else {})

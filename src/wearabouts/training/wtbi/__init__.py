"""WTBI, trained: a classifier, then, on its frozen features, one pair network for all and a copy tuned a category."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wearabouts.errors import CatalogError, SettingsError, unknown
from wearabouts.models.trunks import trunk
from wearabouts.models.wtbi import Verifier, Wtbi
from wearabouts.training.data.supervision import Supervision, Vocabulary, read
from wearabouts.training.loop import fit
from wearabouts.training.run import WEIGHTS, Run, write_tensors
from wearabouts.training.starting import start
from wearabouts.training.wtbi.comparing import compare
from wearabouts.training.wtbi.recipe import WtbiRecipe
from wearabouts.training.wtbi.tasks import Classifying


def train(recipe: WtbiRecipe, data: Path, run: Run) -> dict[str, Any]:
    """Train by a recipe of `wtbi`; the arguments are those of every model, see `wearabouts.training.main_train`.

    Raises:
        SettingsError: The recipe cannot be trained with this data.
        CatalogError: The data is not there, or has no categories, or one side only.
    """
    learned, held = read(recipe.data, data, recipe.network.size, run)
    words = learned.vocabulary
    _check(recipe, learned)
    net = build(recipe, words)
    start(net.trunk, recipe.network.start)
    net = net.to(run.device)
    told: dict[str, Any] = {
        "photos": len(learned),
        "photos_lost": learned.lost + held.lost,
        "vocabulary": words.plain(),
        "classifier": fit(Classifying(recipe, net, learned, held, run.device), recipe.steps, run, "classifier"),
    }
    if recipe.pairs.method != "cosine":
        net.verifier, more = compare(recipe, net, learned, held, run)
        told |= more
    if run.first:  # each phase has written what it trained; this is all of it
        write_tensors(run.folder / WEIGHTS, net.state_dict())
    return told


def build(recipe: WtbiRecipe, words: Vocabulary, verifier: Verifier | None = None) -> Wtbi:
    """The network of a recipe, weights as they come."""
    net = recipe.network
    options = {"width": net.width} if net.trunk == "small" else {}
    values = [len(values) for values in words.attributes.values()]
    return Wtbi(
        trunk(net.trunk, **options),
        len(words.categories),
        values,
        dim=net.dim,
        size=net.size,
        dropout=net.dropout,
        verifier=verifier,
    )


def _check(recipe: WtbiRecipe, learned: Supervision) -> None:
    words = learned.vocabulary
    if len(words.categories) < 2:
        raise CatalogError(
            f"{len(words.categories)} categories in {len(learned)} photos; a classifier needs two: "
            f"give [data] category = 'garment' or 'category' (now {recipe.data.category!r})"
        )
    if learned.street.all() or not learned.street.any():
        side = "street" if learned.street.all() else "shop"
        raise CatalogError(f"all {len(learned)} photos are of the {side} side; pairs need photos of both")
    for name in recipe.pairs.learned:
        if name not in words.categories:
            raise SettingsError(f"[pairs] learned: {unknown('category', name, words.categories)}")

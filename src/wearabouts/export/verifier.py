"""`verifier` as a bundle: the `mini` it stands on, and the second stage beside it; nothing else is needed.

The encoder's graph is made anew, with regions as one more output. Its vector is that of the `mini` exported alone; the
hash is another, as it is of any new graph.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from wearabouts import bundles
from wearabouts.calibration import Calibration
from wearabouts.errors import SettingsError
from wearabouts.export.bundle import Finished, samples, write_bundle
from wearabouts.export.mini import ServedMini, described
from wearabouts.garments import GARMENTS
from wearabouts.models.mini import CELL
from wearabouts.models.verifying import ServedLocal
from wearabouts.training import SUMMARY
from wearabouts.training.mini.recipe import MiniRecipe
from wearabouts.training.recipe import parse
from wearabouts.training.verifier import build, load_start
from wearabouts.training.verifier.asking import Networks
from wearabouts.training.verifier.recipe import VerifierRecipe

GROCERY_LICENCE = "MIT"
NOT_USED = (
    "No photographs of people's clothing: none at hand say which two show the same garment. No photo of the shops that "
    "the second stage is measured on, and no item marked test."
)


def export(finished: Finished, folder: Path) -> None:
    """Write the bundle of a finished run of `verifier`; the arguments are those of every model.

    Raises:
        SettingsError: The `mini` it was trained on is not where it was, or another one is.
        BundleError: An exported graph differs too much from what was trained.
    """
    recipe, summary = finished.recipe, finished.summary
    assert isinstance(recipe, VerifierRecipe)
    start = Path(recipe.network.start)
    net, told = load_start(start)
    if told != summary["start"]:
        raise SettingsError(
            f"{start} is not the mini this second stage was trained on (weights {summary['start']['weights'][:9]}…, "
            f"now {told['weights'][:9]}…); put that one back, or train again"
        )
    below = json.loads((start / SUMMARY).read_text("utf-8"))
    of_mini = parse(below["recipe"])
    assert isinstance(of_mini, MiniRecipe)
    nets = trained(recipe, summary, finished.weights, net.dim)
    net.regions = nets.regions
    card = described(of_mini, net, below)
    card["data"] = (*card["data"], *_data(recipe, summary))
    card["training"] = {**below, "second_stage": _told(summary)}
    write_bundle(
        folder,
        ServedMini(net.eval()),
        samples(of_mini.network.size, of_mini.data.drawn_seed),
        verifier=nets.verifier,
        categories=GARMENTS,
        local=ServedLocal(nets.local).eval(),
        judge=bundles.Judge(**summary["judge"]),
        calibration=Calibration(**summary["calibration"]),
        regions=bundles.Regions(count=nets.regions.count, dim=nets.regions.dim),
        **card,
    )


def trained(recipe: VerifierRecipe, summary: dict[str, Any], weights: dict[str, Tensor], dim: int) -> Networks:
    """The networks of a finished run, at rest.

    Args:
        recipe: Theirs.
        summary: What `run.json` says.
        weights: By name.
        dim: Floats of a vector.
    """
    own = [GARMENTS.index(name) for name in summary["own_garments"]]
    nets = build(recipe, CELL, summary["regions"], dim, own)
    for part, each in vars(nets).items():
        named = {name.removeprefix(f"{part}."): value for name, value in weights.items() if name.startswith(f"{part}.")}
        each.load_state_dict(named)
        each.eval()
    return nets


def _told(summary: dict[str, Any]) -> dict[str, Any]:
    """What the card says of the training: without what stands on it elsewhere, and without paths of this machine."""
    said = {name: value for name, value in summary.items() if name not in ("judge", "calibration")}
    network = {**said["recipe"]["network"], "start": said["start"]["name"]}
    return {**said, "recipe": {**said["recipe"], "network": network}}


def _data(recipe: VerifierRecipe, summary: dict[str, Any]) -> list[dict[str, Any]]:
    """What the second stage learned from and was calibrated on, and what it was not."""
    data = recipe.data
    said = [
        {
            "name": "drawn shop",
            "licence": "Apache-2.0",
            "used": f"second stage: {data.drawn_products:,} products of part train, seed {data.drawn_seed}; weighed "
            f"and calibrated on {data.calibrate_products:,} products of part calibrate, seed {data.calibrate_seed}",
        }
    ]
    if data.grocery:
        said.append(
            {
                "name": "GroceryStoreDataset",
                "licence": GROCERY_LICENCE,
                "used": "second stage: items marked train; weighed and calibrated on items marked calibrate, the shop "
                "pictures of both as the gallery",
            }
        )
    return [*said, {"name": "not used", "used": f"second stage: {NOT_USED}", "photos": summary["photos"]}]

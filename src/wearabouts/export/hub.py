"""`hub` as a bundle: the tower as it is after interpolation, its preparation and its projection in one graph."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from wearabouts import bundles
from wearabouts.export.bundle import Finished, samples, write_bundle
from wearabouts.models.hub import HubTower
from wearabouts.training.hub import build
from wearabouts.training.hub.recipe import HubRecipe


class ServedHub(nn.Module):
    """`HubTower` from bytes to vectors."""

    def __init__(self, net: HubTower) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """(N, S, S, 3) uint8 → vector."""
        return (self.net(pixels.permute(0, 3, 1, 2).float() / 255),)


def export(finished: Finished, folder: Path) -> None:
    """Write the bundle of a finished run of `hub`; the arguments are those of every model.

    The start's licence and commit go onto the card. Its text tower does not come along: it compares the vectors that
    it knew.

    Raises:
        BundleError: The exported graph differs too much from what was trained.
    """
    recipe, summary = finished.recipe, finished.summary
    assert isinstance(recipe, HubRecipe)
    start = summary["start"]
    net = build(start, start["features"], recipe.network.dim)
    net.load_state_dict(finished.weights)
    net.eval()
    preprocessing = bundles.Preprocessing.model_validate(start["preprocessing"])
    accepted = ("Accepted by name by who trained on it",) if start["licence_accepted"] else ()
    write_bundle(
        folder,
        ServedHub(net),
        samples(preprocessing.size, seed=0),
        probe=finished.probe,
        name=recipe.name,
        description=f"{start['repository']}, fine-tuned; see wearabouts.models.hub",
        preprocessing=preprocessing,
        dim=net.dim,
        licence=f"{start['licence']} for the weights it starts from; for the rest, as its training data allows",
        notices=(f"Start weights: {start['repository']}, under {start['licence']}", *accepted),
        source={name: start[name] for name in ("repository", "revision", "commit", "licence", "licence_accepted")},
        data=(
            {
                "name": recipe.data.reader or "a catalog",
                "used": f"split {recipe.data.split or 'any'}, {summary['photos']} photos",
                **recipe.data.options,
            },
        ),
        training=summary,
    )

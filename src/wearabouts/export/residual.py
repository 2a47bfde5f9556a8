"""`residual` as a bundle: the probabilities of its classes are the attribute ``category``."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from wearabouts import bundles
from wearabouts.export.bundle import Finished, samples, write_bundle
from wearabouts.models.residual import Residual
from wearabouts.training.residual.loop import served
from wearabouts.training.residual.recipe import ResidualRecipe

CATEGORY = "category"


class ServedResidual(nn.Module):
    """`Residual` from bytes to probabilities."""

    def __init__(self, net: Residual) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """(N, S, S, 3) uint8 → vector, category."""
        seen = self.net.serve(pixels.permute(0, 3, 1, 2).float() / 255)
        return seen.vector, seen.logits.softmax(-1)


def export(finished: Finished, folder: Path) -> None:
    """Write the bundle of a finished run of `residual`; the arguments are those of every model.

    The classes are no garments: a restriction to a garment kind has no meaning for them, and whether one is wanted is
    the searcher's choice. As an attribute they are shown, compared, and read by protocols that count classes.

    Raises:
        BundleError: The exported graph differs too much from what was trained.
    """
    recipe, summary, weights = finished.recipe, finished.summary, finished.weights
    assert isinstance(recipe, ResidualRecipe)
    classes = tuple(summary["classes"])
    net = served(recipe, len(classes), weights)
    write_bundle(
        folder,
        ServedResidual(net),
        samples(recipe.network.size, seed=0),
        name=recipe.name,
        description=f"A small residual network for {len(classes)} classes; see wearabouts.models.residual",
        preprocessing=bundles.Preprocessing(size=recipe.network.size),
        dim=net.served_dim,
        attributes={CATEGORY: classes},
        licence="as its training data allows: ask whose photographs these are before passing it on",
        data=(
            {
                "name": recipe.data.reader or "a catalog",
                "used": f"split {recipe.data.split or 'any but query'}, {summary['photos']} photos",
                **recipe.data.options,
            },
        ),
        training=summary,
    )

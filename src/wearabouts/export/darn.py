"""`darn` as a bundle: a graph a side, or one where the network has one tower."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from wearabouts import bundles
from wearabouts.export.bundle import Finished, samples, write_bundle
from wearabouts.models.darn import Darn
from wearabouts.training.darn import build
from wearabouts.training.darn.heads import GARMENT, heads
from wearabouts.training.darn.recipe import DarnRecipe
from wearabouts.training.data.supervision import Vocabulary
from wearabouts.types import SIDES, Side


class ServedDarn(nn.Module):
    """One side of `Darn` from bytes to probabilities; the classes come first where they are garments."""

    def __init__(self, net: Darn, side: Side) -> None:
        super().__init__()
        self.net, self.side = net, side

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """(N, S, S, 3) uint8 → vector, then each branch's probabilities."""
        seen = self.net.serve(pixels.permute(0, 3, 1, 2).float() / 255, self.side)
        return seen.vector, *(logits.softmax(-1) for logits in seen.attributes.values())


def export(finished: Finished, folder: Path) -> None:
    """Write the bundle of a finished run of `darn`; the arguments are those of every model.

    Raises:
        BundleError: The exported graphs differ too much from what was trained, or lose too much in a search.
    """
    recipe, summary = finished.recipe, finished.summary
    assert isinstance(recipe, DarnRecipe)
    vocabulary = Vocabulary.read(summary["vocabulary"])
    net = build(recipe, vocabulary, len(finished.weights["basis"]))
    net.load_state_dict(finished.weights)
    sides: dict[Side, nn.Module] = {side: ServedDarn(net, side) for side in SIDES}
    if recipe.network.towers == 1:
        sides["street"] = sides["shop"]
    told = heads(vocabulary) if recipe.losses.attributes else {}
    write_bundle(
        folder,
        sides,
        samples(recipe.network.size, seed=0),
        probe=finished.probe,
        name=recipe.name,
        description=f"DARN, {recipe.network.towers} tower(s) on {recipe.network.trunk}; see wearabouts.models.darn",
        preprocessing=bundles.Preprocessing(size=recipe.network.size),
        dim=net.served_dim,
        garments=told.pop(GARMENT, ()),
        attributes=told,
        licence="as its training data allows: ask whose photographs these are before passing it on",
        data=(
            {
                "name": recipe.data.reader or "a catalog",
                "used": f"split {recipe.data.split or 'any'}, {summary['photos']} photos",
                **recipe.data.options,
            },
        ),
        training=summary,
    )

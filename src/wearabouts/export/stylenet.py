"""`stylenet` as a bundle: the direction of its floats and, where tags were learned to the end, their probabilities."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from wearabouts import bundles
from wearabouts.export.bundle import Finished, samples, write_bundle
from wearabouts.models.stylenet import StyleNet
from wearabouts.training.data.supervision import Vocabulary
from wearabouts.training.stylenet import build, places
from wearabouts.training.stylenet.recipe import StylenetRecipe


class ServedStyleNet(nn.Module):
    """`StyleNet` from bytes to probabilities.

    Args:
        net: The network.
        groups: How many tags each group that is told has, in the order of the head.
    """

    def __init__(self, net: StyleNet, groups: tuple[int, ...]) -> None:
        super().__init__()
        self.net, self.groups = net, groups

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """(N, S, S, 3) uint8 → vector, one of probabilities a group of tags."""
        seen = self.net.serve(pixels.permute(0, 3, 1, 2).float() / 255)
        return seen.vector, *(seen.tags.split(self.groups, 1) if self.groups else ())


def export(finished: Finished, folder: Path) -> None:
    """Write the bundle of a finished run of `stylenet`; the arguments are those of every model.

    A group of tags is told as an attribute of its name. Its probabilities answer a question each and do not add up to
    one: a photo may have several tags, or none.

    Raises:
        BundleError: The exported graph differs too much from what was trained.
    """
    recipe, summary = finished.recipe, finished.summary
    assert isinstance(recipe, StylenetRecipe)
    words = Vocabulary.read(summary["vocabulary"])
    net = build(recipe, words)
    net.load_state_dict(finished.weights)
    attributes: dict[str, tuple[str, ...]] = {}
    if recipe.learning.joint:
        for place in places(words, recipe.tags.classified):
            group, value = words.tags[place].split(":", 1)
            attributes[group] = (*attributes.get(group, ()), value)
    size = recipe.network.size
    write_bundle(
        folder,
        ServedStyleNet(net.eval(), tuple(len(values) for values in attributes.values())),
        samples(size, seed=0),
        probe=finished.probe,
        name=recipe.name,
        description="StyleNet: clothing style as a few floats, learned from tags; see wearabouts.models.stylenet",
        preprocessing=bundles.Preprocessing(size=size),
        dim=recipe.network.dim,
        attributes=attributes,
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

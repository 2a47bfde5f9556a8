"""`fashionnet` as a bundle: classes, attributes, tags and landmarks beside the vector."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from wearabouts import bundles
from wearabouts.export.bundle import Finished, samples, write_bundle
from wearabouts.models.fashionnet import FashionNet
from wearabouts.training.data.supervision import Vocabulary
from wearabouts.training.fashionnet.building import build
from wearabouts.training.fashionnet.recipe import FashionNetRecipe

CATEGORY = "category"


class ServedFashionNet(nn.Module):
    """`FashionNet` from bytes to probabilities.

    A tag's probability is sigmoid(z - log w): training weighed its positives by w, so its logit lies that much above
    the log-odds, and taking it off makes rare and frequent tags comparable again. Several of a group may be likely at
    once: they do not sum to one.

    Args:
        net: Trained.
        words: What it learned.

    Attributes:
        exact: What places the landmarks is kept in full precision. Rounded, a landmark near the border of two cells
            would be pooled one cell beside, and the vector be another one.
    """

    exact = ("net.trunk.below.", "net.pose.")

    def __init__(self, net: FashionNet, words: Vocabulary) -> None:
        super().__init__()
        self.net = net
        self.places = [torch.from_numpy(places) for places in words.groups.values()] if net.tags is not None else []

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """(N, S, S, 3) uint8 → vector, classes, one per attribute, one per group of tags, landmarks."""
        seen = self.net(pixels.permute(0, 3, 1, 2).float() / 255)
        classes = [seen.category.softmax(-1)] if seen.category is not None else []
        attributes = [logits.softmax(-1) for logits in seen.attributes.values()]
        likely = torch.sigmoid(seen.tags - self.net.tag_lead) if seen.tags is not None else None
        groups = [likely[:, places] for places in self.places] if likely is not None else []
        landmarks = seen.landmarks()
        return (seen.vector, *classes, *attributes, *groups, *([landmarks] if landmarks is not None else []))


def export(finished: Finished, folder: Path) -> None:
    """Write the bundle of a finished run of `fashionnet`; the arguments are those of every model.

    Raises:
        BundleError: The exported graph differs too much from what was trained.
    """
    recipe, summary = finished.recipe, finished.summary
    assert isinstance(recipe, FashionNetRecipe)
    words = Vocabulary.read(summary["vocabulary"])
    net = build(recipe, words)
    net.load_state_dict(finished.weights)
    write_bundle(
        folder,
        ServedFashionNet(net.eval(), words),
        samples(recipe.network.size, seed=0),
        probe=finished.probe,
        name=recipe.name,
        description=_description(recipe),
        preprocessing=bundles.Preprocessing(size=recipe.network.size),
        dim=net.dim,
        garments=words.categories if net.category is not None and words.garments else (),
        attributes=heads(net, words),
        landmarks=net.pose is not None,
        licence="as its training data allows: ask whose photographs these are before passing it on",
        data=(
            {
                "name": recipe.data.reader or "a catalog",
                "used": f"split {recipe.data.split or 'any'}, {summary['photos']} photos, "
                f"{summary['landmarks']} with landmarks",
                **recipe.data.options,
            },
        ),
        training=summary,
    )


def heads(net: FashionNet, words: Vocabulary) -> dict[str, tuple[str, ...]]:
    """What the card calls attributes, in the order of the graph's outputs.

    Classes that are no garments come first, then single-choice attributes, then the tags group by group.
    """
    found: dict[str, tuple[str, ...]] = {}
    if net.category is not None and not words.garments:
        found[CATEGORY] = words.categories
    found |= {name: words.attributes[name] for name in net.attribute_names}
    if net.tags is not None:
        for group, places in words.groups.items():
            found[group] = tuple(words.tags[place].removeprefix(f"{group}:") for place in places)
    return found


def _description(recipe: FashionNetRecipe) -> str:
    told = "FashionNet (DeepFashion, CVPR 2016) on trunk {0}; see wearabouts.models.fashionnet"
    if recipe.network.pooling == "truth":
        told += "; trained with annotated landmarks only, served with predicted ones"
    return told.format(recipe.network.trunk)

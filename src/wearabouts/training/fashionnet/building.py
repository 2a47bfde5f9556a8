"""The network of a recipe and a vocabulary, and what of it is trained."""

from __future__ import annotations

from wearabouts.errors import SettingsError
from wearabouts.models.fashionnet import FashionNet, Sizes
from wearabouts.models.trunks import trunk
from wearabouts.training.data.supervision import Supervision, Vocabulary
from wearabouts.training.fashionnet.recipe import FashionNetRecipe
from wearabouts.training.starting import start


def build(recipe: FashionNetRecipe, words: Vocabulary) -> FashionNet:
    """The network, weights as they come; a head for each thing that a loss asks for, and no other.

    Raises:
        SettingsError: No such trunk.
    """
    net, losses = recipe.network, recipe.losses
    options = {"width": net.width} if net.width else {}
    sizes = Sizes(net.pose, net.whole, net.local, net.fused, net.window, net.pooled, net.dim, net.dropout)
    pooling = "none" if net.pooling == "none" else "landmarks"
    return FashionNet(
        trunk(net.trunk, **options),
        net.size,
        sizes,
        categories=len(words.categories) if losses.category else 0,
        attributes={name: len(values) for name, values in words.attributes.items()} if losses.attributes else {},
        tags=len(words.tags) if losses.tags else 0,
        pooling=pooling,
        pose=pooling == "landmarks" or bool(losses.landmarks or losses.visibility),
    )


def begin(net: FashionNet, recipe: FashionNetRecipe) -> None:
    """Give the trunk, and the pose branch's copy of its upper half, the weights the recipe starts from.

    Raises:
        SettingsError: The file cannot be read, or holds another trunk.
    """
    start(net.trunk, recipe.network.start)
    if net.pose is not None:
        net.pose.conv5.load_state_dict(net.trunk.above.state_dict())


def check(recipe: FashionNetRecipe, learned: Supervision) -> None:
    """Whether there is something to learn each thing from.

    Raises:
        SettingsError: Landmarks are to be pooled and there are none, no loss is left, or a width that a trunk of a
            fixed one cannot have.
    """
    network, losses, words = recipe.network, recipe.losses, learned.vocabulary
    if network.width and network.trunk != "small":
        raise SettingsError(f"[network] width is of trunk 'small'; trunk {network.trunk!r} has its own, leave it out")
    if network.pooling != "none" and not learned.annotated.any():
        raise SettingsError(
            f"none of {len(learned):,} photos has landmarks to pool from; set [network] pooling = 'none', or give a "
            "dataset with landmarks"
        )
    taught = (
        losses.triplet,
        losses.category and words.categories,
        losses.attributes and words.attributes,
        losses.tags and words.tags,
        (losses.landmarks or losses.visibility) and learned.annotated.any(),
    )
    if not any(taught):
        raise SettingsError("no loss is left: set a weight in [losses] above 0 for something [data] reads")

"""The losses, each with its formula and source; a module a kind.

What is not known gives no gradient: every loss over labels takes a mark for *unknown*, and a batch of nothing but
unknowns gives zero, not NaN.
"""

from wearabouts.training.losses.contrastive import across_sides, among_views, contrastive
from wearabouts.training.losses.geometry import relations
from wearabouts.training.losses.labels import classes, focus, tree
from wearabouts.training.losses.lists import each_pair, listwise
from wearabouts.training.losses.pairs import same_item
from wearabouts.training.losses.triplets import triplet

__all__ = [
    "across_sides",
    "among_views",
    "classes",
    "contrastive",
    "each_pair",
    "focus",
    "listwise",
    "relations",
    "same_item",
    "tree",
    "triplet",
]

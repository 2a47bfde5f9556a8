"""What a hash head learns beside classes: codes that find each other, firm, and even over a batch."""

from __future__ import annotations

from torch import Tensor

from wearabouts.models.codes import as_directions
from wearabouts.training.losses.contrastive import across_sides, among_views


def found(directions: Tensor, items: Tensor, street: Tensor, temperature: float) -> Tensor:
    """Photos of one item find each other: across sides where the batch has both, among all photos otherwise.

    Args:
        directions: (N, D) unit vectors.
        items: (N,) int64; negative where unknown, such a photo takes no part.
        street: (N,) bool.
        temperature: T > 0, see `wearabouts.training.losses.contrastive`.
    """
    known = items >= 0
    directions, items, street = directions[known], items[known], street[known]
    if not len(items):
        return directions.sum() * 0.0
    if bool(street.any()) and not bool(street.all()):
        return across_sides(directions, items, street, temperature)
    return among_views(directions, items, temperature)


def codes_found(activations: Tensor, items: Tensor, street: Tensor, temperature: float) -> Tensor:
    """`found` for codes, their activations taken as directions: a cosine then counts bits, 1 - 2 Hamming / K."""
    return found(as_directions(activations), items, street, temperature)


def firm(activations: Tensor) -> Tensor:
    """How far activations are from bits: 1 - mean (2 h - 1)^2; 0 where every h is 0 or 1, 1 where all are one half.

    Source: the second term of Yang, Lin & Chen, *Supervised Learning of Semantics-Preserving Hash via Deep
        Convolutional Neural Networks*, 2018, turned so that less is better [the formula is recalled, not read].
    """
    return 1 - (2 * activations - 1).square().mean()


def even(activations: Tensor) -> Tensor:
    """How far each bit is from being 1 for half of the batch: mean_k (2 mean_n h_nk - 1)^2, in [0, 1].

    Source: the third term of the same.
    """
    return (2 * activations.mean(0) - 1).square().mean()

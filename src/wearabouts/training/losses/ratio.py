"""StyleNet's two losses: which of two photos is nearer, as a share, and a question of yes or no for every tag.

Simo-Serra & Ishikawa, *Fashion Style in 128 Floats*, CVPR 2016, section 3; the first is the triplet network of Hoffer &
Ailon, 2015.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def ratio(anchor: Tensor, similar: Tensor, dissimilar: Tensor) -> Tensor:
    """The similar photo is nearer than the dissimilar one: the softmax of the two distances, squared.

    With p = ||f - f+|| and n = ||f - f-||, Euclidean distances of features of any length,

        d+ = e^p / (e^p + e^n),   d- = e^n / (e^p + e^n),
        l_R = 1/2 [ (d+)^2 + (1 - d-)^2 ] = (d+)^2,

    averaged over the triplets. Because d+ = sigmoid(p - n), it is 1/4 where both are as near, and its gradient is

        dl_R/dp = 2 (d+)^2 d- = -dl_R/dn:

    no margin, most where the similar photo is somewhat farther than the other, and nearly none for a triplet that is
    hopelessly wrong. A distance of zero has no gradient.

    Args:
        anchor: (N, D) features.
        similar: (N, D), of the photos that should be near.
        dissimilar: (N, D), of those that should be far.
    """
    near = torch.linalg.vector_norm(anchor - similar, dim=1)
    far = torch.linalg.vector_norm(anchor - dissimilar, dim=1)
    return torch.sigmoid(near - far).square().mean()


def two_way(scores: Tensor, tags: Tensor, yes: Tensor | None = None) -> Tensor:
    """Softmax cross-entropy of *no* against *yes* for each tag by itself.

    For a photo with the answers y_t in {0, 1} to the tags t of T and scores x_t0, x_t1,

        l_C = 1/|T| sum_t w_t(y_t) [ log(e^{x_t0} + e^{x_t1}) - x_{t,y_t} ],

    averaged over the photos. With z = x_t1 - x_t0 it is the binary cross-entropy of sigmoid(z). The weights are 1
    unless `yes` is given: a tag that one photo in fifty has is else soon answered with no for all.

    Args:
        scores: (N, T, 2).
        tags: (N, T) int, 1 for yes, -1 for no, 0 where unknown: such a tag gives no gradient and does not count in the
            mean; a batch of only such gives zero.
        yes: (T,) weights w_t(1) of the tags that a photo has; w_t(0) is always 1.
    """
    known = tags != 0
    if not bool(known.any()):
        return scores.sum() * 0.0
    answers = (tags > 0).long()
    each = F.cross_entropy(scores.flatten(0, 1), answers.flatten(), reduction="none").view_as(answers)
    weight = known.to(each.dtype)
    if yes is not None:
        weight = torch.where(tags > 0, weight * yes, weight)
    return (each * weight).sum() / known.sum()

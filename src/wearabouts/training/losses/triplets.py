"""Triplets: an anchor is to be nearer to a photo of its own item than to a photo of another one, by a margin.

`triplet` is the loss; the others say which triplets of a batch it is taken of. They give rows of the batch and need no
gradient. Where a batch has street and shop photos, each of them takes ``street``: anchors are then street photos, and
what they are compared with are shop photos (DARN's cross-domain triplets; FashionNet's pairs of both domains alike).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Triplets(NamedTuple):
    """Rows of a batch, three lists of one length.

    Attributes:
        anchors: (T,) int64.
        positives: (T,) int64, each of the anchor's item, and another photo.
        negatives: (T,) int64, each of another item.
    """

    anchors: Tensor
    positives: Tensor
    negatives: Tensor


def triplet(anchors: Tensor, positives: Tensor, negatives: Tensor, margin: float, squared: bool = False) -> Tensor:
    """Hinge on the difference of two Euclidean distances, averaged over all triplets; none at all give zero.

        L = 1/T * sum_t max(0, m + d(a_t, p_t) - d(a_t, n_t)),    d(u, v) = ||u - v||  (squared: ||u - v||^2)

    Of a triplet that costs something, with u = a - p and w = a - n:

        T * dL/da = u/||u|| - w/||w||,  T * dL/dp = -u/||u||,  T * dL/dn = w/||w||    (squared: without the lengths,
        doubled);

    a triplet that costs nothing gives no gradient, nor does a distance of zero.

    Args:
        anchors: (T, D), the street photos of DARN.
        positives: (T, D), photos of the anchor's item.
        negatives: (T, D), photos of other items.
        margin: m > 0.
        squared: Whether d is the squared distance, as FaceNet has it; DARN takes the distance.

    Sources: Huang et al., *Cross-domain Image Retrieval with a Dual Attribute-aware Ranking Network*, ICCV 2015,
        section 3.2 (known from notes, see docs/papers/darn.md); Schroff et al., *FaceNet*, CVPR 2015, equation 2.
    """
    if len(anchors) == 0:
        return (anchors.sum() + positives.sum() + negatives.sum()) * 0.0
    near, far = (_lengths(anchors - others, squared) for others in (positives, negatives))
    return (margin + near - far).clamp(min=0).mean()


def of_rows(vectors: Tensor, triplets: Triplets, margin: float, squared: bool = False) -> Tensor:
    """`triplet` of rows of a batch.

    Args:
        vectors: (N, D).
        triplets: Rows of it.
        margin: See `triplet`.
        squared: See `triplet`.
    """
    anchors, positives, negatives = (vectors[rows] for rows in triplets)
    return triplet(anchors, positives, negatives, margin, squared)


def every(items: Tensor, street: Tensor | None = None) -> Triplets:
    """All triplets of a batch, in the order of anchor, positive, negative.

    Args:
        items: (N,) int64.
        street: (N,) bool; given, anchors are street photos and the others shop photos.
    """
    positive, negative = _pairs(items, street)
    return Triplets(*(positive[:, :, None] & negative[:, None, :]).nonzero(as_tuple=True))


def random(items: Tensor, street: Tensor | None = None) -> Triplets:
    """For each pair of anchor and positive one negative, drawn evenly by torch's global generator.

    Args:
        items: (N,) int64.
        street: (N,) bool; see `every`.
    """
    positive, negative = _pairs(items, street)
    anchors, positives = positive.nonzero(as_tuple=True)
    # On the processor, so that a seed draws the same on every device
    chance = torch.rand((len(anchors), len(items))).to(items.device)
    return _with_negatives(anchors, positives, chance, negative[anchors])


def hardest(vectors: Tensor, items: Tensor, street: Tensor | None = None) -> Triplets:
    """For each anchor its furthest positive and its nearest negative; anchors that lack either are left out.

    Args:
        vectors: (N, D).
        items: (N,) int64.
        street: (N,) bool; see `every`.

    Source: Hermans et al., *In Defense of the Triplet Loss*, 2017, equation 5 ("batch hard").
    """
    positive, negative = _pairs(items, street)
    apart = _apart(vectors)
    whole = positive.any(1) & negative.any(1)
    furthest = apart.masked_fill(~positive, -1.0).argmax(1)
    nearest = apart.masked_fill(~negative, torch.inf).argmin(1)
    return Triplets(whole.nonzero(as_tuple=True)[0], furthest[whole], nearest[whole])


def semi_hard(vectors: Tensor, items: Tensor, street: Tensor | None = None) -> Triplets:
    """For each pair of anchor and positive the nearest negative that is further away than the positive.

    Where every negative is nearer than the positive, the furthest one: the pair would teach nothing otherwise, and at
    the beginning nothing at all might be taught.

    Args:
        vectors: (N, D).
        items: (N,) int64.
        street: (N,) bool; see `every`.

    Source: Schroff et al., *FaceNet*, CVPR 2015, equation 4. The paper's choice is any such negative; the nearest, and
        the furthest where there is none, are what TensorFlow's implementation takes.
    """
    positive, negative = _pairs(items, street)
    apart = _apart(vectors)
    anchors, positives = positive.nonzero(as_tuple=True)
    others, near = apart[anchors], apart[anchors, positives][:, None]
    wanted = torch.where(others > near, -others, others - 2 * apart.max() - 1)  # any further one before all nearer ones
    return _with_negatives(anchors, positives, wanted, negative[anchors])


def _with_negatives(anchors: Tensor, positives: Tensor, wanted: Tensor, allowed: Tensor) -> Triplets:
    """The pairs, each with the allowed column it wants most; a pair that is allowed none falls out."""
    chosen, whole = wanted.masked_fill(~allowed, -torch.inf).argmax(1), allowed.any(1)
    return Triplets(anchors[whole], positives[whole], chosen[whole])


def _pairs(items: Tensor, street: Tensor | None) -> tuple[Tensor, Tensor]:
    """(N, N) bool twice: which columns are positives, which negatives, of the row as anchor."""
    same = items[:, None] == items[None]
    if street is None:
        return same & ~torch.eye(len(items), dtype=torch.bool, device=items.device), ~same
    across = street[:, None] & ~street[None]
    return same & across, ~same & across


@torch.no_grad()
def _apart(vectors: Tensor) -> Tensor:
    """(N, N) Euclidean distances, for comparing only."""
    return torch.cdist(vectors.float(), vectors.float(), compute_mode="donot_use_mm_for_euclid_dist")


def _lengths(differences: Tensor, squared: bool) -> Tensor:
    """(T, D) → (T,) lengths; a root has no slope at zero, where the nearest thing to a gradient is none."""
    squares = differences.square().sum(1)
    if squared:
        return squares
    apart = squares > 0
    return torch.where(apart, squares, 1.0).sqrt() * apart

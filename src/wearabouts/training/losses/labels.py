"""Losses of labels with unknowns, and of where the garment is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor
from torch.nn import functional as F


def classes(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Softmax cross-entropy over the photos whose label is known.

    Args:
        logits: (N, V).
        labels: (N,) int64, -1 where unknown: such a photo gives no gradient, and a batch of only such gives zero.
        smoothing: Share of the target spread evenly, in [0, 1).
    """
    known = labels >= 0
    if not bool(known.any()):
        return logits.sum() * 0.0
    return F.cross_entropy(logits[known], labels[known], label_smoothing=smoothing)


def tree(logits: Sequence[Tensor], labels: Tensor, over: Literal["labels", "branches"] = "labels") -> Tensor:
    """Several single-choice attributes: a softmax each, and no loss where the value is not known (DARN's tree).

        L = 1/Z * sum_i sum_a m_ia * ( -log softmax(z_ia)[y_ia] ),    m_ia = 1 where y_ia is known, else 0,
        dL/dz_iaj = m_ia / Z * ( softmax(z_ia)_j - [j = y_ia] ).

    Args:
        logits: For each of A attributes (N, V_a).
        labels: (N, A) int64, -1 where unknown: no gradient. A batch of only unknown labels gives zero.
        over: What Z is. ``labels``: all known ones of the batch, each weighs the same. ``branches``: the known ones of
            the same attribute, so each attribute weighs the same however rarely it is told, and L is the sum over
            attributes of `classes`. The paper does not say.

    Source: Huang et al., *Cross-domain Image Retrieval with a Dual Attribute-aware Ranking Network*, ICCV 2015,
        section 3.2 (known from notes, see docs/papers/darn.md).
    """
    if over == "branches":
        return sum((classes(z, labels[:, a]) for a, z in enumerate(logits)), labels.sum() * 0.0)
    known = labels >= 0
    each = (classes(z, labels[:, a]) * known[:, a].sum() for a, z in enumerate(logits))
    return sum(each, labels.sum() * 0.0) / known.sum().clamp(min=1)


def focus(saliency: Tensor, mask: Tensor) -> Tensor:
    """Binary cross-entropy of the saliency map against the share of each cell that the garment covers.

    Args:
        saliency: (N, h, w) logits.
        mask: (N, h, w) in [0, 1]; a photo whose mask is not known has NaN in it and is left out.
    """
    known = ~mask.flatten(1).isnan().any(1)
    if not bool(known.any()):
        return saliency.sum() * 0.0
    return F.binary_cross_entropy_with_logits(saliency[known], mask[known])

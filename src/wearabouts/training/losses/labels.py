"""Losses of labels with unknowns, and of where the garment is."""

from __future__ import annotations

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

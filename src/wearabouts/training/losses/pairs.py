"""Losses of pairs of photos: do both show one product?"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def same_item(logits: Tensor, same: Tensor) -> Tensor:
    """Two-way softmax cross-entropy of pairs.

    With v0, v1 the logits of a pair and y = 1 where both photos show one product:

        p = exp(v1) / (exp(v0) + exp(v1)),    E = -(1/n) * sum_i [ y_i log p_i + (1 - y_i) log(1 - p_i) ].

    Only v1 - v0 matters: it is the log odds, so E is binary cross-entropy of v1 - v0 and dE/dv1 = -dE/dv0 =
    (p - y) / n.

    Args:
        logits: (n, 2): another product, the same product.
        same: (n,) int64: 1 the same, 0 another, -1 unknown; an unknown pair gives no gradient, and a batch of only
            such gives zero.

    Source: Hadi Kiapour et al., *Where to Buy It*, ICCV 2015, section 4 (the loss in its figure of the network).
    """
    known = same >= 0
    if not bool(known.any()):
        return logits.sum() * 0.0
    return F.cross_entropy(logits[known], same[known])

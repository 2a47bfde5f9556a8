"""Tags: any number of them hold at once, so each is a two-sided question of its own."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

MOST = 50.0  # a positive weighs at most so many negatives: with three of a thousand, the ratio itself would be 300


def weighted(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy of independent yes-or-no labels.

    With z the logits, s = sigmoid(z), a = 1 for yes and 0 for no, k = 1 where known and 0 where not:

        L = -sum_ij k_ij [ w_j a_ij log s_ij + (1 - a_ij) log(1 - s_ij) ] / sum_ij k_ij,
        dL / dz_ij = k_ij [ (1 - a_ij) s_ij - w_j a_ij (1 - s_ij) ] / sum_ij k_ij.

    An unknown label gives no gradient, and a batch of only such gives zero. A softmax would be wrong here: it makes
    labels compete that hold together.

    Args:
        logits: (N, T).
        labels: (N, T) 1 yes, -1 no, 0 unknown.
        weights: (T,) w_j, of a positive; see `rarity`.

    Source: Liu et al., *DeepFashion*, CVPR 2016: weights from the ratio of positives to negatives in the training set.
        The paper prints no formula for them; `rarity` is ours.
    """
    known = (labels != 0).to(logits.dtype)
    each = F.binary_cross_entropy_with_logits(
        logits, (labels > 0).to(logits.dtype), pos_weight=weights, reduction="none"
    )
    return (each * known).sum() / known.sum().clamp(min=1)


def rarity(labels: Tensor, most: float = MOST) -> Tensor:
    """Weight of each tag's positives: negatives over positives of a training set, at least 1 / `most`, at most `most`.

    With it both sides of a question pull equally hard, so the answer's logit ends up log w_j above the log-odds of
    the tag: that much is to be taken off where a probability is wanted.

    Args:
        labels: (N, T) 1 yes, -1 no, 0 unknown.
        most: Where the ratio is cut.

    Returns:
        (T,) float32; 1 for a tag of which nothing is known.
    """
    yes, no = (labels > 0).sum(0).float(), (labels < 0).sum(0).float()
    ratio = no / yes.clamp(min=1)
    return torch.where(yes + no > 0, ratio, 1.0).clamp(1 / most, most)

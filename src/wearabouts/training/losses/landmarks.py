"""Losses of the pose branch: how far each landmark is off, and whether it can be seen."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def places(predicted: Tensor, truth: Tensor) -> Tensor:
    """Squared distance of the landmarks that can be seen.

    For photo i with landmarks l_ij, predictions p_ij and visibilities v_ij in {0, 1}:

        L_i = sum_j || v_ij (p_ij - l_ij) ||²,    dL_i / dp_ij = 2 v_ij (p_ij - l_ij),

    averaged over the photos whose landmarks are known. A hidden landmark gives no gradient, whatever its coordinates.

    Args:
        predicted: (N, L, 2) x and y, fractions of the square.
        truth: (N, L, 3) x, y, visible; a photo whose landmarks are not known has NaN in it and is left out.

    Source: Liu et al., *DeepFashion*, CVPR 2016, section 3. Differs: fractions in place of pixels, so that the weight
        does not depend on the size; the mean over photos. Both are ours: the paper does not say.
    """
    known = annotated(truth)
    if not bool(known.any()):
        return predicted.sum() * 0.0
    seen = truth[known, :, 2:] > 0
    # Chosen before the difference is taken: an unseen landmark's coordinates may be anything.
    off = (predicted[known] - truth[known, :, :2].where(seen, 0.0)).where(seen, 0.0)
    return off.square().sum((1, 2)).mean()


def visibility(logits: Tensor, truth: Tensor) -> Tensor:
    """Two-way softmax cross-entropy of every landmark's visibility, averaged over landmarks and known photos.

    A slot that a garment does not have (the waist of a shirt) counts as hidden.

    Args:
        logits: (N, L, 2) hidden, visible.
        truth: As in `places`.

    Source: as in `places`.
    """
    known = annotated(truth)
    if not bool(known.any()):
        return logits.sum() * 0.0
    return F.cross_entropy(logits[known].flatten(0, 1), (truth[known, :, 2] > 0).long().flatten())


def annotated(truth: Tensor) -> Tensor:
    """(N, L, 3) → (N,) bool, which photos' landmarks are known."""
    return ~truth.flatten(1).isnan().any(1)

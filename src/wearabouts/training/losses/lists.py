"""Losses of a street photo's shortlist: which of the candidates is it, if any?"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def listwise(logits: Tensor, right: Tensor, there: Tensor, none: Tensor) -> Tensor:
    """Softmax cross-entropy over a shortlist with *none of them*, asked with the item there and with it gone.

    With z_i the logits of the candidates, R those of the right product, W the others and o the log-odds of *none*:

        E = -½ log( Σ_R e^z / (Σ_R e^z + Σ_W e^z + e^o) ) - ½ log( e^o / (Σ_W e^z + e^o) ),

    in the mean over lists: several photos of the right product share what is asked of one.

    Args:
        logits: (B, L).
        right: (B, L) bool; a list without one gives the second term alone.
        there: (B, L) bool: False in places that hold nothing.
        none: () or (B,).
    """
    least = torch.finfo(logits.dtype).min
    nothing = none.expand(len(logits))
    wrong = torch.logsumexp(torch.cat((logits.masked_fill(right | ~there, least), nothing[:, None]), 1), 1)
    found = torch.logsumexp(logits.masked_fill(~(right & there), least), 1)
    has = (right & there).any(1)
    without = wrong - nothing
    with_it = torch.where(has, F.softplus(wrong - found.masked_fill(~has, 0.0)), 0.0)
    return 0.5 * (with_it + without).mean()


def each_pair(logits: Tensor, right: Tensor, there: Tensor) -> Tensor:
    """Binary cross-entropy of the candidates one by one, right and wrong ones weighing the same.

    Args:
        logits: (B, L) log-odds that a candidate shows the item.
        right: (B, L) bool.
        there: (B, L) bool.
    """
    each = F.binary_cross_entropy_with_logits(logits, right.to(logits.dtype), reduction="none")
    parts = [(each * part).sum() / part.sum().clamp(min=1) for part in (right & there, ~right & there)]
    return 0.5 * (parts[0] + parts[1])

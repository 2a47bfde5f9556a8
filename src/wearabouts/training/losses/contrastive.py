"""Contrastive losses: a photo finds those of the same item among all others of a batch."""

from __future__ import annotations

import torch
from torch import Tensor


def contrastive(queries: Tensor, keys: Tensor, query_items: Tensor, key_items: Tensor, temperature: float) -> Tensor:
    """Find the same item among the keys (InfoNCE with several positives).

    For query i with positives P(i) = {j : item_j = item_i}:

        L_i = -1/|P(i)| * sum_{j in P(i)} log( exp(q_i·k_j / T) / sum_j' exp(q_i·k_j' / T) ),

    averaged over the queries that have a positive; a batch without any gives zero.

    Args:
        queries: (N, D) unit vectors.
        keys: (M, D) unit vectors.
        query_items: (N,) int64.
        key_items: (M,) int64.
        temperature: T > 0.

    Source: van den Oord et al. 2018, equation 4; several positives as in Khosla et al. 2020, equation 2.
    """
    logits = queries @ keys.T / temperature
    same = (query_items[:, None] == key_items[None]).to(logits.dtype)
    log_share = logits - torch.logsumexp(logits, 1, keepdim=True)
    positives = same.sum(1)
    each = -(log_share * same).sum(1) / positives.clamp(min=1)
    return each.sum() / (positives > 0).sum().clamp(min=1)


def across_sides(vectors: Tensor, items: Tensor, street: Tensor, temperature: float) -> Tensor:
    """`contrastive` from street to shop and from shop to street, halved.

    Args:
        vectors: (N, D) unit vectors of both sides.
        items: (N,) int64.
        street: (N,) bool, which of them are street photos.
        temperature: T > 0.
    """
    shop = ~street
    there = contrastive(vectors[street], vectors[shop], items[street], items[shop], temperature)
    back = contrastive(vectors[shop], vectors[street], items[shop], items[street], temperature)
    return (there + back) / 2


def among_views(vectors: Tensor, items: Tensor, temperature: float) -> Tensor:
    """`contrastive` of every photo against all the others of its side: the back or a detail finds the front.

    Args:
        vectors: (N, D) unit vectors.
        items: (N,) int64.
        temperature: T > 0.
    """
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    logits = (vectors @ vectors.T / temperature).masked_fill(itself, -1e4)
    same = ((items[:, None] == items[None]) & ~itself).to(logits.dtype)
    log_share = logits - torch.logsumexp(logits, 1, keepdim=True)
    positives = same.sum(1)
    return (-(log_share * same).sum(1) / positives.clamp(min=1)).sum() / (positives > 0).sum().clamp(min=1)

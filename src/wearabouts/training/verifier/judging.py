"""What each signal weighs, from items that neither `mini` nor the networks were trained on.

The model is that of `wearabouts.calibration.curve`: a query's item is one of the shortlist's products, beyond it, or
not in the shop; each query is asked as it is and with its item removed. Products' log-odds are pooled as
`wearabouts.verifiers.judge` does, and weights, offset, the share of log n and *beyond* are those of the largest
likelihood. *Absent* stands at zero, so the log-odds are against it.

No signal may weigh less than nothing: each is made so that more of it speaks for the item.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from wearabouts.calibration import Shortlist
from wearabouts.training.verifier.asking import Asked
from wearabouts.verifiers.judge import SIGNALS, pooled

ROUNDS = 200
LEAST = 1e-3  # of a signal's spread: a weight below it is none


class Weights(NamedTuple):
    """See `wearabouts.bundles.Judge`."""

    weights: dict[str, float]
    offset: float
    views: float


class _Laid(NamedTuple):
    """Queries as arrays, N candidates and P products at most.

    Attributes:
        signals: (Q, N, F), each of spread 1.
        owner: (Q, N) int64; P in places that hold nothing.
        count: (Q, P) photos of each product.
        right: (Q,) int64, P where it is beyond the shortlist.
        weight: (Q,).
    """

    signals: Tensor
    owner: Tensor
    count: Tensor
    right: Tensor
    weight: Tensor


def fit(asked: Sequence[Asked], ridge: float) -> Weights:
    """The judge of some queries; each source weighs the same, however many queries it has.

    Args:
        asked: Of items that nothing was trained on.
        ridge: Draws weights towards none.
    """
    spread = np.concatenate([one.signals for one in asked]).std(0) + 1e-6
    laid = _laid(asked, spread)
    roots = torch.full((len(SIGNALS),), 0.5, dtype=torch.float64, requires_grad=True)
    others = torch.tensor([0.0, 0.0, 0.0], dtype=torch.float64, requires_grad=True)  # offset, views, beyond
    optimizer = torch.optim.LBFGS([roots, others], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = _unlikely(laid, roots.square(), others[0], torch.sigmoid(others[1]), others[2])
        loss = loss + ridge * roots.pow(4).sum()
        loss.backward()  # type: ignore[no-untyped-call] # torch has no types here
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call] # nor here
    with torch.no_grad():
        found = roots.square().numpy()
        weights = {name: float(w / s) for name, w, s in zip(SIGNALS, found, spread, strict=True) if w > LEAST}
        return Weights(
            {name: round(value, 6) for name, value in weights.items()},
            round(float(others[0]), 6),
            round(float(torch.sigmoid(others[1])), 4),
        )


def logits(judge: Weights, one: Asked) -> np.ndarray:
    """(P,) log-odds of a query's products."""
    photos = judge.offset + sum(
        weight * one.signals[:, SIGNALS.index(name)].astype(np.float64) for name, weight in judge.weights.items()
    )
    return pooled(np.asarray(photos, np.float32), one.owner.tolist(), judge.views)


def shortlists(judge: Weights, asked: Sequence[Asked]) -> list[Shortlist]:
    """The same queries, as a calibration takes them."""
    return [
        Shortlist(logits(judge, one), one.right if one.right >= 0 else None, one.item, one.category) for one in asked
    ]


def first(judge: Weights, asked: Sequence[Asked]) -> float:
    """Share of queries whose first product is the right one."""
    return round(float(np.mean([int(logits(judge, one).argmax()) == one.right for one in asked])), 4)


def _laid(asked: Sequence[Asked], spread: np.ndarray) -> _Laid:
    most = max(len(one.owner) for one in asked)
    products = max(int(one.owner.max()) + 1 for one in asked)
    signals = np.zeros((len(asked), most, len(SIGNALS)))
    owner = np.full((len(asked), most), products, np.int64)
    for n, one in enumerate(asked):
        signals[n, : len(one.owner)] = one.signals / spread
        owner[n, : len(one.owner)] = one.owner
    source = np.array([one.source for one in asked])
    weight = np.zeros(len(asked))
    for which in np.unique(source):
        weight[source == which] = 1 / (source == which).sum()
    right = np.array([one.right if one.right >= 0 else products for one in asked])
    count = F.one_hot(torch.from_numpy(owner), products + 1).sum(1)[:, :products]
    return _Laid(
        torch.from_numpy(signals),
        torch.from_numpy(owner),
        count.double(),
        torch.from_numpy(right),
        torch.from_numpy(weight / weight.sum()),
    )


def _unlikely(laid: _Laid, weights: Tensor, offset: Tensor, views: Tensor, beyond: Tensor) -> Tensor:
    """Mean minus log likelihood of what is known, each query asked with its item and without."""
    queries, products = laid.count.shape
    photos = laid.signals @ weights + offset
    photos = photos.masked_fill(laid.owner == products, -torch.inf)
    top = photos.amax(1, keepdim=True).detach()
    total = photos.new_zeros(queries, products + 1).scatter_add(1, laid.owner, (photos - top).exp())[:, :products]
    there = laid.count > 0
    each = (total.clamp(min=1e-300).log() + top - views * laid.count.clamp(min=1).log()).masked_fill(~there, -torch.inf)
    away = torch.zeros_like(each[:, :1])
    options = torch.cat((each, beyond.expand(queries, 1), away), 1)  # *beyond* stands at P, as in `right`
    asked = torch.logsumexp(options, 1) - options.gather(1, laid.right[:, None]).squeeze(1)
    is_right = F.one_hot(laid.right, products + 2).bool() & (laid.right < products)[:, None]
    gone = torch.logsumexp(options.masked_fill(is_right, -torch.inf), 1)  # minus log of *absent*, which stands at 0
    return (laid.weight * 0.5 * (asked + gone)).sum()

"""What each signal weighs, from items that neither `mini` nor the networks were trained on.

The model is that of `wearabouts.calibration.curve`: a query's item is one of the shortlist's products, beyond it, or
not in the shop. Products' log-odds are pooled as `wearabouts.verifiers.judge` does. Weights and the share of log n are
those under which the right products are likeliest, every query's item being in the shop; only then is the offset
found, from the same queries asked with their item there and with it gone, so that log-odds are against *absent*.
Together they would pull at each other: what tells a product from its like is not what tells that none is there.

No signal may weigh less than nothing: each is made so that more of it speaks for the item.

What a signal is worth depends on the query. The networks have learned from garments, and of a photo that shows none
they know nothing: there the cosine alone speaks. How likely the model holds its likeliest garment to be tells
the two apart: s, 0 up to the first of two such probabilities and 1 from the second on. A signal weighs w + s v.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from wearabouts.calibration import Shortlist
from wearabouts.training.verifier.asking import Asked
from wearabouts.verifiers.judge import SIGNALS, pooled

ROUNDS = 200
UNLEARNED = "similarity"  # the only signal that is heard where the model is unsure
LEAST = 1e-3  # of a signal's spread: a weight below it is none


class Weights(NamedTuple):
    """See `wearabouts.bundles.Judge`."""

    weights: dict[str, float]
    offset: float
    views: float
    sure: Mapping[str, float] = MappingProxyType({})
    certain: tuple[float, float] = (0.0, 1.0)


class _Laid(NamedTuple):
    """Queries as arrays, N candidates and P products at most.

    Attributes:
        signals: (Q, N, F), each of spread 1.
        owner: (Q, N) int64; P in places that hold nothing.
        photos: (Q, P) how many each product has.
        right: (Q,) int64, P where it is beyond the shortlist.
        sure: (Q,) in [0, 1].
        weight: (Q,).
    """

    signals: Tensor
    owner: Tensor
    photos: Tensor
    right: Tensor
    sure: Tensor
    weight: Tensor


def fit(asked: Sequence[Asked], ridge: float, certain: tuple[float, float]) -> Weights:
    """The judge of some queries; each source weighs the same, however many queries it has.

    Args:
        asked: Of items that nothing was trained on.
        ridge: Draws weights towards none.
        certain: From which probability of its garment on a query is no longer quite unsure, and from which on sure.
    """
    spread = np.concatenate([one.signals for one in asked]).std(0) + 1e-6
    laid = _laid(asked, spread, certain)
    # Roots of the weights of a query that is unsure (row 0) and of one that is sure (row 1).
    roots = torch.full((2, len(SIGNALS)), 0.5, dtype=torch.float64, requires_grad=True)
    heard = torch.tensor([[float(name == UNLEARNED) for name in SIGNALS], [1.0] * len(SIGNALS)], dtype=torch.float64)
    views, beyond, offset = (torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in range(3))

    def closed() -> Tensor:
        each = _products(laid, roots.square() * heard, torch.sigmoid(views))
        return _unlikely(laid, each, beyond, opened=False) + ridge * roots.pow(4).sum()

    def opened() -> Tensor:
        each = _products(laid, roots.detach().square() * heard, torch.sigmoid(views.detach()))
        return _unlikely(laid, each + offset, beyond, opened=True)

    _least(closed, [roots, views, beyond])
    _least(opened, [offset, beyond])
    found = (roots.detach().square() * heard).numpy()
    plain, surely = np.where(found > LEAST, found, 0) / spread
    told = [(name, float(w), float(v)) for name, w, v in zip(SIGNALS, plain, surely, strict=True) if w or v]
    return Weights(
        {name: round(w, 6) for name, w, _ in told},
        round(float(offset.detach()), 6),
        round(float(torch.sigmoid(views.detach())), 4),
        {name: round(v - w, 6) for name, w, v in told},
        certain,
    )


def sureness(probability: float, certain: tuple[float, float]) -> float:
    """How sure the model is of a query, s in [0, 1], from the probability of its likeliest garment."""
    low, high = certain
    return float(np.clip((probability - low) / (high - low), 0, 1))


def logits(judge: Weights, one: Asked) -> np.ndarray:
    """(P,) log-odds of a query's products."""
    sure = sureness(one.sure, judge.certain)
    weights = np.array([judge.weights.get(name, 0.0) + sure * judge.sure.get(name, 0.0) for name in SIGNALS])
    photos = one.signals @ weights + judge.offset
    return pooled(np.asarray(photos, np.float32), one.owner.tolist(), judge.views)


def shortlists(judge: Weights, asked: Sequence[Asked]) -> list[Shortlist]:
    """The same queries, as a calibration takes them."""
    return [
        Shortlist(logits(judge, one), one.right if one.right >= 0 else None, one.item, one.category) for one in asked
    ]


def first(judge: Weights, asked: Sequence[Asked]) -> float:
    """Share of queries whose first product is the right one."""
    return round(float(np.mean([int(logits(judge, one).argmax()) == one.right for one in asked])), 4)


def _laid(asked: Sequence[Asked], spread: np.ndarray, certain: tuple[float, float]) -> _Laid:
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
        torch.tensor([sureness(one.sure, certain) for one in asked], dtype=torch.float64),
        torch.from_numpy(weight / weight.sum()),
    )


def _products(laid: _Laid, weights: Tensor, views: Tensor) -> Tensor:
    """(Q, P) log-odds of the products, minus infinity in places that hold nothing.

    Args:
        laid: The queries.
        weights: (2, F) of the unsure and of the sure.
        views: Share of log n.
    """
    queries, products = laid.photos.shape
    between = torch.stack((1 - laid.sure, laid.sure), 1)
    photos = (laid.signals * (between @ weights)[:, None]).sum(2)
    photos = photos.masked_fill(laid.owner == products, -torch.inf)
    top = photos.amax(1, keepdim=True).detach()
    total = photos.new_zeros(queries, products + 1).scatter_add(1, laid.owner, (photos - top).exp())[:, :products]
    each = total.clamp(min=1e-300).log() + top - views * laid.photos.clamp(min=1).log()
    return each.masked_fill(laid.photos == 0, -torch.inf)


def _unlikely(laid: _Laid, each: Tensor, beyond: Tensor, *, opened: bool) -> Tensor:
    """Mean minus log likelihood of what is known: of queries as they are, or half so and half with their item gone."""
    queries, products = laid.photos.shape
    options = torch.cat((each, beyond.expand(queries, 1)), 1)  # *beyond* stands at P, as in `right`
    right = options.gather(1, laid.right[:, None]).squeeze(1)
    if not opened:
        return (laid.weight * (torch.logsumexp(options, 1) - right)).sum()
    absent = torch.zeros_like(options[:, :1])
    asked = torch.logsumexp(torch.cat((options, absent), 1), 1) - right
    is_right = F.one_hot(laid.right, products + 1).bool() & (laid.right < products)[:, None]
    gone = torch.logsumexp(torch.cat((options.masked_fill(is_right, -torch.inf), absent), 1), 1)
    return (laid.weight * 0.5 * (asked + gone)).sum()


def _least(loss: Callable[[], Tensor], over: list[Tensor]) -> None:
    """Change tensors until the loss is least."""
    optimizer = torch.optim.LBFGS(over, max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        told = loss()
        told.backward()
        return told

    optimizer.step(closure)

"""Which rows a step sees: each sampler a pure function of seed and step, so that a resumed run goes on as it was.

Every process of a training draws the same rows and takes its share of them.
"""

from __future__ import annotations

from collections.abc import Sized

import numpy as np
import numpy.typing as npt

from wearabouts.training.data.rows import Supervision

Rows = npt.NDArray[np.int64]
ITEMS, CLASSES, SHUFFLED = 11, 12, 13  # keep the samplers' generators apart


def items(supervision: Supervision, step: int, *, seed: int, products: int, photos: int) -> Rows:
    """`products` products with `photos` photos each, of both sides where a product has both.

    Products that have both sides come first; each product once in a step while there are enough, then again. A product
    with fewer photos than asked for repeats some. Half of its photos, rounded down, are street photos.

    Returns:
        (products * photos,) int64, a product's photos side by side, street photos first.
    """
    rng = np.random.default_rng((seed, ITEMS, step))
    order, starts, sides = _by_product(supervision)
    both, rest = np.flatnonzero(sides), np.flatnonzero(~sides)
    chosen: list[int] = []
    while len(chosen) < products:
        chosen += rng.permutation(both).tolist() + rng.permutation(rest).tolist()
    rows: list[Rows] = []
    for one in chosen[:products]:
        own = order[starts[one] : starts[one + 1]]
        street, shop = own[supervision.street[own]], own[~supervision.street[own]]
        worn = photos // 2 if len(street) and len(shop) else (photos if len(street) else 0)
        rows += [_some(rng, street, worn), _some(rng, shop, photos - worn)]
    return np.concatenate(rows)


def classes(supervision: Supervision, step: int, *, seed: int, photos: int) -> Rows:
    """`photos` photos of as many classes as there are, each as often as any other, give or take one.

    Photos of unknown class are never drawn.

    Returns:
        (photos,) int64, in no order.

    Raises:
        ValueError: No photo has a class.
    """
    rng = np.random.default_rng((seed, CLASSES, step))
    known = np.unique(supervision.category[supervision.category >= 0])
    if not len(known):
        raise ValueError("no photo has a class; give [data] category = 'garment' or 'category'")
    share, more = divmod(photos, len(known))
    counts = np.full(len(known), share)
    counts[rng.permutation(len(known))[:more]] += 1
    rows = [
        _some(rng, np.flatnonzero(supervision.category == one), int(count))
        for one, count in zip(known, counts, strict=True)
    ]
    return np.asarray(rng.permutation(np.concatenate(rows)))


def shuffled(supervision: Sized, step: int, *, seed: int, photos: int) -> Rows:
    """`photos` photos, each once an epoch: epochs follow one another without a gap, each in an order of its own.

    Args:
        supervision: Only how many rows there are of it matters.
        step: From 0 on.
        seed: Of the orders.
        photos: How many.

    Returns:
        (photos,) int64.
    """
    count = len(supervision)
    start, stop = step * photos, (step + 1) * photos
    epochs = range(start // count, (stop - 1) // count + 1)
    orders = [np.random.default_rng((seed, SHUFFLED, epoch)).permutation(count) for epoch in epochs]
    first = epochs.start * count
    return np.asarray(np.concatenate(orders)[start - first : stop - first], np.int64)


def _by_product(supervision: Supervision) -> tuple[Rows, Rows, npt.NDArray[np.bool_]]:
    """Rows in order of product, where each product's rows start (and the last ones end), and who has both sides."""
    order = np.argsort(supervision.product, kind="stable")
    _, first, counts = np.unique(supervision.product[order], return_index=True, return_counts=True)
    starts = np.append(first, len(order))
    worn = np.add.reduceat(supervision.street[order].astype(np.int64), first)
    return order, starts, (worn > 0) & (worn < counts)


def _some(rng: np.random.Generator, rows: Rows, count: int) -> Rows:
    """`count` of the rows, each once while there are enough, then again."""
    if not len(rows) or not count:
        return np.zeros(0, np.int64)
    laps = [rng.permutation(rows) for _ in range(-(-count // len(rows)))]
    return np.asarray(np.concatenate(laps)[:count], np.int64)

"""The second stage as a whole: what speaks for a pair, what it weighs, and what several photos of a product say.

A bundle gives up to five signals of a pair, `SIGNALS`; its card's judge says how much each counts. Products with
several photos are a mixture: the query was taken from a view like one of theirs, and nobody knows which. With n photos
each is as likely as 1 / n, so the evidence for the product is the mean of the photos' likelihood ratios,
log (1/n · Σ exp z); a query may also look like several of them at once, which is why the share of log n that is
subtracted (`views`) is measured and stands on the card.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from wearabouts.bundles import Card
from wearabouts.types import Floats
from wearabouts.verifiers.evidence import FULL, Layout

SIGNALS = ("similarity", "pair", "own", "local", "agreement")


def layout_of(card: Card) -> Layout:
    """What the encoder of a card gives of a photo beside its vector."""
    regions, dim = (card.regions.count, card.regions.dim) if card.regions else (0, 0)
    return Layout(regions, dim, sum(label_blocks(card)))


def label_blocks(card: Card) -> tuple[int, ...]:
    """How many labels each head has: garments first, then each attribute in the card's order; no head, no block."""
    return (*([len(card.garments)] if card.garments else []), *(len(values) for values in card.attributes.values()))


def agreement(query: npt.NDArray[np.uint8], shop: npt.NDArray[np.uint8], blocks: Sequence[int]) -> Floats:
    """How likely both photos carry the same labels, head by head, in the mean over all heads.

    Of one head with probabilities p of the query and q of the candidate it is p · q: the probability that both have one
    label, were each drawn from what the model believes of its own photo. A photo without evidence agrees with none.

    Args:
        query: (L,) uint8, 255 for a probability of 1.
        shop: (n, L) uint8.
        blocks: Labels of each head; they sum to L.

    Returns:
        (n,) float32 in [0, 1].
    """
    ours, theirs = (np.asarray(part, np.float64) / FULL for part in (query, shop))
    ends = np.cumsum(blocks)
    shared = [theirs[:, end - size : end] @ ours[end - size : end] for size, end in zip(blocks, ends, strict=True)]
    # a byte's rounding may lift a sum of probabilities a little above one
    return np.clip(np.mean(shared, axis=0), 0, 1).astype(np.float32)


def pooled(logits: Floats, products: Sequence[int], views: float) -> Floats:
    """Photos' log-odds to products': log Σ exp(z) - views · log n; see the module's docstring.

    Args:
        logits: (n,) of photos.
        products: n numbers 0 to P - 1: whose photo each is.
        views: In [0, 1].

    Returns:
        (P,) float32.
    """
    owner = np.asarray(products, np.int64)
    if owner.shape != np.shape(logits):
        raise ValueError(f"{len(owner)} products for {np.shape(logits)} log-odds; give each photo its product")
    count = np.bincount(owner)
    best = np.full(len(count), -np.inf)
    given = np.asarray(logits, np.float64)
    np.maximum.at(best, owner, given)
    total = np.bincount(owner, np.exp(given - best[owner]), minlength=len(count))
    return (best + np.log(total) - views * np.log(count)).astype(np.float32)

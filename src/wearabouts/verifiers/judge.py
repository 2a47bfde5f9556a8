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

from wearabouts.bundles import SIGNALS, Bundle, Card, signals
from wearabouts.errors import BundleError, QueryError
from wearabouts.types import Floats
from wearabouts.verifiers.evidence import FULL, Evidence, Layout
from wearabouts.verifiers.pairs import PairVerifier, log_odds
from wearabouts.verifiers.regions import RegionVerifier

SURE = "sure"

__all__ = ["SIGNALS", "Judge", "agreement", "label_blocks", "layout_of", "open_judge", "pooled", "sure"]


class Judge:
    """A bundle's second stage: a `wearabouts.verifiers.Verifier`.

    `weigh` gives every signal the bundle can, weighed or not, so that each can be looked at by itself:

    ``similarity``: cosine of the two vectors, in [-1, 1].
    ``pair``: log-odds by the pair network of all categories, in [-15, 15].
    ``own``: the same by the network of the query's category; where it has none of its own, `pair` again.
    ``local``: log-odds by the comparison of regions; 0 where either photo's regions are not known (all zeros).
    ``agreement``: see `agreement`; 0 where either photo's labels are not known.
    ``sure``: see `sure`, of the query; it is not weighed itself, but says how much the others weigh.

    Attributes:
        pairs: The pair network, or None.
        local: The comparison of regions, or None.
        views: See `pooled`.

    Args:
        bundle: A loaded bundle.
        threads: Threads of one call; 0 leaves the choice to the runtime (one per core).

    Raises:
        BundleError: The card has no judge, or a graph cannot be run or is not what the card says.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        card = bundle.card
        if card.judge is None:
            raise BundleError(f"{card.name!r} has no second stage; train one with the recipe verifier, or do without")
        self.name, self.hash, self.encoder_hash = card.name, card.judge_hash(), bundle.hash
        self.dim, self.layout = card.dim, layout_of(card)
        self.signals = (*signals(card), *([SURE] if card.garments else []))
        self.shortlist, self.views = card.judge.shortlist, card.judge.views
        self.pairs = PairVerifier(bundle, threads=threads) if card.verifier else None
        self.local = RegionVerifier(bundle, threads=threads) if card.local else None
        self._blocks, self._garments = label_blocks(card), len(card.garments)
        self._certain = card.judge.certain
        plain, surely = card.judge.weights, card.judge.sure
        self._weights = np.array([plain.get(name, 0.0) for name in self.signals], np.float64)
        self._surely = np.array([surely.get(name, 0.0) for name in self.signals], np.float64)
        self._offset = card.judge.offset

    def weigh(self, query: Evidence, shop: Evidence, category: str | None = None) -> Floats:
        """See `wearabouts.verifiers.Verifier.weigh`; halves that the shop has kept are taken where they are given."""
        self._check(query, shop)
        found = {"similarity": np.clip(shop.vectors @ query.vectors[0], -1, 1)}
        if self.pairs is not None:
            said = log_odds(self.pairs.probabilities(query.vectors[0], shop.vectors, halves=shop.halves))
            own = self.pairs.categories.index(category) if category in self.pairs.categories else None
            found |= {"pair": said[:, 0], "own": said[:, self.pairs.column(own)]}
        if self.local is not None:
            assert query.regions is not None  # `_check` has seen them
            assert shop.regions is not None
            known = query.regions.any() & shop.regions.any(axis=(1, 2))
            found["local"] = np.zeros(len(shop), np.float32)
            found["local"][known] = self.local.logit(query.regions[0], shop.regions[known])
        if self._blocks:
            assert query.labels is not None
            assert shop.labels is not None
            found["agreement"] = agreement(query.labels[0], shop.labels, self._blocks)
            if self._garments:
                found[SURE] = np.repeat(sure(query.labels[:, : self._garments], self._certain), len(shop))
        return np.stack([found[name] for name in self.signals], axis=1).astype(np.float32)

    def logits(self, signals: Floats) -> Floats:
        """See `wearabouts.verifiers.Verifier.logits`.

        Raises:
            QueryError: Not a column for each of `signals`.
        """
        if signals.ndim != 2 or signals.shape[1] != len(self.signals):
            raise QueryError(f"signals are {signals.shape}; {self.name!r} weighs (n, {len(self.signals)})")
        heard = signals[:, -1] if self._garments else np.ones(len(signals))
        odds: Floats = (signals @ self._weights + heard * (signals @ self._surely) + self._offset).astype(np.float32)
        return odds

    def pooled(self, logits: Floats, products: list[int]) -> Floats:
        """See `wearabouts.verifiers.Verifier.pooled`."""
        return pooled(logits, products, self.views)

    def _check(self, query: Evidence, shop: Evidence) -> None:
        """Refuse evidence of another model."""
        regions = (self.layout.regions, self.layout.dim) if self.local is not None else None
        labels = (self.layout.labels,) if self._blocks else None
        for side, given, count in (("query", query, 1), ("shop", shop, len(shop))):
            for what, found, wanted in (
                ("vectors", given.vectors, (self.dim,)),
                ("regions", given.regions, regions),
                ("labels", given.labels, labels),
            ):
                if wanted is not None and (found is None or found.shape != (count, *wanted)):
                    raise QueryError(
                        f"{what} of the {side} are {'missing' if found is None else found.shape}; {self.name!r} "
                        f"compares {(count, *wanted)}; encode with the same model, and index the shop with it"
                    )


def open_judge(bundle: Bundle, *, threads: int = 0) -> Judge | None:
    """The second stage of a bundle, or None where its card has none.

    Raises:
        BundleError: It has one that cannot be run.
    """
    return None if bundle.card.judge is None else Judge(bundle, threads=threads)


def layout_of(card: Card) -> Layout:
    """What the encoder of a card gives of a photo beside its vector."""
    regions, dim = (card.regions.count, card.regions.dim) if card.regions else (0, 0)
    return Layout(regions, dim, sum(label_blocks(card)))


def label_blocks(card: Card) -> tuple[int, ...]:
    """How many labels each head has: garments first, then each attribute in the card's order; no head, no block."""
    return (*([len(card.garments)] if card.garments else []), *(len(values) for values in card.attributes.values()))


def sure(garments: npt.NDArray[np.uint8], certain: tuple[float, float]) -> npt.NDArray[np.float64]:
    """How sure the model is of which garment a query shows.

    Networks that have learned from garments know nothing of anything else, and the probability of the likeliest garment
    tells the two apart: so what a signal weighs may depend on it.

    Args:
        garments: (N, G) uint8, 255 for a probability of 1.
        certain: 0 up to the first such probability, 1 from the second on.

    Returns:
        (N,) in [0, 1].
    """
    low, high = certain
    likeliest = np.asarray(garments).max(axis=1) / FULL
    found: npt.NDArray[np.float64] = np.clip((likeliest - low) / (high - low), 0, 1)
    return found


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
    shares: Floats = np.clip(np.mean(shared, axis=0), 0, 1).astype(np.float32)
    return shares


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
    pools: Floats = (best + np.log(total) - views * np.log(count)).astype(np.float32)
    return pools

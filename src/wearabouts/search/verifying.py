"""The second stage: a ranking by similarity in, the same photos ranked by how likely they show the very same item out.

Only the first K products are judged, K being the model's (`Verifier.shortlist`, chosen from measured recall@K) or the
one that is set, and where a budget is set, no more than it pays for. Their photos are judged one by one, and those of
one product speak together (`Verifier.pooled`). What lies beyond K follows in the order it had, with NaN for its
probability: no number would be honest, 0 least of all. That the item may be there is not forgotten: it is the share
of *beyond the shortlist* in `wearabouts.calibration`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from wearabouts.calibration import Calibration
from wearabouts.errors import BundleError, StoreError
from wearabouts.search.curves import Curves
from wearabouts.settings import SearchSettings
from wearabouts.stores import Store
from wearabouts.types import Floats, Ranking
from wearabouts.verifiers import Evidence, PairVerifier, Verifier
from wearabouts.verifiers.evidence import KIND, unpacked, unpacked_halves

LAST = 32  # searches that a measured pace is the median of
FEW = 16  # photos: judging fewer costs about as much, so that one slow search of one photo cannot starve the next

Numbers = npt.NDArray[np.int64]

TRIES = 3  # for a ranking whose photos are all there, and yet one was gone when it was looked up


class Pace:
    """What judging a photo costs, measured as it goes; safe to use from several threads."""

    def __init__(self) -> None:
        self._costs: deque[float] = deque(maxlen=LAST)
        self._lock = Lock()

    def saw(self, photos: int, seconds: float) -> None:
        """Take note of a search that judged so many photos in that time."""
        with self._lock:
            self._costs.append(1000 * seconds / max(photos, FEW))

    def affords(self, milliseconds: float) -> int | None:
        """How many photos that time pays for, by the median of the last searches; None before the first."""
        with self._lock:
            costs = list(self._costs)
        if not costs:
            return None
        return int(min(milliseconds / max(median(costs), 1e-6), 1e9))


class StageTwo:
    """Judges the shortlists of one store. Threads may share it.

    Args:
        verifier: The judge.
        store: Filled by the encoder whose vectors the judge compares.
        calibration: The model's; None for none. A store's own goes before it.
        settings: How many products are judged, in which time, and which share of what is asked for the shop carries.
        clock: Seconds that only grow; for tests.

    Raises:
        StoreError: The store was filled by another encoder than the verifier compares.
        BundleError: The calibration is of another verifier.
    """

    def __init__(
        self,
        verifier: Verifier,
        store: Store,
        calibration: Calibration | None = None,
        settings: SearchSettings | None = None,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if verifier.encoder_hash != store.encoder_hash:
            raise StoreError(
                f"the verifier {verifier.name} compares what encoder {verifier.encoder_hash} sees, the store was "
                f"filled by {store.encoder_hash}; use the verifier of that encoder, or fill the store anew with "
                "`wearabouts index --rebuild`"
            )
        self.verifier, self.store = verifier, store
        self.settings = settings or SearchSettings()
        self.curves = Curves(store, verifier, calibration)
        self._clock, self._pace = clock, Pace()
        # Only a bundle's judge has a pair network whose half a store may keep.
        self._pairs: PairVerifier | None = getattr(verifier, "pairs", None)
        self._kept_halves = True

    @property
    def shortlist(self) -> int:
        """K: products to judge where no budget says fewer; 0 for no second stage."""
        judged = self.settings.judged
        return self.verifier.shortlist if judged is None else judged

    def verify(
        self,
        query: Evidence,
        ranking: Ranking,
        category: str | None = None,
        *,
        calibration: Calibration | None = None,
    ) -> Ranking:
        """Judge the first K products of a ranking by all their photos in it, and rank them by that.

        A photo removed from the store meanwhile is left out. Where the store keeps nothing for this judge of one of the
        photos, nothing is judged: its word would be about nothing.

        Args:
            query: Of one photo.
            ranking: By similarity; a product counts from its first photo on.
            category: The query's garment, or None.
            calibration: What to go by; None for the store's own or the model's, as of now.

        Returns:
            The same photos, similarity untouched. Judged products first, by log-odds, equal ones in the order they had,
            the photos of each together, the likeliest first. `probability` and `carried` are None without calibration;
            the ranking as it was, where nothing is judged.
        """
        if not self.shortlist:
            return ranking
        began = self._clock()
        ranking, photos, shop = self._known(ranking)
        if shop is None:
            return ranking
        owner = _numbered(ranking.product_ids)
        logits = self.verifier.logits(self.verifier.weigh(query, shop, category))
        if not np.isfinite(logits).all():
            raise BundleError(f"the verifier {self.verifier.name} gives what is no number; export the model again")
        products = self.verifier.pooled(logits, owner[photos].tolist())
        self._pace.saw(len(photos), self._clock() - began)
        chosen = calibration or self.curves.current().calibration
        # Judged photos by their product's log-odds, then the product's place, then their own; the others after.
        mine = owner[photos]
        order = np.lexsort((photos, -logits, mine, -products[mine]))
        places = np.concatenate([photos[order], np.flatnonzero(owner >= len(products))])
        return _taken(ranking, places, **self._said(products, owner[places], chosen, category))

    def _known(self, ranking: Ranking) -> tuple[Ranking, Numbers, Evidence | None]:
        """What of a ranking is still there, the places in it of the photos to judge, and what is known of these.

        None is known where the store does not keep it of each. A photo that goes while it is looked up looks the same
        for a moment: so it is asked a few times more where all are there, and as often as any is found gone.
        """
        photos = np.zeros(0, np.int64)
        tries = TRIES
        while len(ranking):
            owner = _numbered(ranking.product_ids)
            photos = np.flatnonzero(owner < self._affordable(owner))
            try:
                shop = self._evidence([ranking.photo_ids[place] for place in photos])
            except StoreError:
                if not tries:
                    raise
                shop = None
            left = ranking if shop is not None else self._left(ranking)
            if shop is not None or (len(left) == len(ranking) and not tries):
                return ranking, photos, shop
            tries, ranking = TRIES if len(left) < len(ranking) else tries - 1, left
        return ranking, photos, None

    def _affordable(self, owner: Numbers) -> int:
        """How many of the ranking's products are judged: K, or as many as the budget pays for, at least one."""
        most = min(self.shortlist, int(owner.max()) + 1)
        budget = self.settings.budget_ms
        photos = None if budget is None else self._pace.affords(budget)
        if photos is None:
            return most
        needed = np.cumsum(np.bincount(owner[owner < most]))
        return max(int(np.searchsorted(needed, photos, side="right")), 1)

    def _evidence(self, ids: Sequence[str]) -> Evidence | None:
        """Of stored photos; None where the store does not keep what the judge wants of each.

        Raises:
            StoreError: A photo is gone, or what is kept of it is another model's.
        """
        vectors, layout = self.store.vectors(ids), self.verifier.layout
        evidence = Evidence(vectors)
        if layout.size:
            kept = self.store.beside(ids, KIND)
            if not all(kept):
                return None
            evidence = unpacked(vectors, kept, layout)
        halves = self._halves(ids)
        return evidence if halves is None else replace(evidence, halves=halves)

    def _halves(self, ids: Sequence[str]) -> Floats | None:
        """The pair network's halves of stored photos; None where the network computes them itself."""
        pairs = self._pairs
        if pairs is None or pairs.half_kind is None or not self._kept_halves:
            return None
        kept = self.store.beside(ids, pairs.half_kind)
        # A store without any is not asked again: reading nothing costs more than computing a few.
        self._kept_halves = any(kept)
        return unpacked_halves(kept, pairs.hidden)

    def _left(self, ranking: Ranking) -> Ranking:
        """What of a ranking is still in the store: in what it searches, and in what it reads, which a write may part.

        A write changes one before the other; a photo that is missing in either is going or has gone.
        """
        products = self.store.told(list(dict.fromkeys(ranking.product_ids))).values()
        kept = {photo["id"] for product in products for photo in product.get("photos", ())}
        kept = self._searched([ident for ident in ranking.photo_ids if ident in kept])
        places = [place for place, ident in enumerate(ranking.photo_ids) if ident in kept]
        if len(places) == len(ranking):
            return ranking
        said = {"probability": ranking.probability, "logit": ranking.logit}
        told = {name: None if part is None else part[places] for name, part in said.items()}
        return _taken(ranking, np.asarray(places, np.int64), **told)

    def _searched(self, photo_ids: Sequence[str]) -> set[str]:
        """Those of the photos that have a vector: asked for together, and one by one where one is missing."""
        try:
            self.store.vectors(photo_ids)
        except StoreError:
            return set().union(*(self._searched([ident]) for ident in photo_ids)) if len(photo_ids) > 1 else set()
        return set(photo_ids)

    def _said(
        self, products: Floats, owner: Numbers, calibration: Calibration | None, category: str | None
    ) -> dict[str, Any]:
        """What a ranking says of its photos, whose products these are; NaN of those that were not judged."""

        def spread(values: Floats) -> Floats:
            unjudged = np.full(int(owner.max()) + 1 - len(values), np.nan, np.float32)
            return np.concatenate([values, unjudged])[owner]

        said: dict[str, Any] = {"logit": spread(products)}
        if calibration is not None:
            shares = calibration.probabilities(products, category=category, share=self.settings.carried_share)
            said |= {"probability": spread(shares.same), "carried": shares.carried}
        return said


def _numbered(product_ids: Sequence[str]) -> Numbers:
    """(n,) whose photo each is: products are numbered in the order in which they come."""
    numbers: dict[str, int] = {}
    return np.fromiter((numbers.setdefault(each, len(numbers)) for each in product_ids), np.int64, len(product_ids))


def _taken(ranking: Ranking, places: Numbers, **said: Any) -> Ranking:
    """The photos at these places, in this order, and what is said of them."""
    return Ranking(
        tuple(ranking.photo_ids[place] for place in places),
        tuple(ranking.product_ids[place] for place in places),
        ranking.similarity[places],
        **said,
    )

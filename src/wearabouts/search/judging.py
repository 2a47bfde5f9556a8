"""One search's second stage: the products of the shortlist whole, judged, and the verdict on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wearabouts.looks import Look
from wearabouts.search.shortlist import Hit, Listing, Shortlist, best_photos
from wearabouts.search.verdicts import Outcome, decided
from wearabouts.search.verifying import StageTwo
from wearabouts.types import Ranking

UNKEPT = (
    "the second stage did not judge: the store does not keep what it needs of these photos; index the catalog again "
    "with `wearabouts index`"
)
UNCALIBRATED = "the second stage has no calibration: its order stands, its probabilities are not known"


@dataclass(frozen=True, slots=True)
class Judged:
    """What the second stage makes of one look at a query.

    Attributes:
        look: The look.
        category: The garment whose numbers were used, or None.
        ranking: The first K products by all their photos, judged where that could be done.
        hits: All products listed, best first: those judged, then those beyond.
        outcome: The verdict; None without probabilities.
        notes: What the person should know.
    """

    look: Look
    category: str | None
    ranking: Ranking
    hits: Sequence[Hit]
    outcome: Outcome | None = None
    notes: tuple[str, ...] = ()


class Judging:
    """Judges the listings of one store."""

    def __init__(self, second: StageTwo, shortlist: Shortlist) -> None:
        self.second, self._shortlist = second, shortlist

    def judged(self, look: Look, listing: Listing, category: str | None, precision: float) -> Judged:
        """Judge the first K products of a listing.

        Args:
            look: A photo's, with its evidence.
            listing: Of at least K products, where the store has so many.
            category: The garment searched for, or None.
            precision: See `wearabouts.search.verdicts.decided`.
        """
        count = self.second.shortlist
        first, rest = listing.hits[:count], listing.hits[count:]
        ranking = self._shortlist.whole(look.vector, first)
        chosen = self.second.curves.current()
        if look.evidence is not None:
            ranking = self.second.verify(look.evidence, ranking, category, calibration=chosen.calibration)
        if ranking.logit is None and len(ranking):
            return Judged(look, category, ranking, listing.hits, None, (UNKEPT,))
        hits = [*best_photos(ranking), *rest]
        if chosen.calibration is None:
            return Judged(look, category, ranking, hits, None, (UNCALIBRATED,))
        shares = [hit.probability for hit in hits if hit.probability is not None]
        share = self.second.settings.carried_share
        said = ranking.carried or 0.0
        outcome = decided(shares, said, chosen.calibration, precision, of_kind=listing.of_kind, share=share)
        return Judged(look, category, ranking, hits, outcome, chosen.notes)

"""One trained second stage on every world: each signal alone, and all of them weighed, calibrated the same way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from worlds import Shown, World

from wearabouts import metrics
from wearabouts.calibration import Calibration, Shortlist, fit
from wearabouts.encoders import Encoder
from wearabouts.evaluation.ranking import Ranked, rank
from wearabouts.evaluation.systems import BATCH, Second, decode_side, predicted
from wearabouts.evaluation.verified import Asked, Candidates, Shelved, Verified, reach, verified, weighed
from wearabouts.evaluation.verified.candidates import joined_evidence, part_of
from wearabouts.evaluation.verified.plain import plain_curve, plain_probability
from wearabouts.images import decode
from wearabouts.types import Floats, Side
from wearabouts.verifiers import Evidence
from wearabouts.verifiers.evidence import seen

ONE, CURVE, FUSED = "stage one", "logistic on similarity", "fused"
# row → the signal it goes by; the fused row goes by the judge's own weights.
SIGNALS = {ONE: "similarity", "pair network": "pair", "pair network, per category": "own", "local": "local"}
# Rows that do the work of another: one run of the pair network gives those of all categories.
ALIKE = {CURVE: ONE, "pair network, per category": "pair network"}
ROWS = (ONE, CURVE, *list(SIGNALS)[1:], FUSED)
Weighing = Callable[[Floats], Floats]
Figures = dict[str, npt.NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A world's shortlists.

    Attributes:
        world: Which.
        candidates: Of Q queries.
        ranks: Stage one's, of the right answers.
        asked: The queries.
        shelf: The gallery.
    """

    world: World
    candidates: list[Candidates]
    ranks: Sequence[npt.NDArray[np.int64]]
    asked: Asked
    shelf: Shelved


def looked_at(encoder: Encoder, second: Second, world: World, judged: int) -> Weighed:
    """See a world's photos, search, and weigh what was found."""
    queries, kinds = _seen(encoder, world.queries, world.side)
    shelf, _ = _seen(encoder, world.gallery, "shop")
    asked, shelved = Asked(queries, kinds), _shelved(world, shelf)
    truths = [shown.truth for shown in world.queries]
    ranked = _ranked(queries.vectors, shelf.vectors, truths, shelved.truths, judged)
    return Weighed(world, weighed(second.judge, asked, shelved, truths, ranked), ranked.ranks, asked, shelved)


def _ranked(queries: Floats, shelf: Floats, truths: Sequence[str], shown: Sequence[str], judged: int) -> Ranked:
    first = rank(queries, shelf, truths, shown, shown=1)
    return rank(queries, shelf, truths, shown, shown=reach(judged, first.ranks))


def _shelved(world: World, shelf: Evidence) -> Shelved:
    return Shelved(shelf, [str(place) for place in range(len(shelf))], [shown.truth for shown in world.gallery])


def _seen(encoder: Encoder, photos: Sequence[Shown], side: Side) -> tuple[Evidence, tuple[str | None, ...]]:
    parts, kinds = [], []
    for start in range(0, len(photos), BATCH):
        pixels = []
        for shown in photos[start : start + BATCH]:
            target = decode_side(encoder) if shown.crop is None else 0
            pixels.append(decode(shown.path.read_bytes(), target=target).crop(shown.crop))
        said = encoder.encode(pixels, side)
        parts.append(seen(said))
        kinds += predicted(encoder, said)
    return joined_evidence(parts), tuple(kinds)


def weighings(second: Second, calibrating: Sequence[Weighed]) -> dict[str, Weighing]:
    """Row → signals to log-odds; a signal alone in units of its spread on the calibration items: all begin alike."""
    every = np.concatenate([each.signals for one in calibrating for each in one.candidates])
    rows: dict[str, Weighing] = {}
    for row, signal in SIGNALS.items():
        if signal in second.judge.signals:
            column = second.judge.signals.index(signal)
            rows[row] = _scaled(column, float(every[:, column].mean()), float(every[:, column].std()) or 1.0)
    return rows | {FUSED: second.judge.logits}


def _scaled(column: int, middle: float, spread: float) -> Weighing:
    def weigh(signals: Floats) -> Floats:
        return ((signals[:, column] - middle) / spread).astype(np.float32)

    return weigh


def calibrated(
    second: Second, calibrating: Sequence[Weighed], weigh: Weighing, judged: int, *, name: str
) -> Calibration:
    """Curves over one row's log-odds, from the calibration items."""
    shortlists = []
    for one in calibrating:
        for shown, candidates, ranks in zip(one.world.queries, one.candidates, one.ranks, strict=True):
            short = candidates.first(judged)
            logits = second.judge.pooled(weigh(short.signals), short.owner.tolist())
            right = np.flatnonzero(short.right)
            same = int(right[0]) if len(right) else None
            item = f"{one.world.name} {shown.truth}"
            shortlists.append(Shortlist(logits, same, item, short.category, carried=bool(len(ranks))))
    return fit(shortlists, verifier=name, calibrated_on="calibration items")


def figures(
    second: Second, calibrating: Sequence[Weighed], measuring: Sequence[Weighed], judged: int
) -> dict[str, dict[str, Figures]]:
    """World → row → figures of its queries.

    Returns:
        R@1, R@10, mAP, ``probability`` and ``hit`` of the first product, each (Q,); of the fused row ``shipped`` too:
        the probability by the model's own curves.
    """
    found: dict[str, dict[str, Figures]] = {one.world.name: {} for one in measuring}
    curve = _plain(calibrating)
    for row, weigh in weighings(second, calibrating).items():
        calibration = calibrated(second, calibrating, weigh, judged, name=second.judge.hash)
        for one in measuring:
            said = _asked(second, one, calibration, weigh, judged)
            within = np.array([bool(len(ranks)) and ranks[0] <= judged for ranks in one.ranks], np.float64)
            found[one.world.name][row] = _told(said) | ({"within": within} if row == FUSED else {})
            if row == ONE:
                plain = _told(said) | {"probability": plain_probability(said.cosine, curve)}
                found[one.world.name][CURVE] = plain
            if row == FUSED and second.calibration is not None:
                shipped = _asked(second, one, second.calibration, weigh, judged)
                found[one.world.name][row]["shipped"] = shipped.first
    return found


def _asked(second: Second, one: Weighed, calibration: Calibration, weigh: Weighing, judged: int) -> Verified:
    return verified(one.candidates, one.ranks, second.judge, calibration, judged=judged, share=1.0, weighing=weigh)


def _told(said: Verified) -> Figures:
    return {
        "R@1": metrics.hit_rate(said.ranks, 1),
        "R@10": metrics.hit_rate(said.ranks, 10),
        "mAP": metrics.average_precision(said.ranks),
        "probability": said.first,
        "hit": said.hit.astype(np.float64),
    }


def _plain(calibrating: Sequence[Weighed]) -> tuple[float, float]:
    """The logistic curve on the similarity of each query's nearest product."""
    nearest = [each for one in calibrating for each in one.candidates if len(each)]
    return plain_curve([each.similarity[0] for each in nearest], [each.right[0] for each in nearest])


def costs(second: Second, one: Weighed, judged: int, timed: int) -> dict[str, float]:
    """Row → processor milliseconds of one query, its photo already encoded: the search, and what the row judges."""
    rng = np.random.default_rng(0)
    places = rng.permutation(len(one.candidates))[:timed]
    parts: dict[str, list[float]] = {row: [] for row in ROWS}
    judge = second.judge
    for place in (*places[:3], *places):  # the first few warm up and are left out below
        query = part_of(one.asked.evidence, np.array([place]))
        begin = time.process_time()
        cosine = one.shelf.evidence.vectors @ query.vectors[0]
        near = np.argsort(-cosine, kind="stable")[:judged]
        search = 1000 * (time.process_time() - begin)
        shop = part_of(one.shelf.evidence, near)
        for row, work in _works(judge, query, shop, one.asked.categories[place]).items():
            begin = time.process_time()
            work()
            parts[row].append(search + 1000 * (time.process_time() - begin))
    warm = min(3, len(places))
    told = {row: round(float(np.median(laps[warm:])), 3) for row, laps in parts.items() if laps}
    return told | {row: told[other] for row, other in ALIKE.items() if other in told}


def _works(judge: object, query: Evidence, shop: Evidence, category: str | None) -> Mapping[str, Callable[[], object]]:
    """Row → what it needs beyond the search; a row whose network the judge lacks is left out."""
    works: dict[str, Callable[[], object]] = {ONE: lambda: None}
    pairs, local = getattr(judge, "pairs", None), getattr(judge, "local", None)
    if pairs is not None:
        works["pair network"] = lambda: pairs.probabilities(query.vectors[0], shop.vectors)
    if local is not None and query.regions is not None and shop.regions is not None:
        ours, theirs = query.regions[0], shop.regions
        works["local"] = lambda: local.logit(ours, theirs)
    works[FUSED] = lambda: judge.logits(judge.weigh(query, shop, category))  # type: ignore[attr-defined]  # a Verifier
    return works

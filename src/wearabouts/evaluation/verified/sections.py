"""Stage two in a report: order, probability, and whether it notices that an item is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wearabouts import metrics
from wearabouts.calibration import Calibration
from wearabouts.evaluation.verified.belief import Belief, believed
from wearabouts.evaluation.verified.candidates import Candidates
from wearabouts.evaluation.verified.openset import ACCEPTED, PRECISION, Score, Verdicts, opened, verdicts
from wearabouts.evaluation.verified.outcomes import Truth, Verified, verified
from wearabouts.metrics import Doubles, Integers
from wearabouts.report import Believed, Cell, Detected, Row, Sample, Section, Table
from wearabouts.verifiers import Verifier

FIGURES = ("R@1", "R@10", "mAP")
ONE, TWO, CURVE = "stage one", "stage two", "similarity alone"
RIGHT = "right of the same"


@dataclass(frozen=True, slots=True)
class Judged:
    """One gallery whose shortlists were weighed.

    Attributes:
        name: Of the gallery among others; empty where it is the only one.
        candidates: Of Q queries.
        ranks: Stage one's, of the right answers.
        groups: Q names of items.
        ids: Q names of queries, the same in every run.
        searched: Digest of the gallery.
    """

    name: str
    candidates: Sequence[Candidates]
    ranks: Sequence[Integers]
    groups: Sequence[str]
    ids: Sequence[str]
    searched: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A gallery asked: closed, every item is in it; there and gone, as many of them are not as the calibration says."""

    of: Judged
    closed: Verified
    there: Verified
    gone: Verified

    def named(self, *words: str) -> str:
        return ", ".join(filter(None, (self.of.name, *words)))


def stage_two(
    galleries: Sequence[Judged], judge: Verifier, calibration: Calibration | None, *, seed: int = 0
) -> tuple[Section, ...]:
    """Everything there is to say of a second stage.

    Args:
        galleries: At least one.
        judge: The second stage.
        calibration: Its curves; None where it has none: then there is an order and no probability.
        seed: Of folds and intervals.
    """
    curves = calibration or Calibration(verifier=judge.hash, calibrated_on="nothing")
    asked = [_asked(gallery, judge, curves) for gallery in galleries]
    order = _order(asked, judge, seed)
    if calibration is None:
        return (order,)
    return order, _probability(asked, calibration, seed), _open(asked, calibration, seed)


def _asked(gallery: Judged, judge: Verifier, calibration: Calibration) -> _Asked:
    def ask(share: float | None, removed: bool = False) -> Verified:
        return verified(
            gallery.candidates,
            gallery.ranks,
            judge,
            calibration,
            judged=judge.shortlist,
            share=share,
            removed=removed,
        )

    return _Asked(gallery, ask(1.0), ask(None), ask(None, removed=True))


def _order(asked: Sequence[_Asked], judge: Verifier, seed: int) -> Section:
    rows, words = [], []
    for each in asked:
        before, after = figures_of(each.of.ranks), figures_of(each.closed.ranks)
        for name, values in ((ONE, before), (TWO, after)):
            cells: dict[str, Cell] = {
                figure: metrics.bootstrap(values[figure], each.of.groups, seed=seed) for figure in FIGURES
            }
            rows.append(Row(each.named(name), cells, ours=name == TWO))
        differences = {
            figure: metrics.paired_difference(after[figure], before[figure], each.of.groups, seed=seed)
            for figure in FIGURES
        }
        rows.append(Row(each.named("the difference"), dict(differences)))
        word = metrics.verdict(differences["R@1"])
        said = word if word == "this difference is noise" else f"stage two is {word}"
        within = np.mean([bool(len(ranks)) and ranks[0] <= judge.shortlist for ranks in each.of.ranks])
        words.append(f"{each.named('')}{': ' if each.of.name else ''}{said} in R@1; {within:.1%} of the queries have "
                     f"a right answer among the first {judge.shortlist}")  # fmt: skip
    note = (
        "The difference is of the same queries, with a bootstrap interval and a sign-flip p-value over items. "
        f"{'. '.join(word[:1].upper() + word[1:] for word in words)}: more cannot come first."
    )
    text = (
        f"Every query is asked, not only those served. Stage one ranks all products by cosine; stage two "
        f"({judge.name}) judges the first {judge.shortlist} and puts them in its own order, and what follows stays."
    )
    return Section(
        "Does stage two put the right one first?",
        text,
        (Table("", "order", FIGURES, tuple(rows), note),),
        samples=tuple(
            Sample(
                each.named(TWO),
                tuple(each.of.ids),
                tuple(each.of.groups),
                figures_of(each.closed.ranks),
                each.of.searched,
            )
            for each in asked
        ),
    )


def figures_of(ranks: Sequence[Integers]) -> dict[str, Doubles]:
    """(Q,) values of each of `FIGURES`."""
    return {
        "R@1": metrics.hit_rate(ranks, 1),
        "R@10": metrics.hit_rate(ranks, 10),
        "mAP": metrics.average_precision(ranks),
    }


def _probability(asked: Sequence[_Asked], calibration: Calibration, seed: int) -> Section:
    rows, diagrams = [], []
    for each in asked:
        said, groups = each.closed, np.asarray(each.of.groups)
        first = believed(said.first, said.hit, said.cosine, each.of.groups, seed=seed)
        every = believed(
            said.probability, said.right, said.similarity, groups[said.owner].tolist(), alone=False, seed=seed
        )
        rows += [
            Row(each.named(name), _cells(one)) for name, one in (("first candidates", first), ("all judged", every))
        ]
        diagrams.append(Believed(each.named("first candidates"), {TWO: first.bins, CURVE: first.plain_bins}))
    note = (
        "Skill: share of the base rate's Brier score that is removed, 0 for always saying the base rate. The curve is "
        "a logistic one on similarity alone, fitted out of fold on these very queries and measured on the same pairs; "
        "ahead by: its squared error less ours. ECE: 15 bins of equal mass; the floor is what a perfect forecaster "
        "would show on so many pairs in the mean. Intervals resample items."
    )
    text = (
        "Here every query's item is in the gallery, and the calibration is told so (share 1). First candidates: the "
        "product that stage two puts first, is it the very same item? All judged: every product of the shortlist. "
        f"Calibrated on {calibration.calibrated_on}."
    )
    table = Table("", "pairs", tuple(rows[0].cells), tuple(rows), note)
    return Section("Can the probability be believed?", text, (table,), diagrams=tuple(diagrams))


def _cells(one: Belief) -> dict[str, Cell]:
    return {
        "count": one.pairs,
        "same": one.rate,
        "Brier": one.brier,
        "skill": one.skill,
        "skill of the curve": one.plain,
        "ahead by": one.ahead,
        "ECE": one.error,
        "floor": one.floor and one.floor.value,
    }


def _open(asked: Sequence[_Asked], calibration: Calibration, seed: int) -> Section:
    rows: list[Row] = []
    diagrams = []
    for each in asked:
        two = Score(f"{TWO}: carried", each.there.carried, each.gone.carried)
        one = Score(f"{ONE}: highest similarity", each.there.nearest, each.gone.nearest)
        said = opened(one, two, each.of.groups, seed=seed)
        cells: dict[str, Cell] = {ONE: said.first, TWO: said.second, "fewer by": said.difference}
        rows.append(Row(each.named("false accepts"), cells))
        diagrams.append(Detected(each.named("whether the item is in the shop"), said.curves[::-1]))
    note = (
        f"Share of the queries without their item that are taken for one that is there, at the threshold at which "
        f"{ACCEPTED:.0%} of those with it are; the threshold is chosen on these queries, anew in each resample."
    )
    text = (
        "Each query is asked twice: as it is, and with its item taken out of the gallery, its candidates dropped from "
        "a shortlist one product longer and the rest judged again. The calibration's population holds, in which "
        f"{calibration.share:.0%} of the items asked for are carried. "
        "Stage one goes by the highest similarity, stage two by the probability that the item is in the shop."
    )
    return Section(
        "Does it notice that the item is not there?",
        text,
        (
            Table("", f"at {ACCEPTED:.0%} true accepts", tuple(rows[0].cells), tuple(rows), note),
            *_answered(asked, calibration, seed),
        ),
        diagrams=tuple(diagrams),
    )


def _answered(asked: Sequence[_Asked], calibration: Calibration, seed: int) -> Iterator[Table]:
    """What is answered at the default precision; where that is out of reach, at the highest within reach, too."""
    reached = [cut.precision for cut in calibration.cuts if cut.probability is not None and cut.precision < PRECISION]
    wanted = [PRECISION, *reached[-1:]] if calibration.threshold(PRECISION) is None else [PRECISION]
    for precision in wanted:
        threshold = calibration.threshold(precision)
        rows = [
            row
            for each in asked
            for row in _answers(each, verdicts(each.there, each.gone, calibration, precision), calibration.share, seed)
        ]
        least = (
            "no probability is enough, so nothing is called the same"
            if threshold is None
            else f"the same is said from a probability of {threshold:.2f} on"
        )
        asks = "that is set by default" if precision == PRECISION else "that is the highest within reach"
        note = (
            f"At the precision {asks}, {precision:.0%}, {least}; not carried, where the item is in the shop with a "
            f"probability below {calibration.carried:.2f}. Both come from the calibration. Same, right: the first "
            "product is the item. The last line mixes the two as the population has them; right of the same: of the "
            "answers that say the same, the share that is right."
        )
        title = "What is answered" if precision == PRECISION else f"What is answered where {precision:.0%} is asked for"
        yield Table(title, "queries", (*rows[0].cells, RIGHT), tuple(rows), note)


def _answers(each: _Asked, said: Verdicts, share: float, seed: int) -> Iterator[Row]:
    """Shares of each answer where the item is there, where it is gone, and in a population of both."""
    groups = each.of.groups
    there, gone = _shares(said.there, said.hit), _shares(said.gone, np.zeros_like(said.hit))
    mixed = {key: share * there[key] + (1 - share) * gone[key] for key in there}
    for name, shares in (("item there", there), ("item taken out", gone), (f"{share:.0%} there", mixed)):
        cells: dict[str, Cell] = {key: metrics.bootstrap(part, groups, seed=seed) for key, part in shares.items()}
        same = shares["same, right"] + shares["same, wrong"]
        if shares is mixed and same.any():
            cells[RIGHT] = metrics.bootstrap_ratio(shares["same, right"], same, groups, seed=seed)
        yield Row(each.named(name), cells, ours=shares is mixed)


def _shares(said: Mapping[str, Truth], hit: Truth) -> dict[str, Doubles]:
    return {
        "same, right": (said["same"] & hit).astype(np.float64),
        "same, wrong": (said["same"] & ~hit).astype(np.float64),
        "similar": said["similar"].astype(np.float64),
        "not carried": said["not_carried"].astype(np.float64),
    }

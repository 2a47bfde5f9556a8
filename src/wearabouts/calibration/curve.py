"""What turns the log-odds of a shortlist into probabilities.

A query's item is one of three: candidate i of the shortlist, in the shop but beyond the shortlist, or not in the shop
at all. With the verifier's log-odds z_i and a temperature T, what speaks for the shop as a whole is

    E = log(Σ exp(z_i / T) + exp(b)),   carried = sigmoid(k min(E, c) - a + log(s / (1 - s))),

    P(i) = carried · exp(z_i / T - E),   P(beyond) = carried · exp(b - E),   P(absent) = 1 - carried,

where s is the share of queries whose item the shop carries. So candidates compete: two that look alike share what one
alone would have, and what nothing resembles goes to *absent*. At k = 1 it is the conditional logit of McFadden
(*Conditional logit analysis of qualitative choice behavior*, 1974) with two alternatives that are always there; k
makes it a nested one: what tells an item from its like (a difference of log-odds, often large) is worth more than what
tells that none is there (their height, which differs from photo to photo anyway), and one T cannot serve both. Beyond
c more evidence says no more: a lookalike of an item that is gone has as much. T is
temperature scaling (Guo et al., *On calibration of modern neural networks*, ICML 2017).

A category with few labels has a curve of its own only as far as they carry: its numbers are shrunk to those of all.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from wearabouts.types import Floats

HALF = 0.5  # of the queries the curves are fitted on have their item in the shop: each is asked with and without it


LIKELIER = 0.5  # than not


class Probabilities(NamedTuple):
    """What may be believed of one shortlist.

    Attributes:
        same: (n,) float32: that the candidate is the very same item. Their sum is at most `carried`.
        carried: That the item is in the shop at all, beyond the shortlist included.
    """

    same: Floats
    carried: float


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Own(_Value):
    """A category's own numbers, already shrunk towards those of all categories.

    Attributes:
        temperature, absent, beyond, evidence: In place of those of all.
        labels: Queries they come from.
    """

    temperature: float = Field(gt=0, allow_inf_nan=False)
    absent: float = Field(allow_inf_nan=False)
    beyond: float = Field(allow_inf_nan=False)
    evidence: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    labels: int = Field(ge=0)


class Cut(_Value):
    """Of first matches at least so probable, which share was right, on queries that no curve was fitted on.

    Attributes:
        precision: The share asked for.
        probability: The lowest that gives it; None where none does.
        said: Share of the queries that then get the verdict *same item*.
    """

    precision: float = Field(gt=0, lt=1)
    probability: float | None = Field(default=None, ge=0, le=1)
    said: float = Field(default=0.0, ge=0, le=1)


class Calibration(_Value):
    """Curves of one verifier; see the module's docstring.

    Attributes:
        verifier: Hash of the verifier whose log-odds these curves read (`Card.judge_hash`).
        calibrated_on: On what they were fitted, in words for a person.
        population: Which pairs the probability speaks of, in words.
        labels: Queries they were fitted on.
        temperature: T, of all categories.
        absent: a: what E has to come up to, where half of the queries have their item in the shop.
        beyond: b: log-odds of *beyond the shortlist*.
        evidence: k: how much E is worth.
        ceiling: c: the E from which on more of it is worth nothing, for all categories; None for none.
        own: Category → its own numbers.
        pair: Slope and offset of the probability of a single pair, sigmoid(slope · z + offset), where half of the
            pairs show one item and the other half are a query and its likeliest wrong candidate.
        share: s, of the population that the cuts and `carried` are for: how many of such queries have their item in the
            shop. It cannot be seen in labels of items that are there; it is an assumption, and said.
        cuts: From the lowest precision to the highest.
        carried: An item at least so probably in the shop counts as carried; a lower one is *not carried*.
        own_labels: Whether a shop's own labels went in.
    """

    verifier: str
    calibrated_on: str
    population: str = ""
    labels: int = Field(default=0, ge=0)
    temperature: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    absent: float = Field(default=0.0, allow_inf_nan=False)
    beyond: float = Field(default=-20.0, allow_inf_nan=False)
    evidence: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    ceiling: float | None = Field(default=None, allow_inf_nan=False)
    own: dict[str, Own] = {}
    pair: tuple[float, float] = (1.0, 0.0)
    share: float = Field(default=HALF, gt=0, le=1)
    cuts: tuple[Cut, ...] = ()
    carried: float = Field(default=0.5, ge=0, le=1)
    own_labels: bool = False

    def probabilities(
        self, logits: Floats, *, category: str | None = None, share: float | None = None
    ) -> Probabilities:
        """Of the candidates of one query.

        Args:
            logits: (n,) log-odds, one a product, in any order.
            category: The query's; None, or one without numbers of its own, takes those of all.
            share: s in (0, 1]: how many of such queries have their item in the shop. 1: all of them. None: as many as
                in the population of the cuts.

        Raises:
            ValueError: A share out of range.
        """
        share = self.share if share is None else share
        if not 0 < share <= 1:
            raise ValueError(f"share {share} must be above 0 and at most 1")
        curve = self.own.get(category, self) if category else self
        terms = np.append(np.asarray(logits, np.float64) / curve.temperature, curve.beyond)
        evidence = float(np.logaddexp.reduce(terms))
        worth = evidence if self.ceiling is None else min(evidence, self.ceiling)
        score = curve.evidence * worth - curve.absent + (math.log(share / (1 - share)) if share < 1 else math.inf)
        carried = 1 / (1 + math.exp(-min(max(score, -700.0), 700.0)))
        return Probabilities((carried * np.exp(terms[:-1] - evidence)).astype(np.float32), carried)

    def of_pair(self, logit: float) -> float:
        """Probability that the two photos of one pair show the same item; see `pair` for among which pairs."""
        slope, offset = self.pair
        return 1 / (1 + math.exp(-float(np.clip(slope * logit + offset, -60, 60))))

    def carried_at(self, share: float | None = None) -> float:
        """What `carried` becomes where another share of queries has its item in the shop: the same evidence, no less.

        Args:
            share: In (0, 1]; None: that of the population.
        """
        if share is None or share == self.share or not 0 < self.carried < 1:
            return self.carried
        if 1 in (share, self.share):
            return 0.0
        odds = self.carried / (1 - self.carried) * share / (1 - share) * (1 - self.share) / self.share
        return odds / (1 + odds)

    def threshold(self, precision: float) -> float | None:
        """The probability from which a first match is called the same item: that of the next higher cut kept.

        Never under one half: many lesser ones may be right together, but none of them is likelier the item than not.

        Args:
            precision: In (0, 1).

        Returns:
            None where no cut is as precise.
        """
        enough = [cut for cut in self.cuts if cut.precision >= precision - 1e-9]
        if not enough or enough[0].probability is None:
            return None
        return max(enough[0].probability, LIKELIER)

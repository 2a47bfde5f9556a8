"""Which views meet in a batch: pairs across sides, with the negatives that teach most beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wearabouts.training.mini.data import CLOTHING, DRAWN, GROCERY
from wearabouts.training.mini.features import Features
from wearabouts.training.mini.recipe import Steps

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Rows of `Features`, a part for each domain; `originals` are photos as taken, for what must not be forgotten."""

    clothing: Rows
    grocery: Rows
    drawn: Rows
    originals: Rows

    @property
    def rows(self) -> Rows:
        """All parts, in the order of the fields."""
        return np.concatenate((self.clothing, self.grocery, self.drawn, self.originals))


class Sampler:
    """Draws batches; the n-th batch depends on the seed and n alone, so a resumed run goes on as if it had not stopped.

    Clothing comes with its recoloured twin half of the time, drawn products with up to three of their family: the
        negatives that differ in one thing only.
    """

    def __init__(self, features: Features, steps: Steps, seed: int) -> None:
        self.steps, self.seed = steps, seed
        self.original = np.flatnonzero(features.original)
        self.sides: dict[int, tuple[Rows, Rows]] = {}
        order = np.argsort(features.item, kind="stable")
        items, starts = np.unique(features.item[order], return_index=True)
        for item, rows in zip(items.tolist(), np.split(order, starts[1:]), strict=True):
            street, shop = rows[features.street[rows]], rows[~features.street[rows]]
            if len(street) and len(shop):
                self.sides[item] = (street, shop)
        self.families = {domain: self._families(features, domain) for domain in (CLOTHING, GROCERY, DRAWN)}

    def _families(self, features: Features, domain: int) -> list[list[int]]:
        """Items of a domain that have both sides, by family; an item without a family is one of its own."""
        found: dict[tuple[int, int], list[int]] = {}
        of_domain = features.domain == domain
        for item, family in sorted(
            set(zip(features.item[of_domain].tolist(), features.family[of_domain].tolist(), strict=True))
        ):
            if item in self.sides:
                found.setdefault((family, -1 if family >= 0 else item), []).append(item)
        return list(found.values())

    def batch(self, step: int) -> Batch:
        """The batch of one step, from 0."""
        rng = np.random.default_rng((self.seed, 7, step))
        steps = self.steps
        originals = rng.choice(self.original, min(steps.originals, len(self.original)), replace=False)
        return Batch(
            self._pairs(rng, CLOTHING, steps.clothing, relatives=0.5),
            self._pairs(rng, GROCERY, steps.grocery, street=2),
            self._pairs(rng, DRAWN, steps.drawn, relatives=1.0, shop=2),
            originals,
        )

    def _pairs(
        self,
        rng: np.random.Generator,
        domain: int,
        items: int,
        *,
        relatives: float = 0.0,
        street: int = 1,
        shop: int = 1,
    ) -> Rows:
        """`shop` and `street` views of each of `items`; families join with probability `relatives`."""
        families = self.families[domain]
        if not families or not items:
            return np.zeros(0, np.int64)
        chosen: list[int] = []
        for n in rng.permutation(len(families)).tolist():
            together = 4 if rng.random() < relatives else 1
            family = families[n]
            chosen += [family[k] for k in rng.permutation(len(family))[:together].tolist()]
            if len(chosen) >= items:
                break
        rows: list[int] = []
        for item in chosen[:items]:
            of_street, of_shop = self.sides[item]
            rows += rng.choice(of_shop, min(shop, len(of_shop)), replace=False).tolist()
            rows += rng.choice(of_street, min(street, len(of_street)), replace=False).tolist()
        return np.array(rows, np.int64)

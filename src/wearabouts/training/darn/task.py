"""What `darn` learns: first the attributes of each side, then jointly with them triplets across the sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wearabouts.models.darn import Darn
from wearabouts.training import losses
from wearabouts.training.darn.heads import labels
from wearabouts.training.darn.recipe import DarnRecipe
from wearabouts.training.data import sampling, validation
from wearabouts.training.data.augmenting import augmented
from wearabouts.training.data.supervision import Supervision
from wearabouts.training.loop import Rows
from wearabouts.training.losses import triplets
from wearabouts.types import Floats

AT_ONCE = 64  # photos that are looked at together where nothing is learned
VECTOR, ATTRIBUTE = "vector", "attribute."


@dataclass
class Learning:
    """A phase of `wearabouts.training.loop.fit`; this one is the joint phase.

    Attributes:
        net: What is learned.
        recipe: Whose weights, margin and batch are used.
        learned: Photos that are learned from.
        held: Photos that are measured with; none leave `validate` empty.
        watched: The figure that tells whether the net got better.
    """

    net: Darn
    recipe: DarnRecipe
    learned: Supervision
    held: Supervision
    watched: str = "mAP"

    def __post_init__(self) -> None:
        self.device = self.net.mean.device
        self.street = torch.from_numpy(self.learned.street)
        self.product = torch.from_numpy(self.learned.product)
        self.labels = labels(self.learned)

    def batch(self, step: int) -> Rows:
        """Products with photos of both sides."""
        sizes = self.recipe.batch
        seed = self.recipe.seed
        return sampling.items(self.learned, step, seed=seed, products=sizes.products, photos=sizes.photos)

    def see(self, rows: Rows, step: int) -> Mapping[str, Tensor]:
        """Changed photos, each through its side's tower: the feature, and the logits of every branch."""
        photos = _prepared(self.learned, rows, self.device)
        photos, _ = augmented(photos, None, self.recipe.augment)
        seen = self.net(photos, self.street[rows].to(self.device))
        return {VECTOR: seen.vector, **{f"{ATTRIBUTE}{name}": logits for name, logits in seen.attributes.items()}}

    def losses(self, seen: Mapping[str, Tensor], rows: Rows, step: int) -> Mapping[str, Tensor]:
        """Both terms, weighted; a term of weight 0 is left out."""
        terms = self._attributes(seen, rows)
        loss = self.recipe.losses
        if loss.ranking:
            features = seen[VECTOR]
            items, street = self.product[rows].to(self.device), self.street[rows].to(self.device)
            found = _mined(loss.mining, features, items, street)
            terms["ranking"] = loss.ranking * triplets.of_rows(features, found, loss.margin)
        return terms

    def _attributes(self, seen: Mapping[str, Tensor], rows: Rows) -> dict[str, Tensor]:
        loss = self.recipe.losses
        if not loss.attributes:
            return {}
        logits = [value for name, value in seen.items() if name.startswith(ATTRIBUTE)]
        return {"attributes": loss.attributes * losses.tree(logits, self.labels[rows].to(self.device), loss.over)}

    def validate(self) -> Mapping[str, float]:
        """How well held-out street photos find their products, and how often each branch is right."""
        return measured(self.net, self.held, reduced=False)


@dataclass
class Attributes(Learning):
    """The first phase: each tower learns the attributes of its own side's photos."""

    watched: str = "accuracy"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.sides = [np.flatnonzero(self.learned.street == side) for side in (True, False)]

    def batch(self, step: int) -> Rows:
        """As many photos of either side, however many there are of each; every photo once an epoch of its side."""
        count, seed = self.recipe.batch.each, self.recipe.seed
        parts = [rows[sampling.shuffled(rows, step, seed=seed, photos=count)] for rows in self.sides if len(rows)]
        return np.concatenate(parts)

    def losses(self, seen: Mapping[str, Tensor], rows: Rows, step: int) -> Mapping[str, Tensor]:
        """The tree's term alone."""
        return self._attributes(seen, rows)


def measured(net: Darn, held: Supervision, *, reduced: bool) -> dict[str, float]:
    """Figures on held-out photos: retrieval from street to shop, and the branches' accuracy, their mean among them.

    Args:
        net: At rest.
        held: Photos; none give no figures.
        reduced: Whether the served vectors are measured, else the features they are made of.
    """
    if not len(held):
        return {}
    vectors, logits = looked_at(net, held, np.arange(len(held)))
    if reduced:
        features, street = (torch.from_numpy(each).to(net.mean.device) for each in (vectors, held.street))
        vectors = net.reduce(features, net.means(street)).cpu().numpy()
    figures = validation.retrieval(vectors, held)
    classes = logits.pop(next(iter(logits))) if logits and held.vocabulary.categories else None
    told = validation.labels(held, classes, logits)
    single = [told[name] for name in ("category", *logits) if name in told]
    if single:
        figures |= told | {"accuracy": float(np.mean(single))}
    return figures


@torch.no_grad()
def looked_at(net: Darn, supervision: Supervision, rows: Rows) -> tuple[Floats, dict[str, Floats]]:
    """Features (n, F) of some photos, each by its side's tower, and the logits (n, V) of every branch."""
    device = net.mean.device
    seen = []
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        street = torch.from_numpy(supervision.street[some]).to(device)
        seen.append(net(_prepared(supervision, some, device), street))
    vectors = torch.cat([each.vector for each in seen]).float().cpu().numpy()
    names = seen[0].attributes
    return vectors, {name: torch.cat([each.attributes[name] for each in seen]).cpu().numpy() for name in names}


def _prepared(supervision: Supervision, rows: Rows, device: torch.device) -> Tensor:
    """(b, 3, S, S) float32 in [0, 1]."""
    photos = torch.from_numpy(np.asarray(supervision.pixels[rows])).to(device)
    return photos.permute(0, 3, 1, 2).float() / 255


def _mined(mining: str, features: Tensor, items: Tensor, street: Tensor) -> triplets.Triplets:
    if mining == "random":
        return triplets.random(items, street)
    mine = triplets.hardest if mining == "hardest" else triplets.semi_hard
    return mine(features.detach(), items, street)

"""What the shared loop trains, phase by phase: the classifier, the network of all pairs, and the categories' copies."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from wearabouts.models.wtbi import Verifier, Wtbi
from wearabouts.training import losses
from wearabouts.training.data import augmenting, sampling
from wearabouts.training.data.supervision import Supervision
from wearabouts.training.loop import Rows
from wearabouts.training.wtbi.features import Features, prepared
from wearabouts.training.wtbi.measuring import Judge, figures
from wearabouts.training.wtbi.mining import Deck, Pairs
from wearabouts.training.wtbi.recipe import WtbiRecipe
from wearabouts.types import Floats

AT_ONCE = 256


class Classifying:
    """Garment categories and attributes, from changed photos of both sides."""

    watched = "mAP"

    def __init__(
        self, recipe: WtbiRecipe, net: Wtbi, learned: Supervision, held: Supervision, device: torch.device
    ) -> None:
        self.recipe, self.net, self.learned, self.held, self.device = recipe, net, learned, held, device

    def batch(self, step: int) -> Rows:
        """See `wearabouts.training.loop.Task`."""
        how = self.recipe.classifier
        return sampling.items(self.learned, step, seed=self.recipe.seed, products=how.products, photos=how.photos)

    def see(self, rows: Rows, step: int) -> Mapping[str, Tensor]:
        """Logits of the category and of each attribute."""
        photos = prepared(self.learned, rows, self.device)
        photos, _ = augmenting.augmented(photos, None, self.recipe.augment)
        seen = self.net(photos)
        return {"category": seen.category} | {str(n): logits for n, logits in enumerate(seen.attributes)}

    def losses(self, seen: Mapping[str, Tensor], rows: Rows, step: int) -> Mapping[str, Tensor]:
        """Masked softmax cross-entropies; unknown labels give none."""
        how = self.recipe.classifier
        terms = {"category": losses.classes(seen["category"], self._known(self.learned.category[rows]), how.smoothing)}
        for n, name in enumerate(self.learned.vocabulary.attributes):
            labels = self._known(self.learned.attributes[rows, n])
            terms[name] = how.attribute_weight * losses.classes(seen[str(n)], labels, how.smoothing)
        return terms

    def validate(self) -> Mapping[str, float]:
        """Accuracy of the category, and held-out street photos searched for in their category by cosine."""
        if not len(self.held):
            return {}
        vectors, right = [], []
        for start in range(0, len(self.held), AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, len(self.held)))
            seen = self.net(prepared(self.held, rows, self.device))
            vectors.append(seen.vector.cpu().numpy())
            right.append(seen.category.argmax(1).cpu().numpy() == self.held.category[rows])
        known = self.held.category >= 0
        accuracy = {"accuracy": float(np.concatenate(right)[known].mean())} if known.any() else {}
        return accuracy | figures(plain(self.held, np.concatenate(vectors)), None, 0)

    def _known(self, labels: Rows) -> Tensor:
        return torch.from_numpy(labels).to(self.device)


class Pairing:
    """Same item or not, from frozen features; for one network, or for the copies of some categories side by side.

    The copies share no weight that is trained here, and each has a loss of its own: to train them together is to train
    each by itself.

    Args:
        recipe: Of the run.
        net: What is trained of it is what requires a gradient.
        features: Of the photos learned from.
        pairs: Made of them.
        decks: Category (None for the independent network) → the pairs drawn for it.
        count: Pairs of each deck a step.
        held: Features of held-out photos, or None.
    """

    watched = "mAP"

    def __init__(
        self,
        recipe: WtbiRecipe,
        net: Verifier,
        features: Features,
        pairs: Pairs,
        decks: Mapping[int | None, Deck],
        count: int,
        held: Features | None,
    ) -> None:
        self.recipe, self.net, self.features, self.pairs = recipe, net, features, pairs
        self.decks, self.count, self.held = decks, count, held
        self.device = next(net.parameters()).device

    def batch(self, step: int) -> Rows:
        """Places of pairs."""
        how = self.recipe.pairs
        return np.concatenate(
            [deck.draw(step, seed=self.recipe.seed, count=self.count, ratio=how.ratio) for deck in self.decks.values()]
        )

    def see(self, rows: Rows, step: int) -> Mapping[str, Tensor]:
        """Logits of the pairs, each by its category's network."""
        street = self._vectors(self.features.street, self.pairs.street[rows])
        shop = self._vectors(self.features.shop, self.pairs.shop[rows])
        logits = street.new_empty(len(rows), 2)
        for category, places in self._parts(rows):
            logits = logits.index_put((places,), self.net.logits(street[places], shop[places], category).float())
        return {"logits": logits}

    def losses(self, seen: Mapping[str, Tensor], rows: Rows, step: int) -> Mapping[str, Tensor]:
        """The two-way cross-entropy of each network's pairs, added up."""
        same = torch.from_numpy(self.pairs.same[rows]).to(self.device)
        each = [losses.same_item(seen["logits"][places], same[places]) for _, places in self._parts(rows)]
        return {"pairs": torch.stack(each).sum()}

    def validate(self) -> Mapping[str, float]:
        """Held-out street photos searched for in their category, the shortlist judged."""
        if self.held is None:
            return {}
        return figures(self.held, judge(self.net), self.recipe.pairs.shortlist)

    def _parts(self, rows: Rows) -> list[tuple[int | None, Tensor]]:
        """Which network judges which of the rows."""
        if None in self.decks:
            return [(None, torch.arange(len(rows), device=self.device))]
        category = self.pairs.category[rows]
        parts = [(one, np.flatnonzero(category == one)) for one in self.decks]
        return [(one, torch.from_numpy(places).to(self.device)) for one, places in parts if len(places)]

    def _vectors(self, source: Floats, rows: Rows) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(source[rows])).to(self.device)


def judge(net: Verifier) -> Judge:
    """A verifier as a function of arrays, each category by its own network where it has one."""
    device = next(net.parameters()).device

    @torch.inference_mode()
    def probability(street: Floats, shop: Floats, category: int) -> Floats:
        a, b = (torch.from_numpy(np.array(part)).to(device) for part in (street, shop))
        said: Floats = net.logits(a, b, category).softmax(1)[:, 1].float().cpu().numpy()
        return said

    return probability


def plain(supervision: Supervision, vectors: Floats) -> Features:
    """Vectors of all rows of a supervision, a row a photo, as features."""
    street, shop = (np.flatnonzero(supervision.street == side) for side in (True, False))
    return Features(
        vectors[street],
        vectors[shop],
        supervision.product[street],
        supervision.product[shop],
        supervision.category[street],
        supervision.category[shop],
        street,
    )

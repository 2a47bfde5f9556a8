"""Two stored vectors to a probability that both photos show the very same product: the second stage of a search.

The first stage compares every vector by cosine; the second looks at the first's shortlist only, pair by pair, with a
network that was trained to tell a product from its lookalikes (`wearabouts.models.wtbi`). The shop's half of its first
layer can be computed once a photo and be kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from wearabouts.bundles import Bundle, Card
from wearabouts.errors import BundleError, QueryError
from wearabouts.types import Floats
from wearabouts.verifiers.graphs import Graph

BATCH = 4096  # pairs per run of the graph: bounds what it holds for a long shortlist
MOST = 15.0  # log-odds are cut there: a float32 probability can hold no more


class Pairwise(Protocol):
    """Anything that judges pairs of vectors.

    Attributes:
        dim: Floats per vector.
        categories: Those it was tuned for, by name; a category's number is its place here.
    """

    dim: int
    categories: tuple[str, ...]

    def probability(self, street: Floats, shop: Floats, category: int | None = None) -> Floats:
        """How likely each pair shows one product.

        Args:
            street: (N, D) unit vectors of the street side, or (D,): one against all.
            shop: (N, D) unit vectors of the shop side.
            category: Whose network is asked; None asks the one for all categories.

        Returns:
            (N,) float32 in [0, 1].

        Raises:
            QueryError: Shapes that do not fit each other or the model, or no such category.
        """
        ...


class PairVerifier:
    """A bundle's pair network at work in ONNX Runtime, on the CPU; safe to call from several threads.

    Attributes:
        name: Of the bundle.
        dim: Floats per vector.
        categories: Those it was tuned for.
        hidden: H, floats of a shop photo's half; 0 where the network is not split.
        half_kind: Under which a store keeps halves, see `half_kind`; None where the network is not split.

    Args:
        bundle: A loaded bundle.
        threads: Threads of one call; 0 leaves the choice to the runtime (one per core).

    Raises:
        BundleError: The bundle has no verifier, it cannot be run, or does not take or give what the card says.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        card = bundle.card
        if card.verifier is None or bundle.verifier is None:
            raise BundleError(
                f"{card.name!r} has no verifier; export a model that has one, such as wtbi, or search without"
            )
        self.name, self.dim, self.categories = card.name, card.dim, card.verifier.categories
        self.half_kind = half_kind(card)
        second = "half" if card.verifier.halves else "shop"
        self._graph = Graph(
            bundle.verifier, f"the verifier of {card.name!r}", ("street", second), "probability", threads
        )
        self._halves: Graph | None = None
        blank = np.zeros((2, self.dim), np.float32)
        takes = f"two vectors of {self.dim} floats"
        wanted = (2, len(self.categories) + 1)
        if card.verifier.halves is None:
            self.hidden = 0
            self._graph.tried(wanted, takes, street=blank, shop=blank)
            return
        if bundle.halves is None:
            raise BundleError(
                f"{card.name!r} was loaded without its {card.verifier.halves.file}; load it from a folder"
            )
        self._halves = Graph(
            bundle.halves, f"the shop's half of the verifier of {card.name!r}", ("shop",), "half", threads
        )
        half = self._halves.tried(None, f"vectors of {self.dim} floats", shop=blank)
        self.hidden = int(half.shape[-1])
        self._graph.tried(
            wanted, f"one vector of {self.dim} floats and halves {half.shape}", street=blank[:1], half=half
        )

    def half(self, shop: Floats) -> Floats:
        """The part of the first layer that depends on the shop's photo alone, to be computed once and kept.

        Args:
            shop: (N, D) unit vectors of the shop side.

        Returns:
            (N, H) float32.

        Raises:
            QueryError: Vectors of another model, or a network that is not split.
        """
        shop = self._shop(shop)
        if self._halves is None:
            raise QueryError(
                f"the verifier of {self.name!r} is in one piece: it has no halves to keep; export it split"
            )
        parts = [self._halves.run(shop=shop[start : start + BATCH]) for start in range(0, len(shop), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, self.hidden), np.float32)

    def probabilities(self, street: Floats, shop: Floats, *, halves: Floats | None = None) -> Floats:
        """Of every network at once.

        Args:
            street: (N, D) unit vectors of the street side, or (D,): one against all.
            shop: (N, D) unit vectors of the shop side.
            halves: (N, H) of the same photos as `half` gave them; without them they are computed.

        Returns:
            (N, C + 1) float32 in [0, 1]: of all categories together, then of each by itself.

        Raises:
            QueryError: Shapes that do not fit each other or the model.
        """
        shop, street = self._shop(shop), np.asarray(street, np.float32)
        if street.shape not in ((self.dim,), shop.shape):
            raise QueryError(f"street vectors are {street.shape}; give ({self.dim},) or {shop.shape}, as the shop's")
        if halves is not None and (self._halves is None or halves.shape != (len(shop), self.hidden)):
            raise QueryError(f"halves are {halves.shape}; {self.name!r} takes ({len(shop)}, {self.hidden}), or none")
        parts = [self._run(street, shop, halves, slice(start, start + BATCH)) for start in range(0, len(shop), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.categories) + 1), np.float32)

    def probability(
        self, street: Floats, shop: Floats, category: int | None = None, *, halves: Floats | None = None
    ) -> Floats:
        """See `Pairwise.probability`; for `halves` see `probabilities`."""
        return self.probabilities(street, shop, halves=halves)[:, self.column(category)]

    def logit(
        self, street: Floats, shop: Floats, category: int | None = None, *, halves: Floats | None = None
    ) -> Floats:
        """The same as log-odds, cut at ±15: (N,) float32."""
        return log_odds(self.probability(street, shop, category, halves=halves))

    def column(self, category: int | None) -> int:
        """Where `probabilities` has that category's.

        Raises:
            QueryError: No such category.
        """
        if category is not None and not 0 <= category < len(self.categories):
            raise QueryError(
                f"category {category} is not one of the {len(self.categories)} of {self.name!r}; give None for all"
            )
        return 0 if category is None else category + 1

    def _shop(self, shop: Floats) -> Floats:
        shop = np.asarray(shop, np.float32)
        if shop.ndim != 2 or shop.shape[1] != self.dim:
            raise QueryError(f"shop vectors are {shop.shape}; {self.name!r} compares (N, {self.dim})")
        return shop

    def _run(self, street: Floats, shop: Floats, halves: Floats | None, part: slice) -> Floats:
        shop = shop[part]
        if self._halves is None:
            return self._graph.run(
                street=np.broadcast_to(street, (len(shop), self.dim)) if street.ndim == 1 else street[part], shop=shop
            )
        half = self._halves.run(shop=shop) if halves is None else np.asarray(halves[part], np.float32)
        return self._graph.run(street=street[None] if street.ndim == 1 else street[part], half=half)


def half_kind(card: Card) -> str | None:
    """Under which a store keeps the shop's halves: by the graph that makes them, so another graph's are never taken."""
    pair = card.verifier
    return f"half-{pair.halves.sha256[:16]}" if pair is not None and pair.halves is not None else None


def log_odds(probability: Floats) -> Floats:
    """Of probabilities in [0, 1], cut at ±`MOST`, float32."""
    given = np.asarray(probability, np.float64)
    with np.errstate(divide="ignore"):
        odds: Floats = np.clip(np.log(given) - np.log1p(-given), -MOST, MOST).astype(np.float32)
    return odds


def rerank(
    verifier: Pairwise,
    similarity: Floats,
    street: Floats,
    shop: Floats,
    categories: Sequence[int | None],
    k: int,
) -> npt.NDArray[np.int64]:
    """Order galleries by cosine, then the first `k` of each by the verifier; what follows stays in cosine order.

    The accuracy at any rank up to `k` is bounded by the recall of cosine at `k`: a product that is not on the
    shortlist cannot be moved to the front.

    Args:
        verifier: Judges the pairs.
        similarity: (Q, N) cosines; -inf for what is not in a query's gallery: it comes last and is not judged.
        street: (Q, D) unit vectors.
        shop: (N, D) unit vectors.
        categories: Q numbers among the verifier's categories, or None for the network of all.
        k: Length of the shortlist; 0 leaves the order of the cosine.

    Returns:
        (Q, N) places in the gallery, best first; equal values stay in the order of the gallery.
    """
    order = np.argsort(-similarity, axis=1, kind="stable")
    for query, (row, category) in enumerate(zip(order, categories, strict=True)):
        first = row[: min(k, int(np.isfinite(similarity[query]).sum()))]
        if len(first):
            judged = verifier.probability(street[query], shop[first], category)
            row[: len(first)] = first[np.argsort(-judged, kind="stable")]
    return order

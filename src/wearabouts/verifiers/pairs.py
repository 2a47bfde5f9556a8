"""Two stored vectors to a probability that both photos show the very same product: the second stage of a search.

The first stage compares every vector by cosine; the second looks at the first's shortlist only, pair by pair, with a
network that was trained to tell a product from its lookalikes (`wearabouts.models.wtbi`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from wearabouts.bundles import Bundle
from wearabouts.errors import BundleError, QueryError
from wearabouts.types import Floats

BATCH = 4096  # pairs per run of the graph: bounds what it holds for a long shortlist
OUTPUT = "probability"


class PairVerifier(Protocol):
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


class OnnxVerifier:
    """A bundle's verifier at work in ONNX Runtime, on the CPU; safe to call from several threads.

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
        self.name = card.name
        self.dim = card.dim
        self.categories = card.verifier.categories
        self._session = _session(bundle.verifier, card.name, threads)
        self._check()

    def _check(self) -> None:
        """Ask of one pair, so that a graph of another model is refused here and not in the midst of a search."""
        blank = np.zeros((1, self.dim), np.float32)
        try:
            given = self._run(blank, blank)
        except Exception as error:  # the runtime raises its own unrelated types
            raise BundleError(
                f"the verifier of {self.name!r} does not take two vectors of {self.dim} floats: "
                f"{str(error).splitlines()[0][:200]}; export the model again"
            ) from error
        wanted = (1, len(self.categories) + 1)
        if given.shape != wanted:
            raise BundleError(
                f"the verifier of {self.name!r} gives {given.shape}, its card says {wanted}: one probability for all "
                "and one a category; export the model again"
            )

    def probability(self, street: Floats, shop: Floats, category: int | None = None) -> Floats:
        """See `PairVerifier.probability`."""
        shop = np.asarray(shop, np.float32)
        street = np.asarray(street, np.float32)
        if shop.ndim != 2 or shop.shape[1] != self.dim:
            raise QueryError(f"shop vectors are {shop.shape}; {self.name!r} compares (N, {self.dim})")
        if street.shape not in ((self.dim,), shop.shape):
            raise QueryError(f"street vectors are {street.shape}; give ({self.dim},) or {shop.shape}, as the shop's")
        if category is not None and not 0 <= category < len(self.categories):
            raise QueryError(
                f"category {category} is not one of the {len(self.categories)} of {self.name!r}; give None for all"
            )
        column = 0 if category is None else category + 1
        street = np.broadcast_to(street, shop.shape)
        parts = [
            self._run(street[start : start + BATCH], shop[start : start + BATCH])[:, column]
            for start in range(0, len(shop), BATCH)
        ]
        return np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, np.float32)

    def _run(self, street: Floats, shop: Floats) -> Floats:
        given: Floats = self._session.run([OUTPUT], {"street": np.ascontiguousarray(street), "shop": shop})[0]
        return given


def rerank(
    verifier: PairVerifier,
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


def _session(graph: bytes, name: str, threads: int) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises its own unrelated types for every kind of damage
        raise BundleError(
            f"the verifier of {name!r} cannot be run: {str(error).splitlines()[0][:200]}; export the model again"
        ) from error
    inputs, outputs = ({part.name for part in parts} for parts in (session.get_inputs(), session.get_outputs()))
    if inputs != {"street", "shop"} or OUTPUT not in outputs:
        raise BundleError(
            f"the verifier of {name!r} takes {', '.join(sorted(inputs))} and gives {', '.join(sorted(outputs))}; "
            f"it should take street and shop and give {OUTPUT}; export the model again"
        )
    return session

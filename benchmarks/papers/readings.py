"""A bundle measured on the test part: one figure a query or photo, so that variants can be compared pair by pair."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from shops import Tested
from variants import ATTRIBUTES

from wearabouts import metrics
from wearabouts.bundles import Bundle
from wearabouts.encoders import Encoder
from wearabouts.types import SIDES, Encoding, Floats
from wearabouts.verifiers import PairVerifier, rerank

SHORTLIST = 200
PLACES = 20
FOLDS, RIDGE = 5, 1.0
FLOATS = (1, 10)  # how ONNX numbers float32 and float16
Figures = dict[str, npt.NDArray[np.float64]]


def encoded(encoder: Encoder, test: Tested) -> tuple[Floats, dict[str, Floats], Floats | None]:
    """Vectors (N, D), probabilities of each head (N, V), and landmarks (N, 8, 3) of all photos, each by its tower."""
    parts: dict[str, Encoding] = {}
    places = {"street": np.flatnonzero(test.street), "shop": np.flatnonzero(~test.street)}
    for side in SIDES:
        parts[side] = encoder.encode([test.photos[row] for row in places[side]], side)
    order = np.argsort(np.concatenate([places[side] for side in SIDES]))

    def joined(pick: Any) -> Floats:
        both: Floats = np.concatenate([pick(parts[side]) for side in SIDES])[order]
        return both

    heads = {name: joined(lambda part, name=name: part.attributes[name]) for name in encoder.attributes}
    if encoder.garments:
        heads["garment"] = joined(lambda part: part.garments)
    marks = None if parts["shop"].landmarks is None else joined(lambda part: part.landmarks)
    return joined(lambda part: part.vectors), heads, marks


def searched(vectors: Floats, test: Tested, verifier: PairVerifier | None = None, *, specific: bool = False) -> Figures:
    """Every street photo asks for its product among the shop photos, one a product.

    Args:
        vectors: (N, D) unit vectors of the test's photos.
        test: Whose.
        verifier: Puts the first `SHORTLIST` by cosine in another order.
        specific: Whether it is asked for the query's own category, which WTBI's protocol gives.

    Returns:
        (Q,) figures by name: over the whole shop, and, with ``in-category``, among the products of the query's kind.
    """
    asks, shop = np.flatnonzero(test.street), np.flatnonzero(~test.street)
    similarity = (vectors[asks] @ vectors[shop].T).astype(np.float32)
    kind = test.labels["garment"]
    alike = kind[asks][:, None] == kind[shop][None]
    numbers: list[int | None] = [None] * len(asks)
    if verifier is not None and specific:
        table = {name: place for place, name in enumerate(verifier.categories)}
        numbers = [table.get(str(name)) for name in kind[asks]]
    figures: Figures = {}
    for name, scores in (("", similarity), ("in-category ", np.where(alike, similarity, -np.inf))):
        if verifier is None:
            order = np.argsort(-scores, axis=1, kind="stable")
        else:
            order = rerank(verifier, scores, vectors[asks], vectors[shop], numbers, SHORTLIST)
        right = test.product[shop][order] == test.product[asks][:, None]
        ranks = [np.flatnonzero(row) + 1 for row in right]
        figures |= {f"{name}R@{k}": metrics.hit_rate(ranks, k) for k in ((1, 5) if name else (1, 10, 20))}
        figures[f"{name}mAP"] = metrics.average_precision(ranks)
        if not name:
            grades = agreement(test, asks, shop)
            figures["NDCG@20"] = metrics.ndcg(list(np.take_along_axis(grades, order, axis=1)), list(grades), PLACES)
    return figures


def agreement(test: Tested, asks: npt.NDArray[np.int64], shop: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """(Q, G) share of the query's labels, garment and attributes, that a shop photo has too: DARN's relevance."""
    names = ("garment", *ATTRIBUTES)
    agree = [test.labels[name][asks][:, None] == test.labels[name][shop][None] for name in names]
    return np.mean(agree, axis=0, dtype=np.float64)


def labelled(encoder: Encoder, heads: Mapping[str, Floats], test: Tested) -> Figures:
    """(N,) whether each head's likeliest word is right, and ``attributes``, the mean over all five where all are there.

    Heads there are not are left out.
    """
    words = {**encoder.attributes, **({"garment": encoder.garments} if encoder.garments else {})}
    figures: Figures = {}
    for name in ("garment", *ATTRIBUTES):
        if name in heads:
            said = np.array(words[name])[heads[name].argmax(axis=1)]
            figures["category" if name == "garment" else name] = (said == test.labels[name]).astype(np.float64)
    if all(name in figures for name in ATTRIBUTES):
        figures["attributes"] = np.mean([figures[name] for name in ATTRIBUTES], axis=0)
    return figures


def linear(vectors: Floats, test: Tested) -> Figures:
    """(N,) share of the labels that a linear classifier on the vectors gets right, by cross-validation over products.

    Ridge regression to one-hot labels, the highest wins: StyleNet's question, whether a few floats hold what was not
    asked of them, with a product's look in place of the style of an outfit.
    """
    fold = np.random.default_rng(0).permutation(int(test.product.max()) + 1)[test.product] % FOLDS
    inputs = np.concatenate((vectors, np.ones((len(vectors), 1))), axis=1).astype(np.float64)
    right = []
    for name in ("garment", *ATTRIBUTES):
        words, codes = np.unique(test.labels[name], return_inverse=True)
        guess = np.zeros(len(codes), np.int64)
        for out in range(FOLDS):
            taught = inputs[fold != out]
            gram = taught.T @ taught + RIDGE * np.eye(taught.shape[1])
            weights = np.linalg.solve(gram, taught.T @ np.eye(len(words))[codes[fold != out]])
            guess[fold == out] = (inputs[fold == out] @ weights).argmax(axis=1)
        right.append(guess == codes)
    return {"linear labels": np.mean(right, axis=0, dtype=np.float64)}


def landmarks(found: Floats | None, test: Tested) -> Figures:
    """(N,) sums of the errors of visible landmarks, and how many there are, for the normalised error."""
    if found is None:
        return {}
    seen = test.landmarks[..., 2] == 1
    error = metrics.landmark_error(found, test.landmarks, seen)
    return {"NE sums": error.sums, "NE counts": error.counts}


def cost(encoder: Encoder, bundle: Bundle | None, test: Tested, timed: int) -> dict[str, Any]:
    """Floats of a vector, parameters and megabytes of the graphs, processor milliseconds of one photo."""
    laps = []
    for row in [*range(min(3, timed)), *range(timed)]:
        begin = time.process_time()
        encoder.encode(
            [test.photos[row % len(test.photos)]], "street" if test.street[row % len(test.street)] else "shop"
        )
        laps.append(1000 * (time.process_time() - begin))
    told: dict[str, Any] = {"dim": encoder.dim, "ms": round(float(np.median(laps[min(3, timed) :])), 2)}
    if bundle is not None:
        import onnx

        def counted(content: bytes) -> int:
            floats = [one for one in onnx.load_from_string(content).graph.initializer if one.data_type in FLOATS]
            return sum(int(np.prod(one.dims)) for one in floats)

        graphs = {bundle.card.graphs[side].file: bundle.graphs[side] for side in SIDES}
        told["parameters"] = sum(map(counted, graphs.values()))
        told["megabytes"] = round(sum(map(len, graphs.values())) / 2**20, 2)
        if bundle.verifier is not None:
            told["verifier parameters"] = sum(counted(part) for part in (bundle.verifier, bundle.halves) if part)
    return told

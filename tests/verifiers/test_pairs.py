"""The verifier of a bundle: what PyTorch says, damage as typed errors, and orders that are re-ranked as written."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest
import torch
from torch import nn

import judged
from wearabouts import bundles
from wearabouts.errors import BundleError, QueryError
from wearabouts.export.graph import traced
from wearabouts.models import wtbi
from wearabouts.verifiers import PairVerifier, rerank
from wearabouts.verifiers.pairs import log_odds

DIM = 6
CATEGORIES = ("dresses", "skirts", "tops")


class Refused(nn.Module):
    """A graph that takes other inputs."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels * 2


def unit(*shape: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def bundle(graph: bytes, categories: tuple[str, ...] = CATEGORIES, dim: int = DIM) -> bundles.Bundle:
    entry = bundles.Graph(file="encoder.onnx", sha256="0" * 64)
    card = bundles.Card(
        name="pairs",
        preprocessing=bundles.Preprocessing(size=32),
        graphs={"street": entry, "shop": entry},
        dim=dim,
        verifier=bundles.Verifier(
            file="verifier.onnx", sha256=hashlib.sha256(graph).hexdigest(), categories=categories
        ),
    )
    return bundles.Bundle(card, {"street": b"", "shop": b""}, graph)


@pytest.fixture(scope="module", params=["all", "last"])
def trained(request: pytest.FixtureRequest) -> wtbi.Verifier:
    torch.manual_seed(0)
    return wtbi.Verifier(DIM, (8, 5), len(CATEGORIES), own=[0, 2], fine_tune=request.param).eval()


@pytest.fixture(scope="module")
def graph(trained: wtbi.Verifier) -> bytes:
    street, shop = (torch.from_numpy(unit(2, DIM, seed=seed)) for seed in (8, 9))
    return traced(trained, {"street": street, "shop": shop}, ["probability"])


@pytest.fixture(scope="module")
def verifier(graph: bytes) -> PairVerifier:
    return PairVerifier(bundle(graph), threads=1)


@pytest.mark.parametrize("category", [None, 0, 1, 2])
def test_it_says_what_pytorch_says(trained: wtbi.Verifier, verifier: PairVerifier, category: int | None) -> None:
    street, shop = unit(9, DIM), unit(9, DIM, seed=1)
    with torch.inference_mode():
        expected = trained.logits(torch.from_numpy(street), torch.from_numpy(shop), category).softmax(1)[:, 1].numpy()
    got = verifier.probability(street, shop, category)
    assert got.dtype == np.float32
    assert np.allclose(got, expected, atol=1e-3)  # weights are stored in half precision
    assert verifier.categories == CATEGORIES


def test_one_street_photo_against_many_is_row_by_row_and_kept_halves_agree(
    trained: wtbi.Verifier, verifier: PairVerifier
) -> None:
    street, shop = unit(DIM), unit(7, DIM, seed=2)
    together = verifier.probability(street, shop, 0)
    assert np.allclose(together, [verifier.probability(street[None], row[None], 0)[0] for row in shop], atol=1e-6)
    # The shop's halves, computed once: the same function.
    net = trained.independent
    with torch.inference_mode():
        kept = net.finish(torch.from_numpy(street)[None], net.shop_half(torch.from_numpy(shop))).numpy()
    assert np.allclose(verifier.probability(street, shop), kept, atol=1e-3)


@pytest.fixture(scope="module")
def split() -> PairVerifier:
    return PairVerifier(judged.bundle(pairs="last"), threads=1)


@pytest.mark.parametrize("category", [None, 0, 1, 2])
def test_in_two_parts_it_is_the_network_in_one(split: PairVerifier, category: int | None) -> None:
    """Split layer = joined layer, through the exported graphs."""
    net = judged.pair_network()
    street, shop = unit(9, DIM), unit(9, DIM, seed=1)
    with torch.inference_mode():
        a, b = torch.from_numpy(street), torch.from_numpy(shop)
        first = net.independent.joined()(torch.cat([a, b], 1) * DIM**0.5)
        tail = net.copies[str(category)] if category in net.own else net.independent.tail
        expected = tail(first).softmax(1)[:, 1].numpy()
    assert np.abs(split.probability(street, shop, category) - expected).max() <= 1e-5
    assert np.abs(split.probability(street, shop, category, halves=split.half(shop)) - expected).max() <= 1e-5
    odds = np.log(expected.astype(float)) - np.log1p(-expected.astype(float))
    assert np.abs(split.logit(street, shop, category) - odds).max() < 1e-4


def test_one_query_is_asked_once_and_says_what_it_says_row_by_row(
    split: PairVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    street, shop = unit(DIM), unit(7, DIM, seed=2)
    asked = []
    run = split._graph.run

    def told(**given: np.ndarray) -> np.ndarray:
        asked.append(given["street"].shape)
        return run(**given)

    monkeypatch.setattr(split._graph, "run", told)
    together = split.probabilities(street, shop)
    rows = split.probabilities(np.repeat(street[None], 7, axis=0), shop)
    assert asked == [(1, DIM), (7, DIM)]
    assert np.abs(together - rows).max() < 1e-6
    monkeypatch.setattr("wearabouts.verifiers.pairs.BATCH", 3)
    assert np.abs(split.probabilities(street, shop, halves=split.half(shop)) - together).max() < 1e-6
    assert split.half(shop[:0]).shape == (0, 48)


def test_log_odds_are_cut_where_a_float_ends() -> None:
    assert log_odds(np.array([0, 1e-12, 0.5, 0.731058578, 1], np.float32)).tolist() == pytest.approx(
        [-15, -15, 0, 1, 15], abs=1e-6
    )


def test_a_split_network_without_its_halves_is_refused() -> None:
    whole = judged.bundle(pairs="last")
    with pytest.raises(BundleError, match=r"loaded without its halves\.onnx"):
        PairVerifier(dataclasses.replace(whole, halves=None))
    joined = whole.card.model_copy(update={"verifier": whole.card.verifier.model_copy(update={"halves": None})})
    with pytest.raises(BundleError, match="takes half, street and gives"):
        PairVerifier(dataclasses.replace(whole, card=joined))
    with pytest.raises(BundleError, match="it should take shop and give half"):
        PairVerifier(dataclasses.replace(whole, halves=whole.verifier))


def test_more_pairs_than_fit_a_run_and_none(verifier: PairVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    street, shop = unit(11, DIM), unit(11, DIM, seed=1)
    whole = verifier.probability(street, shop, 2)
    monkeypatch.setattr("wearabouts.verifiers.pairs.BATCH", 4)
    assert np.allclose(verifier.probability(street, shop, 2), whole, atol=1e-6)
    assert verifier.probability(street[:0], shop[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("street", "shop", "category", "said"),
    [
        (unit(3, DIM), unit(4, DIM), None, "street vectors"),
        (unit(3, DIM + 1), unit(3, DIM + 1), None, "shop vectors"),
        (unit(DIM), unit(DIM), None, "shop vectors"),
        (unit(3, DIM), unit(3, DIM), 3, "category 3"),
        (unit(3, DIM), unit(3, DIM), -1, "category -1"),
    ],
)
def test_what_does_not_fit_is_refused(verifier: PairVerifier, street, shop, category, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        verifier.probability(street, shop, category)


def test_a_bundle_without_a_verifier_says_what_to_do(graph: bytes) -> None:
    made = bundle(graph)
    without = bundles.Bundle(made.card.model_copy(update={"verifier": None}), made.graphs)
    with pytest.raises(BundleError, match="no verifier"):
        PairVerifier(without)


def test_graphs_that_are_not_verifiers_are_refused(graph: bytes) -> None:
    with pytest.raises(BundleError, match="cannot be run"):
        PairVerifier(bundle(b"not a graph"))
    with pytest.raises(BundleError, match="takes pixels and gives other"):
        PairVerifier(bundle(traced(Refused(), {"pixels": torch.zeros(2, 3)}, ["other"])))
    with pytest.raises(BundleError, match="its card says"):
        PairVerifier(bundle(graph, categories=("dresses",)))
    with pytest.raises(BundleError, match="two vectors of 7 floats"):
        PairVerifier(bundle(graph, dim=7))


class Told:
    """A verifier that has been told each shop vector's probability."""

    dim, categories = 1, ("a", "b")

    def __init__(self) -> None:
        self.asked: list[tuple[int, int | None]] = []

    def probability(self, street: np.ndarray, shop: np.ndarray, category: int | None = None) -> np.ndarray:
        self.asked.append((len(shop), category))
        return shop[:, 0]


def test_only_the_shortlist_is_judged_and_reordered() -> None:
    similarity = np.array([[0.9, 0.8, 0.7, 0.6, 0.5], [0.1, 0.2, 0.3, 0.4, 0.5]], np.float32)
    shop = np.array([[0.2], [0.9], [0.2], [1.0], [0.5]], np.float32)
    told = Told()
    order = rerank(told, similarity, np.zeros((2, 1), np.float32), shop, [1, None], 3)
    # First query: 0, 1, 2 are the shortlist; 1 moves to the front, equal ones keep the cosine's order.
    assert order.tolist() == [[1, 0, 2, 3, 4], [3, 4, 2, 1, 0]]
    assert told.asked == [(3, 1), (3, None)]


def test_what_is_not_in_the_gallery_is_last_and_not_judged() -> None:
    similarity = np.array([[-np.inf, 0.1, -np.inf, 0.4]], np.float32)
    told = Told()
    shop = np.array([[1.0], [0.8], [1.0], [0.3]], np.float32)
    assert rerank(told, similarity, np.zeros((1, 1), np.float32), shop, [0], 4).tolist() == [[1, 3, 0, 2]]
    assert told.asked == [(2, 0)]


def test_a_shortlist_of_none_is_the_cosines_order() -> None:
    similarity = np.random.default_rng(0).standard_normal((4, 9)).astype(np.float32)
    told = Told()
    order = rerank(told, similarity, np.zeros((4, 1), np.float32), np.zeros((9, 1), np.float32), [None] * 4, 0)
    assert np.array_equal(order, np.argsort(-similarity, axis=1, kind="stable"))
    assert told.asked == []


def test_the_shortlists_recall_bounds_what_reranking_can_reach() -> None:
    """With an all-knowing verifier, the hit rate at any rank up to K is the cosine's recall at K."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 60, 200)
    similarity = rng.standard_normal((200, 60)).astype(np.float32)
    similarity[np.arange(200), truth] += 1.5
    cosine = np.argsort(-similarity, axis=1, kind="stable")

    class Knows(Told):
        def probability(self, street, shop, category=None):
            return (shop[:, 0] == street[0]).astype(np.float32)

    gallery = np.arange(60, dtype=np.float32)[:, None]
    for k in (1, 5, 20):
        order = rerank(Knows(), similarity, truth[:, None].astype(np.float32), gallery, [None] * 200, k)
        recall_at_k = (cosine[:, :k] == truth[:, None]).any(1).mean()
        assert (order[:, 0] == truth).mean() == recall_at_k
        assert 0 < recall_at_k < 1

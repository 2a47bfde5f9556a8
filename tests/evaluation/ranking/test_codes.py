"""Two stages: candidates by codes, their order by vectors; all candidates give the exact result."""

from __future__ import annotations

import numpy as np
import pytest

from wearabouts.evaluation.ranking.codes import two_stages
from wearabouts.metrics.hamming import distances


@pytest.fixture(scope="module")
def world() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    vectors = [rng.standard_normal((count, 12)).astype(np.float32) for count in (130, 400)]
    vectors = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in vectors]
    planes = rng.standard_normal((12, 16))
    codes = [np.packbits(part @ planes > 0, axis=1) for part in vectors]
    return (codes[0], codes[1]), (vectors[0], vectors[1])


def _naive(codes, vectors, shortlist: int, count: int) -> np.ndarray:
    rows = []
    for q in range(len(codes[0])):
        apart = distances(codes[0][q : q + 1], codes[1])[0]
        chosen = sorted(range(len(apart)), key=lambda n: (apart[n], n))[:shortlist]
        score = vectors[1] @ vectors[0][q]
        rows.append(sorted(chosen, key=lambda n: (-score[n], n))[:count])
    return np.array(rows)


@pytest.mark.parametrize(("shortlist", "count"), [(1, 1), (50, 10), (400, 400), (1000, 20)])
def test_candidates_by_bits_then_order_by_cosine(world, shortlist: int, count: int) -> None:
    codes, vectors = world
    found = two_stages(codes, vectors, shortlist, count)
    assert np.array_equal(found, _naive(codes, vectors, shortlist, count))


def test_more_candidates_come_nearer_to_the_exact_result(world) -> None:
    codes, vectors = world
    exact = np.argsort(-(vectors[0] @ vectors[1].T), axis=1, kind="stable")[:, :10]
    shares = []
    for shortlist in (10, 40, 160, 400):
        found = two_stages(codes, vectors, shortlist, 10)
        shares.append(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, exact, strict=True)]))
    assert shares == sorted(shares)
    assert shares[0] < 0.7
    assert shares[-1] == 1


def test_more_than_was_shortlisted_cannot_be_asked_for(world) -> None:
    with pytest.raises(ValueError, match="shortlist"):
        two_stages(*world, 5, 6)

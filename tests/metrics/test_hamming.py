"""Binary codes: distances by counting, and average precision as the mean over all orders of the tied."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest

from wearabouts.metrics import average_precision as of_ranks
from wearabouts.metrics.hamming import average_precision, distances, nearest


def _codes(count: int, size: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size), dtype=np.uint8)


@pytest.mark.parametrize("size", [1, 4, 5, 32])
def test_distances_are_counted_bits(size: int) -> None:
    a, b = _codes(7, size, 0), _codes(9, size, 1)
    b[0] = a[0]
    b[1] = ~a[0]
    found = distances(a, b)
    expected = [[sum(bin(int(x) ^ int(y)).count("1") for x, y in zip(p, q, strict=True)) for q in b] for p in a]
    assert np.array_equal(found, expected)
    assert found[0, 0] == 0
    assert found[0, 1] == 8 * size


def test_the_nearest_are_those_of_a_stable_sort() -> None:
    a, b = _codes(6, 1, 2), _codes(300, 1, 3)
    expected = np.argsort(distances(a, b), axis=1, kind="stable")
    for count in (1, 7, 299, 300, 1000):
        assert np.array_equal(nearest(a, b, count), expected[:, :count])


def _over_all_orders(distance: list[int], relevant: list[bool]) -> float:
    """Every order of the gallery that a sort by distance allows, each as likely."""
    values = []
    for order in permutations(range(len(distance))):
        if all(distance[a] <= distance[b] for a, b in pairwise(order)):
            ranks = np.flatnonzero([relevant[place] for place in order]) + 1
            values.append(of_ranks([ranks])[0])
    return float(np.mean(values))


@pytest.mark.parametrize(
    ("distance", "relevant"),
    [
        ([0, 1, 2, 3, 4], [1, 0, 1, 0, 1]),
        ([2, 2, 2, 2, 2], [1, 0, 0, 1, 0]),
        ([0, 0, 1, 1, 1, 3, 3], [0, 1, 1, 0, 1, 0, 1]),
        ([5, 1, 1, 0, 5, 5, 1], [1, 1, 0, 0, 1, 0, 1]),
        ([3], [1]),
    ],
)
def test_ties_count_as_the_mean_over_their_orders(distance: list[int], relevant: list[int]) -> None:
    right = np.array(relevant, bool)
    found = average_precision(np.array([distance], np.int32), right[None])
    assert found[0] == pytest.approx(_over_all_orders(distance, list(right)), abs=1e-12)


def test_without_ties_it_is_the_average_precision_of_ranks() -> None:
    rng = np.random.default_rng(7)
    distance = np.stack([rng.permutation(200) for _ in range(5)]).astype(np.int32)
    right = rng.random((5, 200)) < 0.2
    ranks = [np.sort(distance[row][right[row]]) + 1 for row in range(5)]
    assert average_precision(distance, right) == pytest.approx(of_ranks(ranks), abs=1e-12)


def test_a_query_without_an_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="no relevant photo"):
        average_precision(np.zeros((1, 3), np.int32), np.zeros((1, 3), bool))
    with pytest.raises(ValueError, match="of one length"):
        distances(_codes(1, 2, 0), _codes(1, 3, 0))

"""Triplets against naive loops, by gradient, in direction, and against pytorch-metric-learning."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from wearabouts.training import losses
from wearabouts.training.losses import triplets

ITEMS = torch.tensor([3, 1, 3, 2, 1, 3, 2, 9])
STREET = torch.tensor([True, True, False, True, False, False, False, False])


def _vectors(count: int = 8, dim: int = 5, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)), dim=1)


def _distance(a, b) -> float:
    return math.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True)))


def naive_every(items, street=None):
    found = []
    for a in range(len(items)):
        for p in range(len(items)):
            for n in range(len(items)):
                across = street is None or (street[a] and not street[p] and not street[n])
                if a != p and items[a] == items[p] and items[a] != items[n] and across:
                    found.append((a, p, n))
    return found


def listed(found: triplets.Triplets):
    return list(zip(*(rows.tolist() for rows in found), strict=True))


@pytest.mark.parametrize("squared", [False, True])
def test_the_loss_is_the_formula(squared: bool) -> None:
    vectors, power = _vectors(), 2 if squared else 1
    rows = naive_every(ITEMS)
    costs = [
        max(0.0, 0.3 + _distance(vectors[a], vectors[p]) ** power - _distance(vectors[a], vectors[n]) ** power)
        for a, p, n in rows
    ]
    got = losses.triplet(*(vectors[list(column)] for column in zip(*rows, strict=True)), 0.3, squared)
    assert float(got) == pytest.approx(sum(costs) / len(costs), abs=1e-6)
    assert float(triplets.of_rows(vectors, triplets.every(ITEMS), 0.3, squared)) == pytest.approx(float(got), abs=1e-6)


def test_a_case_by_hand() -> None:
    anchor, near, far = torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 4.0]])
    assert float(losses.triplet(anchor, near, far, 0.3)) == pytest.approx(0.3 + 5 - 4)
    assert float(losses.triplet(anchor, near, far, 0.3, squared=True)) == pytest.approx(0.3 + 25 - 16)
    assert float(losses.triplet(anchor, far, near, 0.3)) == 0


@pytest.mark.parametrize("squared", [False, True])
def test_the_gradients_are_the_formula(squared: bool) -> None:
    parts = [_vectors(6, 4, seed).requires_grad_() for seed in range(3)]
    losses.triplet(*parts, 0.3, squared).backward()
    anchor, positive, negative = (part.detach() for part in parts)
    u, w = anchor - positive, anchor - negative
    lengths = [difference.norm(dim=1, keepdim=True) for difference in (u, w)]
    power = 2 if squared else 1
    costs = (0.3 + lengths[0] ** power - lengths[1] ** power > 0).float()
    assert 0 < costs.sum() < 6
    u, w = (2 * u, 2 * w) if squared else (u / lengths[0], w / lengths[1])
    for part, expected in zip(parts, (u - w, -u, w), strict=True):
        assert torch.allclose(part.grad, costs * expected / 6, atol=1e-6)


def test_two_photos_alike_give_no_nan() -> None:
    anchor = _vectors(1).requires_grad_()
    losses.triplet(anchor, anchor.detach().clone(), anchor.detach().clone(), 0.3).backward()
    assert torch.equal(anchor.grad, torch.zeros_like(anchor))


def test_no_triplet_is_zero_and_gives_no_gradient() -> None:
    vectors = _vectors().requires_grad_()
    for found in (triplets.every(torch.zeros(8, dtype=torch.int64)), triplets.hardest(vectors, torch.arange(8))):
        assert listed(found) == []
        loss = triplets.of_rows(vectors, found, 0.3)
        loss.backward()
        assert float(loss.detach()) == 0
    assert float(vectors.grad.abs().max()) == 0


def test_better_triplets_cost_less() -> None:
    anchor, positive = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.9, 0.1]])
    away = [torch.tensor([[math.cos(angle), math.sin(angle)]]) for angle in (0.1, 0.2, 0.3)]
    by_negative = [float(losses.triplet(anchor, positive, other, 0.3)) for other in away]
    by_positive = [float(losses.triplet(anchor, other, positive, 0.3)) for other in away]
    assert by_negative[0] > by_negative[1] > by_negative[2] > 0
    assert by_positive[0] < by_positive[1] < by_positive[2]


@pytest.mark.parametrize("street", [None, STREET], ids=["one domain", "across"])
def test_every_triplet_is_found_once(street) -> None:
    assert listed(triplets.every(ITEMS, street)) == naive_every(ITEMS, street)


@pytest.mark.parametrize("street", [None, STREET], ids=["one domain", "across"])
def test_hardest_is_the_furthest_positive_and_the_nearest_negative(street) -> None:
    vectors, allowed = _vectors(seed=1), naive_every(ITEMS, street)
    expected = []
    for a in sorted({a for a, _, _ in allowed}):
        far = max({p for b, p, _ in allowed if b == a}, key=lambda p: _distance(vectors[a], vectors[p]))
        near = min({n for b, _, n in allowed if b == a}, key=lambda n: _distance(vectors[a], vectors[n]))
        expected.append((a, far, near))
    assert listed(triplets.hardest(vectors, ITEMS, street)) == expected


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("street", [None, STREET], ids=["one domain", "across"])
def test_semi_hard_is_the_nearest_negative_beyond_the_positive(street, seed: int) -> None:
    vectors, allowed = _vectors(seed=seed), naive_every(ITEMS, street)
    expected = []
    for a, p in sorted({(a, p) for a, p, _ in allowed}):
        negatives = {n: _distance(vectors[a], vectors[n]) for b, q, n in allowed if (b, q) == (a, p)}
        beyond = [n for n, apart in negatives.items() if apart > _distance(vectors[a], vectors[p])]
        expected.append((a, p, min(beyond, key=negatives.get) if beyond else max(negatives, key=negatives.get)))
    assert listed(triplets.semi_hard(vectors, ITEMS, street)) == expected


def test_harder_triplets_cost_more() -> None:
    vectors = _vectors(40, 6, seed=2)
    items = torch.arange(40) % 8
    mean = {
        name: float(triplets.of_rows(vectors, found, 0.3))
        for name, found in (
            ("every", triplets.every(items)),
            ("semi-hard", triplets.semi_hard(vectors, items)),
            ("hardest", triplets.hardest(vectors, items)),
        )
    }
    assert mean["every"] < mean["hardest"]
    assert mean["semi-hard"] < mean["hardest"]


@pytest.mark.parametrize("street", [None, STREET], ids=["one domain", "across"])
def test_random_draws_each_allowed_negative_alike(street) -> None:
    torch.manual_seed(0)
    allowed = naive_every(ITEMS, street)
    pairs = sorted({(a, p) for a, p, _ in allowed})
    counts = dict.fromkeys(allowed, 0)
    for _ in range(600):
        found = listed(triplets.random(ITEMS, street))
        assert [(a, p) for a, p, _ in found] == pairs
        for each in found:
            counts[each] += 1
    for (a, p, _), count in counts.items():
        share = 600 / len([1 for b, q, _ in allowed if (b, q) == (a, p)])
        assert abs(count - share) < 5 * math.sqrt(share)


def test_the_same_seed_draws_the_same() -> None:
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        drawn.append(listed(triplets.random(ITEMS)))
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("squared", [False, True])
def test_pytorch_metric_learning_says_the_same(squared: bool) -> None:
    pytest.importorskip("pytorch_metric_learning")
    from pytorch_metric_learning import distances, miners, reducers
    from pytorch_metric_learning import losses as theirs

    vectors = _vectors(24, 6, seed=5)
    items = torch.arange(24) % 6
    # Its distance is the root of a matrix product; ours of the differences
    measure = distances.LpDistance(normalize_embeddings=False, power=2 if squared else 1)
    loss = theirs.TripletMarginLoss(0.3, distance=measure, reducer=reducers.MeanReducer())
    assert float(triplets.of_rows(vectors, triplets.every(items), 0.3, squared)) == pytest.approx(
        float(loss(vectors, items)), abs=1e-5
    )

    apart = distances.LpDistance(normalize_embeddings=False)
    hard = miners.BatchHardMiner(distance=apart)(vectors, items)
    assert sorted(listed(triplets.hardest(vectors, items))) == sorted(
        zip(*(rows.tolist() for rows in hard), strict=True)
    )

    # Theirs lists all semi-hard triplets within a margin, ours takes of each pair the nearest, however far it is
    semi = miners.TripletMarginMiner(100.0, distance=apart, type_of_triplets="semihard")(vectors, items)
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for a, p, n in zip(*(rows.tolist() for rows in semi), strict=True):
        best[a, p] = min(best.get((a, p), (math.inf, -1)), (_distance(vectors[a], vectors[n]), n))
    ours = {(a, p): n for a, p, n in listed(triplets.semi_hard(vectors, items))}
    assert len(best) > 20
    assert {pair: n for pair, (_, n) in best.items()} == {pair: ours[pair] for pair in best}

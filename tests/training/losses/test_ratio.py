"""StyleNet's losses: against naive loops, against another library, by their gradients and by their directions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from wearabouts.training.losses.ratio import ratio, two_way


def features(seed: int, count: int = 5, dim: int = 7) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    one, two, three = torch.randn((3, count, dim), generator=generator, dtype=torch.float64)
    return one.requires_grad_(), two.requires_grad_(), three.requires_grad_()


def test_the_ratio_is_the_naive_softmax_of_two_distances() -> None:
    anchor, similar, dissimilar = features(0)
    total = 0.0
    for f, plus, minus in zip(anchor.tolist(), similar.tolist(), dissimilar.tolist(), strict=True):
        p, n = math.dist(f, plus), math.dist(f, minus)
        d_plus, d_minus = (math.exp(d) / (math.exp(p) + math.exp(n)) for d in (p, n))
        total += 0.5 * (d_plus**2 + (1 - d_minus) ** 2)
    assert ratio(anchor, similar, dissimilar).item() == pytest.approx(total / 5, abs=1e-12)


def test_the_ratio_is_what_the_smooth_triplet_loss_of_another_library_says() -> None:
    """softplus(p - n) = -log d-, and d+ = 1 - d-."""
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    distances = pytest.importorskip("pytorch_metric_learning.distances")
    reducers = pytest.importorskip("pytorch_metric_learning.reducers")
    smooth = losses.TripletMarginLoss(
        margin=0,
        smooth_loss=True,
        distance=distances.LpDistance(normalize_embeddings=False, p=2, power=1),
        reducer=reducers.DoNothingReducer(),
    )
    vectors = torch.cat(features(1)).detach()
    n = torch.arange(5)
    theirs = smooth(vectors, torch.arange(15), (n, n + 5, n + 10))["loss"]["losses"]
    expected = (1 - torch.exp(-theirs)).square().mean()
    assert ratio(*vectors.split(5)).item() == pytest.approx(expected.item(), abs=1e-9)


def test_the_gradient_is_the_stated_one() -> None:
    anchor, similar, dissimilar = features(2, count=1)
    ratio(anchor, similar, dissimilar).backward()
    with torch.no_grad():
        p, n = (anchor - similar).norm(), (anchor - dissimilar).norm()
        d_plus = torch.sigmoid(p - n)
        slope = 2 * d_plus**2 * (1 - d_plus)
        towards, away = (anchor - similar) / p, (anchor - dissimilar) / n
    assert torch.allclose(similar.grad, -slope * towards, atol=1e-12)
    assert torch.allclose(dissimilar.grad, slope * away, atol=1e-12)
    assert torch.allclose(anchor.grad, slope * (towards - away), atol=1e-12)
    assert torch.autograd.gradcheck(ratio, features(3, count=2))


def test_equal_distances_cost_a_quarter_and_a_better_triplet_costs_less() -> None:
    anchor = torch.zeros(1, 2)
    far = torch.tensor([[3.0, 4.0]])
    assert ratio(anchor, far, far.flip(1)).item() == pytest.approx(0.25)
    costs = [ratio(anchor, torch.tensor([[p, 0.0]]), far).item() for p in (0.0, 1.0, 4.0, 6.0, 9.0)]
    assert costs == sorted(costs)
    assert costs[0] == pytest.approx((1 / (1 + math.exp(5))) ** 2, abs=1e-7)
    assert costs[0] < 1e-4
    assert costs[-1] > 0.96


def test_photos_that_are_the_same_give_no_nan() -> None:
    same = torch.ones(2, 3, requires_grad=True)
    ratio(same, same.detach().clone(), same.detach().clone()).backward()
    assert same.grad is not None
    assert not same.grad.any()


def test_huge_distances_stay_finite() -> None:
    anchor, far = torch.zeros(1, 1, requires_grad=True), torch.tensor([[1e4]])
    loss = ratio(anchor, far, torch.zeros(1, 1))
    loss.backward()
    assert loss.item() == pytest.approx(1)
    assert anchor.grad is not None
    assert bool(anchor.grad.isfinite().all())


def naive(scores: Tensor, tags: Tensor, yes: list[float]) -> float:
    total, known = 0.0, 0
    for photo, answers in zip(scores.tolist(), tags.tolist(), strict=True):
        for t, answer in enumerate(answers):
            if answer:
                x0, x1 = photo[t]
                weight = yes[t] if answer == 1 else 1.0
                total += weight * (math.log(math.exp(x0) + math.exp(x1)) - (x1 if answer == 1 else x0))
                known += 1
    return total / known


@pytest.fixture
def scores() -> Tensor:
    return torch.randn((3, 4, 2), generator=torch.Generator().manual_seed(4), dtype=torch.float64).requires_grad_()


TAGS = torch.tensor([[1, -1, -1, 1], [-1, -1, 1, 0], [0, 1, -1, 0]])


@pytest.mark.parametrize("yes", [None, [1.0, 5.0, 2.0, 0.5]])
def test_two_way_is_the_naive_loop(scores: Tensor, yes: list[float] | None) -> None:
    found = two_way(scores, TAGS, None if yes is None else torch.tensor(yes, dtype=torch.float64))
    assert found.item() == pytest.approx(naive(scores, TAGS, yes or [1.0] * 4), abs=1e-12)


def test_two_way_with_every_tag_known_is_the_papers_mean(scores: Tensor) -> None:
    tags = torch.where(TAGS == 0, -1, TAGS)
    each = torch.logsumexp(scores, 2) - scores.gather(2, (tags > 0).long()[:, :, None])[:, :, 0]
    assert two_way(scores, tags).item() == pytest.approx(each.sum(1).div(4).mean().item(), abs=1e-12)


def test_two_way_is_the_binary_cross_entropy_of_the_difference(scores: Tensor) -> None:
    z, known = scores[:, :, 1] - scores[:, :, 0], TAGS != 0
    expected = torch.nn.functional.binary_cross_entropy_with_logits(z[known], (TAGS > 0).to(z.dtype)[known])
    assert two_way(scores, TAGS).item() == pytest.approx(expected.item(), abs=1e-12)


def test_the_gradient_of_two_way_is_the_formula_and_nothing_for_the_unknown(scores: Tensor) -> None:
    two_way(scores, TAGS).backward()
    sure = torch.sigmoid((scores[:, :, 1] - scores[:, :, 0]).detach())
    expected = torch.where(TAGS == 0, 0, sure - (TAGS > 0).to(sure.dtype)) / 9
    assert scores.grad is not None
    assert torch.allclose(scores.grad[:, :, 1], expected, atol=1e-12)
    assert torch.allclose(scores.grad[:, :, 0], -expected, atol=1e-12)


def test_a_batch_of_unknowns_costs_nothing(scores: Tensor) -> None:
    loss = two_way(scores, torch.zeros_like(TAGS))
    loss.backward()
    assert loss.item() == 0
    assert scores.grad is not None
    assert not scores.grad.any()


def test_a_surer_right_answer_costs_less_and_a_weight_only_touches_yes() -> None:
    tags = torch.tensor([[1, -1]])
    sure = [two_way(torch.tensor([[[0.0, z], [z, 0.0]]]), tags).item() for z in (-2.0, 0.0, 2.0, 9.0)]
    assert sure == sorted(sure, reverse=True)
    assert sure[1] == pytest.approx(math.log(2))
    no = torch.tensor([[-1, -1]])
    level = torch.zeros(1, 2, 2)
    assert two_way(level, no, torch.full((2,), 50.0)).item() == pytest.approx(math.log(2))

"""Losses against naive loops, in direction, and silent about what is not known."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from wearabouts.training import losses


def _unit(*shape: int, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def naive_contrastive(queries, keys, query_items, key_items, temperature):
    total, counted = 0.0, 0
    for query, item in zip(queries, query_items, strict=True):
        scores = [math.exp(float(query @ key) / temperature) for key in keys]
        positives = [k for k, other in enumerate(key_items) if int(other) == int(item)]
        if not positives:
            continue
        counted += 1
        total += -sum(math.log(scores[k] / sum(scores)) for k in positives) / len(positives)
    return total / max(counted, 1)


def test_contrastive_is_the_formula() -> None:
    queries, keys = _unit(6, 5), _unit(9, 5, seed=1)
    query_items, key_items = torch.tensor([0, 1, 1, 2, 7, 3]), torch.tensor([0, 0, 1, 2, 2, 2, 3, 4, 5])
    got = losses.contrastive(queries, keys, query_items, key_items, 0.1)
    assert float(got) == pytest.approx(naive_contrastive(queries, keys, query_items, key_items, 0.1), abs=1e-5)


def test_contrastive_without_a_positive_is_zero_and_gives_no_gradient() -> None:
    queries = _unit(3, 4).requires_grad_()
    loss = losses.contrastive(queries, _unit(2, 4, seed=1), torch.tensor([0, 1, 2]), torch.tensor([8, 9]), 0.1)
    loss.backward()
    assert float(loss.detach()) == 0
    assert float(queries.grad.abs().max()) == 0


def test_a_nearer_positive_costs_less() -> None:
    key = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    items = torch.tensor([0, 1])
    cost = []
    for angle in (0.1, 0.4, 0.9):
        query = torch.tensor([[math.cos(angle), math.sin(angle)]])
        cost.append(float(losses.contrastive(query, key, items[:1], items, 0.2)))
    assert cost[0] < cost[1] < cost[2]


def test_across_sides_never_pairs_photos_of_one_side() -> None:
    vectors, items = _unit(6, 4), torch.tensor([0, 0, 1, 1, 2, 2])
    street = torch.tensor([True, False] * 3)
    expected = (
        naive_contrastive(vectors[street], vectors[~street], items[street], items[~street], 0.2)
        + naive_contrastive(vectors[~street], vectors[street], items[~street], items[street], 0.2)
    ) / 2
    assert float(losses.across_sides(vectors, items, street, 0.2)) == pytest.approx(expected, abs=1e-5)


def test_among_views_leaves_the_photo_itself_out() -> None:
    vectors, items = _unit(5, 4), torch.tensor([0, 0, 1, 1, 9])
    total = 0.0
    for i in range(4):
        others = [j for j in range(5) if j != i]
        scores = {j: math.exp(float(vectors[i] @ vectors[j]) / 0.2) for j in others}
        twin = next(j for j in others if items[j] == items[i])
        total += -math.log(scores[twin] / sum(scores.values()))
    assert float(losses.among_views(vectors, items, 0.2)) == pytest.approx(total / 4, abs=1e-5)


def test_unknown_labels_give_no_gradient() -> None:
    logits = torch.randn(3, 4, generator=torch.Generator().manual_seed(2)).requires_grad_()
    loss = losses.classes(logits, torch.tensor([1, -1, 3]))
    loss.backward()
    known = logits.detach()[[0, 2]]
    expected = -(known.log_softmax(1)[0, 1] + known.log_softmax(1)[1, 3]) / 2
    assert float(loss.detach()) == pytest.approx(float(expected), abs=1e-6)
    assert float(logits.grad[1].abs().max()) == 0
    assert float(logits.grad[0].abs().max()) > 0


def test_a_batch_of_unknown_labels_is_zero_not_nan() -> None:
    logits = torch.randn(3, 4).requires_grad_()
    loss = losses.classes(logits, torch.tensor([-1, -1, -1])) + losses.focus(
        logits.reshape(3, 2, 2), torch.full((3, 2, 2), math.nan)
    )
    loss.backward()
    assert float(loss.detach()) == 0
    assert float(logits.grad.abs().max()) == 0


def test_focus_prefers_the_garment() -> None:
    mask = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    right = torch.where(mask > 0.5, 4.0, -4.0)
    assert float(losses.focus(right, mask)) < float(losses.focus(-right, mask))


def test_relations_are_zero_only_when_the_geometry_is_kept() -> None:
    teacher = _unit(6, 8)
    turn = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(3)))[0]
    assert float(losses.relations(teacher @ turn, teacher)) == pytest.approx(0, abs=1e-10)
    assert float(losses.relations(_unit(6, 8, seed=4), teacher)) > 0.01

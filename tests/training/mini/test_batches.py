"""Batches: pairs across sides, families together, the same again for the same step."""

from __future__ import annotations

import numpy as np
import pytest

from wearabouts.training.mini.batches import Sampler
from wearabouts.training.mini.data import CLOTHING, DRAWN, GROCERY
from wearabouts.training.mini.features import Features
from wearabouts.training.mini.recipe import Steps


@pytest.fixture
def features() -> Features:
    rows = []  # domain, item, street, family, original
    for photo in range(6):
        for item in (2 * photo, 2 * photo + 1):
            rows += [(CLOTHING, item, side, photo, side == 0 and item % 2 == 0) for side in (0, 1, 1)]
    for item in range(4):
        rows += [(GROCERY, 100 + item, side, -1, True) for side in (0, 1, 1, 1)]
    for item in range(8):
        rows += [(DRAWN, 200 + item, side, item // 4, False) for side in (0, 0, 0, 1, 1)]
    rows.append((CLOTHING, 99, 1, 50, False))  # a street view without a shop view: never drawn
    domain, item, street, family, original = (np.array(column) for column in zip(*rows, strict=True))
    count = len(rows)
    blank = np.zeros((count, 1), np.float16)
    return Features(
        blank, blank, blank, blank, domain, item, street.astype(bool), family, np.full(count, -1),
        np.full((count, 5), -1), np.zeros((count, 2, 2), np.float32), original.astype(bool),
    )  # fmt: skip


def _sampler(features: Features, seed: int = 0) -> Sampler:
    return Sampler(features, Steps(clothing=8, grocery=4, drawn=4, originals=5), seed)


def test_every_item_of_a_batch_has_both_sides(features: Features) -> None:
    sampler = _sampler(features)
    for step in range(20):
        batch = sampler.batch(step)
        for rows, domain in ((batch.clothing, CLOTHING), (batch.grocery, GROCERY), (batch.drawn, DRAWN)):
            assert set(features.domain[rows]) == {domain}
            for item in set(features.item[rows]):
                sides = features.street[rows[features.item[rows] == item]]
                assert sides.any()
                assert not sides.all()
        assert 99 not in features.item[batch.rows]
        assert features.original[batch.originals].all()
        assert len(set(batch.originals)) == 5


def test_a_step_gives_the_same_batch_in_another_sampler_and_another_for_another_seed(features: Features) -> None:
    first, again, other = _sampler(features), _sampler(features), _sampler(features, seed=1)
    first.batch(0)  # what was drawn before does not matter
    assert np.array_equal(first.batch(7).rows, again.batch(7).rows)
    assert not np.array_equal(first.batch(7).rows, other.batch(7).rows)


def test_drawn_products_come_with_their_family_and_clothing_sometimes_with_its_twin(features: Features) -> None:
    sampler = _sampler(features)
    twins = 0
    for step in range(40):
        batch = sampler.batch(step)
        assert len(set(features.family[batch.drawn])) == 1  # four of a family of four fill the batch
        items = set(features.item[batch.clothing].tolist())
        twins += any(item % 2 == 0 and item + 1 in items for item in items)
    assert 5 < twins <= 40

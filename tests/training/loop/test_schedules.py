"""Rates at single steps, computed by hand."""

from __future__ import annotations

import math

import pytest

from wearabouts.training.loop.recipe import Steps
from wearabouts.training.loop.schedules import share


@pytest.mark.parametrize(
    ("steps", "at", "expected"),
    [
        ({"schedule": "constant"}, 0, 1.0),
        ({"schedule": "constant"}, 99, 1.0),
        # Ten steps of warm-up: a tenth more each.
        ({"schedule": "constant", "warm_up": 0.1}, 0, 0.1),
        ({"schedule": "constant", "warm_up": 0.1}, 4, 0.5),
        ({"schedule": "constant", "warm_up": 0.1}, 9, 1.0),
        ({"schedule": "constant", "warm_up": 0.1}, 10, 1.0),
        ({"schedule": "line"}, 0, 1.0),
        ({"schedule": "line"}, 25, 0.75),
        ({"schedule": "line"}, 99, 0.01),
        ({"schedule": "line", "warm_up": 0.2}, 60, 0.5),  # 40 of the 80 steps after the warm-up
        ({"schedule": "cosine"}, 0, 1.0),
        ({"schedule": "cosine"}, 50, 0.5),
        ({"schedule": "cosine"}, 25, (2 + math.sqrt(2)) / 4),
        ({"schedule": "cosine", "warm_up": 0.5}, 75, 0.5),
        ({"schedule": "step", "drop_every": 30, "drop_by": 0.1}, 29, 1.0),
        ({"schedule": "step", "drop_every": 30, "drop_by": 0.1}, 30, 0.1),
        ({"schedule": "step", "drop_every": 30, "drop_by": 0.5}, 95, 0.125),
        ({"schedule": "step"}, 95, 1.0),
        ({"schedule": "constant", "drop_every": 30}, 95, 1.0),
    ],
)
def test_shares_by_hand(steps: dict[str, object], at: int, expected: float) -> None:
    assert share(at, Steps(count=100, **steps)) == pytest.approx(expected)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "step", "line"])
@pytest.mark.parametrize("warm_up", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("count", [1, 2, 10])
def test_a_rate_is_never_nothing_nor_more_than_all(schedule: str, warm_up: float, count: int) -> None:
    steps = Steps(count=count, schedule=schedule, warm_up=warm_up, drop_every=2)
    assert all(0 < share(step, steps) <= 1 for step in range(count))

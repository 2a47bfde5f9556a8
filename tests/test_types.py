"""The nouns check themselves when they are made, and become plain data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from wearabouts.types import Box, Encoding, Ranking, as_dict


@pytest.mark.parametrize("values", [(0, 0, 0, 5), (0, 0, 5, -1), (float("nan"), 0, 5, 5), (0, 0, float("inf"), 5)])
def test_a_box_without_an_inside_is_refused(values):
    with pytest.raises(ValueError, match="positive width and height"):
        Box(*values)


def test_clipping_keeps_what_lies_inside_and_nothing_below_a_pixel():
    assert Box(-10, 5, 30, 100).clipped(15, 50) == Box(0, 5, 15, 45)
    assert Box(14.5, 0, 10, 10).clipped(15, 50) is None
    assert Box(20, 0, 10, 10).clipped(15, 50) is None


def test_a_ranking_never_rises():
    with pytest.raises(ValueError, match="must not rise"):
        Ranking(("a", "b"), ("p", "q"), np.array([0.1, 0.2], np.float32))
    with pytest.raises(ValueError, match="one length"):
        Ranking(("a",), ("p", "q"), np.array([0.2, 0.1], np.float32))
    assert Ranking(("a", "b", "c"), ("p", "q", "p"), np.array([0.3, 0.2, 0.2], np.float32)).distinct() == 2


def test_a_judged_ranking_may_rise_in_similarity_but_not_in_what_was_judged():
    ids, similarity, none = ("a", "b"), np.array([0.1, 0.2], np.float32), np.nan
    for values in ([0.5, 0.5], [0.5, none], [none, none]):
        assert len(Ranking(ids, ids, similarity, logit=np.array(values, np.float32))) == 2
    for values in ([0.4, 0.5], [none, 0.5], [0.5]):
        for name in ("logit", "probability"):
            with pytest.raises(ValueError, match=name):
                Ranking(ids, ids, similarity, **{name: np.array(values, np.float32)})


def test_vectors_are_a_float32_matrix():
    with pytest.raises(ValueError, match="float32"):
        Encoding(np.zeros((2, 3)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="float32"):
        Encoding(np.zeros(3, np.float32))
    assert len(Encoding(np.zeros((2, 3), np.float32))) == 2


def test_anything_becomes_what_json_can_hold():
    plain = as_dict(
        {
            1: Box(1, 2, 3, 4),
            "numbers": (np.float32(0.25), np.int64(3), float("nan"), float("-inf"), 1 / 3),
            "array": np.arange(4).reshape(2, 2),
            "others": [True, None, Path("a/b"), {"x"}],
        }
    )
    assert json.loads(json.dumps(plain, allow_nan=False)) == {
        "1": {"left": 1, "top": 2, "width": 3, "height": 4},
        "numbers": [0.25, 3, None, None, 0.333333],
        "array": [[0, 1], [2, 3]],
        "others": [True, None, "a/b", ["x"]],
    }

"""Held-out rows measured: counted by hand, perfect and worst answers, and rows of which nothing is known."""

from __future__ import annotations

import numpy as np
import pytest

from wearabouts.training.data.supervision import Supervision
from wearabouts.training.data.validation import labels, retrieval
from wearabouts.training.data.vocabulary import Vocabulary


def held(product, street, *, category=None, attributes=None) -> Supervision:
    count = len(product)
    return Supervision(
        pixels=np.zeros((count, 16, 16, 3), np.uint8),
        product=np.array(product, np.int64),
        street=np.array(street, np.bool_),
        category=np.array(category if category else [-1] * count, np.int64),
        attributes=np.array(attributes if attributes else [[-1, -1]] * count, np.int64).reshape(count, -1),
        tags=np.zeros((count, 0), np.int8),
        landmarks=np.full((count, 8, 3), np.nan, np.float32),
        vocabulary=Vocabulary(("a", "b", "c", "d"), True, {"color": ("red", "blue"), "fit": ("x", "y", "z")}, ()),
    )


def at(*degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return np.stack((np.cos(angle), np.sin(angle)), axis=1).astype(np.float32)


def test_products_are_ranked_by_their_nearest_photo():
    # Shop: product 0 at 0° and 100°, product 1 at 40°, product 2 at 200°. Street: product 0 at 95° (first, by its
    # photo at 100°), product 1 at 10° (second, behind product 0), product 7 has no shop photo and is not asked.
    rows = held([0, 0, 1, 2, 0, 1, 7], [False, False, False, False, True, True, True])
    assert retrieval(at(0, 100, 40, 200, 95, 10, 0), rows) == pytest.approx(
        {"R@1": 0.5, "R@10": 1.0, "mAP": (1 + 0.5) / 2}
    )


def test_the_right_answer_last_of_many():
    rows = held([*range(12), 0], [*[False] * 12, True])
    vectors = at(180, *range(10, 21), 0)
    assert retrieval(vectors, rows) == pytest.approx({"R@1": 0, "R@10": 0, "mAP": 1 / 12})
    vectors[0] = vectors[12]
    assert retrieval(vectors, rows) == pytest.approx({"R@1": 1, "R@10": 1, "mAP": 1})


def test_photos_of_one_side_ask_for_one_another_and_never_for_themselves():
    rows = held([0, 0, 0, 1, 1, 2], [False] * 6)
    # 0° and 5° ask for each other first and for 90° last of 5; 90° is nearest to 80° (product 1) and 70° (product 1).
    figures = retrieval(at(0, 5, 90, 80, 70, 40), rows)
    by_hand = {
        0: (1 + 2 / 5) / 2,  # 5°, then 40, 70, 80, then 90°
        5: (1 + 2 / 5) / 2,
        90: (1 / 4 + 2 / 5) / 2,  # 80, 70, 40, then 5°, 0°
        80: 1 / 2,  # 90° and 70° are as near: the first of the rows, 90°, comes first
        70: 1.0,
    }
    assert figures["mAP"] == pytest.approx(np.mean(list(by_hand.values())), abs=1e-6)
    assert retrieval(at(0, 10), held([0, 1], [False, False])) == {}


def test_labels_count_where_they_are_known():
    rows = held([0, 1, 2, 3], [False] * 4, category=[0, 1, -1, 3], attributes=[[0, -1], [1, -1], [-1, -1], [0, -1]])
    scores = np.array([[9, 1, 0, 0], [3, 0, 2, 1], [0, 0, 0, 9], [0, 1, 2, 3]], np.float32)
    colours = np.array([[1, 0], [1, 0], [1, 0], [1, 0]], np.float32)
    figures = labels(rows, scores, {"color": colours, "fit": np.zeros((4, 3), np.float32)})
    assert figures == pytest.approx(
        {"category": 2 / 3, "category top-3": 2 / 3, "color": 2 / 3, "attributes": 2 / 3}
    )  # nobody knows the fit of any
    assert labels(rows) == {}
    assert labels(held([0], [True]), np.zeros((1, 4), np.float32)) == {}

"""From what people said to what is known of a shortlist."""

from __future__ import annotations

import numpy as np
import pytest

from wearabouts.answers import Answers
from wearabouts.calibrating.asking import Question, questions, shortlist_of
from wearabouts.catalog import Photo

LOGITS = {"a": 2.0, "b": 1.0, "c": -1.0}


def photo(name: str) -> Photo:
    return Photo(name, f"/asked/{name}", "street")


def known(same=(), different=(), logits=LOGITS):
    return shortlist_of(Question(photo("q"), list(same), list(different)), logits, "dress")


def test_what_was_said_is_gathered_photo_by_photo():
    said = Answers({"a": [photo("q2")], "gone": [photo("q1")]}, [(photo("q2"), "b"), (photo("q1"), "c")])
    first, second = questions(said, {"a", "b", "c"})
    assert (first.photo.id, first.same, first.different) == ("q1", [], ["c"])
    assert (second.photo.id, second.same, second.different) == ("q2", ["a"], ["b"])


def test_yes_is_the_right_candidate_and_its_product_the_item():
    found = known(same=["b"], different=["a"])
    assert (found.same, found.carried, found.different, found.item, found.category) == (1, True, (), "b", "dress")
    np.testing.assert_array_equal(found.logits, np.float32([2, 1, -1]))


def test_yes_of_a_product_that_was_not_judged_lies_beyond_the_shortlist():
    found = known(same=["z"])
    assert (found.same, found.carried, found.item, len(found.logits)) == (None, True, "z", 3)


def test_no_rules_out_and_leaves_open_whether_the_item_is_there():
    found = known(different=["a", "c", "z"])
    assert (found.same, found.carried, found.different) == (None, None, (0, 2))
    assert found.item == "?/asked/q"
    assert found.tells
    assert not known(different=["z"]).tells


def test_of_one_item_under_two_ids_the_likelier_counts_and_the_other_does_not_compete():
    found = known(same=["b", "c"])
    np.testing.assert_array_equal(found.logits, np.float32([2, 1]))
    assert (found.same, found.item) == (1, "b")
    assert len(found.without().logits) == 1


@pytest.mark.parametrize("same", [[], ["a"]])
def test_a_shop_with_nothing_to_judge_has_an_empty_shortlist(same):
    found = known(same=same, different=["b"], logits={})
    assert len(found.logits) == 0
    assert found.tells == bool(same)

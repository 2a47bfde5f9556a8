"""Shortlists weighed and asked: what stage two says, worked out by hand."""

import numpy as np
import pytest

from fakes import TinyEncoder, TinyJudge, tiny_calibration
from wearabouts.evaluation.ranking import rank
from wearabouts.evaluation.verified import Asked, Shelved, reach, verified, weighed
from wearabouts.evaluation.verified.outcomes import reranked
from wearabouts.verifiers import Evidence

DIM = TinyEncoder.dim


class BackwardsJudge(TinyJudge):
    """Believes in what is least alike."""

    def logits(self, signals):
        return -super().logits(signals)


def unit(*numbers):
    row = np.zeros(DIM, np.float32)
    row[: len(numbers)] = numbers
    return row / np.linalg.norm(row)


SHOP = np.stack([unit(1, 0), unit(1, 0.2), unit(1, 0.5), unit(0, 1), unit(0, 1, 0.1)])
PRODUCTS = ("a", "b", "c", "d", "d")
QUERIES = np.stack([unit(1, 0.05), unit(0.1, 1)])
TRUTHS = ("b", "d")


def asked_of(judge, judged):
    near = rank(QUERIES, SHOP, TRUTHS, PRODUCTS, items=PRODUCTS, shown=1)
    ranked = rank(QUERIES, SHOP, TRUTHS, PRODUCTS, items=PRODUCTS, shown=reach(judged, near.ranks))
    asked = Asked(Evidence(QUERIES), (None, "dress"))
    shelved = Shelved(Evidence(SHOP), PRODUCTS, PRODUCTS)
    return weighed(judge, asked, shelved, TRUTHS, ranked), ranked


def test_a_shortlist_holds_every_photo_of_its_products_in_the_order_of_stage_one():
    judge = TinyJudge()
    lists, ranked = asked_of(judge, 2)
    assert [len(short) for short in lists] == [3, 3]  # two judged, and one more for when the item is taken away
    assert lists[0].right.tolist() == [False, True, False]
    assert lists[1].right.tolist() == [True, False, False]
    assert lists[1].owner.tolist() == [0, 0, 1, 2]  # d has two photos
    assert np.allclose(lists[0].signals[:, 0], SHOP[:3] @ QUERIES[0])
    assert np.allclose(lists[0].similarity, SHOP[:3] @ QUERIES[0], atol=1e-6)
    assert judge.calls == [(3, None), (4, "dress")]
    assert [row.tolist() for row in ranked.ranks] == [[2], [1]]


def test_what_is_taken_away_leaves_as_many_to_judge():
    lists, _ = asked_of(TinyJudge(), 2)
    without = lists[0].without().first(2)
    assert len(without) == 2
    assert not without.right.any()
    assert np.allclose(without.similarity, SHOP[[0, 2]] @ QUERIES[0], atol=1e-6)
    assert lists[1].without().owner.tolist() == [0, 1]
    assert lists[1].first(1).owner.tolist() == [0, 0]


def test_probabilities_are_those_of_the_calibration_and_the_order_is_the_judges():
    judge, calibration = TinyJudge(), tiny_calibration()
    lists, ranked = asked_of(judge, 2)
    said = verified(lists, ranked.ranks, judge, calibration, judged=2, share=1.0)
    logits = 20 * (SHOP[:2] @ QUERIES[0] - 0.9)
    expected = calibration.probabilities(logits, share=1.0)
    assert np.allclose(said.probability[said.owner == 0], expected.same, atol=1e-4)
    assert said.hit.tolist() == [False, True]
    assert said.first[0] == pytest.approx(expected.same[0], abs=1e-4)
    assert said.carried.tolist() == [1.0, 1.0]  # a closed shop: every item is in it
    assert [row.tolist() for row in said.ranks] == [[2], [1]]
    # the two photos of d are one product: the mean of their likelihood ratios
    both = 20 * (SHOP[3:] @ QUERIES[1] - 0.9)
    pooled = np.log(np.exp(both).mean())
    third = 20 * (SHOP[2] @ QUERIES[1] - 0.9)
    alone = calibration.probabilities(np.array([pooled, third], np.float32), share=1.0)
    assert np.allclose(said.probability[said.owner == 1], alone.same, atol=1e-4)


def test_a_judge_that_turns_the_order_round_moves_only_what_it_judged():
    judge = BackwardsJudge()
    lists, ranked = asked_of(judge, 2)
    said = verified(lists, ranked.ranks, judge, tiny_calibration(), judged=2, share=1.0)
    assert [row.tolist() for row in said.ranks] == [[1], [2]]
    assert said.hit.tolist() == [True, False]
    one = verified(lists, ranked.ranks, judge, tiny_calibration(), judged=1, share=1.0)
    assert [row.tolist() for row in one.ranks] == [[2], [1]]


def test_an_item_that_is_gone_is_less_likely_in_the_shop():
    judge = TinyJudge()
    lists, ranked = asked_of(judge, 2)
    there, gone = (
        verified(lists, ranked.ranks, judge, tiny_calibration(), judged=2, share=0.5, removed=removed)
        for removed in (False, True)
    )
    assert not gone.right.any()
    assert not gone.hit.any()
    assert gone.carried[1] < there.carried[1]
    assert gone.nearest[1] < there.nearest[1]
    # a is nearer to the first query than its own product b: taking b away changes nothing of what stage one sees
    assert gone.nearest[0] == there.nearest[0]


def test_another_weighing_of_the_same_signals():
    judge = TinyJudge()
    lists, ranked = asked_of(judge, 2)
    said = verified(
        lists, ranked.ranks, judge, tiny_calibration(), judged=2, share=1.0, weighing=lambda rows: -rows[:, 0]
    )
    assert said.hit.tolist() == [True, False]


def test_a_shop_that_held_the_item_only_leaves_nothing_to_say():
    judge = TinyJudge()
    ranked = rank(QUERIES[:1], SHOP[:1], ["a"], ["a"], items=["a"], shown=2)
    lists = weighed(
        judge, Asked(Evidence(QUERIES[:1]), (None,)), Shelved(Evidence(SHOP[:1]), ["a"], ["a"]), ["a"], ranked
    )
    gone = verified(lists, ranked.ranks, judge, tiny_calibration(), judged=1, share=0.5, removed=True)
    assert (gone.first.tolist(), gone.hit.tolist(), gone.nearest.tolist()) == ([0.0], [False], [-1.0])
    assert len(gone.probability) == 0


def test_ranks_after_stage_two():
    assert reranked(np.array([2, 3, 9]), np.array([False, False, False, True, True])).tolist() == [4, 5, 9]
    assert reranked(np.array([7]), np.zeros(5, bool)).tolist() == [7]

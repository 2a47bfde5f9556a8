"""The judge of a bundle: each signal by hand, photos without evidence, kept halves, hashes, and what pooling means."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

import judged
from wearabouts import bundles
from wearabouts.errors import BundleError, QueryError
from wearabouts.verifiers import Judge, PairVerifier, half_kind, layout_of, open_judge
from wearabouts.verifiers.judge import agreement, label_blocks, pooled, sure


@pytest.fixture(scope="module")
def made() -> bundles.Bundle:
    return judged.whole()


@pytest.fixture(scope="module")
def judge(made: bundles.Bundle) -> Judge:
    return Judge(made, threads=1)


@pytest.mark.parametrize(("category", "number"), [(None, None), ("dresses", 0), ("skirts", 1), ("tops", 2)])
def test_each_signal_is_what_pytorch_says(judge: Judge, category: str | None, number: int | None) -> None:
    query, shop = judged.seen(1, 1), judged.seen(6, 2)
    street, vectors = (torch.from_numpy(part.vectors) for part in (query, shop))
    net, local = judged.pair_network(), judged.local_network()
    with torch.inference_mode():
        every, own = (net.logits(street.expand(6, -1), vectors, which) for which in (None, number))
        regions = local(torch.from_numpy(query.regions).expand(6, -1, -1), torch.from_numpy(shop.regions))
    found = dict(zip(judge.signals, judge.weigh(query, shop, category).T, strict=True))
    assert list(found) == ["similarity", "pair", "own", "local", "agreement", "sure"]
    assert np.allclose(found["pair"], (every[:, 1] - every[:, 0]).numpy(), atol=1e-5)
    assert np.allclose(found["own"], (own[:, 1] - own[:, 0]).numpy(), atol=1e-5)
    assert np.allclose(found["local"], regions.numpy(), atol=1e-5)
    a, b = query.labels / 255, shop.labels / 255
    by_hand = [((row[:2] * a[0, :2]).sum() + (row[2:] * a[0, 2:]).sum()) / 2 for row in b]
    assert np.allclose(found["agreement"], by_hand, atol=1e-6)
    likeliest = query.labels[0, :2].max() / 255  # of two garments: one half or more
    sure = min(1.0, (likeliest - 0.25) / (0.65 - 0.25))
    assert np.allclose(found.pop("sure"), sure, atol=1e-6)
    weighed = sum((judged.WEIGHTS[name] + sure * judged.SURELY.get(name, 0)) * of for name, of in found.items()) - 1.0
    assert np.allclose(judge.logits(judge.weigh(query, shop, category)), weighed, atol=1e-4)


def test_a_category_of_its_own_says_something_else(judge: Judge) -> None:
    """Of the three, skirts have no network of their own and are judged as all are."""
    query, shop = judged.seen(1, 1), judged.seen(6, 2)
    pair, own = judge.signals.index("pair"), judge.signals.index("own")
    for category, same in (("dresses", False), ("skirts", True), ("tops", False)):
        signals = judge.weigh(query, shop, category)
        assert np.allclose(signals[:, pair], signals[:, own], atol=1e-7) == same


def test_kept_halves_say_what_computed_ones_say(made: bundles.Bundle, judge: Judge) -> None:
    query, shop = judged.seen(1, 1), judged.seen(20, 2)
    halves = judge.pairs.half(shop.vectors)
    assert halves.dtype == np.float32
    assert halves.shape == (20, 48)
    computed = judge.weigh(query, shop, "tops")
    assert np.array_equal(judge.weigh(query, dataclasses.replace(shop, halves=halves), "tops"), computed)
    # A store keeps them in half precision, eleven bits: log-odds of these networks move by less than a hundredth.
    kept = halves.astype(np.float16).astype(np.float32)
    stored = judge.weigh(query, dataclasses.replace(shop, halves=kept), "tops")
    assert 0 < np.abs(stored - computed).max() < 0.01
    # They are taken, and not computed anew.
    other = judge.weigh(query, dataclasses.replace(shop, halves=halves[::-1]), "tops")
    pair = judge.signals.index("pair")
    assert not np.allclose(other[:, pair], computed[:, pair], atol=1e-3)
    assert judge.pairs.half_kind == half_kind(made.card) == f"half-{made.card.verifier.halves.sha256[:16]}"


def test_a_network_in_one_piece_has_no_halves() -> None:
    pairs = PairVerifier(judged.bundle(pairs="all"), threads=1)
    assert pairs.half_kind is None
    with pytest.raises(QueryError, match="in one piece"):
        pairs.half(judged.unit(2, judged.DIM))
    with pytest.raises(QueryError, match="halves are"):
        pairs.probabilities(judged.unit(judged.DIM), judged.unit(2, judged.DIM), halves=np.zeros((2, 8), np.float32))


def test_a_photo_written_before_evidence_existed_is_judged_by_its_vector(judge: Judge) -> None:
    """Zeros stand for what is not known: no regions that agree, no labels that do, and no candidate changes another."""
    query, shop = judged.seen(1, 1), judged.seen(5, 2)
    full = judge.weigh(query, shop, "tops")
    regions, labels = shop.regions.copy(), shop.labels.copy()
    regions[2], labels[2] = 0, 0
    found = judge.weigh(query, dataclasses.replace(shop, regions=regions, labels=labels), "tops")
    local, agree = judge.signals.index("local"), judge.signals.index("agreement")
    assert found[2, [local, agree]].tolist() == [0, 0]
    assert np.allclose(np.delete(found, 2, axis=0), np.delete(full, 2, axis=0), atol=1e-6)
    assert np.allclose(found[2, :local], full[2, :local], atol=1e-6)
    blind = dataclasses.replace(query, regions=np.zeros_like(query.regions), labels=np.zeros_like(query.labels))
    assert not judge.weigh(blind, shop)[:, [local, agree]].any()


def test_what_is_missing_or_has_another_shape_is_refused(judge: Judge) -> None:
    query, shop = judged.seen(1, 1), judged.seen(5, 2)
    for changed, said in (
        ({"regions": None}, "regions of the shop are missing"),
        ({"regions": shop.regions[:, :3]}, "regions of the shop are"),
        ({"regions": shop.regions.astype(np.int16)}, "give int8"),
        ({"labels": None}, "labels of the shop are missing"),
        ({"labels": shop.labels[:, :4]}, "labels of the shop are"),
        ({"halves": np.zeros((5, 9), np.float32)}, "halves are"),
    ):
        with pytest.raises(QueryError, match=said):
            judge.weigh(query, dataclasses.replace(shop, **changed))
    with pytest.raises(QueryError, match="labels of the query are missing"):
        judge.weigh(dataclasses.replace(query, labels=None), shop)


def test_a_bundle_gives_the_signals_it_can() -> None:
    weights = bundles.Judge(weights={"similarity": 2.0})
    bare = Judge(judged.bundle(judge=weights, garments=(), attributes={}), threads=1)
    assert bare.signals == ("similarity",)
    unsorted = Judge(judged.bundle(judge=weights, garments=()), threads=1)
    assert unsorted.signals == ("similarity", "agreement")
    assert bare.layout.size == 0
    query, shop = judged.seen(1, 1), judged.seen(5, 2)
    assert np.allclose(bare.logits(bare.weigh(query, shop)), 2 * (shop.vectors @ query.vectors[0]), atol=1e-6)
    three = [dataclasses.replace(part, labels=part.labels[:, 2:]) for part in (query, shop)]
    assert np.allclose(unsorted.weigh(*three)[:, 1], agreement(three[0].labels[0], three[1].labels, (3,)))
    paired = Judge(judged.bundle(judge=weights, pairs="last"), threads=1)
    assert paired.signals == ("similarity", "pair", "own", "agreement", "sure")
    assert open_judge(judged.bundle()) is None
    with pytest.raises(BundleError, match="no second stage"):
        Judge(judged.bundle())


def test_the_layout_is_what_the_card_says(made: bundles.Bundle) -> None:
    layout = layout_of(made.card)
    assert (layout.regions, layout.dim, layout.labels, layout.size) == (4, 3, 5, 17)
    assert label_blocks(made.card) == (2, 3)


def test_the_hash_is_of_everything_that_speaks(made: bundles.Bundle) -> None:
    card, judge = made.card, made.card.judge
    others = [
        {"verifier": card.verifier.model_copy(update={"sha256": "1" * 64})},
        {"verifier": card.verifier.model_copy(update={"halves": bundles.Graph(file="h.onnx", sha256="1" * 64)})},
        {"verifier": card.verifier.model_copy(update={"halves": None})},
        {"verifier": card.verifier.model_copy(update={"categories": ("skirts", "dresses", "tops")})},
        {"verifier": None},
        {"local": bundles.Graph(file="l.onnx", sha256="1" * 64)},
        {"judge": judge.model_copy(update={"weights": {**judged.WEIGHTS, "pair": 0.75}})},
        {"judge": judge.model_copy(update={"sure": {"pair": 0.5}})},
        {"judge": judge.model_copy(update={"certain": (0.5, 0.6)})},
        {"judge": judge.model_copy(update={"offset": 0.0})},
        {"judge": judge.model_copy(update={"views": 1.0})},
        {"preprocessing": bundles.Preprocessing(size=64)},
        *(
            {"graphs": card.graphs | {side: bundles.Graph(file="other.onnx", sha256="2" * 64)}}
            for side in ("street", "shop")
        ),
    ]
    hashes = [card.judge_hash(), *(card.model_copy(update=other).judge_hash() for other in others)]
    assert len(set(hashes)) == len(hashes)
    # What changes nothing that is said changes no hash: how many are judged, words, figures.
    shorter = judge.model_copy(update={"shortlist": 3, "recall": {3: 0.5}})
    assert card.model_copy(update={"judge": shorter, "description": "x"}).judge_hash() == card.judge_hash()
    assert judged.bundle().card.judge_hash() == ""


def test_how_sure_a_query_is_by_hand() -> None:
    garments = np.array([[51, 204, 0], [85, 85, 85], [127, 128, 0], [0, 0, 0], [0, 255, 0]], np.uint8)
    assert sure(garments, (0.4, 0.6)).tolist() == pytest.approx([1, 0, (128 / 255 - 0.4) / 0.2, 0, 1])


@pytest.mark.parametrize("views", [0.0, 0.4, 1.0])
def test_pooling_is_the_sum_written_out(views: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 5, 30).astype(np.float32)
    products = [*range(6), *rng.integers(0, 6, 24).tolist()]
    found = pooled(logits, products, views)
    for product in range(6):
        photos = [float(z) for z, owner in zip(logits, products, strict=True) if owner == product]
        assert found[product] == pytest.approx(
            math.log(sum(math.exp(z) for z in photos)) - views * math.log(len(photos)), abs=1e-5
        )


def test_pooling_holds_for_log_odds_of_any_size() -> None:
    """exp(1000) is no number, and the sum is one all the same."""
    found = pooled(np.array([1000, 1000, -1000, -1000], np.float32), [0, 0, 1, 1], 1.0)
    assert found.tolist() == pytest.approx([1000, -1000])
    assert pooled(np.zeros(0, np.float32), [], 1.0).shape == (0,)
    with pytest.raises(ValueError, match="give each photo its product"):
        pooled(np.zeros(2, np.float32), [0], 1.0)


def test_photos_that_say_the_same_say_it_once_where_views_are_equally_likely() -> None:
    for count in (1, 2, 7):
        assert pooled(np.full(count, 1.5, np.float32), [0] * count, 1.0)[0] == pytest.approx(1.5, abs=1e-6)


def test_agreement_by_hand() -> None:
    query = np.array([255, 0, 0, 255, 0], np.uint8)
    shop = np.array([[255, 0, 0, 255, 0], [0, 255, 255, 0, 0], [255, 0, 255, 0, 0], [51, 204, 0, 51, 204], [0] * 5])
    assert agreement(query, shop.astype(np.uint8), (2, 3)).tolist() == pytest.approx([1, 0, 0.5, 0.2, 0])


def test_agreement_does_not_depend_on_who_asks() -> None:
    labels = judged.seen(8, 3).labels
    table = np.array([agreement(row, labels, (2, 3)) for row in labels])
    assert np.allclose(table, table.T, atol=1e-7)
    assert ((table >= 0) & (table <= 1)).all()

"""What every `Verifier` keeps, the stand-in and a bundle's own: shapes, one by one as together, order, refusals."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

import judged
from fakes import TinyEncoder, TinyGarmentEncoder, TinyJudge
from wearabouts.errors import QueryError
from wearabouts.types import Floats
from wearabouts.verifiers import SIGNALS, Evidence, Judge, Verifier
from wearabouts.verifiers.judge import SURE

COUNT = 9


class Door(NamedTuple):
    """A verifier, and evidence that fits it."""

    verifier: Verifier
    evidence: Callable[[int, int], Evidence]
    category: str | None


@pytest.fixture(scope="module")
def real() -> Judge:
    return Judge(judged.whole(), threads=1)


@pytest.fixture(scope="module")
def joined() -> Judge:
    """Its pair network is in one piece."""
    return Judge(judged.whole(pairs="all"), threads=1)


@pytest.fixture(params=["tiny", "tiny-garments", "real", "joined"])
def door(request: pytest.FixtureRequest, real: Judge, joined: Judge) -> Door:
    if request.param.startswith("tiny"):
        encoder = TinyEncoder if request.param == "tiny" else TinyGarmentEncoder
        return Door(TinyJudge(encoder), lambda count, seed: Evidence(judged.unit(count, 32, seed=seed)), None)
    return Door({"real": real, "joined": joined}[request.param], judged.seen, "tops")


def rows(evidence: Evidence, places: list[int]) -> Evidence:
    parts = {field.name: getattr(evidence, field.name) for field in dataclasses.fields(evidence)}
    return Evidence(**{name: None if part is None else part[places] for name, part in parts.items()})


def said(door: Door, query: Evidence, shop: Evidence) -> tuple[Floats, Floats]:
    signals = door.verifier.weigh(query, shop, door.category)
    return signals, door.verifier.logits(signals)


def test_it_says_who_it_is(door: Door) -> None:
    verifier = door.verifier
    assert verifier.name
    assert verifier.hash
    assert verifier.encoder_hash
    assert verifier.hash != verifier.encoder_hash
    assert verifier.shortlist >= 1
    named = (*SIGNALS, SURE)
    assert set(verifier.signals) <= set(named)
    assert list(verifier.signals) == sorted(verifier.signals, key=named.index)


def test_a_row_a_candidate_and_a_column_a_signal(door: Door) -> None:
    query = door.evidence(1, 1)
    for count in (0, 1, COUNT):
        signals, logits = said(door, query, door.evidence(count, 2))
        assert signals.shape == (count, len(door.verifier.signals))
        assert logits.shape == (count,)
        assert signals.dtype == logits.dtype == np.float32
        assert np.isfinite(signals).all()


def test_the_first_signal_is_the_cosine(door: Door) -> None:
    query, shop = door.evidence(1, 1), door.evidence(COUNT, 2)
    cosine = [float(np.dot(query.vectors[0].astype(float), row.astype(float))) for row in shop.vectors]
    assert np.allclose(
        door.verifier.weigh(query, shop)[:, door.verifier.signals.index("similarity")], cosine, atol=1e-6
    )


def test_candidates_are_judged_one_by_one(door: Door) -> None:
    """Alone, together, and in any order: what is said of one does not depend on who stands beside it."""
    query, shop = door.evidence(1, 1), door.evidence(COUNT, 2)
    signals, logits = said(door, query, shop)
    alone = [said(door, query, rows(shop, [place])) for place in range(COUNT)]
    assert np.allclose(signals, np.concatenate([part[0] for part in alone]), atol=1e-5)
    assert np.allclose(logits, np.concatenate([part[1] for part in alone]), atol=1e-4)
    mixed = np.random.default_rng(3).permutation(COUNT).tolist()
    assert np.allclose(said(door, query, rows(shop, mixed))[0], signals[mixed], atol=1e-5)


def test_the_same_question_has_the_same_answer(door: Door) -> None:
    query, shop = door.evidence(1, 1), door.evidence(COUNT, 2)
    assert np.array_equal(said(door, query, shop)[0], said(door, query, shop)[0])


def test_another_query_has_another_answer(door: Door) -> None:
    shop = door.evidence(COUNT, 2)
    assert not np.allclose(said(door, door.evidence(1, 1), shop)[1], said(door, door.evidence(1, 3), shop)[1])


def test_an_unknown_category_takes_the_network_of_all(door: Door) -> None:
    query, shop = door.evidence(1, 1), door.evidence(COUNT, 2)
    assert np.array_equal(door.verifier.weigh(query, shop, "spacesuits"), door.verifier.weigh(query, shop))


def test_evidence_of_another_model_is_refused(door: Door) -> None:
    query, shop = door.evidence(1, 1), door.evidence(COUNT, 2)
    wide = door.evidence(COUNT, 2).vectors.repeat(2, axis=1)
    for asked, shown in (
        (door.evidence(2, 1), shop),
        (query, dataclasses.replace(shop, vectors=wide)),
        (dataclasses.replace(query, vectors=wide[:1]), shop),
    ):
        with pytest.raises(QueryError, match="vectors"):
            door.verifier.weigh(asked, shown, door.category)
    with pytest.raises(QueryError, match="signals are"):
        door.verifier.logits(np.zeros((3, len(door.verifier.signals) + 1), np.float32))


def test_log_odds_are_a_weighted_sum(door: Door) -> None:
    """So, of one query, a signal's effect is the same wherever the others stand."""
    none = np.zeros((1, len(door.verifier.signals)), np.float32)
    a, b = (np.random.default_rng(seed).standard_normal(none.shape).astype(np.float32) for seed in (1, 2))
    if "sure" in door.verifier.signals:
        query = door.verifier.signals.index("sure")
        none[:, query], a[:, query], b[:, query] = 0.4, 0.4, 0.4
    of = door.verifier.logits
    assert np.allclose(of(a + b - none), of(a) + of(b) - of(none), atol=1e-4)


def test_one_photo_says_what_its_product_says(door: Door) -> None:
    logits = np.array([3.0, -4.5, 0.25], np.float32)
    assert np.allclose(door.verifier.pooled(logits, [2, 0, 1]), logits[[1, 2, 0]], atol=1e-6)


def test_a_likelier_photo_never_makes_its_product_less_likely(door: Door) -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        logits = rng.normal(0, 4, 12).astype(np.float32)
        products = [*range(4), *rng.integers(0, 4, 8).tolist()]
        before = door.verifier.pooled(logits, products)
        place = int(rng.integers(12))
        logits[place] += float(rng.uniform(0.5, 3))
        after = door.verifier.pooled(logits, products)
        others = [product for product in range(4) if product != products[place]]
        assert after[products[place]] > before[products[place]]
        assert np.array_equal(after[others], before[others])

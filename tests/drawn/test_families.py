"""Products: their words, their families, their independence from everything but their number."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from itertools import combinations

import pytest

from wearabouts.drawn.families import BLOCK, block
from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.templates import PARTS
from wearabouts.garments import ATTRIBUTES, GARMENTS

NAMING = {"product_id", "title", "category", "group", "family", "price", "regular_price", "availability", "length"}


@pytest.fixture(scope="module")
def specs():
    shop = DrawnShop(11, 400, "test")
    return [shop.spec(index) for index in range(400)]


def differing(one, other):
    """Names of the drawn facts on which two specs differ."""
    left, right = asdict(one), asdict(other)
    return {name for name in left if name not in NAMING and left[name] != right[name]}


def families(specs):
    found = defaultdict(list)
    for spec in specs:
        found[spec.family].append(spec)
    return found.values()


def test_labels_are_words_of_the_model(specs):
    for spec in specs:
        labels = spec.labels()
        assert labels.pop("garment") in GARMENTS
        for name, word in labels.items():
            assert word in ATTRIBUTES[name], (name, word)
        assert labels.keys() == ATTRIBUTES.keys()


def test_every_garment_and_most_words_occur(specs):
    assert len({spec.garment for spec in specs}) >= 14
    assert {spec.pattern.kind for spec in specs} == set(ATTRIBUTES["pattern"])
    assert {spec.color for spec in specs} == set(ATTRIBUTES["color"])
    assert {spec.sleeve for spec in specs} == set(ATTRIBUTES["sleeve"])
    assert {spec.collar for spec in specs} == set(ATTRIBUTES["collar"])
    assert {spec.length for spec in specs} == set(ATTRIBUTES["length"])


def test_ids_are_unique_and_no_two_products_are_drawn_alike(specs):
    assert len({spec.product_id for spec in specs}) == len(specs)
    for family in families(specs):
        for one, other in combinations(family, 2):
            assert differing(one, other)


def test_each_sibling_differs_from_another_in_one_fact_only(specs):
    siblings = 0
    for family in families(specs):
        for spec in family[1:]:
            nearest = min((differing(spec, other) for other in family if other is not spec), key=len)
            assert len(nearest) == 1, nearest
            siblings += 1
    assert siblings > len(specs) * 0.4


def test_a_group_holds_products_that_differ_in_colour_only(specs):
    groups = defaultdict(list)
    for spec in specs:
        groups[spec.group].append(spec)
    assert any(len(group) > 1 for group in groups.values())
    for group in groups.values():
        for one, other in combinations(group, 2):
            assert differing(one, other) <= {"base", "second"}


def test_a_product_depends_on_its_number_alone():
    before = [spec for number in range(3) for spec in block(5, "train", number)]
    block.cache_clear()
    after = [spec for number in (2, 0, 1) for spec in block(5, "train", number)]
    assert sorted(after, key=lambda spec: spec.product_id) == sorted(before, key=lambda spec: spec.product_id)
    assert DrawnShop(5, 10, "train").spec(9) == DrawnShop(5, 5000, "train").spec(9) == before[9]
    assert len(before) == 3 * BLOCK


def test_seeds_and_parts_are_different_shops():
    firsts = {(seed, part): DrawnShop(seed, 1, part).spec(0) for seed in (0, 1) for part in PARTS}
    assert len({spec.product_id for spec in firsts.values()}) == len(firsts)
    assert len({(spec.base, spec.shift) for spec in firsts.values()}) == len(firsts)


def test_prices_are_those_of_a_shop(specs):
    for spec in specs:
        assert 5 < spec.price < 300
        assert spec.regular_price is None or spec.regular_price > spec.price
        assert spec.availability in ("in_stock", "out_of_stock", "preorder")
        assert spec.title[0].isupper()
        assert spec.brand
        assert " > " in spec.category

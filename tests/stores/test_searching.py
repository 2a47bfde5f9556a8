"""The exact search itself: base, delta, buried rows, crowds of equals, long answers."""

from __future__ import annotations

import numpy as np
import pytest

from stores.bases import base_of, facts
from wearabouts.stores.embedded.generations import generation
from wearabouts.stores.embedded.generations.generation import no_base
from wearabouts.stores.embedded.indexes.scanning import nearest
from wearabouts.stores.embedded.views.searching import CHUNK, search
from wearabouts.stores.embedded.views.view import Rows, View
from wearabouts.stores.where import parse


def lattice(generator, count, dim=4):
    """Unit vectors from few directions, so that very many are equal."""
    found = generator.integers(-2, 3, (count, dim)).astype(np.float32)
    found[~found.any(axis=1)] = 1
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def view_of(path, vectors, ids, split, alive):
    """A view whose base holds the first `split` rows, one product a photo."""
    products = [facts(f"of {ident}", number) for number, ident in enumerate(ids, 1)]
    base = no_base(vectors.shape[1])
    if split:
        base = base_of(path / "base", products[:split], vectors[:split], ids[:split], np.arange(split))
    rows = Rows(base)
    slots = rows.add_products(products[split:])
    rows.add_photos(ids[split:], slots, range(split, len(ids)), vectors[split:])
    return View.of(rows, 1, alive, np.ones(len(ids), np.bool_))


@pytest.mark.parametrize("split", [0, 3_000, 7_000])
@pytest.mark.parametrize("make", ["crowds", "spread"])
def test_equal_to_sorting_everything(tmp_path, split, make):
    generator = np.random.default_rng(split)
    count = 7_000
    if make == "crowds":
        vectors = lattice(generator, count)
    else:
        vectors = generator.standard_normal((count, 24)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"{number:05d}" for number in generator.permutation(count)]
    alive = generator.random(count) < 0.8
    view = view_of(tmp_path, vectors, ids, split, alive)
    for query in vectors[generator.integers(0, count, 3)]:
        exact = np.clip((vectors.astype(np.float64) * query.astype(np.float64)).sum(axis=1), -1, 1).astype(np.float32)
        expected = sorted((-exact[row], ids[row]) for row in np.flatnonzero(alive))
        for wanted in (1, 32, 100, 2_048, CHUNK + 1, count):
            found = search(view, query, wanted, None, ())
            assert list(found.photo_ids) == [ident for _, ident in expected[:wanted]]
            np.testing.assert_array_equal(found.similarity, [-score for score, _ in expected[:wanted]])
            assert found.product_ids == tuple(f"of {ident}" for ident in found.photo_ids)


def test_narrow_filters_and_wide_ones_agree(tmp_path):
    generator = np.random.default_rng(8)
    vectors = lattice(generator, 6_000, 6)
    ids = [f"{number:05d}" for number in range(6_000)]
    view = view_of(tmp_path, vectors, ids, 4_000, np.ones(6_000, np.bool_))
    query = vectors[17]
    narrow = search(view, query, 50, "id contains 7", ())
    wide = search(view, query, 6_000, None, ())
    assert list(narrow.photo_ids) == [ident for ident in wide.photo_ids if "7" in ident][:50]


def test_a_scan_gives_only_what_is_allowed():
    generator = np.random.default_rng(2)
    vectors = lattice(generator, 300)
    mask = np.zeros(300, np.bool_)
    mask[[5, 17, 299]] = True
    scores, places = nearest(vectors, vectors[5], 10, alive=mask)
    assert set(places.tolist()) == {5, 17, 299}
    np.testing.assert_allclose(scores, vectors[places] @ vectors[5], atol=1e-6)
    assert len(nearest(vectors, vectors[5], 10, alive=np.zeros(300, np.bool_))[0]) == 0


@pytest.mark.parametrize("few", [3, 500, 4_096])
def test_filters_keep_all_photos_of_their_products_however_many_those_are(tmp_path, monkeypatch, few):
    """Whether a filter's rows are listed, counted, or estimated from a sample: what is found is what a loop finds."""
    monkeypatch.setattr(generation, "FEW", few)
    generator = np.random.default_rng(few)
    count, products = 6_000, 300
    vectors = lattice(generator, count, 8)
    ids = [f"{number:05d}" for number in range(count)]
    slots = np.minimum(generator.integers(0, products, count), generator.integers(0, products, count))
    shop = [facts(f"p{slot}", slot, float(slot)) for slot in range(products)]
    rows = Rows(base_of(tmp_path / "base", shop, vectors, ids, slots))
    view = View.of(rows, 1, generator.random(count) < 0.9, np.ones(products, np.bool_))
    query = vectors[3]
    every = search(view, query, count)
    price = dict(zip(ids, slots.tolist(), strict=True))
    for limit in (-1, 0, 2, 20, 150, 299):
        for _ in range(2):  # the second time as it is remembered
            found = search(view, query, 40, f"price <= {limit}")
            assert list(found.photo_ids) == [ident for ident in every.photo_ids if price[ident] <= limit][:40]
        allowed, kept = rows.base.filtered(parse(f"price <= {limit}"), ()), int((slots <= limit).sum())
        if limit + 1 <= few and kept <= few:
            np.testing.assert_array_equal(allowed.rows, np.flatnonzero(slots <= limit))
        else:
            assert allowed.rows is None
            np.testing.assert_array_equal(allowed.holds(np.arange(count)), slots <= limit)
        assert abs(allowed.count - kept) <= 0.05 * count

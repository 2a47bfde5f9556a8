"""The clustered index against sorting everything: recall with filters for and against the query, crowds, hostility."""

from __future__ import annotations

import numpy as np
import pytest

from stores.oracle import unit
from wearabouts.stores.embedded import indexes
from wearabouts.stores.embedded.indexes import Choice
from wearabouts.stores.embedded.indexes.allowed import FEW, Allowed
from wearabouts.stores.embedded.indexes.scanning import WHOLE, margin

COUNT, DIM, LISTS = 30_000, 48, 600
GOAL = 0.99


def sheets(generator, count, pieces=1_000, flat=4):
    """Unit vectors on thin curved sheets, as photos of products are: pieces that have few directions of their own."""
    middles, axes = unit(generator, pieces, DIM), generator.standard_normal((pieces, flat, DIM))
    piece = generator.integers(pieces, size=count)
    moved = middles[piece] + 0.04 * np.einsum("nf,nfd->nd", generator.standard_normal((count, flat)), axes[piece])
    moved += 0.01 * generator.standard_normal(moved.shape)
    return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)


class Made:
    """A clustered index, the vectors in its order, and what everything is to be compared with."""

    def __init__(self, vectors, lists=LISTS, seed=0, tune=True):
        choice = Choice("clustered", lists, 20 * lists, "a test")
        making = indexes.fit(choice, vectors[:: max(1, len(vectors) // choice.sample)], seed)
        chunks = [making.assign(part) for part in np.array_split(vectors, 3)]
        self.list_of = np.concatenate(chunks)
        self.order = np.argsort(self.list_of, kind="stable")
        self.vectors = np.ascontiguousarray(vectors[self.order])
        self.arrays = making.arrays()
        index = indexes.opened("clustered", self.arrays, self.vectors, {})
        self.facts = indexes.tuned(index, seed) if tune else {}
        self.index = self.opened()

    def opened(self, require=None, vectors=None, facts=None):
        vectors = self.vectors if vectors is None else vectors
        return indexes.opened("clustered", self.arrays, vectors, self.facts if facts is None else facts, require)

    def recall(self, queries, count, keep=None, index=None, **how):
        """The part of the true neighbours that are found; `keep` gives the rows a query may find."""
        index = index or self.index
        found = wanted = 0
        for query in queries:
            scores = self.vectors @ query
            if keep is not None:
                mask = keep(scores)
                how["allowed"], scores = index.allow(mask), np.where(mask, scores, -np.inf)
            if "alive" in how:
                scores = np.where(how["alive"], scores, -np.inf)
            best = np.argsort(-scores, kind="stable")[:count]
            best = best[scores[best] > -np.inf]
            got, rows = index.near(query, count, **how)
            assert len(np.unique(rows)) == len(rows)
            assert (scores[rows] > -np.inf).all()
            np.testing.assert_allclose(got, scores[rows], atol=margin(DIM))
            # By similarity: which of several equal rows is given makes no difference here.
            kept = np.sort(got)[::-1][: len(best)]
            found += int((kept >= scores[best[-1]] - margin(DIM)).sum()) if len(best) else 0
            wanted += len(best)
        return found / wanted


@pytest.fixture(scope="module")
def world():
    """Vectors, and queries that lie among them without being copies."""
    everything = sheets(np.random.default_rng(3), COUNT + 100)
    return Made(everything[:COUNT]), everything[COUNT:]


def test_lists_hold_what_lies_nearest_to_their_direction(world):
    made, _ = world
    starts, centres = made.arrays["lists"], made.arrays["centroids"]
    assert (starts[0], starts[-1]) == (0, COUNT)
    assert (np.diff(starts) >= 0).all()
    lists = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    np.testing.assert_array_equal(lists, made.list_of[made.order])
    similarity = made.vectors @ centres.T
    own = similarity[np.arange(COUNT), lists]
    assert (own >= similarity.max(axis=1) - 1e-5).mean() > 0.9
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1, atol=1e-5)
    distance = np.linalg.norm(made.vectors - centres[lists], axis=1)
    told = made.arrays["radius"][lists] * made.arrays["share"] / WHOLE
    assert (distance <= told + 1e-3).all()
    assert np.median(told - distance) < 0.01


def test_the_same_seed_makes_the_same_index():
    vectors = sheets(np.random.default_rng(8), 3_000)
    made, again = Made(vectors, lists=50), Made(vectors, lists=50)
    assert again.facts == made.facts
    for name, array in made.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array)
    assert not np.array_equal(Made(vectors, lists=50, seed=1).arrays["centroids"], made.arrays["centroids"])


@pytest.mark.parametrize("count", [1, 20, 300])
def test_tuning_meets_its_goal_on_queries_it_has_not_seen(world, count):
    made, queries = world
    assert made.recall(queries, count) >= 0.999 if count > 1 else made.recall(queries, count) >= 0.99


def test_many_rows_are_never_read(world):
    made, queries = world
    read = np.zeros(COUNT, np.bool_)

    def require(name, starts, stops):
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            read[start:stop] |= name == "vectors"

    index = made.opened(require)
    shares = []
    for query in queries[:20]:
        read[:] = False
        index.near(query, 20)
        shares.append(read.mean())
    assert 0 < np.mean(shares) < 0.6


def test_more_effort_finds_more_and_exact_finds_all(world):
    made, queries = world
    steps = [made.recall(queries, 20, effort=effort) for effort in (0.02, 1.0, 3.0)]
    assert steps == sorted(steps)
    assert steps[0] < 0.99
    assert steps[-1] == 1
    blind = made.opened(facts={"reach": 0.0, "far_reach": 0.0})
    assert made.recall(queries, 20, index=blind) < 0.99
    assert made.recall(queries[:20], 20, index=blind, exact=True) == 1


def aligned(part):
    return lambda scores: scores >= np.quantile(scores, 1 - part)


def opposed(part):
    return lambda scores: scores <= np.quantile(scores, part)


def by_chance(part):
    generator = np.random.default_rng(9)
    return lambda scores: generator.random(len(scores)) < part


@pytest.mark.parametrize("part", [0.9, 0.5, 0.2, 0.01, 0.0003])
@pytest.mark.parametrize("make", [aligned, opposed, by_chance])
def test_filters_cost_no_recall(world, make, part):
    made, queries = world
    assert (part * COUNT > FEW) == (made.index.allow(make(part)(made.vectors @ queries[0])).rows is None)
    assert made.recall(queries[:30], 20, make(part)) >= GOAL


@pytest.mark.parametrize("part", [0.9, 0.5, 0.2])
def test_filters_by_groups_that_lie_elsewhere_cost_no_recall(world, part):
    """A shop's categories part the vectors in a way of their own: those nearest to the query are the ones left out."""
    made, queries = world
    middles = made.vectors[:: COUNT // 50]
    group = np.argmax(made.vectors @ middles.T, axis=1)
    sizes = np.bincount(group, minlength=len(middles))

    def keep(scores):
        near = np.argsort(-np.bincount(group, scores, len(middles)) / np.maximum(sizes, 1))
        left = near[np.cumsum(sizes[near]) > (1 - part) * COUNT]
        return np.isin(group, left)

    assert made.recall(queries[:40], 20, keep) >= GOAL


@pytest.mark.parametrize("part", [0.9, 0.5, 0.2])
@pytest.mark.parametrize("make", [aligned, opposed, by_chance])
def test_products_looked_up_as_a_search_comes_to_them_find_what_a_mask_of_all_rows_finds(world, make, part):
    made, queries = world
    generator = np.random.default_rng(11)
    slots = generator.permutation(COUNT).astype(np.int32)
    for query in queries[:8]:
        mask = make(part)(made.vectors @ query)
        products = np.zeros(COUNT, np.bool_)
        products[slots] = mask
        scores, rows = made.index.near(query, 20, allowed=made.index.allow(mask))
        lazy = Allowed(int(mask.sum()), mask=products, slots=slots)
        for _ in range(2):  # the second time what the first has counted is there
            again, same = made.index.near(query, 20, allowed=lazy)
            np.testing.assert_array_equal(same, rows)
            np.testing.assert_array_equal(again, scores)
        # A sample of the rows tells their number to some hundredths only.
        again, same = made.index.near(query, 20, allowed=Allowed(int(1.07 * mask.sum()), mask=products, slots=slots))
        assert mask[same].all()
        assert len(np.intersect1d(same, rows)) >= 0.95 * len(rows)


def test_rows_are_counted_by_list_once(world):
    made, _ = world
    products = np.arange(COUNT) % 3 == 0
    slots = np.roll(np.arange(COUNT, dtype=np.int32), 5)
    lazy, lists = Allowed(COUNT // 3, mask=products, slots=slots), made.arrays["lists"]
    rows = np.arange(7, COUNT, 11)
    before, size = lazy.holds(rows), lazy.bytes
    assert lazy.each is None
    each = lazy.counted(lists)
    of_list = np.searchsorted(lists, np.flatnonzero(products[slots]), side="right") - 1
    np.testing.assert_array_equal(each, np.bincount(of_list, minlength=len(lists) - 1))
    assert lazy.counted(lists) is each is lazy.each
    np.testing.assert_array_equal(lazy.holds(rows), before)
    np.testing.assert_array_equal(before, products[slots[rows]])
    assert lazy.bytes <= size + each.nbytes


def test_deletions_cost_no_recall(world):
    made, queries = world
    alive = np.random.default_rng(4).random(COUNT) < 0.9
    assert made.recall(queries[:40], 20, alive=alive) >= 0.998
    assert made.recall(queries[:20], 20, by_chance(0.4), alive=alive) >= GOAL
    gone = made.vectors @ queries[0] < np.quantile(made.vectors @ queries[0], 0.9)
    assert made.recall(queries[:1], 20, alive=gone) >= 0.95


def test_all_that_is_left_is_given_where_more_is_asked_for(world):
    made, queries = world
    alive = np.zeros(COUNT, np.bool_)
    alive[::7] = True
    wide, narrow = np.zeros(COUNT, np.bool_), np.zeros(COUNT, np.bool_)
    wide[: COUNT // 2], narrow[5:800] = True, True
    for mask in (wide, narrow):
        _, rows = made.index.near(queries[0], COUNT - 1, allowed=made.index.allow(mask), alive=alive)
        np.testing.assert_array_equal(np.sort(rows), np.flatnonzero(mask & alive))
    _, rows = made.index.near(queries[0], 2 * COUNT)
    assert len(rows) == COUNT
    _, rows = made.index.near(queries[0], 5, allowed=made.index.allow(np.zeros(COUNT, np.bool_)))
    assert len(rows) == 0
    _, rows = made.index.near(queries[0], 5, alive=np.zeros(COUNT, np.bool_))
    assert len(rows) == 0


def test_crowds_of_equals_are_given_whole():
    """A photo that a shop uses for hundreds of products: whichever of them is asked for, all tie."""
    generator = np.random.default_rng(6)
    vectors = np.concatenate([sheets(generator, 4_000), np.repeat(unit(generator, 3, DIM), 400, axis=0)])
    made = Made(vectors[generator.permutation(len(vectors))], lists=60)
    for query in (vectors[-1], vectors[-500]):
        _, rows = made.index.near(query, 10)
        assert ((made.vectors[rows] == query).all(axis=1)).sum() == 400


@pytest.mark.parametrize("count", [0, 1, 5, 40])
def test_few_vectors_and_equal_ones_make_an_index_too(count):
    vectors = np.repeat(unit(np.random.default_rng(count), 1, DIM), count, axis=0)
    made = Made(vectors, lists=30)
    query = unit(np.random.default_rng(1), 1, DIM)[0]
    for exact in (False, True):
        assert len(made.index.near(query, 3, exact=exact)[1]) == count if count else True


def test_nothing_is_read_that_was_not_asked_for_first(world):
    """Rows that nobody has proven hold NaN: an answer made of one would show it."""
    made, queries = world
    unproven = np.full_like(made.vectors, np.nan)

    def require(name, starts, stops):
        if name == "vectors":
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
                unproven[start:stop] = made.vectors[start:stop]

    index = made.opened(require, unproven)
    for part, how in ((0.5, {}), (0.01, {}), (0.5, {"exact": True})):
        allowed = index.allow(by_chance(part)(np.zeros(COUNT)))
        scores, rows = index.near(queries[0], 20, allowed=allowed, **how)
        np.testing.assert_allclose(scores, made.vectors[rows] @ queries[0], atol=margin(DIM))


def spoiled(name, change):
    def spoil(arrays):
        array = arrays[name].copy()
        arrays[name] = change(array)

    return spoil


def placed(at, value):
    def change(array):
        array[at] = value
        return array

    return change


@pytest.mark.parametrize(
    "spoil",
    [
        spoiled("lists", placed(3, COUNT + 5)),
        spoiled("lists", placed(0, -1)),
        spoiled("lists", placed(-1, COUNT - 1)),
        spoiled("lists", lambda array: array[:-1]),
        spoiled("lists", lambda array: array.astype(np.int32)),
        spoiled("centroids", placed((2, 3), np.nan)),
        spoiled("centroids", placed((0, 0), np.inf)),
        spoiled("centroids", lambda array: array[:, :-1]),
        spoiled("centroids", lambda array: array.astype(np.float64)),
        spoiled("radius", placed(1, 0)),
        spoiled("radius", placed(1, -1)),
        spoiled("radius", lambda array: array[1:]),
        spoiled("share", lambda array: array[1:]),
        spoiled("share", lambda array: array.astype(np.int8)),
        lambda arrays: arrays.pop("share"),
        lambda arrays: arrays.pop("lists"),
        lambda arrays: arrays.pop("centroids"),
    ],
)
def test_hostile_arrays_are_refused(world, spoil):
    made, _ = world
    arrays = dict(made.arrays)
    spoil(arrays)
    with pytest.raises(ValueError, match="index"):
        indexes.opened("clustered", arrays, made.vectors, made.facts)


@pytest.mark.parametrize("facts", [{"reach": -1}, {"reach": "far"}, {"far_reach": np.nan}, {"far_reach": 1e9}])
def test_hostile_facts_are_refused(world, facts):
    made, _ = world
    with pytest.raises(ValueError, match="reach"):
        made.opened(facts=facts)


def test_small_stores_are_compared_whole_and_large_ones_sorted():
    assert indexes.choose(2_000, 256).kind == "exact"
    large = indexes.choose(400_000, 256)
    assert large.kind == "clustered"
    assert large.why.startswith("400000 photos, 390.6 MiB, more than")
    assert f"into {large.lists} lists" in large.why
    assert indexes.choose(10_000_000, 128).lists > large.lists
    assert indexes.choose(15_000, 512).kind == "clustered" != indexes.choose(15_000, 128).kind


def test_remembered_filters_are_bounded_and_the_oldest_go_first(world):
    from wearabouts.stores.embedded.indexes.remembered import Remembered

    made, _ = world
    wide = made.index.allow(np.ones(COUNT, np.bool_))
    few = made.index.allow(np.arange(COUNT) < 10)
    assert few.bytes < wide.bytes == COUNT + wide.each.nbytes
    remembered = Remembered(room=2 * wide.bytes)
    remembered.put("a", wide)
    remembered.put("b", few)
    assert remembered.get("a") is wide
    remembered.put("c", wide)
    assert remembered.get("b") is None
    assert remembered.get("a") is wide
    assert remembered.get("c") is wide
    assert remembered.describe() == {"filters": 2, "bytes": 2 * wide.bytes}
    tight = Remembered(room=10)
    tight.put("a", wide)
    assert tight.get("a") is None

"""The blocked ranking against a naive one: same ranks, whatever the blocks, the precision and the memory."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wearabouts import metrics
from wearabouts.evaluation import ranking
from wearabouts.evaluation.ranking import counting

# How the arithmetic is done must not show: (bytes at least, similarities from which single precision pays).
WAYS = {
    "one tile": (2**16, 10**9),
    "single precision": (2**16, 0),
    "smallest blocks": (1, 10**9),
    "smallest blocks, single precision": (1, 0),
}


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    least, large = WAYS[request.param]
    monkeypatch.setattr(counting, "_LEAST", least)
    monkeypatch.setattr(counting, "_LARGE", large)
    monkeypatch.setattr(counting, "_FEW", 1e9)
    return 1 if least == 1 else ranking.MEMORY


def whole_numbers(rng, count, dim=3):
    """Vectors whose products are exact in any order of summing, and often equal."""
    return rng.integers(-2, 3, (count, dim)).astype(np.float32)


def unit(rng, count, dim):
    vectors = rng.standard_normal((count, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def naive(query, gallery, truth, truths, items, allowed):
    """Ranks and nearest photos: best photo of each item, ties by the item's first photo."""
    best = {}
    for index, item in enumerate(items):
        similarity = round(float(np.dot(gallery[index].astype(float), query.astype(float))), ranking.DECIMALS)
        if allowed(index) and similarity > best.get(item, (-np.inf, 0))[0]:
            best[item] = (similarity, index)
    ranked = sorted(best, key=lambda item: (-best[item][0], items.index(item)))
    label = {item: truths[items.index(item)] for item in items}
    wanted = truth if isinstance(truth, tuple) else (truth,)
    places = [place for place, item in enumerate(ranked, start=1) if label[item] in wanted]
    return places, [best[item][::-1] for item in ranked]


@settings(max_examples=80, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", WAYS)
def test_equal_to_a_naive_ranking(name, data):
    seed, count, size = (data.draw(st.integers(*ends)) for ends in ((0, 10_000), (1, 6), (1, 15)))
    several, by_kind, own, unequal, many = (data.draw(st.booleans()) for _ in range(5))
    rng = np.random.default_rng(seed)
    vectors = (lambda n: unit(rng, n, 4)) if unequal else (lambda n: whole_numbers(rng, n))
    queries, gallery = vectors(count), vectors(size)
    gallery[rng.integers(size)] = gallery[0]
    items = [f"item {n}" for n in (rng.integers(0, 8, size) if several else range(size))]
    truths = [item[-1] if int(item[-1]) % 3 else "0" for item in items]
    wanted = [(str(a), str(b)) if many else str(a) for a, b in rng.integers(0, 8, (count, 2))]
    kinds, query_kinds = [str(n) for n in rng.integers(0, 3, size)], [str(n) for n in rng.integers(0, 3, count)]
    photos, query_photos = rng.integers(0, 6, size).tolist(), rng.integers(0, 6, count).tolist()
    least, large = WAYS[name]
    with pytest.MonkeyPatch.context() as patch:
        for key, value in (("_LEAST", least), ("_LARGE", large), ("_FEW", 1e9)):
            patch.setattr(counting, key, value)
        ranked = ranking.rank(
            queries,
            gallery,
            wanted,
            truths,
            items=items if several else None,
            query_kinds=query_kinds if by_kind else None,
            gallery_kinds=kinds if by_kind else None,
            query_photos=query_photos if own else None,
            gallery_photos=photos if own else None,
            memory=1 if least == 1 else ranking.MEMORY,
        )
    for row in range(count):

        def allowed(index, row=row):
            same_kind = not by_kind or kinds[index] == query_kinds[row]
            return same_kind and not (own and photos[index] == query_photos[row])

        places, nearest = naive(queries[row], gallery, wanted[row], truths, items, allowed)
        assert ranked.ranks[row].tolist() == places
        shown = min(3, len(set(items)))
        filled = [*nearest, *[(-1, -np.inf)] * shown][:shown]
        assert ranked.nearest[row].tolist() == [index for index, _ in filled]
        assert ranked.similarities[row].tolist() == pytest.approx([similarity for _, similarity in filled], abs=1e-9)


def test_classes_of_many_right_answers(way):
    rng = np.random.default_rng(2)
    queries, gallery = unit(rng, 10, 8), unit(rng, 60, 8)
    gallery[30:40] = gallery[10:20]
    wanted, truths = rng.integers(0, 3, 10), rng.integers(0, 3, 60)
    ranked = ranking.rank(queries, gallery, wanted, truths, memory=way)
    similarity = np.round(queries.astype(float) @ gallery.astype(float).T, ranking.DECIMALS)
    expected = metrics.relevant_ranks(similarity, wanted[:, None] == truths[None, :])
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(ranked.ranks, expected, strict=True))


def test_near_ties_are_told_apart_as_in_double_precision(way):
    """Gallery vectors so close that single precision cannot order them."""
    rng = np.random.default_rng(3)
    base = unit(rng, 1, 64)
    gallery = (base + rng.normal(0, 3e-7, (80, 64))).astype(np.float32)
    queries = np.concatenate([base, unit(rng, 5, 64)])
    truths = np.arange(80)
    ranked = ranking.rank(queries, gallery, np.arange(6) * 13, truths, memory=way, shown=7)
    similarity = np.round(queries.astype(float) @ gallery.astype(float).T, ranking.DECIMALS)
    expected = metrics.relevant_ranks(similarity, (np.arange(6) * 13)[:, None] == truths[None, :])
    assert [row.tolist() for row in ranked.ranks] == [row.tolist() for row in expected]
    assert ranked.nearest.tolist() == np.argsort(-similarity, axis=1, kind="stable")[:, :7].tolist()


def test_copies_of_a_photo_are_ties_whatever_the_rounding(way):
    rng = np.random.default_rng(0)
    vectors = unit(rng, 40, 300)
    gallery = np.repeat(vectors[:1], 17, axis=0)
    ranked = ranking.rank(vectors, gallery, ["a"] * 40, ["b"] * 9 + ["a"] + ["b"] * 7, memory=way)
    assert [row.tolist() for row in ranked.ranks] == [[10]] * 40


def test_a_large_gallery_in_tiles_of_several_heights(monkeypatch):
    rng = np.random.default_rng(4)
    queries, gallery = unit(rng, 150, 16), unit(rng, 5_000, 16)
    items = (np.arange(5_000) * 7 % 1_999).tolist()
    truths = [item % 500 for item in items]
    wanted = rng.integers(0, 500, 150).tolist()
    expected = ranking.rank(queries, gallery, wanted, truths, items=items, shown=5)
    for cells, large in ((3_000, 10**9), (20_000, 10**9), (3_000, 0), (20_000, 0), (4_000_000, 0)):
        monkeypatch.setattr(counting, "_CELLS", cells)
        monkeypatch.setattr(counting, "_LARGE", large)
        ranked = ranking.rank(queries, gallery, wanted, truths, items=items, shown=5)
        assert [row.tolist() for row in ranked.ranks] == [row.tolist() for row in expected.ranks]
        assert ranked.nearest.tolist() == expected.nearest.tolist()
        assert np.array_equal(ranked.similarities, expected.similarities)


def test_an_item_stands_where_its_best_photo_stands():
    query = np.array([[1, 0]], np.float32)
    gallery = np.array([[0, 1], [0.6, 0.8], [0.8, 0.6], [1, 0]], np.float32)
    ranked = ranking.rank(query, gallery, ["b"], ["a", "b", "b", "a"], items=["a", "b", "b", "a"])
    assert ranked.ranks[0].tolist() == [2]
    assert ranked.nearest[0].tolist() == [3, 2]
    assert ranked.similarities[0].tolist() == [1.0, 0.8]


def test_leaving_the_query_itself_out_leaves_one_place_less():
    vectors = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1]], np.float32)
    names, truths = ["p", "q", "r", "s"], ["a", "b", "a", "b"]
    within = ranking.rank(vectors, vectors, truths, truths)
    assert [row.tolist() for row in within.ranks] == [[1, 3], [1, 4], [1, 4], [1, 3]]
    without = ranking.rank(vectors, vectors, truths, truths, query_photos=names, gallery_photos=names)
    assert [row.tolist() for row in without.ranks] == [[2], [3], [3], [2]]
    assert without.nearest[0].tolist() == [1, 2, 3]


def test_item_and_colour_as_the_name_leave_only_other_colours():
    vectors = np.eye(3, dtype=np.float32)
    marks = ["1 red", "1 blue", "2 red"]
    ranked = ranking.rank(vectors[:1], vectors, ["1"], ["1", "1", "2"], query_photos=["1 red"], gallery_photos=marks)
    assert ranked.ranks[0].tolist() == [1]  # blue and the other item tie at 0, blue comes first
    assert ranked.nearest[0].tolist() == [1, 2, -1]
    assert ranked.similarities[0].tolist() == [0, 0, -np.inf]


def test_a_query_without_truth_is_seen_as_such():
    one = np.ones((1, 1), np.float32)
    ranked = ranking.rank(np.ones((2, 1), np.float32), one, ["a", "z"], ["a"])
    assert ranking.measured(ranked.ranks).tolist() == [True, False]
    other = ranking.rank(one, one, ["a"], ["a"], query_kinds=["dress"], gallery_kinds=["shoes"])
    assert ranking.measured(other.ranks).tolist() == [False]
    assert other.nearest.tolist() == [[-1]]


def test_an_oracle_is_perfect_and_chance_is_k_of_n(way):
    vectors = np.eye(6, dtype=np.float32)
    names = [str(n) for n in range(6)]
    assert [row.tolist() for row in ranking.rank(vectors, vectors, names, names, memory=way).ranks] == [[1]] * 6
    rng = np.random.default_rng(5)
    ranks = ranking.rank(unit(rng, 200, 24), unit(rng, 20, 24), np.arange(200) % 20, np.arange(20), memory=way).ranks
    for k in (1, 5, 10):
        assert abs(metrics.hit_rate(ranks, k).mean() - k / 20) < 4 * np.sqrt(k / 20 * (1 - k / 20) / 200)


def test_what_cannot_be_meant_is_refused():
    vectors = np.eye(3, dtype=np.float32)
    names = ["a", "b", "c"]
    with pytest.raises(ValueError, match="nan"):
        ranking.rank(vectors * np.nan, vectors, names, names)
    with pytest.raises(ValueError, match="nan"):
        ranking.rank(vectors, vectors * np.nan, names, names)
    with pytest.raises(ValueError, match="unit length"):
        ranking.rank(vectors * 1e10, vectors, names, names)
    with pytest.raises(ValueError, match="2 truths for 3 vectors"):
        ranking.rank(vectors, vectors, names[:2], names)
    with pytest.raises(ValueError, match="alike"):
        ranking.rank(vectors, vectors, names, names, query_kinds=names)


def test_memory_mapped_input_and_progress(tmp_path):
    rng = np.random.default_rng(6)
    queries, gallery = unit(rng, 40, 8), unit(rng, 300, 8)
    mapped = np.memmap(tmp_path / "gallery", np.float32, "w+", shape=gallery.shape)
    mapped[:] = gallery
    told = []
    truths = np.arange(300)
    ranked = ranking.rank(queries, mapped, truths[:40], truths, progress=lambda *done: told.append(done), memory=70_000)
    expected = ranking.rank(queries, gallery, truths[:40], truths)
    assert [row.tolist() for row in ranked.ranks] == [row.tolist() for row in expected.ranks]
    assert told[-1] == (40, 40)
    assert [done for done, _ in told] == sorted({done for done, _ in told})


@pytest.mark.parametrize("single", [False, True])
def test_memory_stays_within_the_budget(tmp_path, monkeypatch, single):
    """All similarities would take 32 GB; the vectors lie in a file."""
    count, size, dim, budget = 200, 200_000, 16, 64 * 2**20
    if single:
        monkeypatch.setattr(counting, "_LARGE", 0)
    rng = np.random.default_rng(7)
    gallery = np.memmap(tmp_path / "gallery", np.float32, "w+", shape=(size, dim))
    for start in range(0, size, 20_000):
        gallery[start : start + 20_000] = unit(rng, 20_000, dim)
    queries = gallery[rng.permutation(size)[:count]] * 1
    truths = np.arange(size)
    peaks = []
    while len(peaks) < 3 and (not peaks or peaks[-1] >= budget):
        # What threads of earlier tests allocate meanwhile is counted too, so a peak may be too high, never too low.
        tracemalloc.start()
        try:
            ranked = ranking.rank(queries, gallery, truths[:count], truths, memory=budget)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert min(peaks) < budget
    assert np.all(ranked.similarities[:, 0] == pytest.approx(1))

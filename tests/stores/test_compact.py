"""Columns in few bytes a product: what is compared is what a table would give."""

from __future__ import annotations

import numpy as np
import pytest

from wearabouts.stores.embedded.generations.compact import RUNS, compacted, spread


@pytest.mark.parametrize(("words", "bytes_each"), [(1, 1), (7, 1), (255, 1), (256, 2), (700, 2), (65_536, 4)])
@pytest.mark.parametrize("sparse", [False, True])
def test_hits_among_words_become_the_slots_that_have_them(words, bytes_each, sparse):
    generator = np.random.default_rng(words)
    size = 70_000
    slots = np.flatnonzero(generator.random(size) < 0.99).astype(np.int32) if sparse else None
    count = size if slots is None else len(slots)
    # Of the texts of all columns only every third is a word of this one.
    codes = (3 * np.concatenate([np.arange(words), generator.integers(0, words, count - words)])).astype(np.int32)
    generator.shuffle(codes)
    order = generator.standard_normal(3 * words + 1)
    order[::5] = np.nan
    compact = compacted(size, slots, codes, order)
    assert compact.codes.dtype.itemsize == bytes_each
    np.testing.assert_array_equal(np.sort(compact.words), 3 * np.arange(words))
    for part in (0.0, 0.001, 0.4, 1.0):
        hits = generator.random(3 * words + 1) < part
        expected = np.zeros(size, np.bool_)
        expected[slice(None) if slots is None else slots] = hits[codes]
        np.testing.assert_array_equal(spread(compact.codes, hits[compact.words]), expected)
    below = order <= 0.2
    assert np.count_nonzero(np.diff(below[compact.words])) <= 1, "what a comparison of numbers hits lies together"


@pytest.mark.parametrize("runs", [0, 1, 2, RUNS, RUNS + 1])
def test_any_number_of_runs(runs):
    hits = np.zeros(60, np.bool_)
    hits[: 2 * runs : 2] = True
    hits[40] = True
    codes = np.random.default_rng(runs).integers(0, 60, 500).astype(np.uint8)
    np.testing.assert_array_equal(spread(codes, hits), hits[codes])
    mask = spread(codes, ~hits)
    np.testing.assert_array_equal(mask, ~hits[codes])
    mask[:] = True  # the caller's own
    np.testing.assert_array_equal(spread(codes, ~hits), ~hits[codes])

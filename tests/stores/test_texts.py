"""Tables of texts in a file, against plain Python over a list of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wearabouts.stores.embedded.generations import tables, texts
from wearabouts.stores.embedded.generations.drafting import Draft
from wearabouts.stores.embedded.generations.segment import Damaged, Segment
from wearabouts.stores.embedded.generations.tables import NameStream
from wearabouts.stores.embedded.generations.texts import Names, Texts

ALPHABET = "ab é>日\0"


def mapped(given):
    """A table of texts that are looked up as well."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts"
        with Draft(path) as made:
            names = NameStream(made, "names")
            names.extend(given[: len(given) // 2])
            names.extend(given[len(given) // 2 :])
            names.close()
            made.finish({}, lambda: None)
        return Segment.open(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(ALPHABET, max_size=6), max_size=25), st.text(ALPHABET, min_size=1, max_size=3), st.data())
def test_equal_to_plain_python(given, part, data):
    table = Texts(mapped(given), "names")
    assert len(table) == len(given)
    assert table.many(np.arange(len(given))) == given
    assert table.containing(part).tolist() == [part in each for each in given]
    wanted = data.draw(st.sampled_from([*given, part, ""]))
    assert table.equal(wanted).tolist() == [each == wanted for each in given]
    assert table.starting(wanted).tolist() == [each.startswith(wanted) for each in given]


@pytest.mark.parametrize("step", [1, 5, 64])
def test_a_part_is_found_wherever_the_pieces_are_cut(monkeypatch, step):
    monkeypatch.setattr(texts, "_STEP", step)
    given = ["summer dress", "", "dressing", "dres", "s dress", "ss", "ressd"]
    table = Texts(mapped(given), "names")
    for part in ("dress", "s", "ss", "sd", "summer dress", "summer dress "):
        assert table.containing(part).tolist() == [part in each for each in given]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(ALPHABET, max_size=4), max_size=25, unique=True), st.lists(st.text(ALPHABET, max_size=4)))
def test_ids_are_found_where_they_are(given, others):
    names = Names(mapped(given), "names")
    asked = [*given[::-1], *others]
    assert names.find(asked).tolist() == [given.index(each) if each in given else -1 for each in asked]


@pytest.mark.parametrize("values", [1, 3])
def test_texts_of_one_hash_are_told_apart(monkeypatch, values):
    for module in (texts, tables):
        monkeypatch.setattr(module, "text_hash", lambda raw: len(raw) % values + 2**63)
    given = [f"{number}" * (number % 5 + 1) for number in range(40)]
    names = Names(mapped(given), "names")
    assert names.find([*given, "never", ""]).tolist() == [*range(40), -1, -1]


def test_tables_that_do_not_fit_each_other_are_refused():
    whole = {
        "names/offsets": np.asarray([0, 1, 3]),
        "names/data": np.frombuffer(b"abc", np.uint8),
        "names/hashes": np.asarray([1, 2], np.uint64),
        "names/hashed": np.asarray([0, 1], np.int32),
    }
    assert Names(Segment({}, whole), "names").texts.many(np.asarray([0, 1])) == ["a", "bc"]
    for name, array in (
        ("names/offsets", np.zeros(0, np.int64)),
        ("names/offsets", np.asarray([0, 1, 3], np.int32)),
        ("names/data", np.frombuffer(b"abc", np.int8)),
        ("names/hashes", np.asarray([1, 2, 3], np.uint64)),
        ("names/hashed", np.asarray([0, 1], np.int64)),
    ):
        with pytest.raises(Damaged):
            Names(Segment({}, whole | {name: array}), "names")
    for offsets in ([0, 2, 1], [1, 2, 3], [0, 1, 2], [0, 1, 9], [-1, 1, 3]):
        with pytest.raises(Damaged, match="across each other"):
            Texts(Segment({}, whole | {"names/offsets": np.asarray(offsets)}), "names").containing("a")

"""Suspected true matches: planted ones are listed, honest mistakes are not, and the bound says that it is one."""

import numpy as np
import pytest

from wearabouts.evaluation.checks import suspects
from wearabouts.report import Picture

DIM = 64


def unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


class World:
    """Fifty items far from one another, one gallery photo each; queries are made at a cosine of one's choice."""

    def __init__(self, seed=0):
        self.generator = np.random.default_rng(seed)
        self.gallery = list(np.linalg.qr(self.generator.standard_normal((DIM, DIM)))[0].T[:50].astype(np.float32))
        self.items = [f"i{n}" for n in range(50)]
        self.queries, self.asked = [], []

    def ask(self, item, vector):
        self.queries.append(unit(vector))
        self.asked.append(item)

    def near(self, vector, cosine):
        other = self.generator.standard_normal(DIM).astype(np.float32)
        other = unit(other - (other @ vector) * vector)
        return unit(cosine * vector + np.sqrt(1 - cosine**2) * other)

    def found(self):
        queries, gallery = np.stack(self.queries), np.stack(self.gallery)
        names = np.array(self.items)
        return suspects.suspected(
            queries,
            gallery,
            (queries @ gallery.T).argmax(axis=1),
            lambda row: np.flatnonzero(names == self.asked[row]),
            self.asked,
            self.items,
        )


@pytest.fixture
def world():
    """Thirty queries answered rightly, at cosines of .6 to .9."""
    made = World()
    for n, cosine in enumerate(np.linspace(0.6, 0.9, 30)):
        made.ask(f"i{n}", made.near(made.gallery[n], cosine))
    return made


def test_right_answers_and_honest_mistakes_are_not_suspected(world):
    for n in range(30, 40):  # nearer to another item, but no more alike than the weakest of the right answers
        world.ask(f"i{n}", unit(0.55 * world.gallery[n + 5] + 0.5 * world.gallery[n] + 0.6 * world.gallery[49]))
    found = world.found()
    assert found.measured == 40
    assert found.hits == 30
    assert found.pairs == ()
    assert found.note() == ""


def test_an_item_listed_twice_is_suspected_and_counted_by_pair(world):
    world.gallery.append(world.near(world.gallery[40], 0.99))
    world.items.append("i40 again")
    for cosine in (0.8, 0.85):
        mixed = unit(cosine * world.gallery[-1] + 0.1 * world.gallery[41])
        world.ask("i40", mixed)
    found = world.found()
    (pair,) = found.pairs
    assert pair.reason == suspects.TWIN
    assert (pair.answer, pair.right, pair.queries) == (50, 40, 2)
    assert pair.twin == pytest.approx(0.99, abs=1e-5)
    assert (found.queries, found.hits, found.measured) == (2, 30, 32)
    assert "would give R@1 1.000 instead of 0.938: a bound, not a figure" in found.note()


def test_the_query_itself_under_another_item_is_suspected(world):
    world.ask("i45", world.near(world.gallery[46], 0.985))
    (pair,) = world.found().pairs
    assert (pair.reason, pair.answer, pair.right) == (suspects.ITSELF, 46, 45)


def test_far_nearer_than_the_labelled_answer_is_suspected_behind_the_certain_ones(world):
    world.ask("i42", world.near(world.gallery[43], 0.8))
    world.ask("i45", world.near(world.gallery[46], 0.985))
    found = world.found()
    assert [pair.reason for pair in found.pairs] == [suspects.ITSELF, suspects.NEARER]
    assert found.pairs[1].answer == 43
    assert found.pairs[1].similarity - found.pairs[1].own > 0.5


def test_with_few_right_answers_only_the_same_picture_is_suspected():
    few = World()
    for n in range(suspects.ENOUGH - 1):
        few.ask(f"i{n}", few.near(few.gallery[n], 0.8))
    few.ask("i42", few.near(few.gallery[43], 0.85))
    assert few.found().pairs == ()
    few.ask("i45", few.near(few.gallery[46], 0.97))
    assert [pair.reason for pair in few.found().pairs] == [suspects.ITSELF]


def test_where_all_is_alike_the_same_picture_must_be_more_so():
    """An encoder under which right answers are at .99 does not call .97 the same picture."""
    alike = World()
    for n in range(30):
        alike.ask(f"i{n}", alike.near(alike.gallery[n], 0.99))
    alike.ask("i45", alike.near(alike.gallery[46], 0.97))
    assert alike.found().pairs == ()


def test_queries_without_a_right_answer_take_no_part(world):
    world.ask("nowhere", world.gallery[3])
    found = world.found()
    assert (found.measured, found.pairs) == (30, ())


def test_rows_of_pictures_say_what_they_show(world):
    world.ask("i45", world.near(world.gallery[46], 0.985))
    (row,) = suspects.pictures(world.found(), lambda n: Picture(b"", f"q{n}"), lambda n: Picture(b"", f"g{n}"))
    assert (row.query.caption, row.wanted.caption, row.came[0].caption) == ("q30", "g45", "g46")
    assert (row.wanted.role, row.came[0].role) == ("labelled right", "first answer")
    assert "cosine 0.98" in row.note or "cosine 0.99" in row.note

"""Labels, landmarks and styles: by hand, by an oracle, by chance."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from evaluation.worlds import Dice, Oracle, Reading, Told, catalog, direction, photo
from wearabouts.catalog import Product
from wearabouts.errors import EvaluationError
from wearabouts.evaluation.measuring import measure
from wearabouts.evaluation.measuring.dividing import Entry
from wearabouts.evaluation.measuring.styling import upper
from wearabouts.evaluation.measuring.voting import head, nearest
from wearabouts.evaluation.protocols import protocol
from wearabouts.types import Box, Encoding, Landmark

KINDS = [f"kind {number}" for number in range(10)]


class Classes(Reading):
    """Says the item's number modulo ten as its category, and one texture and style by it, in heads of its own."""

    name, hash = "classes", "classes-1"
    garments = tuple(f"Kind_{number}" for number in range(10))
    attributes = {"texture": ("floral", "striped"), "style": ("boho", "punk", "mod")}

    def encode(self, photos, side="shop"):
        said = super().encode(photos, side)
        items = [item for item, _ in self.seen[len(self.seen) - len(photos) :]]
        heads = {name: one_hot(items, len(values)) for name, values in self.attributes.items()}
        return Encoding(said.vectors, one_hot(items, 10), heads)

    def vector(self, item, photo):
        return direction(1, 2, 3)


def one_hot(items, size):
    rows = np.full((len(items), size), 0.01, np.float32)
    rows[np.arange(len(items)), [item % size for item in items]] = 0.9
    return rows


def named(folder, *, taught=5, asked=3):
    """Photos of ten categories; all of a category show the same item."""
    products = []
    for item in range(10):
        labels = {
            "texture": ("floral", "striped")[item % 2],
            "style": ("boho", "punk", "mod")[item % 3],
            "texture?": "x",
        }
        for number in range(taught + asked):
            split = "train" if number < taught else "test"
            products.append(
                Product(
                    f"{item}-{number}", (photo(folder, item, number, split=split, labels=labels),), category=KINDS[item]
                )
            )
    return catalog(products)


def cells(report, table=0, row=0):
    return {name: value for name, value in report.sections[0].tables[table].rows[row].cells.items()}


@pytest.mark.parametrize("name", ["deepfashion_category", "deepfashion_attributes"])
def test_neighbours_that_show_the_same_name_it_rightly(name, tmp_path):
    rules, _ = protocol(name)
    report = measure(replace(rules, neighbours=5), named(tmp_path), Oracle())
    assert all(value.value == 1 for value in cells(report).values())
    assert "votes of the 5 nearest of 50 labelled photos" in report.sections[0].protocol


def test_heads_are_asked_where_they_know_every_label(tmp_path):
    report = measure(protocol("deepfashion_category")[0], named(tmp_path), Classes())
    assert "the model's own heads" in report.sections[0].protocol
    assert cells(report)["top-1"].value == 1
    # texture and style alone are known to it, fabric, shape and part have no label at all here: still heads
    rules = replace(protocol("deepfashion_attributes")[0], groups=("texture", "style"))
    report = measure(rules, named(tmp_path), Classes())
    assert "the model's own heads" in report.sections[0].protocol
    assert cells(report)["top-3"].value == 1
    assert [table.rows[0].cells["top-3"].value for table in report.sections[1].tables] == [1, 1]


def test_dice_name_as_often_rightly_as_chance(tmp_path):
    rules = replace(protocol("deepfashion_category")[0], neighbours=1)
    report = measure(rules, named(tmp_path, taught=4, asked=20), Dice())
    value = cells(report)["top-1"]
    assert value.queries == 200
    assert abs(value.value - 0.1) <= 4 * (0.1 * 0.9 / 200) ** 0.5


def test_a_vote_by_hand(tmp_path):
    rules = replace(
        protocol("deepfashion_category")[0], neighbours=3, ks=(1, 2), figures=("top-1", "top-2"), beside=("top-1",)
    )
    # the nearest is a shirt, but two trousers together weigh more; a coat behind them has no vote
    angles = {(1, 9): 0, (1, 0): 10, (2, 0): 20, (2, 1): 30, (3, 0): 40}
    kinds = {1: "shirt", 2: "trousers", 3: "coat"}
    products = [
        Product(f"{item}-{n}", (photo(tmp_path, item, n, split="test" if n == 9 else "train"),), category=kinds[item])
        for item, n in angles
    ]
    report = measure(rules, catalog(products), Told(angles))
    assert [cells(report)[figure].value for figure in ("top-1", "top-2")] == [0, 1]
    (failure,) = report.sections[0].failures
    assert (failure.wanted.caption, [each.caption for each in failure.came]) == ("shirt", ["trousers", "shirt", "coat"])


def test_attribute_recall_is_hits_over_positives(tmp_path):
    rules = replace(
        protocol("deepfashion_attributes")[0],
        neighbours=1,
        ks=(1,),
        groups=("texture",),
        figures=("top-1",),
        beside=("top-1",),
    )
    asks = Product("a", (photo(tmp_path, 1, 9, split="test", labels={"texture": "floral|striped|dotted"}),))
    other = Product("b", (photo(tmp_path, 1, 8, split="test", labels={"texture": "striped"}),))
    nothing = Product("c", (photo(tmp_path, 1, 7, split="test", labels={"texture": "", "texture?": "dotted"}),))
    learnt = Product("d", (photo(tmp_path, 1, 0, split="train", labels={"texture": "striped"}),))
    report = measure(rules, catalog([asks, other, nothing, learnt]), Oracle())
    assert cells(report)["top-1"].value == 2 / 4  # striped is right in both; four positives in all


def test_equal_neighbours_stand_in_order():
    places, similar = nearest(np.array([[1, 0]], np.float32), np.array([[0, 1], [1, 0], [1, 0], [1, 0]], np.float32), 2)
    assert places.tolist() == [[1, 2]]
    assert similar.tolist() == [[1, 1]]


def test_a_head_must_know_every_label():
    encoder = Classes()
    assert head(encoder, "category", ["kind 3", "Kind 1"]) == ("", [3, 1])
    assert head(encoder, "texture", ["striped"]) == ("texture", [1])
    assert head(encoder, "texture", ["striped", "dotted"]) is None
    assert head(encoder, "texture", []) is None


class Marks(Reading):
    """Places every landmark a tenth of what it sees to the right of the middle."""

    name, hash = "marks", "marks-1"

    def encode(self, photos, side="shop"):
        said = super().encode(photos, side)
        places = np.zeros((len(photos), 8, 3), np.float32)
        places[:, :, 0], places[:, :, 1] = 0.6, 0.5
        return Encoding(said.vectors, landmarks=places)

    def vector(self, item, photo):
        return direction(item)


def marks(*visible, x=8.0, y=8.0):
    return tuple(Landmark(x, y, slot in visible) if slot in visible else Landmark(99, 99, False) for slot in range(8))


def test_landmark_error_by_hand(tmp_path):
    # photos of 16 x 16: the middle is (8, 8), so the encoder is off by .1 of the width
    products = [
        Product("1", (photo(tmp_path, 1, 0, split="test", landmarks=marks(0, 1)),)),
        Product("2", (photo(tmp_path, 2, 0, split="test", landmarks=marks(7, x=9.6, y=12.0)),)),  # .0 and .25
        Product("3", (photo(tmp_path, 3, 0, split="test", landmarks=marks()),)),
        Product("4", (photo(tmp_path, 4, 0, split="train", landmarks=marks(0)),)),
    ]
    report = measure(protocol("landmarks")[0], catalog(products), Marks())
    found = cells(report)
    assert found["NE"].value == pytest.approx((0.1 + 0.1 + 0.25) / 3)
    assert found["left collar"].value == pytest.approx(0.1)
    assert found["right hem"].value == pytest.approx(0.25)
    assert "left sleeve" not in found
    assert report.skipped == {"photos without a visible landmark": 1}
    (sample,) = report.sections[0].samples
    assert sample.values["NE"].mean() == pytest.approx(found["NE"].value)


def test_landmarks_within_the_box_are_fractions_of_the_box(tmp_path):
    rules, _ = protocol("landmarks", {"crop": "box"})
    # the box is cut to 8 x 16 pixels at the right edge; (12, 8) is its middle, so the encoder is off by .1 of 8 pixels
    asks = photo(tmp_path, 1, 0, split="test", landmarks=marks(0, x=12.0, y=8.0), box=Box(8, -4, 50, 60))
    report = measure(rules, catalog([Product("1", (asks,))]), Marks())
    assert cells(report)["NE"].value == pytest.approx(0.1)


def styled(folder, *, styles=3, photos=12):
    return catalog([
        Product(f"{style}-{number}", (
            photo(folder, style, number, side="street", split="test",
                  labels={"style": f"style {style}", "skill": str(number)}),
        ))
        for style in range(styles) for number in range(photos)
    ])  # fmt: skip


def test_styles_that_lie_apart_are_told_apart(tmp_path):
    rules = replace(protocol("stylenet")[0], splits=10)
    report = measure(rules, styled(tmp_path), Oracle(), [Dice()])
    assert cells(report)["accuracy"].value == 1
    assert report.skipped == {"photos below the upper share by skill": 18}
    assert {name.partition("-")[0] for name in report.sections[0].samples[0].ids} == {"0", "1", "2"}
    guessed = cells(report, row=1)["accuracy"].value
    assert 0 < guessed < 0.8
    assert cells(report, row=1)["standard deviation over divisions"] > 0


def test_the_upper_half_is_taken_within_each_style():
    def entry(name, style, skill):
        return Entry(name, "", name, (), facts={"style": style, "skill": skill})

    entries = [entry("a", "goth", "1"), entry("b", "goth", "3"), entry("c", "goth", "2"), entry("d", "pinup", "-5"),
               entry("e", "pinup", "-5"), entry("f", "", "9"), entry("g", "goth", "high")]  # fmt: skip
    chosen, unlabelled = upper(entries, 0.5)
    assert ([each.id for each in chosen], unlabelled) == (["b", "c", "d"], 2)


def test_one_style_alone_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match="1 styles"):
        measure(protocol("stylenet")[0], styled(tmp_path, styles=1), Oracle())


def test_without_scikit_learn_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.model_selection", None)
    with pytest.raises(EvaluationError, match=r"pip install 'wearabouts\[evaluate\]'"):
        measure(protocol("stylenet")[0], styled(tmp_path), Oracle())

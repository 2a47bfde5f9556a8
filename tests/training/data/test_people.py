"""What people said becomes pairs: believed where they agree, counted where it says nothing."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wearabouts.catalog import Faults
from wearabouts.training.data.picking import pick
from wearabouts.training.data.recipe import Data
from wearabouts.training.data.supervision import read

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("page", ["docs/labels.md", "docs/labels.zh.md"])
def test_the_page_shows_a_table_of_a_recipe(page):
    text = (ROOT / page).read_text("utf-8")
    table = tomllib.loads(re.search(r"```toml\n(.*?)```", text, re.DOTALL)[1])
    assert Data(**table["data"]).labels == "asked/answers.csv"


@pytest.fixture
def shop(written, simple):
    """Three products of split train with a photo a side, and two query photos of people."""
    source = written([simple(f"p{n}", split="train") for n in range(3)])
    (source / "asked").mkdir()
    for name, value in (("q1", 10), ("q2", 240)):
        Image.fromarray(np.full((40, 60, 3), value, np.uint8)).save(source / "asked" / f"{name}.png")
    return source


def answers(source, *lines, name="asked/answers.csv"):
    (source / name).write_text("photo,product,same,left,top,width,height\n" + "\n".join(lines) + "\n", "utf-8")
    return Data(category="", labels=name)


def test_yes_makes_a_street_photo_of_the_product_and_no_a_pair_known_to_differ(shop, run):
    data = answers(shop, "q1.png,p1,yes", "q1.png,p0,no", "q2.png,p2,no")
    rows, _ = read(data, shop, 16, run)
    assert rows.product.tolist() == [0, 0, 1, 1, 1, 2, 2, 3]
    assert rows.street.tolist() == [True, False, True, False, True, True, False, True]
    asked = [int(photo[8, 8, 0]) for photo in rows.pixels]
    assert (asked[4], asked[7]) == (10, 240)
    # q1 shows p1 and not p0; q2 shows a product nobody named, and not p2.
    assert rows.different.tolist() == [[4, 0], [7, 2]]


def test_the_catalog_without_answers_is_as_before(shop, run):
    rows, _ = read(Data(category=""), shop, 16, run)
    assert len(rows) == 6
    assert rows.different.shape == (0, 2)


def test_json_lines_and_boxes_say_the_same(shop, run):
    records = [
        {"photo": "asked/q1.png", "product": "p1", "same": True, "left": 0, "top": 0, "width": 20, "height": 40},
        {"photo": "asked/q1.png", "product": "p2", "same": "yes", "left": 30, "top": 0, "width": 20, "height": 40},
    ]
    (shop / "answers.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    picked = pick(Data(category="", labels="answers.jsonl"), shop, Faults())
    worn = [(one.product.id, one.photo.box) for one in picked.learned if one.photo.id.startswith("people/")]
    assert [(name, box.left, box.width) for name, box in worn] == [("p1", 0, 20), ("p2", 30, 20)]


def test_unknown_products_are_counted_and_their_photos_left_out(shop):
    faults = Faults()
    picked = pick(answers(shop, "q1.png,p9,yes", "q2.png,p8,no"), shop, faults)
    assert len(picked.learned) == 6
    assert sorted(fault.reason.split("'")[1] for fault in faults.kept) == ["p8", "p9"]


def test_a_labelled_photo_is_held_out_with_its_product(shop):
    data = answers(shop, *(f"q1.png,p{n},{'yes' if n == 1 else 'no'}" for n in range(3)))
    for share in (0.0, 0.34):
        picked = pick(data.model_copy(update={"held_out": share}), shop, Faults())
        part = picked.held if "p1" in {one.product.id for one in picked.held} else picked.learned
        assert "people/q1.png" in {one.photo.id for one in part}
        learned = {one.product.id for one in picked.learned}
        assert all(picked.learned[row].photo.id == "people/q1.png" for row, _ in picked.different)
        assert len(picked.different) == (2 if "p1" in learned else 0)

"""`calibrate` from the file of labels to answers that go by it: what it gains, what it tells, what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

from calibrating.shops import indexed, tiny
from fakes import TinyGarmentEncoder
from wearabouts import metrics
from wearabouts.calibrating.asking import Question, shortlists_of
from wearabouts.calibration import Calibration, answered
from wearabouts.catalog import Faults, Photo
from wearabouts.cli import main, options
from wearabouts.stores import open_store

PRODUCTS, LABELLED, PHOTOS = 90, 60, 5  # 300 labels; photos of the other products are held out


@pytest.fixture(scope="module")
def drawn_shop(tmp_path_factory):
    return indexed(tmp_path_factory.mktemp("patches"), PRODUCTS, PHOTOS)


@pytest.fixture
def shop(drawn_shop, monkeypatch):
    """The same, going by the model's own calibration."""
    tiny(monkeypatch)
    monkeypatch.chdir(drawn_shop.folder)
    assert main(["calibrate", "--forget"]) == 0
    return drawn_shop


def said(capsys):
    shown = capsys.readouterr()
    return shown.out, shown.err


def test_three_hundred_labels_of_its_own_improve_a_shop_on_photos_of_other_products(shop, capsys):
    labelled = [f"{photo},{name},yes" for photo, name in shop.photos.items() if name < f"p{LABELLED:03d}"]
    assert len(labelled) == 300
    before = held_out(shop)
    said(capsys)
    assert main(["calibrate", "asked/labels.csv"]) == 2  # not there yet
    assert "cannot be read" in said(capsys)[1]
    shop.label("labels.csv", *labelled)
    assert main(["calibrate", "asked/labels.csv", "--json"]) == 0
    told = json.loads(said(capsys)[0])
    assert told["kept"]
    assert told["calibration"]["own_labels"]
    assert told["calibration"]["labels"] == 300
    assert told["calibration"]["calibrated_on"].startswith("300 labelled photos of this shop, 300 of them with")
    after = held_out(shop)
    items = after.item.tolist()
    for better, worse in (
        (after.told, before.told),
        (metrics.brier(before.first, before.right), metrics.brier(after.first, after.right)),
    ):
        assert metrics.verdict(metrics.paired_difference(better, worse, items)) == "better"
    assert metrics.calibration_error(after.first, after.right) < metrics.calibration_error(before.first, before.right)
    # What is told of photos of other items is what photos of other items show.
    everything = told["gains"][0]
    assert everything["after"]["brier"] == pytest.approx(metrics.brier(after.first, after.right).mean(), abs=0.03)
    assert everything["after"]["brier"] < everything["before"]["brier"]
    assert everything["enough"] is not None
    assert everything["enough"] <= 300
    assert main(["search", "asked/p080-0.png", "--json"]) == 0
    answer = json.loads(said(capsys)[0])
    assert answer["own_labels"]
    assert main(["calibrate", "--forget", "--json"]) == 0
    assert json.loads(said(capsys)[0])["forgotten"]
    np.testing.assert_array_equal(held_out(shop).first, before.first)


def held_out(shop):
    """What is believed of photos of products without labels, by whatever the store goes by."""
    searcher = options.open_searcher(shop.folder / "wearabouts-store", "mini")
    try:
        asked = [
            Question(Photo(photo, str(shop.folder / "asked" / photo), "street"), same=[name])
            for photo, name in shop.photos.items()
            if name >= f"p{LABELLED:03d}" and photo[-5] in "01"
        ]
        shortlists = shortlists_of(searcher, asked, Faults())
        return answered(shortlists, searcher.stage_two.curves.current().calibration)
    finally:
        searcher.store.close()


def test_the_table_tells_each_category_and_bad_rows_cost_themselves(shop, capsys):
    rows = [f"{photo},{name},yes" for photo, name in list(shop.photos.items())[:60]]
    rows += ["p000-0.png,gone,no", "nowhere.png,p001,yes", "p001-0.png,p001,perhaps", "../escape.png,p001,yes"]
    (shop.folder / "asked" / "broken.png").write_bytes(b"no picture")
    shop.label("some.csv", *rows, "broken.png,p002,yes")
    assert main(["calibrate", "asked/some.csv", "--faults", "faults.csv", "--share", "0.8"]) == 0
    shown, _ = said(capsys)
    rows = [line.split() for line in shown.splitlines() if line.count("→") == 3]  # Brier, skill and ECE
    names = {row[0] for row in rows}
    assert rows[0][:2] == ["all", "60"]
    assert sum(int(row[1]) for row in rows[1:]) == 60
    assert names - {"all"} <= set(TinyGarmentEncoder.garments)
    assert "60 photos tell something" in shown
    assert "goes by its own labels from now on" in shown
    assert "all together: " in shown
    store = open_store(shop.folder / "wearabouts-store")
    assert Calibration(**store.note("calibration")).share == 0.8
    store.close()
    faults = (shop.folder / "faults.csv").read_text("utf-8")
    for words in ("'gone' is no product of the store", "nowhere.png", "'perhaps'", "escape.png", "broken.png"):
        assert words in faults


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["calibrate"], "give a file of labels, or --forget"),
        (["calibrate", "asked/labels.csv", "--forget"], "give a file of labels, or --forget"),
        (["calibrate", "asked/few.csv"], "labels 3 photos"),
        (["calibrate", "asked/few.csv", "--share", "1"], "share 1 is not allowed"),
        (["calibrate", "asked/strange.csv"], "labels 0 photos"),
        (["calibrate", "asked/few.csv", "--store", "nowhere"], "no store at nowhere"),
    ],
)
def test_what_cannot_be_meant_is_one_line(shop, capsys, words, message):
    shop.label("few.csv", "p000-0.png,p000,yes", "p001-0.png,p001,yes", "p002-0.png,p002,yes")
    shop.label("strange.csv", *(f"{photo},of-another-shop,yes" for photo in shop.photos))
    said(capsys)
    assert main(words) == 2
    _, wrong = said(capsys)
    assert message in wrong
    assert wrong.count("\n") == 1


def test_a_model_without_a_second_stage_has_nothing_to_calibrate(shop, capsys, monkeypatch):
    monkeypatch.undo()
    tiny(monkeypatch, judge=False)
    monkeypatch.chdir(shop.folder)
    shop.label("labels.csv", *(f"{photo},{name},yes" for photo, name in shop.photos.items()))
    said(capsys)
    assert main(["calibrate", "asked/labels.csv"]) == 2
    assert "has no second stage" in said(capsys)[1]


def test_labels_that_would_make_it_worse_are_not_kept(shop, capsys, monkeypatch):
    """The curve of the labels is as good as any: here what is measured says otherwise."""
    from wearabouts import calibrating

    monkeypatch.setattr(calibrating.Calibrated, "worse", property(lambda self: True))
    shop.label("labels.csv", *(f"{photo},{name},yes" for photo, name in list(shop.photos.items())[:40]))
    assert main(["calibrate", "asked/labels.csv"]) == 0
    assert "not kept" in said(capsys)[0]
    assert main(["calibrate", "--forget"]) == 0
    assert "had no calibration of its own" in said(capsys)[0]

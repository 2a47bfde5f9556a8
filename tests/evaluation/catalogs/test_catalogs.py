"""A whole evaluation through index, store and search, on a shop small enough to work out."""

import json

import numpy as np
import pytest
from PIL import Image

from fakes import TinyEncoder, TinyGarmentEncoder
from wearabouts import evaluation
from wearabouts.catalog import Catalog, Photo, Product
from wearabouts.errors import CatalogError, EvaluationError
from wearabouts.evaluation.catalogs import evaluate_catalog
from wearabouts.evaluation.catalogs.verifying import operating_points
from wearabouts.types import Box

RED, GREEN, BLUE, YELLOW = (220, 20, 20), (20, 180, 20), (20, 20, 220), (220, 220, 20)


def picture(folder, name, *colours):
    """Upright stripes."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.hstack([np.full((60, 30, 3), colour, np.uint8) for colour in colours])).save(path)
    return str(path)


def shop(folder):
    """Four dresses and trousers; the street photo of `b` shows the colour of `a`, all others their own."""

    def product(name, category, colour, worn):
        photos = (
            Photo(f"{name}-shop", picture(folder, f"{name}-shop.png", colour)),
            Photo(f"{name}-street", picture(folder, f"{name}-street.png", worn), "street"),
        )
        return Product(name, photos, title=f"{category} {name}", category=category)

    products = (
        product("a", "dress", RED, RED),
        product("b", "pants", GREEN, RED),
        product("c", "dress", BLUE, BLUE),
        product("d", "pants", YELLOW, YELLOW),
    )
    return Catalog("made", "a made-up shop", lambda faults: iter(products))


def rows(report, table):
    found = next(each for section in report.sections for each in section.tables if each.title == table)
    return {row.name: row.cells for row in found.rows}


def test_figures_worked_out_by_hand(tmp_path):
    report = evaluate_catalog(shop(tmp_path), TinyEncoder(), [TinyGarmentEncoder()])
    whole, within = rows(report, "Against the whole gallery"), rows(report, "Within the query's kind")
    assert whole["tiny"]["R@1"].value == 0.75
    # the two see alike, so they rank alike
    assert whole["tiny-garments"]["R@1"] == whole["tiny"]["R@1"]
    assert whole["tiny-garments"]["ours less this, R@1"].value == 0
    # among pants, red is nearer to yellow than to green: still wrong, but second of two
    assert within["tiny"]["R@1"].value == 0.75
    assert within["tiny"]["mAP"].value == pytest.approx((1 + 1 + 1 + 1 / 2) / 4)
    kinds = rows(report, "")
    assert (kinds["dress"]["R@1, whole gallery"].value, kinds["pants"]["R@1, whole gallery"].value) == (1, 0.5)
    assert report.skipped == {}


def test_answers_as_served_are_measured_through_the_searcher(tmp_path):
    report = evaluate_catalog(shop(tmp_path), TinyEncoder())
    section = next(section for section in report.sections if section.title == "As a person gets it")
    cells = section.tables[0].rows[0].cells
    assert (cells["hit@1"].value, cells["hit@5"].value) == (0.75, 1)
    assert cells["hit@1"].queries == 4
    assert cells["median ms"] > 0


def test_the_failure_is_shown_with_its_pictures(tmp_path):
    report = evaluate_catalog(shop(tmp_path), TinyEncoder())
    (failure,) = report.sections[0].failures
    assert failure.query.caption == "pants b"
    assert failure.wanted.caption.endswith(": pants b")
    assert (failure.came[0].caption, failure.came[0].right) == ("dress a", False)
    assert all(each.thumbnail.startswith(b"\xff\xd8") for each in (failure.query, failure.wanted, *failure.came))


def test_a_street_photos_box_is_what_is_searched(tmp_path):
    both = picture(tmp_path, "both.png", RED, BLUE)
    box = Box(30, 0, 30, 60)  # the blue half
    products = (
        Product("red", (Photo("r", picture(tmp_path, "r.png", RED)),)),
        Product("blue", (Photo("b", picture(tmp_path, "b.png", BLUE)), Photo("q", both, "street", box=box))),
    )
    report = evaluate_catalog(Catalog("made", "boxes", lambda faults: iter(products)), TinyEncoder())
    assert rows(report, "Against the whole gallery")["tiny"]["R@1"].value == 1


def test_what_cannot_be_read_is_counted(tmp_path):
    catalog = shop(tmp_path)
    (tmp_path / "a-street.png").write_bytes(b"no picture")
    (tmp_path / "c-shop.png").unlink()
    report = evaluate_catalog(catalog, TinyEncoder())
    assert report.skipped == {
        "query photos whose right answers could not be read": 1,
        "query photos that cannot be read": 1,
        "gallery photos that cannot be read": 1,
    }
    assert rows(report, "Against the whole gallery")["tiny"]["R@1"].queries == 2


def test_nothing_readable_is_one_clear_error(tmp_path):
    catalog = shop(tmp_path)
    for path in tmp_path.glob("*-shop.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(EvaluationError, match="no gallery photo could be read"):
        evaluate_catalog(catalog, TinyEncoder())


def test_a_folder_of_views_through_the_entry_point(tmp_path):
    for name, colour in {"a": RED, "b": GREEN, "c": BLUE}.items():
        picture(tmp_path / "shop" / name, "1.png", colour)
        picture(tmp_path / "shop" / name, "2.png", colour)
    report = evaluation.main(str(tmp_path / "shop"), model=TinyEncoder(), out=tmp_path / "out")
    plain = json.loads((tmp_path / "out" / "report.json").read_text())
    assert plain == report.to_dict()
    cells = plain["sections"][0]["tables"][0]["rows"][0]["cells"]
    assert (cells["R@1"]["value"], cells["R@1"]["queries"], cells["R@1"]["groups"]) == (1, 3, 3)
    assert "second and further photos" in report.sections[0].protocol
    assert not [path for path in tmp_path.iterdir() if path.name not in ("shop", "out")]


def test_a_source_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CatalogError):
        evaluation.main(str(tmp_path / "nothing"), model="histogram")


def test_more_figures_by_hand(tmp_path):
    report = evaluate_catalog(shop(tmp_path), TinyEncoder())
    cells = rows(report, "Against the whole gallery")["tiny"]
    # three of four are first; the fourth, trousers whose street photo shows a dress's colour, is further down
    assert cells["P@5"].value == pytest.approx(1 / 5)
    assert cells["R-precision"].value == cells["MAP@R"].value == 0.75
    assert 0.75 < cells["nDCG@10"].value < 1
    kinds = rows(report, "")
    assert kinds["mean over kinds"]["R@1, whole gallery"].value == (1 + 0.5) / 2


def test_missed_pairs_at_a_false_match_rate_by_hand():
    def at(*degrees):
        return np.column_stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]).astype(np.float32)

    queries, gallery = at(0, 60), at(0, 5, 10, 30, 50)
    points = dict(operating_points(queries, gallery, ["a", "b"], ["a", "a", "c", "b", "c"], rates=(0.34, 0.01)))
    # same pairs lie 0 and 5 (a) and 30 (b) degrees apart, different ones 10, 30, 50 (a) and 60, 55, 50, 10 (b): two of
    # seven may pass, the two at 10, and the third, at 30, is the threshold
    assert set(points) == {0.34}
    point = points[0.34]
    assert (point.same, point.different) == (3, 7)
    assert point.threshold == pytest.approx(np.cos(np.radians(30)), abs=1e-6)
    assert point.fnmr == pytest.approx(1 / 3)  # 0 and 5 degrees are found, b's own at 30 is not above it


def test_without_different_pairs_nothing_is_verified():
    one = np.array([[1, 0]], np.float32)
    assert operating_points(one, one, ["a"], ["a"]) == ()

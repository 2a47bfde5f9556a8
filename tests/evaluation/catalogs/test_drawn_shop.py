"""The drawn shop as a catalog to be measured on."""

import pytest

from wearabouts import evaluation
from wearabouts.errors import EvaluationError
from wearabouts.evaluation.catalogs.drawn_shop import drawn_catalog


def test_every_product_is_searched_and_the_first_ones_ask(tmp_path):
    products = list(drawn_catalog(tmp_path, products=5, queries=2).products())
    assert [[photo.side for photo in product.photos] for product in products] == [["shop", "street"]] * 2 + [
        ["shop"]
    ] * 3
    assert all(product.photos[1].box is not None for product in products[:2])
    larger = list(drawn_catalog(tmp_path / "larger", products=6, queries=2).products())
    assert [product.id for product in larger[:5]] == [product.id for product in products]


def test_a_shop_without_a_choice_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match="at least 2"):
        drawn_catalog(tmp_path, products=1, queries=1)


def test_through_the_entry_point_and_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    report = evaluation.main("drawn", model="histogram", beside=(), products=6, limit=3)
    cells = report.sections[0].tables[0].rows[0].cells
    assert (cells["R@1"].queries, cells["R@10"].value) == (3, 1)
    assert "6 products in 6 photos" in report.summary
    assert not list(tmp_path.iterdir())

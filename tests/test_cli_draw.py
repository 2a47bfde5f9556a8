"""`draw` on the command line: a folder that training and indexing read, the same again however it came about."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from wearabouts.cli import main
from wearabouts.drawn.shop import DrawnShop
from wearabouts.readers import open_catalog

SMALL = ["--products", "2", "--street", "1", "--size", "64", "--seed", "5", "--workers", "1"]


def test_the_folder_is_the_shop_that_was_asked_for(tmp_path, capsys):
    assert main(["draw", str(tmp_path / "shop"), "--part", "test", *SMALL]) == 0
    assert "2 products with 6 photos" in capsys.readouterr().out
    products = list(open_catalog(tmp_path / "shop").products())
    shop = DrawnShop(5, 2, "test")
    assert [product.id for product in products] == [shop.spec(n).product_id for n in range(2)]
    assert [photo.labels["view"] for photo in products[0].photos] == ["front", "back", "street-0"]
    assert all(len(photo.landmarks) == 8 and photo.box for product in products for photo in product.photos)
    with Image.open(products[1].photos[2].uri) as picture:
        drawn = shop.render(1, "street-0", 64).pixels
        assert picture.size == (drawn.shape[1], 64)
        assert np.abs(np.asarray(picture, float) - drawn).mean() < 8  # but for what JPEG does


def test_run_again_it_draws_only_what_is_missing(tmp_path):
    words = ["draw", str(tmp_path), *SMALL]
    assert main(words) == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jpg")}
    lost = sorted(before)[0]
    content = lost.read_bytes()
    lost.unlink()
    assert main(words) == 0
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jpg")}
    assert lost.read_bytes() == content
    redrawn = {path for path in before if before[path] != after[path]}
    assert redrawn == {path for path in before if path.parent == lost.parent}


@pytest.mark.parametrize(
    "words, said",
    [
        (["--part", "tset"], "tset"),
        (["--products", "0"], "products 0"),
        (["--size", "20", "--products", "1", "--workers", "1"], "size 20"),
        (["--seed", "-1"], "seed -1"),
        (["--street", "many"], "many"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(tmp_path, capsys, words, said):
    assert main(["draw", str(tmp_path / "shop"), *words]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1

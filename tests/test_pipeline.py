"""The story from catalog to figures, on a drawn shop."""

from __future__ import annotations

import json

from fakes import TinyGarmentEncoder
from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.writing import write
from wearabouts.pipeline import shop


def test_a_drawn_shop_is_read_indexed_searched_and_measured(tmp_path):
    drawn = DrawnShop(3, 6, "test")
    write(tmp_path / "feed", drawn, views=("front", "back"), street=1, size=160)
    wanted = drawn.spec(2).product_id
    photo = (tmp_path / "feed" / "photos" / wanted / "front.jpg").read_bytes()
    story = shop(tmp_path / "feed", photo, tmp_path, TinyGarmentEncoder())
    assert (story.indexed.products, story.indexed.photos, story.indexed.embedded) == (6, 12, 12)
    assert story.answer.matches[0].product["id"] == wanted
    assert story.answer.matches[0].similarity > 0.999
    assert len(story.answer.matches) == 6
    figures = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert figures == json.loads(json.dumps(story.report.to_dict()))
    assert "tiny-garments" in json.dumps(figures)

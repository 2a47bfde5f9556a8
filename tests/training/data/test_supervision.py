"""A catalog as rows: which photos, which numbers, and what is not known stays unknown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wearabouts.catalog import Photo, Product
from wearabouts.drawn.shop import DrawnShop
from wearabouts.errors import CatalogError
from wearabouts.garments import ATTRIBUTES
from wearabouts.training.data import pixels
from wearabouts.training.data.recipe import Data
from wearabouts.training.data.supervision import PROBE, Vocabulary, read

EVERY = Data(split="", category="")


def test_a_drawn_shop_gives_what_was_drawn(drawn_small, run):
    data = Data(split="", attributes=("color", "length"), tags=("color+garment", "sleeve"), crop="box")
    rows, held = read(data, drawn_small, 48, run)
    shop = DrawnShop(seed=3, products=12, part="train")
    assert (len(rows), len(held), rows.lost) == (48, 0, 0)
    assert rows.pixels.shape == (48, 48, 48, 3)
    assert rows.product.tolist() == [n for n in range(12) for _ in range(4)]
    assert rows.street.tolist() == [False, False, True, True] * 12
    words = rows.vocabulary
    assert words.garments
    assert list(words.attributes) == ["color", "length"]
    assert set(words.attributes["color"]) <= set(ATTRIBUTES["color"])
    for row in range(48):
        labels = shop.spec(row // 4).labels()
        assert words.categories[rows.category[row]] == labels["garment"]
        said = [values[place] for values, place in zip(words.attributes.values(), rows.attributes[row], strict=True)]
        assert said == [labels["color"], labels["length"]]
        holding = {words.tags[place] for place in np.flatnonzero(rows.tags[row] == 1)}
        assert holding == {f"color+garment:{labels['color']}-{labels['garment']}", f"sleeve:{labels['sleeve']}"}
        assert np.count_nonzero(rows.tags[row] == -1) == len(words.tags) - 2
    assert rows.annotated.all()
    # A worn photo is cut to its box, so that the garment's visible landmarks span most of the square.
    seen = rows.landmarks[rows.street]
    ys = np.where(seen[..., 2] == 1, seen[..., 1], np.nan)
    assert np.nanmin(seen[..., 2]) >= 0
    assert np.median(np.nanmax(ys, 1) - np.nanmin(ys, 1)) > 0.6


def test_nothing_known_is_nothing_said(written, run):
    spoken = {"color": "red", "texture": "dotted|striped", "texture?": "floral"}
    products = [
        Product("a", (Photo("a1", "a1.png", labels=spoken), Photo("a2", "a2.png")), garment="dress"),
        Product("b", (Photo("b1", "b1.png", labels={"texture": "", "color": ""}),), attributes={"color": "blue"}),
        Product("c", (Photo("c1", "c1.png", labels={"texture": "floral", "season": "spring"}),), garment="skirt"),
    ]
    data = Data(split="", attributes=("color",), tags=("texture", "color+season"), min_tag=1)
    with pytest.raises(CatalogError, match=r"'color\+season'.*there are: color, season, texture"):
        read(data, written(products), 16, run)
    rows, _ = read(data.model_copy(update={"tags": ("texture",)}), written(products), 16, run)
    words = rows.vocabulary
    assert words.categories == ("dress", "skirt")
    assert rows.category.tolist() == [0, 0, -1, 1]
    assert words.attributes == {"color": ("red",)}  # what a photo says is not known is not asked of the product
    assert rows.attributes[:, 0].tolist() == [0, -1, -1, -1]
    assert words.tags == ("texture:dotted", "texture:floral", "texture:striped")
    assert rows.tags.tolist() == [[1, 0, 1], [0, 0, 0], [-1, -1, -1], [-1, 1, -1]]
    assert np.isnan(rows.landmarks).all()
    assert not rows.annotated.any()


def test_rare_tags_are_dropped_and_words_are_those_of_what_is_learned(written, simple, run):
    products = [simple(f"p{n}", split="train", color="red" if n else "green", fit="slim") for n in range(3)]
    products += [simple("v", split="val", color="blue", fit="slim", garment="cape")]
    products[0] = replace(products[0], garment="skirt")
    data = Data(attributes=("color", "fit"), tags=("color", "fit"), min_tag=3)
    rows, held = read(data, written(products), 16, run)
    assert rows.vocabulary == held.vocabulary
    assert rows.vocabulary.tags == ("color:red", "fit:slim")  # two photos of each product, green has but two
    assert rows.vocabulary.attributes["color"] == ("green", "red")
    assert held.category.tolist() == [-1, -1]
    assert held.attributes.tolist() == [[-1, 0], [-1, 0]]
    assert held.tags.tolist() == [[-1, 1], [-1, 1]]
    assert Vocabulary.read(rows.vocabulary.plain()) == rows.vocabulary
    assert {group: places.tolist() for group, places in rows.vocabulary.groups.items()} == {"color": [0], "fit": [1]}


def test_one_class_or_no_such_label_is_refused_by_name(written, simple, run):
    source = written([simple("a", color="red"), simple("b", color="red")])
    with pytest.raises(CatalogError, match="'garment': 1 classes on 4 photos"):
        read(Data(split=""), source, 16, run)
    with pytest.raises(CatalogError, match=r"'colour'.*there are: color"):
        read(EVERY.model_copy(update={"attributes": ("colour",)}), source, 16, run)


def test_a_split_brings_the_gallery_photos_of_what_was_worn_in_it(written, run):
    def product(name, street, shop):
        return Product(
            name,
            (Photo(f"{name}s", f"{name}s.png", "street", street), Photo(f"{name}g", f"{name}g.png", "shop", shop)),
        )

    products = [product("a", "train", "gallery"), product("b", "test", "gallery"), product("c", "val", "")]
    products += [Product("d", (Photo("dg", "dg.png", "shop", "gallery"),)), product("e", "train", "train")]
    rows, held = read(Data(category=""), written(products), 16, run)
    assert rows.product.tolist() == [0, 0, 1, 1]  # a and e, never d, which nobody is known to wear
    assert rows.street.tolist() == [True, False, True, False]
    assert held.product.tolist() == [2, 2]
    both, none = read(Data(category="", held_split="", split=""), written(products), 16, run)
    assert (len(both), len(none)) == (9, 0)
    most, some = read(Data(category="", split=""), written(products), 16, run)
    assert (len(most), len(some)) == (7, 2)  # what is measured with is not learned from
    with pytest.raises(CatalogError, match=r"split 'trian'.*gallery, none, test, train, val"):
        read(Data(category="", split="trian"), written(products), 16, run)


def test_held_out_products_are_whole_and_the_same_in_any_order(written, simple, run):
    products = [simple(f"p{n}", street=n % 3, shop=2) for n in range(20)]
    data = EVERY.model_copy(update={"held_out": 0.25})
    rows, held = read(data, written(products), 16, run)
    assert len(set(held.product.tolist())) == 5
    assert not set(held.product.tolist()) & set(rows.product.tolist())
    assert len(rows) + len(held) == sum(len(product.photos) for product in products)
    out = {pixels.tobytes() for pixels in held.pixels}
    source = written(products[::-1])
    assert {pixels.tobytes() for pixels in read(data, source, 16, run)[1].pixels} == out


def test_lost_photos_are_counted_and_shift_nothing(written, simple, run):
    products = [simple(f"p{n}", color=f"c{n}") for n in range(8)]
    source = written(products)
    clean, _ = read(EVERY.model_copy(update={"attributes": ("color",)}), source, 16, run)
    for lost in ("p1-0", "p6-1"):
        (source / "photos" / f"{lost}.png").write_bytes(b"no picture")
    data = EVERY.model_copy(update={"attributes": ("color",), "held_out": 0.5})
    rows, held = read(data, source, 16, run)
    assert rows.lost + held.lost == 2
    assert len(rows) + len(held) == 14
    colour = {int(clean.product[n]): clean.pixels[clean.product == clean.product[n]] for n in range(16)}
    words = clean.vocabulary.attributes["color"]
    for part in (rows, held):
        for row in range(len(part)):
            place = part.attributes[row, 0]
            if part is rows:  # the held-out colours are no word of the vocabulary
                number = words.index(part.vocabulary.attributes["color"][place])
                assert part.pixels[row].tobytes() in {photo.tobytes() for photo in colour[number]}


def test_the_probe_holds_both_sides_of_the_same_products(written, simple, run, monkeypatch):
    products = [simple(f"p{n}", street=2 if n % 2 else 0, shop=1) for n in range(12)]
    data = EVERY.model_copy(update={"held_out": 0.5})
    _, held = read(data, written(products), 16, run)
    probe = np.load(run.folder / PROBE)
    both = set(held.product[held.street].tolist())
    assert both
    assert set(probe["product"].tolist()) == both
    assert probe["street"].tolist() == [True] * (2 * len(both)) + [False] * len(both)
    assert probe["photos"].shape == (3 * len(both), 16, 16, 3)
    for photo, product, street in zip(probe["photos"], probe["product"], probe["street"], strict=True):
        same = held.pixels[(held.product == product) & (held.street == street)]
        assert any(np.array_equal(photo, one) for one in same)
    (run.folder / PROBE).unlink()
    read(EVERY, written(products), 16, run)
    assert not (run.folder / PROBE).exists()


def test_taken_rows_are_in_memory_with_all_that_is_known(drawn_small, run):
    rows, _ = read(Data(split="", attributes=("color",), tags=("sleeve",)), drawn_small, 32, run)
    rows = replace(rows, different=np.array([[5, 1], [7, 2], [20, 3]]))
    part = rows.taken(np.array([20, 3, 5]))
    for name in ("pixels", "product", "street", "category", "attributes", "tags", "landmarks"):
        assert np.array_equal(getattr(part, name), getattr(rows, name)[[20, 3, 5]], equal_nan=name == "landmarks")
    assert part.different.tolist() == [[2, 1], [0, 3]]
    assert len(part) == 3
    assert part.pixels.flags.owndata
    assert len(rows.taken(np.zeros(0, np.int64))) == 0


def test_a_second_start_decodes_nothing(drawn_small, run, monkeypatch):
    data = Data(split="", held_out=0.25)
    first = read(data, drawn_small, 32, run)
    monkeypatch.setattr(pixels, "look", None)
    again = read(data.model_copy(update={"attributes": ("color",)}), drawn_small, 32, run)
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert np.array_equal(one.landmarks, other.landmarks, equal_nan=True)
    assert run.told == [("photos", 48, 48)]

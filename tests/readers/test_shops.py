"""Shop exports: structure from the vendors' own samples (see feeds/README.md), then their quirks.

Shopify: ``apparel.csv`` of shopifypartners/product-csvs and Shopify's ``product_template.csv``, old and new headers.
WooCommerce: ``sample-data/sample_products.csv`` of woocommerce/woocommerce (GPL-3.0). Magento: ``catalog_product.csv``
of magento/magento2 (OSL-3.0). Only headers and row structure are theirs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from wearabouts.catalog import Faults, Product
from wearabouts.readers import open_catalog
from wearabouts.readers.feeds.magento import pairs
from wearabouts.readers.feeds.variants import Variant, by_color

FEEDS = Path(__file__).parent / "feeds"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def walk(source: Path, reader: str, **options: object) -> tuple[dict[str, Product], Faults]:
    faults = Faults()
    catalog = open_catalog(source, **options)
    assert catalog.name == reader
    products = list(catalog.products(faults))
    assert len({product.id for product in products}) == len(products)
    assert len({photo.id for product in products for photo in product.photos}) == sum(len(p.photos) for p in products)
    return {product.id: product for product in products}, faults


def names(product: Product) -> list[str]:
    return [photo.uri.rsplit("/", 1)[-1] for photo in product.photos]


def mutated(tmp_path: Path, name: str, *changes: tuple[str, str]) -> Path:
    text = (FEEDS / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_shopify_sizes_are_facts_of_one_product() -> None:
    products, faults = walk(FEEDS / "shopify_old.csv", "shopify", currency="EUR")
    tee = products["plain-tee"]
    assert names(tee) == ["tee-1.jpg?v=1", "tee-2.jpg?v=1", "tee-3.jpg?v=1"]  # by position, not by row
    assert (tee.title, tee.brand, tee.category, tee.garment) == ("Plain Tee", "Acme", "Shirts", "t_shirt")
    assert (tee.price, tee.regular_price, tee.currency, tee.availability) == (19.99, 24.99, "EUR", "in_stock")
    assert tee.attributes["size"] == "Small, Medium"
    assert tee.attributes["description"] == "Made of cotton & love."
    assert not len(faults)


def test_shopify_colours_with_photos_of_their_own_are_products() -> None:
    products, _ = walk(FEEDS / "shopify_old.csv", "shopify")
    assert "lace-dress" not in products
    red, navy = products["lace-dress:red"], products["lace-dress:navy-blue"]
    assert red.group == navy.group == "lace-dress"
    assert names(red) == ["dress-red.jpg", "dress-002.jpg", "dress-005.jpg"]  # 002 follows red's photo, 005 says red
    assert names(navy) == ["dress-navy.jpg", "dress-004.jpg"]
    assert (red.price, red.regular_price, red.availability) == (75.0, 90.0, "backorder")
    assert (navy.price, navy.regular_price, navy.availability) == (85.0, None, "in_stock")
    assert (red.attributes["color"], red.attributes["size"]) == ("Red", "S, L")


def test_shopify_drafts_are_left_out_unless_asked_for() -> None:
    products, faults = walk(FEEDS / "shopify_old.csv", "shopify")
    assert "sketch-hat" not in products
    assert not len(faults)
    products, _ = walk(FEEDS / "shopify_old.csv", "shopify", hidden=True)
    assert products["sketch-hat"].garment == "hat"
    assert "title" not in products["sketch-hat"].attributes  # Shopify's word for "no option"


def test_shopify_new_headers() -> None:
    products, faults = walk(FEEDS / "shopify_new.csv", "shopify")
    jacket = products["denim-jacket"]
    assert (jacket.garment, jacket.price, jacket.regular_price, jacket.availability) == (
        "outwear",
        99.0,
        None,
        "out_of_stock",
    )
    assert (jacket.attributes["size"], jacket.attributes["color"]) == ("M, L", "blue")
    assert not len(faults)


def test_shopify_quirks(tmp_path: Path) -> None:
    path = mutated(
        tmp_path,
        "shopify_old.csv",
        ("plain-tee,,,,,,,,,Medium", ",,,,,,,,,Medium"),  # a continuation without its handle
        ("manual,19.99,24.99,TRUE,TRUE,,https://cdn.shop.example/tee-2.jpg", "manual,cheap,24.99,TRUE,TRUE,,tee-2.jpg"),
        (
            "sketch-hat,Sketch Hat,,Acme,,Hat,,FALSE",
            "plain-tee,Sketch Hat,,Acme,,Hat,,TRUE",
        ),  # a handle that comes back
        ("g,draft", "g,active"),
    )
    products, faults = walk(path, "shopify")
    assert names(products["plain-tee"]) == ["tee-1.jpg?v=1", "tee-2.jpg?v=1", "tee-3.jpg?v=1"]
    assert products["plain-tee"].photos[1].uri == str(tmp_path / "tee-2.jpg?v=1")
    assert products["plain-tee"].attributes["size"] == "Small, Medium"
    assert products["plain-tee"].price == 19.99  # of the variant that has one
    assert [(fault.row, fault.column, fault.lost) for fault in faults.kept] == [
        (1, "Variant Price", "field"),
        (9, "id", "product"),
    ]


def test_woocommerce() -> None:
    products, faults = walk(FEEDS / "woocommerce.csv", "woocommerce", currency="USD")
    assert set(products) == {
        "vneck-tee:red",
        "vneck-tee:green",
        "vneck-tee:blue",
        "hoodie",
        "hoodie-with-logo",
        "album",
    }
    blue, green = products["vneck-tee:blue"], products["vneck-tee:green"]
    assert (blue.price, blue.regular_price, blue.currency, blue.group) == (12.0, 15.0, "USD", "vneck-tee")
    assert names(blue) == ["vneck-blue.jpg"]
    assert green.availability == "out_of_stock"
    assert (green.title, green.category, green.garment) == ("V-Neck T-Shirt", "Clothing > Tshirts", "t_shirt")
    hoodie = products["hoodie"]  # its variations (parent id:45) have no photos: sizes are facts
    assert (hoodie.price, hoodie.regular_price, hoodie.availability) == (42.0, 45.0, "in_stock")
    assert (hoodie.attributes["size"], hoodie.attributes["categories"]) == ("L, M", "Winter")
    logo = products["hoodie-with-logo"]
    assert (logo.price, logo.regular_price, logo.availability) == (40.0, 45.0, "backorder")
    assert logo.attributes["description"] == "-20% cotton Machine wash"  # the export's guard against formulas is gone
    assert not len(faults)


def test_woocommerce_quirks(tmp_path: Path) -> None:
    path = mutated(
        tmp_path,
        "woocommerce.csv",
        (",vneck-tee,,0,Color,Red", ",gone,,0,Color,Red"),  # the parent is not in the file
        (",,0,42,45,,,,id:45", ",,0,42,45,,,,"),  # no parent
        ("taxable,0,,0,,15,Music", "taxable,perhaps,,0,,fifteen,Music"),
        ("https://wp.shop.example/logo.jpg", '"logo.jpg, ../secret.jpg"'),
    )
    products, faults = walk(path, "woocommerce", hidden=True)
    assert {"vneck-tee:green", "vneck-tee:blue", "hidden-hoodie"} <= set(products)
    assert (products["hoodie"].price, products["hoodie"].attributes["size"]) == (45.0, "L")
    assert names(products["hoodie-with-logo"]) == ["logo.jpg"]
    found = {(fault.row, fault.column, fault.lost) for fault in faults.kept}
    fields = {(5, "Regular price", "field"), (5, "In stock?", "field"), (3, "Images", "photo")}
    assert found == {(6, "Parent", "product"), (10, "Parent", "product")} | fields


def test_magento() -> None:
    products, faults = walk(
        FEEDS / "magento.csv", "magento", images="https://shop.example/media/catalog/product/", now=NOW
    )
    assert set(products) == {"STRAP-6", "TANK:black", "TANK:white"}
    strap, black, white = (products[key] for key in ("STRAP-6", "TANK:black", "TANK:white"))
    media = "https://shop.example/media/catalog/product"
    assert [photo.uri for photo in strap.photos] == [f"{media}/s/t/strap_1.jpg", f"{media}/s/t/strap_2.jpg"]
    assert (strap.category, strap.price, strap.availability) == ("Gear > Fitness Equipment", 14.0, "in_stock")
    assert strap.attributes["description"] == "The strap's organic cotton. 1.0\" wide."
    assert not any("options" in name for name in strap.attributes)
    assert (black.title, black.group, black.price, black.availability) == ("Run Tank", "TANK", 29.0, "in_stock")
    assert (white.price, white.regular_price, white.availability) == (24.0, 29.0, "out_of_stock")
    assert names(white) == ["tank-white.jpg", "tank-white-back.jpg"]
    assert (black.attributes["size"], black.attributes["care"]) == ("S, M", "wash cold, hang dry")
    assert black.garment == "top"
    assert [(fault.row, fault.lost) for fault in faults.kept] == [(8, "product")]  # no photo


def test_magento_media_names_are_never_paths_of_this_machine(tmp_path: Path) -> None:
    path = mutated(tmp_path, "magento.csv", ("/s/t/strap_2.jpg,/s/t/strap_1.jpg", "/etc/passwd,../../../etc/shadow"))
    products, faults = walk(path, "magento", now=NOW)
    uris = [photo.uri for photo in products["STRAP-6"].photos]
    assert uris == [str(tmp_path / "s/t/strap_1.jpg"), str(tmp_path / "etc/passwd")]
    assert (1, "additional_images", "photo") in [(fault.row, fault.column, fault.lost) for fault in faults.kept]


def test_magento_pairs() -> None:
    raw = 'color=Black,activity=Gym|Yoga,care=wash cold, hang dry,"note"="a ""b"", c",empty='
    assert pairs(raw) == {
        "color": "Black",
        "activity": "Gym|Yoga",
        "care": "wash cold, hang dry",
        "note": 'a "b", c',
        "empty": "",
    }
    assert pairs("") == {}


@pytest.mark.parametrize(
    ("photos", "parted"),
    [
        ({"Red": "r.jpg", "Blue": "b.jpg"}, True),
        ({"Red": "r.jpg", "Blue": "r.jpg"}, False),  # one photo for both
        ({"Red": "r.jpg", "Blue": ""}, False),
        ({"Red": "r.jpg"}, False),
        ({"Red": "r.jpg", "": "b.jpg"}, False),
    ],
)
def test_only_colours_that_can_be_seen_apart_are_products(photos: dict[str, str], parted: bool) -> None:
    variants = [
        Variant(1, {"Colour": color, "Size": "M"}, (photo,) if photo else ()) for color, photo in photos.items()
    ]
    assert bool(by_color(variants)) == parted


@pytest.mark.parametrize("reader", ["shopify", "woocommerce", "magento"])
def test_rows_that_break_off_cost_only_themselves(tmp_path: Path, reader: str) -> None:
    name = {"shopify": "shopify_old.csv"}.get(reader, f"{reader}.csv")
    whole, _ = walk(FEEDS / name, reader)
    text = (FEEDS / name).read_text(encoding="utf-8")
    path = tmp_path / name
    header, rest = text.split("\n", 1)
    path.write_text(f'{header}\nbroken,"never closed\n{rest}', encoding="utf-8")
    products, faults = walk(path, reader)
    assert list(products) == list(whole)
    assert (1, "product") in [(fault.row, fault.lost) for fault in faults.kept]

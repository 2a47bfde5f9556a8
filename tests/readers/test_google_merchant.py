"""Google Merchant feeds: structure from Google's published specifications (see feeds/README.md), then their quirks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import open_catalog
from wearabouts.readers.feeds import google_xml

FEEDS = Path(__file__).parent / "feeds"
SALE = datetime(2026, 2, 25, tzinfo=UTC)
HEAD = '<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>x</title>'
TAIL = "</channel></rss>"


def item(name: str, more: str = "") -> str:
    return (
        f"<item><g:id>{name}</g:id><g:title>Tee {name}</g:title><g:image_link>https://i.example/{name}.jpg</g:image_link>"
        f"<g:price>5 USD</g:price>{more}</item>"
    )


def walk(source: Path, **options: object) -> tuple[list[Product], Faults]:
    faults = Faults()
    catalog = open_catalog(source, **options)
    assert catalog.name == "google_merchant"
    return list(catalog.products(faults)), faults


def fed(tmp_path: Path, text: str | bytes, name: str = "feed.xml") -> tuple[list[Product], Faults]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return walk(path)


def ids(products: list[Product]) -> list[str]:
    return [product.id for product in products]


def told(faults: Faults) -> list[tuple[int, str]]:
    return [(fault.row, fault.lost) for fault in faults.kept]


def test_rss_with_every_attribute() -> None:
    (tee, dress), faults = walk(FEEDS / "google_rss.xml", now=SALE)
    assert (tee.id, tee.group, tee.brand) == ("SKU_BLUE_M", "TEE", "Example & Sons")
    assert (tee.price, tee.regular_price, tee.currency, tee.availability) == (15.0, 19.99, "USD", "in_stock")
    assert tee.link == "https://shop.example/tee?variant=blue&size=m"
    assert (tee.category, tee.garment) == ("Apparel > Men > T-Shirts", "t_shirt")
    names = ["tee-blue", "tee-blue-back", "tee-blue-detail", "tee-blue-worn"]
    assert [photo.uri for photo in tee.photos] == [f"https://img.shop.example/{name}.jpg" for name in names]
    facts = {
        "color": "Blue",
        "size": "M",
        "gender": "male",
        "age_group": "adult",
        "material": "Cotton",
        "house_fabric_code": "J-180",
    }
    assert facts.items() <= tee.attributes.items()
    assert tee.attributes["description"] == "Soft jersey, regular fit."
    assert not any(name.startswith(("shipping", "tax", "mobile")) for name in tee.attributes)
    assert (dress.title, dress.price, dress.currency, dress.availability) == (
        "Summer Dress",
        49.9,
        "EUR",
        "out_of_stock",
    )
    assert (dress.garment, dress.link) == ("dress", "https://shop.example/dress")
    assert not len(faults)


def test_a_sale_counts_only_while_it_runs() -> None:
    for now in (datetime(2026, 2, 24, 20, 59, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)):
        (tee, _), _ = walk(FEEDS / "google_rss.xml", now=now)
        assert (tee.price, tee.regular_price) == (19.99, None)


def test_atom() -> None:
    (first, second), faults = walk(FEEDS / "google_atom.xml")
    assert (first.id, first.title, first.link) == ("1a", "Red wool hoodie", "https://shop.example/item1-info-page.html")
    assert (first.price, first.currency, first.availability) == (25.0, "USD", "preorder")
    assert (second.id, second.title, second.garment) == ("2b", "Grüne Lederjacke", "outwear")
    assert (second.price, second.currency, second.availability) == (1299.0, "EUR", "backorder")
    assert not len(faults)


def test_text_says_the_same_as_xml(tmp_path: Path) -> None:
    (polo, skirt), faults = walk(FEEDS / "google.tsv")
    assert (polo.title, polo.price, polo.regular_price, polo.currency) == ("Polo shirt, white", 19.0, 29.0, "GBP")
    assert [photo.uri[-11:] for photo in polo.photos] == ["mple/a1.jpg", "a1-back.jpg", "a1-side.jpg"]
    assert (polo.garment, polo.group, polo.attributes["description"]) == ("polo", "A", 'Soft "piqué" cotton')
    assert (skirt.garment, skirt.availability) == ("skirt", "out_of_stock")
    assert "shipping" not in polo.attributes
    assert not len(faults)
    xml = f"{HEAD}<item><g:id>A1</g:id><g:title>Polo</g:title><g:image_link>https://i.example/a.jpg</g:image_link></item>{TAIL}"
    text = "id\ttitle\timage_link\tprice\nA1\tPolo\thttps://i.example/a.jpg\t\n"
    assert fed(tmp_path, xml)[0] == fed(tmp_path, text, "feed.txt")[0]


@pytest.mark.parametrize(
    ("broken", "kept"),
    [
        (item("2", "<g:color>black & white</g:color>"), ["1", "2", "3"]),  # unescaped ampersand
        (item("2", "<g:size>never closed"), ["1", "2", "3"]),
        (item("2", "<b><i>crossed</b></i>"), ["1", "2", "3"]),
        (item("2").replace("</item>", ""), ["1", "2", "3"]),
        (item("2", "<g:color>&undefined;</g:color>"), ["1", "2", "3"]),
        (item("2", "<g:x><![CDATA[ never closed </g:x>"), ["1", "2", "3"]),
        (item("2", "<g:color a=b>red</g:color>"), ["1", "2", "3"]),
        (item("2", "<g:x>&#0;&#xFFFFFFFF;</g:x>"), ["1", "2", "3"]),
        (item("2", "<a>" * 400 + "</a>" * 400), ["1", "2", "3"]),
        (item("2", "<g:a>b</g:a>" * (google_xml.MAX_FIELDS + 1)), ["1", "2", "3"]),
        (f"<item>{'x' * (google_xml.MAX_ITEM + 10)}</item>", ["1", "3"]),
        ("<item><g:title>no id</g:title><g:image_link>https://i.example/2.jpg</g:image_link></item>", ["1", "3"]),
    ],
    ids=str.split("ampersand tag crossed item entity cdata attribute charref deep many giant no_id"),
)
def test_a_broken_item_costs_itself_only(tmp_path: Path, broken: str, kept: list[str]) -> None:
    products, faults = fed(tmp_path, HEAD + item("1") + broken + item("3") + TAIL)
    assert ids(products) == kept
    assert len(faults) >= 1
    assert {fault.row for fault in faults.kept} == {2}
    assert products[-1].title == "Tee 3"


@pytest.mark.parametrize("cut", [len(TAIL) + 1, len(TAIL) + 40, len(item("3")) + len(TAIL) - 1])
def test_an_item_that_the_file_breaks_off_in_is_not_taken_for_a_whole_one(tmp_path: Path, cut: int) -> None:
    text = HEAD + item("1") + item("2") + item("3") + TAIL
    products, faults = fed(tmp_path, text[:-cut])
    assert ids(products) == ["1", "2"]
    assert told(faults) == [(3, "product")]


def test_a_file_that_breaks_off_between_items_is_told(tmp_path: Path) -> None:
    products, faults = fed(tmp_path, HEAD + item("1") + item("2"))
    assert ids(products) == ["1", "2"]
    assert "breaks off" in faults.kept[0].reason


def test_entity_bombs_and_outside_entities_have_no_effect(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("SECRET")
    bomb = "".join(f'<!ENTITY b{n + 1} "{f"&b{n};" * 50}">' for n in range(10))
    doctype = f'<!DOCTYPE rss [<!ENTITY b0 "boom">{bomb}<!ENTITY x SYSTEM "file://{tmp_path}/secret.txt">]>'
    head = HEAD.replace("?>", f"?>{doctype}", 1)
    products, faults = fed(
        tmp_path, head + item("1", "<g:color>&b10;</g:color><g:size>&x;</g:size>") + item("2") + TAIL
    )
    assert ids(products) == ["1", "2"]
    assert not any("boom" in value or "SECRET" in value for value in products[0].attributes.values())
    assert told(faults) == [(1, "field")]


def test_html_letters_cdata_comments_and_namespaces_of_others(tmp_path: Path) -> None:
    more = (
        "<g:color>cr&egrave;me</g:color><description><![CDATA[<p>a</item> &amp; b</p>]]></description>"
        '<!-- <item> --><media:title xmlns:media="http://search.yahoo.com/mrss/">Other</media:title>'
        '<g:size xmlns:g="http://base.google.com/ns/1.0">L</g:size><c:season>spring</c:season>'
    )
    (product,), faults = fed(tmp_path, HEAD + item("1", more) + TAIL)
    assert product.title == "Tee 1"
    assert product.attributes == {"color": "crème", "description": "a & b", "size": "L", "season": "spring"}
    assert not len(faults)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = (HEAD + item("1", "<g:color>crème</g:color>") + TAIL).replace(
        "?>", f' encoding="{encoding.removesuffix("-sig")}"?>', 1
    )
    (product,), faults = fed(tmp_path, text.encode(encoding))
    assert product.attributes["color"] == "crème"
    assert not len(faults)


def test_a_lie_about_the_encoding_and_an_unknown_one_are_faults(tmp_path: Path) -> None:
    text = (HEAD + item("1", "<g:color>crème</g:color>") + item("2") + TAIL).encode("latin-1")
    products, faults = fed(tmp_path, text)
    assert ids(products) == ["1", "2"]
    assert told(faults) == [(1, "field")]
    products, faults = fed(tmp_path, (HEAD + item("1") + TAIL).replace("?>", ' encoding="rot13"?>', 1))
    assert ids(products) == ["1"]
    assert told(faults) == [(0, "field")]


def test_many_items_cross_the_reading_window(tmp_path: Path) -> None:
    names = [str(number) for number in range(3_000)]
    text = HEAD + "".join(item(name, f"<description>{'é ' * (int(name) % 300)}</description>") for name in names) + TAIL
    products, faults = fed(tmp_path, text)
    assert ids(products) == names
    assert not len(faults)


@given(st.integers(0, 10**9), st.binary(min_size=1, max_size=30))
@settings(max_examples=150, deadline=None)
def test_damage_in_one_item_leaves_the_others(
    tmp_path_factory: pytest.TempPathFactory, seed: int, damage: bytes
) -> None:
    text = [part.encode() for part in (HEAD + item("1"), item("2", "<g:color>red</g:color>"), item("3") + TAIL)]
    damage = damage.replace(b"<", b"[")  # a tag can open a new item; that is tested above
    place = len(b"<item>") + seed % (len(text[1]) - len(b"<item></item>"))
    text[1] = text[1][:place] + damage + text[1][place + len(damage) :]
    if not text[1].endswith(b"</item>"):
        text[1] += b"</item>"
    products, _ = fed(tmp_path_factory.mktemp("damage"), b"".join(text))
    assert ids(products)[0] == "1"
    assert ids(products)[-1] == "3"


@pytest.mark.parametrize(
    "content", [b"<html><body>404</body></html>", b"<rsx></rsx>", b"<", b"<?xml version='1.0'?><products/>"]
)
def test_what_is_no_feed_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "feed.xml"
    path.write_bytes(content)
    with pytest.raises(CatalogError, match="no RSS or Atom feed"):
        list(open_catalog(path).products())


@pytest.mark.parametrize("opening", ["<!--", "<![CDATA[", "</item>", "&a;", "<"])
def test_openings_that_never_end_are_read_through_once(tmp_path: Path, opening: str) -> None:
    """Two hundred thousand: looking for each one's end anew would take hours, and this test would not come back."""
    products, faults = fed(tmp_path, HEAD + item("1") + "<item>" + opening * 200_000)
    assert ids(products) == ["1"]
    assert len(faults) >= 1


def test_a_feed_without_items_says_so(tmp_path: Path) -> None:
    products, faults = fed(tmp_path, HEAD + TAIL)
    assert products == []
    assert "no <item>" in faults.kept[0].reason

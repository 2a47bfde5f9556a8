"""Google Merchant Center product data: RSS 2.0 and Atom XML with the ``g:`` namespace, and text with a header.

Attributes and their meaning follow Google's product data specification (support.google.com/merchants/answer/7052112).
Each item is a product; items of one ``item_group_id`` are variants of one another. XML is streamed by
`wearabouts.readers.feeds.google_xml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import fields, rows
from wearabouts.readers.feeds import google_xml
from wearabouts.readers.feeds.google_xml import Item
from wearabouts.readers.intake import Draft, DraftPhoto, Intake, first, on_sale

# Fields with a place of their own in a product; all others become attributes.
KNOWN = frozenset(
    (
        "id", "title", "link", "image_link", "additional_image_link", "lifestyle_image_link",
        "availability", "price", "sale_price", "sale_price_effective_date", "brand", "item_group_id",
        "product_type", "google_product_category", "structured_title",
    )
)  # fmt: skip
# Facts about delivery, tax and advertising: nothing a person would search a garment by.
IGNORED = re.compile(
    r"(shipping|tax|installment|subscription|loyalty|ads_|adwords|included_|excluded_|free_shipping|min_handling|max_handling|transit_|"
    r"unit_pricing|cost_of_goods|promotion_id|mobile_link|canonical_link|checkout_|video_link|virtual_model|auto_pricing|return_|"
    r"structured_|sell_on_google|pickup_|ships_from|expiration_date|disclosure_|certification|display_ads|identifier_exists|pause$|"
    r"updated$|author$|published$|summary$|content$|guid$|pubdate$|xml_)"
)
# A few ids of Google's taxonomy (google.com/basepages/producttype/taxonomy-with-ids.en-US.txt): feeds may give the
# number alone.
TAXONOMY = {
    "173": "Hats", "187": "Shoes", "203": "Outerwear", "204": "Pants", "207": "Shorts", "212": "Shirts & Tops",
    "1581": "Skirts", "2271": "Dresses", "5598": "Coats & Jackets",
}  # fmt: skip


def read(
    source: Path,
    faults: Faults,
    *,
    allow_local_paths: bool = False,
    images: str | Path | None = None,
    currency: str = "",
    now: datetime | None = None,
) -> Iterator[Product]:
    """Walk the products of a feed.

    Args:
        source: The feed: XML, or text with a header.
        faults: Where items and fields that cannot be read go.
        allow_local_paths: Also accept photos outside the feed's folder.
        images: Folder or address that relative photo paths start from.
        currency: ISO 4217 code of prices without one.
        now: Moment to judge ``sale_price_effective_date`` by; None for the present.
    """
    intake = Intake(source, faults, allow_local_paths=allow_local_paths, images=images)
    items = google_xml.read(intake) if _is_xml(source) else _text_items(intake)
    for item in items:
        if product := intake.product(_draft(item, intake, currency, now)):
            yield product


def notes(source: Path, **_: object) -> tuple[str, ...]:
    """The form of the feed, for people."""
    if _is_xml(source):
        return ("Google Merchant feed, XML",)
    dialect = rows.sniff(source)
    names = {_name(name) for name in dialect.header}
    if not {"id", "image_link"} <= names:
        raise CatalogError(
            f"{source} is no Google Merchant feed: no id or no image_link (columns: {', '.join(dialect.header[:20])}); "
            "use reader table"
        )
    return ("Google Merchant feed, text", *dialect.notes)


def _is_xml(source: Path) -> bool:
    with source.open("rb") as file:
        start = file.read(256).replace(b"\x00", b"")
    return re.match(rb"(\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*<", start) is not None


@lru_cache(maxsize=1_024)
def _name(column: str) -> str:
    return re.sub(r"[\s_]+", "_", re.sub(r"\(.*", "", column).strip().casefold().removeprefix("g:").removeprefix("c:"))


def _text_items(intake: Intake) -> Iterator[Item]:
    for row in rows.read(intake, rows.sniff(intake.source)):
        values: dict[str, list[str]] = {}
        for column, cell in row.cells.items():
            name = re.sub(r"_\d+$", "", _name(column)) if "additional_image_link" in _name(column) else _name(column)
            parts = re.split(r"[,|]\s*", cell) if name in ("additional_image_link", "lifestyle_image_link") else [cell]
            values.setdefault(name, []).extend(part.strip() for part in parts if part.strip())
        yield Item(row.number, values)


def _draft(item: Item, intake: Intake, currency: str, now: datetime | None) -> Draft:
    def one(name: str) -> str:
        return first(item.values.get(name, ()))

    price, sale = (_money(one(name), name, item, intake, currency) for name in ("price", "sale_price"))
    begins, _, ends = one("sale_price_effective_date").partition("/")
    if sale and price and sale.amount > price.amount:
        intake.fault(item.number, "sale_price", "the sale price is above the price; it was left out", "field")
    sold, before = on_sale(intake, price, sale, begins, ends, item.number, "sale_price_effective_date", now)
    title = fields.plain(one("title"))
    if not title:
        intake.fault(item.number, "title", "the title is missing; the product is kept without one", "field")
    category = fields.plain(one("product_type"))
    taxonomy = one("google_product_category").split(" - ")[0]
    shelf = TAXONOMY.get(taxonomy, fields.plain(one("google_product_category")))
    return Draft(
        row=item.number,
        id=one("id"),
        title=title,
        category=category or ("" if shelf.isdigit() else shelf),
        kinds=" > ".join(filter(None, (shelf, category))),
        brand=fields.plain(one("brand")),
        price=sold,
        regular_price=before,
        availability=intake.read(fields.availability, one("availability"), item.number, "availability") or "",
        link=intake.read(fields.link, one("link"), item.number, "link") or "",
        group=one("item_group_id"),
        attributes=_attributes(item.values),
        photos=_photos(item),
    )


def _money(raw: str, name: str, item: Item, intake: Intake, currency: str) -> fields.Money | None:
    money = intake.read(fields.price, raw, item.number, name)
    return fields.Money(money.amount, currency) if money and not money.currency else money


def _photos(item: Item) -> list[DraftPhoto]:
    return [
        DraftPhoto(reference, item.number, name, labels={"view": "lifestyle"} if name.startswith("lifestyle") else {})
        for name in ("image_link", "additional_image_link", "lifestyle_image_link")
        for reference in item.values.get(name, ())
    ]


def _attributes(values: Mapping[str, list[str]]) -> dict[str, str]:
    kept = {
        name: ", ".join(dict.fromkeys(part for part in parts if part))
        for name, parts in values.items()
        if name not in KNOWN and not IGNORED.match(name)
    }
    taxonomy = first(values.get("google_product_category", ()))
    return {**kept, "google_product_category": taxonomy} if taxonomy else kept

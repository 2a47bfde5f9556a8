"""Magento 2's and Adobe Commerce's product CSV (System → Export, entity Products).

A ``simple`` row that is sold alone is a product. A ``configurable`` row is a product whose variants are ``simple`` rows
of their own, named in ``configurable_variations``; they may stand before or after it, so the file is walked twice.
Where the colours of a configurable have photos of their own, each colour is a product (`feeds.variants` says
why). Rows with a ``store_view_code`` translate a product for one store view and are left out.
Format: experienceleague.adobe.com/en/docs/commerce-admin/systems/data-transfer/data-attributes-product.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import fields, rows
from wearabouts.readers.feeds.variants import Variant, availability, by_color, cheapest, facts
from wearabouts.readers.intake import Draft, DraftPhoto, Intake, on_sale
from wearabouts.readers.rows import Row

PHOTO_COLUMNS = ("base_image", "additional_images", "small_image", "thumbnail_image")
MAX_VARIATIONS = 2_000_000
_PAIR = re.compile(r"""(?:^|,)"?([A-Za-z][A-Za-z0-9_]*)"?=""")
_TECHNICAL = re.compile(
    r"(has_options|required_options|quantity_and_stock_status|ts_|swatch_|links_|samples_|gift_|tax_|msrp|shipment_)"
)


def read(
    source: Path,
    faults: Faults,
    *,
    currency: str = "",
    hidden: bool = False,
    allow_local_paths: bool = False,
    images: str | Path | None = None,
    now: datetime | None = None,
) -> Iterator[Product]:
    """Walk the products of an export.

    Args:
        source: The CSV file.
        faults: Where rows and fields that cannot be read go.
        currency: ISO 4217 code of the shop; the export does not say it.
        hidden: Also products that are disabled or not visible by themselves.
        allow_local_paths: Also accept photos outside the file's folder.
        images: Folder or address of the shop's media, such as ``https://shop.example/media/catalog/product``; photo
            names start there. None for the file's folder.
        now: Moment to judge special prices by; None for the present.
    """
    intake = Intake(source, faults, allow_local_paths=allow_local_paths, images=images)
    export = _Export(intake, currency, now)
    parents = export.parents()
    children = export.children(parents)
    for row in export.rows(intake):
        sku = row.get("sku")
        if sku in parents or not (hidden or _shown(row)):
            continue
        for draft in export.drafts(row, children.pop(sku, [])):
            if product := intake.product(draft):
                yield product


def notes(
    source: Path, *, currency: str = "", hidden: bool = False, images: object = None, **_: object
) -> tuple[str, ...]:
    """What is made of the export, for people."""
    dialect = rows.sniff(source)
    if not {"sku", "name"} <= set(dialect.header) or not set(PHOTO_COLUMNS) & set(dialect.header):
        raise CatalogError(
            f"{source} is no Magento product CSV with photos: no sku, name or base_image in it; use reader table"
        )
    told = [] if currency else ["prices have no currency: the export does not say it (option currency)"]
    told += (
        []
        if images
        else ["photo names start from the file's folder (option images: the shop's media folder or address)"]
    )
    told += [] if hidden else ["disabled products and those not visible by themselves are left out (option hidden)"]
    return ("Magento products; colours with photos of their own are products of one group", *told, *dialect.notes)


def _shown(row: Row) -> bool:
    return row.get("product_online") in ("", "1") and row.get("visibility").casefold() != "not visible individually"


def pairs(raw: str) -> dict[str, str]:
    """``color=Black,size=XS,"note"="a, b"`` as name → value; a comma before no ``name=`` is part of a value."""
    found = list(_PAIR.finditer(raw))
    ends = [match.start() for match in found[1:]] + [len(raw)]
    return {
        match.group(1): raw[match.end() : end].strip().removeprefix('"').removesuffix('"').replace('""', '"')
        for match, end in zip(found, ends, strict=False)
    }


class _Export:
    """One export file and how its rows are understood."""

    def __init__(self, intake: Intake, currency: str, now: datetime | None) -> None:
        self.intake = intake
        self.currency = currency
        self.now = now
        self.dialect = rows.sniff(intake.source)

    def rows(self, intake: Intake) -> Iterator[Row]:
        """The rows that are no translation."""
        for row in rows.read(intake, self.dialect):
            if row.get("store_view_code").casefold() in ("", "default", "admin", "all"):
                yield row

    def _silent(self) -> Iterator[Row]:
        return self.rows(Intake(self.intake.source, Faults(limit=0)))  # the last walk reports broken rows

    def parents(self) -> dict[str, tuple[str, dict[str, str]]]:
        """SKU of a variant → SKU of its configurable product, and the options it stands for."""
        found: dict[str, tuple[str, dict[str, str]]] = {}
        for row in self._silent():
            for raw in row.get("configurable_variations").split("|"):
                options = pairs(raw)
                sku = options.pop("sku", "").strip()
                if sku and sku != row.get("sku") and len(found) < MAX_VARIATIONS:
                    found[sku] = (row.get("sku"), options)
        return found

    def children(self, parents: dict[str, tuple[str, dict[str, str]]]) -> dict[str, list[Variant]]:
        """SKU of a configurable product → its variants."""
        found: dict[str, list[Variant]] = {}
        for row in self._silent() if parents else ():
            if row.get("sku") in parents and row.get("product_online") in ("", "1"):
                parent, options = parents[row.get("sku")]
                price, before = self._price(row)
                photos = tuple(photo.reference for photo in _photos(row))
                variant = Variant(row.number, options, photos, price, before, self._stock(row), row.get("sku"))
                found.setdefault(parent, []).append(variant)
        return found

    def _price(self, row: Row) -> tuple[fields.Money | None, fields.Money | None]:
        regular, special = (
            self.intake.read(fields.price, row.get(column), row.number, column) for column in ("price", "special_price")
        )
        begins, ends = (
            row.get("special_price_from_date", "special_from_date"),
            row.get("special_price_to_date", "special_to_date"),
        )
        prices = on_sale(self.intake, regular, special, begins, ends, row.number, "special_price_from_date", self.now)
        sold, before = (
            fields.Money(money.amount, money.currency or self.currency) if money else None for money in prices
        )
        return sold, before

    def _stock(self, row: Row) -> str:
        state = self.intake.read(fields.availability, row.get("is_in_stock"), row.number, "is_in_stock") or ""
        quantity = row.get("qty")
        empty = re.fullmatch(r"-?0*(\.0*)?|-\d{1,12}(\.\d*)?", quantity) is not None and quantity not in ("", "-")
        backorders = row.get("allow_backorders") in ("1", "2")
        return "backorder" if state == "in_stock" and empty and backorders and row.get("manage_stock") != "0" else state

    def drafts(self, row: Row, variants: list[Variant]) -> Iterator[Draft]:
        """The products of one row: itself, or one a colour."""
        sku = row.get("sku")
        if not row.get("name"):
            self.intake.fault(row.number, "name", "the name is missing; the product is kept without one", "field")
        own = _photos(row)
        colors = by_color(variants)
        if not colors:
            further = [DraftPhoto(photo, v.row, PHOTO_COLUMNS[0]) for v in variants for photo in v.photos]
            yield self._draft(row, sku, "", variants, [*own, *further])
            return
        for color, members in colors.items():
            suffix = re.sub(r"[^\w]+", "-", color.casefold()).strip("-") or str(members[0].row)
            mine = [DraftPhoto(photo, v.row, PHOTO_COLUMNS[0]) for v in members for photo in v.photos]
            yield self._draft(row, f"{sku}:{suffix}", sku, members, mine)

    def _draft(self, row: Row, product_id: str, group: str, variants: list[Variant], photos: list[DraftPhoto]) -> Draft:
        price, before = cheapest(variants)
        if price is None:
            price, before = self._price(row)
        shelves = sorted(_shelves(row.get("categories")), key=lambda shelf: -shelf.count(">"))
        extra = {name: value.replace("|", ", ") for name, value in pairs(row.get("additional_attributes")).items()}
        attributes = {
            **{name: value for name, value in extra.items() if not _TECHNICAL.match(name)},
            **facts(variants),
            "categories": "; ".join(shelves[1:]),
            "description": row.get("description") or row.get("short_description"),
        }
        stock = availability(variants) if variants else self._stock(row)
        return Draft(
            row=row.number,
            id=product_id,
            title=fields.plain(row.get("name")),
            category=shelves[0] if shelves else "",
            brand=extra.get("manufacturer", "") or extra.get("brand", ""),
            price=price,
            regular_price=before,
            availability=stock,
            group=group,
            attributes=attributes,
            photos=photos,
        )


def _shelves(raw: str) -> list[str]:
    """``Default Category/Men/Tops,Default Category/Sale`` as ``Men > Tops`` and ``Sale``: the root is no shelf."""
    found = []
    for path in raw.split(","):
        parts = [part.strip() for part in re.split(r"(?<!\\)/", path) if part.strip()]
        found.append(" > ".join(parts[1:] if len(parts) > 1 else parts))
    return [shelf for shelf in dict.fromkeys(found) if shelf and shelf != "Default Category"]


def _photos(row: Row) -> list[DraftPhoto]:
    found: dict[str, DraftPhoto] = {}
    for column in PHOTO_COLUMNS[:2] if row.get(*PHOTO_COLUMNS[:2]) else PHOTO_COLUMNS[2:]:
        for raw in row.get(column).split(","):
            name = raw.strip()
            if name and name != "no_selection":
                # "/m/h/mh01.jpg" is a name within the shop's media, not a path of this machine.
                reference = name if "://" in name else name.lstrip("/")
                found.setdefault(reference, DraftPhoto(reference, row.number, column))
    return list(found.values())

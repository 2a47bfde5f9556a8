"""WooCommerce's product CSV (Products → Export), columns in English.

``simple`` and ``external`` rows are products. A ``variable`` row is a product whose ``variation`` rows name it in
``Parent`` (its SKU, or ``id:`` and its ID); they may stand anywhere, so the file is walked twice: once for the
variations, once for the products. Where colours have photos of their own, each colour is a product
(`wearabouts.readers.feeds.variants` says why).
Format: github.com/woocommerce/woocommerce/wiki/Product-CSV-Import-Schema.
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

MAX_VARIATIONS = 2_000_000  # held while the file is walked; each takes a few hundred bytes
_FORMULA = re.compile(r"^'(?=[=+\-@])")  # what the export puts before cells that spreadsheets would calculate


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
        hidden: Also products that are drafts, private, or hidden in the catalog.
        allow_local_paths: Also accept photos outside the file's folder.
        images: Folder or address that photos' names start from.
        now: Moment to judge sale dates by; None for the present.
    """
    intake = Intake(source, faults, allow_local_paths=allow_local_paths, images=images)
    export = _Export(intake, currency, now)
    variations = export.variations()
    for row in export.rows(intake):
        if "variation" in _kinds(row):
            continue
        keys = (row.get("SKU"), f"id:{row.get('ID')}")
        found = [variant for key in keys for variant in variations.pop(key, ())]
        if not (hidden or _shown(row)):
            continue
        for draft in export.drafts(row, found):
            if product := intake.product(draft):
                yield product
    for parent, orphans in variations.items():
        for orphan in orphans:
            intake.fault(
                orphan.row, "Parent", f"the variation's parent {fields.text(parent, 80)!r} is not in this file"
            )


def notes(source: Path, *, currency: str = "", hidden: bool = False, **_: object) -> tuple[str, ...]:
    """What is made of the export, for people."""
    dialect = rows.sniff(source)
    if not {"ID", "Type", "Name", "Images"} <= set(dialect.header):
        raise CatalogError(
            f"{source} is no WooCommerce product CSV in English: its header lacks ID, Type, Name or Images; "
            "export with the site's language set to English, or use reader table"
        )
    told = [] if currency else ["prices have no currency: the export does not say it (option currency)"]
    told += [] if hidden else ["drafts and products hidden in the catalog are left out (option hidden)"]
    return ("WooCommerce products; colours with photos of their own are products of one group", *told, *dialect.notes)


def _kinds(row: Row) -> set[str]:
    return {kind.strip().casefold() for kind in row.get("Type").split(",")}


def _shown(row: Row) -> bool:
    return row.get("Published") in ("", "1") and row.get("Visibility in catalog").casefold() != "hidden"


def _parts(raw: str, mark: str = ",") -> list[str]:
    """Split at commas that are not escaped."""
    return [part.replace("\\" + mark, mark).strip() for part in re.split(rf"(?<!\\){mark}", raw) if part.strip()]


class _Export:
    """One export file and how its rows are understood."""

    def __init__(self, intake: Intake, currency: str, now: datetime | None) -> None:
        self.intake = intake
        self.currency = currency
        self.now = now
        self.dialect = rows.sniff(intake.source)

    def rows(self, intake: Intake) -> Iterator[Row]:
        """The rows, without the export's guard against formulas."""
        for row in rows.read(intake, self.dialect):
            yield Row(row.number, {name: _FORMULA.sub("", cell) for name, cell in row.cells.items()})

    def variations(self) -> dict[str, list[Variant]]:
        """Parent → its variations, where they are shown at all."""
        found: dict[str, list[Variant]] = {}
        silent = Intake(self.intake.source, Faults(limit=0))  # the second walk reports broken rows
        for count, row in enumerate(row for row in self.rows(silent) if "variation" in _kinds(row)):
            parent = row.get("Parent")
            if not parent:
                self.intake.fault(row.number, "Parent", "the variation names no parent; it was left out")
            elif count >= MAX_VARIATIONS:
                self.intake.fault(row.number, "", f"more than {MAX_VARIATIONS} variations; this one was left out")
            elif row.get("Published") in ("", "1"):
                found.setdefault(parent, []).append(self._variant(row))
        return found

    def _variant(self, row: Row) -> Variant:
        price, before = self._price(row)
        options = {name: values[0] for name, values in _attributes(row).items() if values}
        return Variant(
            row.number, options, tuple(_parts(row.get("Images"))), price, before, self._stock(row), row.get("SKU")
        )

    def _price(self, row: Row) -> tuple[fields.Money | None, fields.Money | None]:
        regular, sale = (
            self.intake.read(fields.price, row.get(column), row.number, column)
            for column in ("Regular price", "Sale price")
        )
        begins, ends = row.get("Date sale price starts"), row.get("Date sale price ends")
        prices = on_sale(self.intake, regular, sale, begins, ends, row.number, "Date sale price starts", self.now)
        sold, before = (
            fields.Money(money.amount, money.currency or self.currency) if money else None for money in prices
        )
        return sold, before

    def _stock(self, row: Row) -> str:
        return self.intake.read(fields.availability, row.get("In stock?"), row.number, "In stock?") or ""

    def drafts(self, row: Row, variants: list[Variant]) -> Iterator[Draft]:
        """The products of one row: itself, or one a colour."""
        own = row.get("SKU") or row.get("ID")
        photos = _parts(row.get("Images"))
        colors = by_color(variants)
        if not colors:
            further = [photo for variant in variants for photo in variant.photos]
            yield self._draft(row, own, "", variants, [*photos, *further])
            return
        for color, members in colors.items():
            suffix = re.sub(r"[^\w]+", "-", color.casefold()).strip("-") or str(members[0].row)
            mine = [photo for variant in members for photo in variant.photos]
            yield self._draft(row, f"{own}:{suffix}", own, members, mine)

    def _draft(self, row: Row, product_id: str, group: str, variants: list[Variant], photos: list[str]) -> Draft:
        if not row.get("Name"):
            self.intake.fault(row.number, "Name", "the name is missing; the product is kept without one", "field")
        price, before = cheapest(variants) if variants else self._price(row)
        shelves = [" > ".join(part.strip() for part in shelf.split(">")) for shelf in _parts(row.get("Categories"))]
        shelves.sort(key=lambda shelf: -shelf.count(">"))  # stable: the first of the deepest
        attributes = {
            **{name: ", ".join(values) for name, values in _attributes(row).items()},
            **facts(variants),
            "tags": row.get("Tags"),
            "categories": "; ".join(shelves[1:]),
            "description": (row.get("Description") or row.get("Short description")).replace("\\n", "\n"),
        }
        return Draft(
            row=row.number,
            id=product_id,
            title=fields.plain(row.get("Name")),
            category=shelves[0] if shelves else "",
            brand=row.get("Brands", "Brand"),
            price=price,
            regular_price=before,
            availability=availability(variants) if variants else self._stock(row),
            link=self.intake.read(fields.link, row.get("External URL"), row.number, "External URL") or "",
            group=group,
            attributes=attributes,
            photos=[DraftPhoto(photo, row.number, "Images") for photo in photos],
        )


def _attributes(row: Row) -> dict[str, list[str]]:
    """``Attribute 1 name`` and ``Attribute 1 value(s)`` and so on, as name → values."""
    found: dict[str, list[str]] = {}
    for place in range(1, 31):
        name = row.get(f"Attribute {place} name")
        if name:
            found[re.sub(r"^(pa|attribute)_", "", name)] = _parts(row.get(f"Attribute {place} value(s)"))
    return found

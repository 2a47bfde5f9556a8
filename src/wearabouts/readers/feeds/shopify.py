"""Shopify's product CSV, with old headers (``Handle``, ``Variant Price``) and new (``URL handle``, ``Price``).

Rows of one handle make one product: the first has its words, each further one adds a variant, a photo, or both. Where
colours have variant images of their own, each colour is a product (`feeds.variants` says why). A photo
that no variant names goes to the colour whose name stands in its alternative text or file name, else to the colour of
the photo before it, as shops sort them.
Format: help.shopify.com/en/manual/products/import-export/using-csv.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import fields, rows
from wearabouts.readers.feeds.variants import Variant, availability, by_color, cheapest, facts
from wearabouts.readers.intake import Draft, DraftPhoto, Intake
from wearabouts.readers.rows import Row

# what we need → its column, in the old and the new export
COLUMNS: dict[str, tuple[str, str]] = {
    "handle": ("Handle", "URL handle"),
    "body": ("Body (HTML)", "Description"),
    "category": ("Product Category", "Product category"),
    "published": ("Published", "Published on online store"),
    "sku": ("Variant SKU", "SKU"),
    "price": ("Variant Price", "Price"),
    "before": ("Variant Compare At Price", "Compare-at price"),
    "tracker": ("Variant Inventory Tracker", "Inventory tracker"),
    "quantity": ("Variant Inventory Qty", "Inventory quantity"),
    "policy": ("Variant Inventory Policy", "Continue selling when out of stock"),
    "image": ("Image Src", "Product image URL"),
    "position": ("Image Position", "Image position"),
    "alt": ("Image Alt Text", "Image alt text"),
    "variant_image": ("Variant Image", "Variant image URL"),
    "google_category": ("Google Shopping / Google Product Category", "Google Shopping / Google product category"),
    "gender": ("Google Shopping / Gender", "Google Shopping / Gender"),
    "age_group": ("Google Shopping / Age Group", "Google Shopping / Age group"),
}
MAX_ROWS = 5_000  # of one handle: Shopify allows 2,048 variants


def read(
    source: Path,
    faults: Faults,
    *,
    currency: str = "",
    hidden: bool = False,
    allow_local_paths: bool = False,
    images: str | Path | None = None,
) -> Iterator[Product]:
    """Walk the products of an export.

    Args:
        source: The CSV file.
        faults: Where rows and fields that cannot be read go.
        currency: ISO 4217 code of the shop; the export does not say it.
        hidden: Also products that are drafts, archived or not published.
        allow_local_paths: Also accept photos outside the file's folder.
        images: Folder or address that relative photo paths start from.
    """
    intake = Intake(source, faults, allow_local_paths=allow_local_paths, images=images)
    for members in _handles(intake):
        for draft in _drafts(members, intake, currency, hidden):
            if product := intake.product(draft):
                yield product


def notes(source: Path, *, currency: str = "", hidden: bool = False, **_: object) -> tuple[str, ...]:
    """What is made of the export, for people."""
    dialect = rows.sniff(source)
    names = {name.casefold() for name in dialect.header}
    if not names & {"handle", "url handle"} or "title" not in names:
        raise CatalogError(f"{source} is no Shopify product CSV: its header lacks Handle or Title; use reader table")
    told = [] if currency else ["prices have no currency: the export does not say it (option currency)"]
    told += [] if hidden else ["drafts, archived and unpublished products are left out (option hidden)"]
    return ("Shopify products; colours with photos of their own are products of one group", *told, *dialect.notes)


def _get(row: Row, field: str) -> str:
    return row.get(*COLUMNS[field])


def _handles(intake: Intake) -> Iterator[list[Row]]:
    """Rows that follow one another with one handle; a row without a handle goes on with the one before."""
    members: list[Row] = []
    handle, dropped = "", False
    for row in rows.read(intake, rows.sniff(intake.source)):
        own = _get(row, "handle") or (handle if not row.get("Title") else "")
        if not own:
            intake.fault(row.number, "Handle", "the handle is missing; the line was left out")
            continue
        if own != handle:
            if members:
                yield members
            members, handle, dropped = [], own, False
        if len(members) < MAX_ROWS:
            members.append(row)
        elif not dropped:
            dropped = True
            intake.fault(
                row.number, "Handle", f"more than {MAX_ROWS} lines of one handle; the rest was left out", "photo"
            )
    if members:
        yield members


def _drafts(members: list[Row], intake: Intake, currency: str, hidden: bool) -> Iterator[Draft]:
    head = members[0]
    shown = _get(head, "published").casefold() not in ("false", "0", "no") and head.get("Status").casefold() in (
        "",
        "active",
    )
    if not shown and not hidden:
        return
    if not head.get("Title"):
        intake.fault(head.number, "Title", "the title is missing; the product is kept without one", "field")
    found = _variants(members, intake, currency)
    photos = _photos(members)
    colors = by_color(found)
    handle = _get(head, "handle")
    if not colors:
        yield _draft(head, handle, "", found, photos)
        return
    shared = _shared_out(photos, colors)
    for color, variants in colors.items():
        suffix = re.sub(r"[^\w]+", "-", color.casefold()).strip("-") or str(variants[0].row)
        yield _draft(head, f"{handle}:{suffix}", handle, variants, shared[color])


def _draft(head: Row, product_id: str, group: str, variants: list[Variant], photos: list[DraftPhoto]) -> Draft:
    price, before = cheapest(variants)
    shelf, kind = _get(head, "category"), head.get("Type")
    attributes = {
        **facts(variants),
        "sku": ", ".join(variant.sku for variant in variants[:20] if variant.sku),
        "tags": head.get("Tags"),
        "gender": _get(head, "gender"),
        "age_group": _get(head, "age_group"),
        "description": _get(head, "body"),
    }
    for name, cell in head.cells.items():
        if "(product.metafields." in name:
            attributes.setdefault(name.split("(")[0].strip(), cell)
    shelf = shelf or _get(head, "google_category")
    return Draft(
        row=head.number,
        id=product_id,
        title=fields.plain(head.get("Title")),
        category=kind or shelf,
        kinds=" > ".join(filter(None, (shelf, kind))),
        brand=head.get("Vendor"),
        price=price,
        regular_price=before,
        availability=availability(variants),
        group=group,
        attributes=attributes,
        photos=photos,
    )


def _variants(members: list[Row], intake: Intake, currency: str) -> list[Variant]:
    names = [members[0].get(f"Option{n} Name", f"Option{n} name") for n in (1, 2, 3)]
    found: list[Variant] = []
    for row in members:
        values = [row.get(f"Option{n} Value", f"Option{n} value") for n in (1, 2, 3)]
        if not any(values) and not _get(row, "price") and not _get(row, "sku"):
            continue  # an image row
        prices = [
            intake.read(fields.price, _get(row, field), row.number, COLUMNS[field][0]) for field in ("price", "before")
        ]
        money = [fields.Money(price.amount, price.currency or currency) if price else None for price in prices]
        options = {
            name: value for name, value in zip(names, values, strict=True) if name.casefold() != "title" and name
        }
        photo = _get(row, "variant_image")
        found.append(
            Variant(row.number, options, (photo,) if photo else (), money[0], money[1], _stock(row), _get(row, "sku"))
        )
    return found


def _stock(row: Row) -> str:
    quantity, policy = _get(row, "quantity"), _get(row, "policy").casefold()
    if not re.fullmatch(r"-?\d{1,9}", quantity):
        return "in_stock" if policy and not _get(row, "tracker") else ""
    if int(quantity) > 0 or not _get(row, "tracker"):
        return "in_stock"
    return "backorder" if policy in ("continue", "true") else "out_of_stock"


def _photos(members: list[Row]) -> list[DraftPhoto]:
    """Photos in the order shops give them, variant images that stand nowhere else last."""
    found: list[tuple[int, DraftPhoto]] = []
    for place, row in enumerate(members):
        if reference := _get(row, "image"):
            position = _get(row, "position")
            order = int(position) if re.fullmatch(r"\d{1,6}", position) else place + 1
            alt = _get(row, "alt")
            found.append(
                (order, DraftPhoto(reference, row.number, COLUMNS["image"][0], labels={"alt": alt} if alt else {}))
            )
    photos = [photo for _, photo in sorted(found, key=lambda pair: pair[0])]
    known = {photo.reference for photo in photos}
    for row in members:
        reference = _get(row, "variant_image")
        if reference and reference not in known:
            known.add(reference)
            photos.append(DraftPhoto(reference, row.number, COLUMNS["variant_image"][0]))
    return photos


def _shared_out(photos: Sequence[DraftPhoto], colors: dict[str, list[Variant]]) -> dict[str, list[DraftPhoto]]:
    """Each colour's photos, its own variant images first."""
    owner = {
        photo: color for color, variants in reversed(colors.items()) for variant in variants for photo in variant.photos
    }
    own: dict[str, list[DraftPhoto]] = {color: [] for color in colors}
    rest: dict[str, list[DraftPhoto]] = {color: [] for color in colors}
    current = next(iter(colors))
    for photo in photos:
        if photo.reference in owner:
            current = owner[photo.reference]
            own[current].append(photo)
            continue
        words = fields.column_name(
            f"{photo.labels.get('alt', '')} {photo.reference.rsplit('/', 1)[-1].split('?')[0]}"
        ).split("_")
        named = [color for color in colors if set(fields.column_name(color).split("_")) <= set(words)]
        rest[named[0] if len(named) == 1 else current].append(photo)
    return {color: [*own[color], *rest[color]] for color in colors}

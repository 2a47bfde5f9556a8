"""Any table of photos: CSV, TSV, JSON lines or Parquet, one row a photo or one row a product.

Rows with the same product id make one product with several photos, also where they lie apart: rows are held until the
table ends, up to `MERGE_TEXT` characters in all. A larger table streams, and from there on only neighbouring rows are
put together; an id that comes back later is then a fault that says to sort the table.

A column that means nothing to the catalog becomes an attribute of the product, or a label of the photo where it varies
within any product (a ``view``, say).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import islice
from pathlib import Path

from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.garments import GARMENTS, garment_of
from wearabouts.readers import columns as guessing
from wearabouts.readers import fields, records
from wearabouts.readers.columns import PHOTO_FACTS, Columns
from wearabouts.readers.intake import MAX_ID, Draft, DraftPhoto, Intake, on_sale
from wearabouts.readers.rows import Row
from wearabouts.types import Side

MERGE_TEXT = 64_000_000  # characters of rows held to put products together; about a quarter of a gigabyte of memory
SAMPLE = 200  # rows the guess looks at


def read(
    source: Path,
    faults: Faults,
    *,
    mapping: Mapping[str, str] | None = None,
    query_side: Side = "street",
    currency: str = "",
    allow_local_paths: bool = False,
    images: str | Path | None = None,
) -> Iterator[Product]:
    """Walk the products of a table.

    Args:
        source: ``.csv``, ``.tsv``, ``.txt``, ``.jsonl``, ``.ndjson`` or ``.parquet``.
        faults: Where rows that cannot be read go.
        mapping: target of `wearabouts.readers.columns.NAMES` → column, where the guess is wrong; an empty column name
            for none.
        query_side: What a query photo is where no column says: ``street`` or ``shop``. All others are ``shop``.
        currency: ISO 4217 code of prices without one.
        allow_local_paths: Also accept photos outside the table's folder.
        images: Folder or address that relative photo paths start from; None for the table's own folder.
    """
    intake = Intake(source, faults, allow_local_paths=allow_local_paths, images=images)
    chosen = _columns(source, mapping)
    merge = _Merge(intake, chosen, query_side, currency)
    for row in records.read(intake):
        yield from merge.add(row)
    yield from merge.flush()


def notes(
    source: Path, *, mapping: Mapping[str, str] | None = None, query_side: Side = "street", **_: object
) -> tuple[str, ...]:
    """The mapping that is used, for people."""
    chosen = _columns(source, mapping)
    lines = [chosen.describe()]
    if "id" not in chosen.of:
        lines.append("no column is a product id: each row is a product of its own")
    if "split" in chosen.of and "side" not in chosen.of:
        lines.append(
            f"no column says street or shop: query photos count as {query_side}, all others as shop (query_side)"
        )
    return (*records.notes(source), *lines)


def _columns(source: Path, mapping: Mapping[str, str] | None) -> Columns:
    header = records.header(source)
    sample = [row.cells for row in islice(records.read(Intake(source, Faults())), SAMPLE)]
    chosen = guessing.guess(header, sample, mapping)
    if "photo" not in chosen.of and "photos" not in chosen.of:
        raise CatalogError(
            f"{source} has no column that looks like photos (columns: {', '.join(header[:30])}); "
            "say which with mapping={'photo': 'column'}"
        )
    return chosen


class _Merge:
    """Puts rows of one product together, holding at most `MERGE_TEXT` characters."""

    def __init__(self, intake: Intake, columns: Columns, query_side: Side, currency: str) -> None:
        self.intake = intake
        self.columns = columns
        self.query_side = query_side
        self.currency = currency
        self.held: dict[str, list[Row]] = {}
        self.size = 0
        self.large = False
        self.varying: set[str] = {name for name in columns.rest if fields.column_name(name) in PHOTO_FACTS}

    def add(self, row: Row) -> Iterator[Product]:
        """Take a row; yields products once the table proves too large to hold."""
        product_id = self.columns.cell(row.cells, "id").strip() if "id" in self.columns.of else self._own_id(row)
        key = product_id or f"\x00{row.number}"
        if self.large and key not in self.held:
            yield from self.flush()
        self.held.setdefault(key, []).append(row)
        self.size += sum(map(len, row.cells.values()))
        if self.size > MERGE_TEXT and not self.large:
            self.large = True
            last = self.held.pop(key)
            yield from self.flush()
            self.held[key] = last

    def flush(self) -> Iterator[Product]:
        """Make products of everything held."""
        held, self.held, self.size = self.held, {}, 0
        for rows in held.values():
            if len(rows) > 1:
                self.varying |= {
                    name for name in self.columns.rest if len({row.cells.get(name, "").strip() for row in rows}) > 1
                }
        for key, rows in held.items():
            product = self.intake.product(self._draft("" if key.startswith("\x00") else key, rows))
            if product:
                yield product

    def _own_id(self, row: Row) -> str:
        own = self.columns.cell(row.cells, "photo").strip().replace("\\", "/").removeprefix("./")
        return (
            own
            if len(own) <= MAX_ID
            else f"photo-{blake2b(own.encode('utf-8', 'replace'), digest_size=12).hexdigest()}"
        )

    def _draft(self, product_id: str, rows: list[Row]) -> Draft:
        first = rows[0]

        def one(target: str) -> tuple[str, Row]:
            """The first row that says something for a target."""
            return next(
                ((cell, row) for row in rows if (cell := self.columns.cell(row.cells, target).strip())), ("", first)
            )

        price, sale = self._money("price", *one("price")), self._money("sale_price", *one("sale_price"))
        sold, before = on_sale(self.intake, price, sale, "", "", first.number, "sale_price", None)
        stock, stock_row = one("availability")
        link, link_row = one("link")
        facts = {
            name: cell for name in self.columns.rest if name not in self.varying
            for cell in [next((row.cells[name] for row in rows if row.cells.get(name, "").strip()), "")]
        }  # fmt: skip
        return Draft(
            row=first.number,
            id=product_id,
            title=one("title")[0],
            category=one("category")[0],
            garment=_garment(one("garment")[0]),
            brand=one("brand")[0],
            price=sold,
            regular_price=before,
            availability=self.intake.read(fields.availability, stock, stock_row.number, self._name("availability"))
            or "",
            link=self.intake.read(fields.link, link, link_row.number, self._name("link")) or "",
            group=one("group")[0],
            attributes=facts,
            photos=[photo for row in rows for photo in self._photos(row)],
        )

    def _name(self, target: str) -> str:
        return self.columns.of.get(target, target)

    def _money(self, target: str, raw: str, row: Row) -> fields.Money | None:
        money = self.intake.read(fields.price, raw, row.number, self._name(target))
        code = self.columns.cell(row.cells, "currency").strip().upper() or self.currency
        return fields.Money(money.amount, code) if money and not money.currency and code in fields.CURRENCIES else money

    def _photos(self, row: Row) -> Iterator[DraftPhoto]:
        cells = row.cells
        split = guessing.SPLITS.get(self.columns.cell(cells, "split").strip().lower(), "")
        side = guessing.SIDES.get(self.columns.cell(cells, "side").strip().lower())
        side = side or (self.query_side if split == "query" else "shop")
        labels = {
            name: cells[name] for name in self.columns.rest if name in self.varying and cells.get(name, "").strip()
        }
        box = None
        try:
            box = guessing.box(cells, self.columns)
        except ValueError as problem:
            self.intake.fault(row.number, "box", f"{problem}; the whole photo is used", "field")
        for target in ("photo", "photos"):
            for reference in split_references(self.columns.cell(cells, target)):
                yield DraftPhoto(reference, row.number, self._name(target), side, split, box, labels)


def _garment(raw: str) -> str:
    name = fields.column_name(raw)
    return name if name in GARMENTS else garment_of(raw)


def split_references(raw: str) -> list[str]:
    """Photo references of one cell, parted by ``|``, ``;``, or commas after a picture's ending or before an address."""
    mark = "|" if "|" in raw else ";" if ";" in raw and "://" in raw else ""
    if mark:
        return [part.strip() for part in raw.split(mark) if part.strip()]
    parts: list[list[str]] = []
    for piece in raw.split(","):
        ends = parts and parts[-1][-1].strip().lower().split("?")[0].endswith(guessing.PICTURE_ENDINGS)
        if parts and not ends and "://" not in piece.strip()[:10]:
            parts[-1].append(piece)
        elif piece.strip():
            parts.append([piece])
    return [",".join(pieces).strip() for pieces in parts]

"""Any table of pairs, one row a query photo and a photo of the product it shows: CSV, TSV, JSON lines or Parquet.

Columns: the query photo, the product's photo, the product's id (without one, its photo is its name), and where they are
there a category, a title, a split and a box, which belongs to the query. Which column is which is guessed from the
names and shown; option ``mapping`` settles it.

Products have side shop and split gallery, also those that only training rows name: they are distractors. Queries have
side street and the row's split, ``query`` where none is given. A row without a query adds a product to the gallery.

The same query photo, with the same box, in several rows is one query with several right answers: it belongs to the
product of its first row, its label ``pair`` names all the product photos that are right, and its label ``products`` all
the products where there are several.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from wearabouts.catalog import Faults, Photo, Product
from wearabouts.errors import CatalogError, SettingsError, unknown
from wearabouts.garments import garment_of
from wearabouts.readers import columns as guessing
from wearabouts.readers import fields, records
from wearabouts.readers.columns import Columns
from wearabouts.readers.intake import MAX_ID, Intake
from wearabouts.readers.rows import Row
from wearabouts.readers.table import split_references
from wearabouts.types import Box

EXPECTED: dict[str, int] = {}  # a table of one's own has no published counts
SAMPLE = 200  # rows the guess looks at
MAX_ROWS = 5_000_000  # held together, for a query may come back anywhere

# target → the columns that mean it, best first
NAMES: dict[str, tuple[str, ...]] = {
    "query": ("query_photo", "query_image", "query_path", "query", "street_photo", "street_image", "street",
              "consumer_photo", "consumer_image", "consumer", "customer_photo", "user_photo", "user_image", "anchor"),
    "photo": ("product_photo", "product_image", "product_path", "shop_photo", "shop_image", "shop", "catalog_photo",
              "catalog_image", "gallery_photo", "gallery_image", "gallery", "reference", "positive", "target"),
}  # fmt: skip
TARGETS = ("query", "photo", "id", "category", "title", "split", "box")


@dataclass(slots=True)
class _Query:
    """A query as its first row has it, and all that is right for it."""

    id: str
    uri: str
    split: str
    box: Box | None
    right: dict[str, None] = field(default_factory=dict)
    products: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class _Item:
    row: int
    category: str = ""
    title: str = ""
    photos: dict[str, str] = field(default_factory=dict)
    queries: list[_Query] = field(default_factory=list)


def read(
    source: Path,
    faults: Faults,
    *,
    mapping: Mapping[str, str] | None = None,
    images: str | Path | None = None,
    allow_local_paths: bool = False,
) -> Iterator[Product]:
    """Walk the products of a table of pairs.

    Args:
        source: ``.csv``, ``.tsv``, ``.txt``, ``.jsonl``, ``.ndjson`` or ``.parquet``.
        faults: Where rows that cannot be read go.
        mapping: One of `TARGETS` → column, where the guess is wrong; an empty column name for none.
        images: Folder or address that relative paths start from; None for the table's own folder.
        allow_local_paths: Also accept photos outside the table's folder.

    Raises:
        CatalogError: The table cannot be read, or no columns look like query and product photos.
        SettingsError: `mapping` names an unknown target or column.
    """
    pairs = _Pairs(
        Intake(source, faults, allow_local_paths=allow_local_paths, images=images), *_columns(source, mapping)
    )
    for number, row in enumerate(records.read(pairs.intake)):
        if number == MAX_ROWS:
            raise CatalogError(f"{source} has more than {MAX_ROWS:,} rows; split it into several tables")
        pairs.add(row)
    yield from pairs.products()


def notes(source: Path, *, mapping: Mapping[str, str] | None = None, **_: object) -> tuple[str, ...]:
    """The mapping that is used, for people."""
    query, columns = _columns(source, mapping)
    lines = [f"query = {query}; {columns.describe()}"]
    if "id" not in columns.of:
        lines.append("no column is a product id: a product is named after its photo")
    if "split" not in columns.of:
        lines.append("no column is a split: every street photo is a query")
    return (*records.notes(source), *lines)


def _columns(source: Path, mapping: Mapping[str, str] | None) -> tuple[str, Columns]:
    header = records.header(source)
    sample = [row.cells for row in islice(records.read(Intake(source, Faults())), SAMPLE)]
    given = dict(mapping or {})
    for target, column in given.items():
        if target not in TARGETS:
            raise SettingsError(unknown("mapping target", target, TARGETS))
        if column and column not in header:
            raise SettingsError(unknown("column", column, header))
    for target in ("query", "photo"):
        if not given.get(target):
            given[target] = _guessed(target, header, sample, set(given.values()))
        if not given[target]:
            what = "query photos" if target == "query" else "product photos"
            raise CatalogError(
                f"{source} has no column that looks like {what} (columns: {', '.join(header[:30])}); "
                f"say which with mapping={{'{target}': 'column'}}"
            )
    query = given.pop("query")
    return query, guessing.guess([name for name in header if name != query], sample, given)


def _guessed(target: str, header: Sequence[str], sample: Sequence[Mapping[str, str]], taken: set[str]) -> str:
    by_name = {fields.column_name(column).replace("_", ""): column for column in reversed(header)}
    for name in NAMES[target]:
        column = by_name.get(name.replace("_", ""), "")
        cells = [cell for row in sample if (cell := row.get(column, "").strip())]
        if (
            column
            and column not in taken
            and cells
            and sum("." in cell or "/" in cell for cell in cells) * 2 > len(cells)
        ):
            return column
    return ""


class _Pairs:
    """Puts the rows of one product, and those of one query, together."""

    def __init__(self, intake: Intake, query: str, columns: Columns) -> None:
        self.intake = intake
        self.query = query
        self.columns = columns
        self.items: dict[str, _Item] = {}
        self.owners: dict[str, str] = {}  # photo of a product → the product
        self.queries: dict[tuple[str, Box | None], _Query] = {}
        self.taken: set[str] = set()  # ids of query photos

    def add(self, row: Row) -> None:
        """Take one row."""
        photos = self._located(split_references(self.columns.cell(row.cells, "photo")), row, self.columns.of["photo"])
        item_id = self.columns.cell(row.cells, "id").strip() or next(iter(photos), "")
        if not item_id or len(item_id) > MAX_ID:
            found = f"of {len(item_id)} characters" if item_id else "missing"
            self.intake.fault(row.number, "", f"the product's id is {found} and names no product; the row was left out")
            return
        item = self.items.setdefault(item_id, _Item(row.number))
        item.category = item.category or fields.text(self.columns.cell(row.cells, "category"))
        item.title = item.title or fields.text(self.columns.cell(row.cells, "title"))
        own: list[str] = []
        for reference, uri in photos.items():
            if self.owners.setdefault(reference, item_id) != item_id:
                reason = f"photo {reference[:80]!r} belongs to product {self.owners[reference]!r} already"
                self.intake.fault(row.number, self.columns.of["photo"], reason, "photo")
                continue
            item.photos[reference] = uri
            own.append(reference)
        self._ask(row, item_id, item, own)

    def _ask(self, row: Row, item_id: str, item: _Item, right: list[str]) -> None:
        located = self._located([row.cells.get(self.query, "").strip()], row, self.query)
        if not located:
            return
        (reference, uri), *_ = located.items()
        box = None
        try:
            box = guessing.box(row.cells, self.columns)
        except ValueError as problem:
            self.intake.fault(row.number, "box", f"{problem}; the whole photo is used", "field")
        query = self.queries.get((reference, box))
        if query is None:
            split = guessing.SPLITS.get(self.columns.cell(row.cells, "split").strip().lower(), "query")
            query = _Query(self._query_id(reference), uri, "query" if split == "gallery" else split, box)
            self.queries[reference, box] = query
            item.queries.append(query)
        query.right |= dict.fromkeys(right)
        query.products[item_id] = None

    def _query_id(self, reference: str) -> str:
        name, again = reference, 1
        while name in self.taken:
            again += 1
            name = f"{reference}#{again}"
        self.taken.add(name)
        return name

    def _located(self, references: list[str], row: Row, column: str) -> dict[str, str]:
        """Reference → where it lies; what cannot be used is a fault."""
        located: dict[str, str] = {}
        for reference in filter(None, references):
            try:
                uri = self.intake.uri(reference)
                if uri.startswith("/") and not os.path.isfile(uri):
                    raise ValueError(f"photo {fields.text(reference, 80)!r} is not there")
            except ValueError as problem:
                self.intake.fault(row.number, column, str(problem), "photo")
                continue
            located[reference.replace("\\", "/").removeprefix("./")] = uri
        return located

    def products(self) -> Iterator[Product]:
        """Everything taken, in the order of first rows."""
        for item_id, item in self.items.items():
            photos = [Photo(reference, uri, "shop", "gallery") for reference, uri in item.photos.items()]
            photos += [self._photo(query) for query in item.queries]
            if not item.photos:
                reason = f"product {item_id!r} has no photo of its own: its queries have nothing to find"
                self.intake.fault(item.row, self.columns.of["photo"], reason, "field" if photos else "product")
            if photos:
                garment = garment_of(item.category, item.title)
                yield Product(item_id, tuple(photos), item.title, item.category, garment)

    def _photo(self, query: _Query) -> Photo:
        labels = {"pair": "|".join(query.right)} if query.right else {}
        if len(query.products) > 1:
            labels["products"] = "|".join(query.products)
        photo_id = f"{query.id}#query" if query.id in self.owners else query.id
        return Photo(photo_id, query.uri, "street", query.split, query.box, labels=labels)

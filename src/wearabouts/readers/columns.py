"""Which column of a table means what: guessed from names and the first rows, shown to people, and open to correction.

Names are compared in lower_snake_case without underscores. The first word of a list that a table has wins; a guess must
also fit the first rows (a column named ``role`` that holds no split is none).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wearabouts.errors import SettingsError, unknown
from wearabouts.readers.fields import column_name
from wearabouts.types import Box, Side

# target → the columns that mean it, best first
NAMES: dict[str, tuple[str, ...]] = {
    "id": ("product_id", "item_id", "id", "article_id", "sku", "asin", "pid", "style_number", "item", "product"),
    "photo": ("path", "image_path", "image_link", "image_url", "image", "photo", "picture", "img", "photo_url",
              "picture_url", "file", "filename", "file_name", "image_name", "image_file", "img_path", "base_image",
              "url", "link"),
    "photos": ("additional_image_link", "additional_image_links", "additional_images", "more_images", "images",
               "image_urls", "photos", "gallery_images"),
    "title": ("title", "name", "product_name", "item_name", "product_title", "product_display_name", "display_name",
              "prod_name"),
    "category": ("category", "product_type", "product_category", "category_name", "article_type",
                 "google_product_category", "categories", "sub_category", "subcategory", "product_type_name",
                 "coarse_name", "class_name", "class", "label", "master_category", "kind", "type"),
    "garment": ("garment",),
    "brand": ("brand", "brand_name", "vendor", "manufacturer", "maker"),
    "price": ("price", "regular_price", "list_price", "amount"),
    "sale_price": ("sale_price", "special_price"),
    "currency": ("currency", "currency_code", "price_currency"),
    "availability": ("availability", "stock_status", "in_stock", "is_in_stock", "stock"),
    "link": ("product_url", "product_link", "page_url", "link", "url"),
    "group": ("item_group_id", "group_id", "style_id", "parent_id", "parent_sku", "variant_group", "style"),
    "split": ("role", "split", "subset", "partition", "set", "evaluation_status"),
    "side": ("side", "domain", "source"),
    "box": ("box", "bbox", "bounding_box"),
}  # fmt: skip
BOXES: tuple[tuple[tuple[str, str, str, str], bool], ...] = (  # four columns; True where the last two are a corner
    (("box_left", "box_top", "box_width", "box_height"), False),
    (("left", "top", "width", "height"), False),
    (("bbox_x", "bbox_y", "bbox_w", "bbox_h"), False),
    (("x", "y", "w", "h"), False),
    (("x", "y", "width", "height"), False),
    (("x_1", "y_1", "x_2", "y_2"), True),
    (("x1", "y1", "x2", "y2"), True),
    (("xmin", "ymin", "xmax", "ymax"), True),
)
SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
          "test": "test", "query": "query", "queries": "query", "probe": "query", "gallery": "gallery",
          "index": "gallery", "database": "gallery"}  # fmt: skip
SIDES: dict[str, Side] = {"street": "street", "consumer": "street", "customer": "street", "user": "street",
                          "wild": "street", "shop": "shop", "store": "shop", "catalog": "shop",
"studio": "shop"}  # fmt: skip # These describe a photo, not a product, even where each product has one photo only.
PHOTO_FACTS = frozenset(
    {"view", "pose", "angle", "variation", "camera", "width", "height", "position", "alt", "alt_text"}
)
PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif", ".heic", ".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class Columns:
    """The mapping of one table: targets of `NAMES` → column names as written, and where a box stands.

    Attributes:
        of: target → column.
        box: Four columns, or empty.
        corners: Whether the last two of them are the right and lower edge.
        rest: Columns that mean none of these.
    """

    of: Mapping[str, str]
    box: tuple[str, ...]
    corners: bool
    rest: tuple[str, ...]

    def cell(self, cells: Mapping[str, str], target: str) -> str:
        """The cell of a target, or empty."""
        return cells.get(self.of[target], "") if target in self.of else ""

    def describe(self) -> str:
        """One sentence for people."""
        pairs = [f"{target} = {column}" for target, column in self.of.items()]
        pairs += [f"box = {'+'.join(self.box)}"] if self.box else []
        rest = f"; other columns: {', '.join(self.rest)}" if self.rest else ""
        return f"columns read as {', '.join(pairs)}{rest} (option mapping changes this)"


def guess(
    header: Sequence[str], sample: Sequence[Mapping[str, str]], given: Mapping[str, str] | None = None
) -> Columns:
    """Find the columns of a table.

    Args:
        header: Column names as written.
        sample: The first rows.
        given: target → column: settled by the user, not guessed. An empty column name means: none.

    Raises:
        SettingsError: `given` names an unknown target or column.
    """
    given = dict(given or {})
    for target, column in given.items():
        if target not in NAMES:
            raise SettingsError(unknown("mapping target", target, NAMES))
        if column and column not in header:
            raise SettingsError(unknown("column", column, header))
    by_name: dict[str, str] = {}
    for column in header:
        by_name.setdefault(column_name(column).replace("_", ""), column)
    box, corners = _box_columns(by_name)
    taken = set(given.values()) | set(box)
    of: dict[str, str] = {}
    for target, names in NAMES.items():
        if target in given:
            found = given[target]
        else:
            candidates = (by_name.get(name.replace("_", "")) for name in names)
            found = next((c for c in candidates if c and c not in taken and _fits(target, c, sample)), "")
        if found:
            of[target] = found
            taken.add(found)
    return Columns(of, box, corners, tuple(column for column in header if column not in taken))


def _box_columns(by_name: Mapping[str, str]) -> tuple[tuple[str, ...], bool]:
    for names, corners in BOXES:
        columns = [by_name.get(name.replace("_", "")) for name in names]
        if all(columns):
            return tuple(column for column in columns if column), corners
    return (), False


def _fits(target: str, column: str, sample: Sequence[Mapping[str, str]]) -> bool:
    cells = [cell.strip() for row in sample if (cell := row.get(column, "")).strip()]
    if not cells:
        return target not in ("split", "side", "box", "photo")
    if target == "split":
        return _share(cell.lower() in SPLITS for cell in cells) >= 0.9
    if target == "side":
        return _share(cell.lower() in SIDES for cell in cells) >= 0.9
    if target == "photo":
        if column_name(column) in ("url", "link"):
            return all(cell.lower().split("?")[0].endswith(PICTURE_ENDINGS) for cell in cells)
        return any("/" in cell or "." in cell for cell in cells)
    if target == "link":
        return _share(cell.lower().startswith(("http://", "https://")) for cell in cells) >= 0.5
    if target == "price":
        return any(sign.isdigit() for cell in cells for sign in cell)
    return True


def _share(hits: Iterable[bool]) -> float:
    found = list(hits)
    return sum(found) / len(found)


def box(cells: Mapping[str, str], columns: Columns) -> Box | None:
    """The box of a row, or None where its cells are empty.

    Raises:
        ValueError: Cells that are not four numbers with positive width and height.
    """
    if "box" in columns.of:
        raw = [
            part
            for part in columns.cell(cells, "box").strip("[]() ").replace(",", " ").replace(";", " ").split()
            if part
        ]
    else:
        raw = [cells.get(name, "").strip() for name in columns.box]
    if not any(raw):
        return None
    numbers = _numbers(raw)
    if len(numbers) != 4:
        raise ValueError(f"box {raw!r} is not four numbers: left, top, width, height")
    if columns.corners and "box" not in columns.of:
        numbers = [numbers[0], numbers[1], numbers[2] - numbers[0], numbers[3] - numbers[1]]
    return Box(*numbers)


def _numbers(raw: Iterable[str]) -> list[float]:
    try:
        numbers = [float(part) for part in raw]
    except ValueError as problem:
        raise ValueError(f"box {list(raw)!r} is not four numbers: left, top, width, height") from problem
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError(f"box {list(raw)!r} is not four finite numbers")
    return numbers

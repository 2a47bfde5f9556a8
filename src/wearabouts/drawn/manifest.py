"""A product as one line of JSON, with its photos, boxes, landmarks and labels, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from wearabouts.catalog import MAX_TEXT, Photo, Product
from wearabouts.types import LANDMARK_SLOTS, SIDES, Box, Landmark

MARK = '{"drawn": 1, '  # how every line starts: tells a drawn shop from any other JSON lines
MAX_LINE = 1_000_000  # characters; a drawn product takes about three thousand
MAX_PHOTOS = 1_000
SPLITS = ("", "train", "val", "test", "query", "gallery")
_TEXTS = ("title", "category", "garment", "brand", "currency", "availability", "group")


def written(product: Product) -> str:
    """A product as one line, without the line's end."""
    record: dict[str, Any] = {"drawn": 1, "id": product.id}
    record |= {name: getattr(product, name) for name in _TEXTS}
    record |= {"price": product.price, "regular_price": product.regular_price, "attributes": dict(product.attributes)}
    record["photos"] = [_photo_record(photo) for photo in product.photos]
    return json.dumps(record, ensure_ascii=False)


def _photo_record(photo: Photo) -> dict[str, Any]:
    box = photo.box
    return {
        "id": photo.id,
        "uri": photo.uri,
        "side": photo.side,
        "split": photo.split,
        "box": [box.left, box.top, box.width, box.height] if box else None,
        "landmarks": [[mark.x, mark.y, int(mark.visible)] for mark in photo.landmarks],
        "labels": dict(photo.labels),
    }


def read_line(text: str, uri: Callable[[str], str] = str) -> Product:
    """A product from its line; nothing in the line is trusted.

    Args:
        text: One line of JSON.
        uri: Makes a photo's address of the relative path written there; raises ValueError for one that may not be used.

    Raises:
        ValueError: The line is not a product; says why.
    """
    if len(text) > MAX_LINE:
        raise ValueError(f"line of {len(text):,} characters; allowed: {MAX_LINE:,}")
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"not JSON: {str(problem)[:120]}") from problem
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    photos = _list(record, "photos")
    if not 1 <= len(photos) <= MAX_PHOTOS:
        raise ValueError(f"{len(photos)} photos; allowed: 1 to {MAX_PHOTOS:,}")
    return Product(
        id=_text(record, "id", 256),
        photos=tuple(_photo(photo, uri) for photo in photos),
        price=_price(record, "price"),
        regular_price=_price(record, "regular_price"),
        attributes=_texts(record, "attributes"),
        **{name: _text(record, name, MAX_TEXT) for name in _TEXTS},
    )


def _photo(record: Any, uri: Callable[[str], str]) -> Photo:
    if not isinstance(record, dict):
        raise ValueError("a photo is not a JSON object")
    side, split = _text(record, "side", 16), _text(record, "split", 16)
    if side not in SIDES or split not in SPLITS:
        raise ValueError(
            f"side {side!r}, split {split!r}; allowed: {', '.join(SIDES)}; {', '.join(SPLITS[1:])} or empty"
        )
    box = record.get("box")
    numbers = _numbers(box, 4, "box") if box is not None else None
    landmarks = tuple(
        Landmark(x, y, bool(seen))
        for x, y, seen in (_numbers(mark, 3, "landmark") for mark in _list(record, "landmarks"))
    )
    if len(landmarks) not in (0, len(LANDMARK_SLOTS)):
        raise ValueError(f"{len(landmarks)} landmarks; allowed: none or {len(LANDMARK_SLOTS)}")
    return Photo(
        _text(record, "id", 512),
        uri(_text(record, "uri", MAX_TEXT)),
        "street" if side == "street" else "shop",
        split,
        Box(*numbers) if numbers else None,
        landmarks,
        _texts(record, "labels"),
    )


def _text(record: dict[str, Any], name: str, limit: int) -> str:
    value = record.get(name, "")
    if not isinstance(value, str) or len(value) > limit:
        raise ValueError(f"{name} is not a text of at most {limit:,} characters")
    return value


def _list(record: dict[str, Any], name: str) -> list[Any]:
    value = record.get(name, [])
    if not isinstance(value, list):
        raise ValueError(f"{name} is not a list")
    return value


def _texts(record: dict[str, Any], name: str) -> dict[str, str]:
    value = record.get(name, {})
    if (
        not isinstance(value, dict)
        or len(value) > 64
        or any(not isinstance(v, str) or len(k) + len(v) > MAX_TEXT for k, v in value.items())
    ):
        raise ValueError(f"{name} is not an object of at most 64 short texts")
    return value


def _numbers(value: Any, count: int, name: str) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != count or any(not isinstance(v, int | float) for v in value):
        raise ValueError(f"{name} is not {count} numbers")
    try:
        numbers = tuple(float(v) for v in value)
    except OverflowError as problem:
        raise ValueError(f"{name} holds a number out of range") from problem
    if not all(math.isfinite(v) for v in numbers):
        raise ValueError(f"{name} holds a number that is not finite")
    return numbers


def _price(record: dict[str, Any], name: str) -> float | None:
    value = record.get(name)
    if value is None:
        return None
    (price,) = _numbers([value], 1, name)
    if price < 0:
        raise ValueError(f"{name} {price} is below 0")
    return price

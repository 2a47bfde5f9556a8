"""Variants of one product: which of them are products of their own in a search by photo.

A customer searches for what can be seen. A size cannot be seen, so sizes are facts of one product. A colour can: where
colours have photos of their own, each colour becomes a product, and all of them share one `group`. Without photos of
their own, colours cannot be told apart by a photo either, and stay facts of one product too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from wearabouts.readers.fields import Money, column_name

COLORS = frozenset(
    ["color", "colour", "farbe", "couleur", "color_name", "colour_name", "farben", "colores", "kleur", "colore"]
)
MAX_VALUES = 40  # values of one option that are listed


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant as a feed tells it: option name → value, its photos, price and availability."""

    row: int
    options: dict[str, str] = field(default_factory=dict)
    photos: tuple[str, ...] = ()
    price: Money | None = None
    regular_price: Money | None = None
    availability: str = ""
    sku: str = ""


def by_color(variants: Sequence[Variant]) -> dict[str, list[Variant]]:
    """Colour → its variants, where every colour has a photo that no other colour has; else empty."""
    colors: dict[str, list[Variant]] = {}
    for variant in variants:
        color = next((value for name, value in variant.options.items() if column_name(name) in COLORS), "")
        colors.setdefault(color, []).append(variant)
    if len(colors) < 2 or "" in colors:
        return {}
    photos = {color: {photo for variant in members for photo in variant.photos} for color, members in colors.items()}
    for color, own in photos.items():
        others = set().union(*(theirs for other, theirs in photos.items() if other != color))
        if not own - others:
            return {}
    return colors


def facts(variants: Iterable[Variant]) -> dict[str, str]:
    """Option name → its values, each once, in the order of the feed."""
    values: dict[str, dict[str, None]] = {}
    for variant in variants:
        for name, value in variant.options.items():
            if name.strip() and value.strip():
                values.setdefault(name, {})[value.strip()] = None
    return {name: ", ".join(list(found)[:MAX_VALUES]) for name, found in values.items()}


def cheapest(variants: Iterable[Variant]) -> tuple[Money | None, Money | None]:
    """The lowest price and what that variant cost before."""
    priced = [variant for variant in variants if variant.price is not None]
    best = min(priced, key=lambda variant: variant.price.amount if variant.price else 0.0, default=None)
    return (best.price, best.regular_price) if best else (None, None)


def availability(variants: Iterable[Variant]) -> str:
    """The best any variant offers."""
    found = {variant.availability for variant in variants}
    return next((state for state in ("in_stock", "backorder", "preorder", "out_of_stock") if state in found), "")

"""Which photos of a catalog are learned from, and which are held out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from wearabouts import answers
from wearabouts.catalog import Catalog, Faults, Photo, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import open_catalog
from wearabouts.training.data.recipe import Data
from wearabouts.training.data.vocabulary import Labelled

SHOWN = ("gallery", "")  # splits of shop photos that go with any split of their product


@dataclass(frozen=True)
class Picked:
    """The photos of a catalog, in its order, by what they are for.

    Attributes:
        learned: Photos to learn from.
        held: Photos to measure with.
        products: Id → number, of all products of both.
        different: Pairs that people called different: a place in `learned`, and the other product's number.
    """

    learned: list[Labelled]
    held: list[Labelled]
    products: dict[str, int]
    different: list[tuple[int, int]]


def pick(data: Data, source: Path, faults: Faults) -> Picked:
    """Walk a catalog once.

    Raises:
        CatalogError: It cannot be read, or has no photos to learn from.
        SettingsError: An unknown reader, or options it does not take.
    """
    catalog = open_catalog(source, reader=data.reader or None, **data.options)
    said = answers.read(answers.below(source, data.labels), data.split, faults) if data.labels else answers.Answers()
    products = [_joined(product, said) for product in catalog.products(faults)]
    known = {product.id for product in products}
    said.check(known, data.labels, faults)
    products += said.strangers(known)
    learned, held = _parted(data, products)
    if not learned:
        raise CatalogError(_nothing(catalog, data, products))
    both = dict.fromkeys(one.product.id for one in (*learned, *held))
    numbers = {name: number for number, name in enumerate(both)}
    places = {one.photo.id: place for place, one in enumerate(learned)}
    different = [
        (places[photo.id], numbers[name]) for photo, name in said.different if photo.id in places and name in numbers
    ]
    return Picked(learned, held, numbers, different)


def _parted(data: Data, products: list[Product]) -> tuple[list[Labelled], list[Labelled]]:
    learned = [Labelled(photo, product) for product in products for photo in _of_split(product, data.split)]
    if data.held_split:
        held = [Labelled(photo, product) for product in products for photo in _of_split(product, data.held_split)]
        if held:
            kept = {one.photo.id for one in held}  # where all splits are learned from, those of this one are not
            return [one for one in learned if one.photo.id not in kept], held
    out = _drawn(list(dict.fromkeys(one.product.id for one in learned)), data.held_out)
    return [one for one in learned if one.product.id not in out], [one for one in learned if one.product.id in out]


def _of_split(product: Product, split: str) -> list[Photo]:
    """Photos of a split; with a street photo of it go the shop photos of no split of their own."""
    if not split:
        return list(product.photos)
    worn = any(photo.split == split and photo.side == "street" for photo in product.photos)
    return [
        photo
        for photo in product.photos
        if photo.split == split or (worn and photo.side == "shop" and photo.split in SHOWN)
    ]


def _drawn(names: list[str], share: float) -> set[str]:
    """The products held out: by a hash of their ids, so that another order or seed holds out the same."""
    ordered = sorted(names, key=lambda name: hashlib.blake2b(name.encode(), digest_size=8).digest())
    return set(ordered[: round(share * len(ordered))])


def _joined(product: Product, said: answers.Answers) -> Product:
    more = said.same.get(product.id)
    return replace(product, photos=(*product.photos, *more)) if more else product


def _nothing(catalog: Catalog, data: Data, products: list[Product]) -> str:
    splits = sorted({photo.split or "none" for product in products for photo in product.photos})
    return (
        f"{catalog.source}: no photo to learn from in split {data.split!r} among {len(products):,} products; "
        f"splits there are: {', '.join(splits) or 'none'}; give [data] split = one of them, or '' for all"
    )

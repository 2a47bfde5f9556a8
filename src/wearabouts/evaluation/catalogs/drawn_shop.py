"""How hard the drawn shop is: its unseen part as a catalog, street photo to shop photo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from wearabouts.catalog import Catalog, Faults, Product
from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.templates import Part
from wearabouts.drawn.writing import write
from wearabouts.errors import EvaluationError
from wearabouts.evaluation.systems import Progress
from wearabouts.readers import open_catalog

PART: Part = "test"  # cuts, motifs, people, scenes and lights that no model was trained on
VIEWS = ("front",)
HEIGHT = 400  # pixels: more than any encoder here looks at


def drawn_catalog(
    folder: Path, *, products: int, queries: int, seed: int = 0, progress: Progress | None = None
) -> Catalog:
    """Draw a shop into a folder: the front view of every product, and a street photo of the first ones.

    A larger shop begins with the same products, so fewer queries are the same queries, against a larger gallery.

    Args:
        folder: Where the photos go; what is there from a broken run is not drawn again.
        products: In the gallery.
        queries: At most so many products also have a street photo; 0 for all.
        seed: Which shop.
        progress: Told what is done, how much of it and of how much.

    Raises:
        EvaluationError: Fewer than two products, which is no search.
    """
    if products < 2:
        raise EvaluationError(f"products {products}: a drawn shop to search in has at least 2; give 2 or more")
    asked = min(products, queries) if queries else products
    shop = write(
        folder / "shop",
        DrawnShop(seed, products, PART),
        views=VIEWS,
        street=0,
        size=HEIGHT,
        progress=_telling(progress, "draw shop photos"),
    )
    street = write(
        folder / "street",
        DrawnShop(seed, asked, PART),
        views=(),
        street=1,
        size=HEIGHT,
        progress=_telling(progress, "draw street photos"),
    )
    gallery, worn = open_catalog(shop, reader="drawn"), open_catalog(street, reader="drawn")

    def stream(faults: Faults) -> Iterator[Product]:
        photos = {product.id: product.photos for product in worn.products(faults)}
        for product in gallery.products(faults):
            yield replace(product, photos=product.photos + photos.get(product.id, ()))

    source = f"a drawn shop (seed {seed}, part {PART}, {products:,} products)"
    return replace(gallery, source=source, stream=stream)


def _telling(progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    return None if progress is None else partial(progress, what)

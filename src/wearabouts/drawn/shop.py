"""The door of the drawn shop: products by number, photos by product and view."""

from __future__ import annotations

import re

import numpy as np

from wearabouts.catalog import Photo, Product
from wearabouts.drawn.families import BLOCK, block
from wearabouts.drawn.photos import Drawn, shop_photo, street_photo
from wearabouts.drawn.specs import Spec
from wearabouts.drawn.templates import PARTS, Part
from wearabouts.errors import SettingsError, unknown

SHOP_VIEWS = ("front", "back", "detail")
LONG_SIDE = 600
_STREET = re.compile(r"street-(\d{1,4})")


class DrawnShop:
    """A shop whose products and photos are drawn on demand.

    Everything follows from (seed, part, product, view): the same photo comes out in any order, process and size of
    shop.
    """

    def __init__(self, seed: int = 0, products: int = 500, part: Part = "test") -> None:
        """A shop.

        Args:
            seed: Which shop, 0 or larger.
            products: How many products it has, at least 1; a larger shop begins with the same products.
            part: ``train``, ``calibrate`` or ``test``: whose cuts, motifs, people, poses, scenes and lights. No two
                parts share any.

        Raises:
            SettingsError: For a part, seed or number that cannot be meant.
        """
        if part not in PARTS:
            raise SettingsError(unknown("part", str(part), PARTS))
        if seed < 0 or products < 1:
            raise SettingsError(
                f"seed {seed}, products {products}: a drawn shop needs a seed of 0 or larger and at least 1 product"
            )
        self.seed, self.products, self.part = seed, products, part

    def __len__(self) -> int:
        return self.products

    def spec(self, index: int) -> Spec:
        """What product `index` (0 to products - 1) is.

        Raises:
            IndexError: For a product the shop does not have.
        """
        if not 0 <= index < self.products:
            raise IndexError(f"product {index} of a shop with {self.products} products (0 to {self.products - 1})")
        return block(self.seed, self.part, index // BLOCK)[index % BLOCK]

    def render(self, index: int, view: str = "front", size: int = LONG_SIDE) -> Drawn:
        """One photo of a product.

        Args:
            index: Which product.
            view: ``front``, ``back``, ``detail``, or ``street-0``, ``street-1`` and so on.
            size: Height of the photo in px (its width is four fifths of that); 64 to 2,000.

        Raises:
            IndexError: For a product the shop does not have.
            SettingsError: For an unknown view or a size out of range.
        """
        if not 64 <= size <= 2000:
            raise SettingsError(f"size {size} px: a drawn photo is 64 to 2,000 px high")
        spec = self.spec(index)
        street = _STREET.fullmatch(view)
        if street is None and view not in SHOP_VIEWS:
            raise SettingsError(unknown("view", view, (*SHOP_VIEWS, "street-0", "street-1")))
        number = 10 + int(street[1]) if street else SHOP_VIEWS.index(view)
        rng = np.random.default_rng((self.seed, PARTS.index(self.part), 202, index, number))
        if street:
            return street_photo(spec, self.part, int(street[1]), size, rng)
        return shop_photo(spec, self.part, view, size, rng)

    def product(self, index: int, views: tuple[str, ...] = SHOP_VIEWS, street: int = 1) -> Product:
        """A product as the catalog knows it, its photos not yet drawn: no boxes, relative uris.

        Args:
            index: Which product.
            views: Shop photos.
            street: How many street photos.
        """
        spec = self.spec(index)
        every = [*views, *(f"street-{number}" for number in range(street))]
        photos = tuple(_photo(spec, view) for view in every)
        attributes = {key: value for key, value in spec.labels().items() if key != "garment"}
        return Product(
            id=spec.product_id,
            photos=photos,
            title=spec.title,
            category=spec.category,
            garment=spec.garment,
            brand=spec.brand,
            price=spec.price,
            regular_price=spec.regular_price,
            currency="EUR",
            availability=spec.availability,
            group=spec.group,
            attributes={**attributes, "gender": spec.gender, "material": spec.material, "family": spec.family},
        )


def _photo(spec: Spec, view: str) -> Photo:
    street = view.startswith("street-")
    return Photo(
        id=f"{spec.product_id}~{view}",
        uri=f"photos/{spec.product_id}/{view}.jpg",
        side="street" if street else "shop",
        split="query" if street else "gallery",
        labels={"view": view, **spec.labels()},
    )

"""A made-up supervision: products as patches of colour, told apart by a category and a print together."""

from __future__ import annotations

import numpy as np

from wearabouts.training.data.supervision import Supervision, Vocabulary


def supervision(products: int = 20, categories: int = 4, size: int = 32, seed: int = 0, *, noise: float = 12.0):
    """Two shop and two street photos a product; street and shop photos alternate."""
    rng = np.random.default_rng(seed)
    looks = rng.uniform(0, 255, (products, 4, 4, 3))
    product = np.repeat(np.arange(products), 4)
    street = np.tile([True, False, True, False], products)
    pixels = np.kron(looks[product], np.ones((1, size // 4, size // 4, 1)))
    pixels += rng.normal(0, 1, pixels.shape) * np.where(street, noise, noise / 4)[:, None, None, None]
    prints = tuple(str(n) for n in range(1 + (products - 1) // categories))
    return Supervision(
        pixels=np.clip(pixels, 0, 255).astype(np.uint8),
        product=product,
        street=street,
        category=product % categories,
        attributes=(product // categories)[:, None],
        tags=np.zeros((len(product), 0), np.int8),
        landmarks=np.full((len(product), 8, 3), np.nan, np.float32),
        vocabulary=Vocabulary(tuple("abcdefgh"[:categories]), False, {"print": prints}, ()),
    )

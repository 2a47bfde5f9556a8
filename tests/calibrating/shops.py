"""A shop of colour patches whose customers' photos are nothing like those its model was calibrated on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakes import TinyGarmentEncoder, TinyJudge, tiny_calibration
from wearabouts import cli
from wearabouts.cli import main, options
from wearabouts.search import opening
from wearabouts.types import Pixels

KINDS = 12  # products of one kind are alike
NOISE = 60.0  # of a customer's photo
SIDE = 16


@dataclass(frozen=True)
class PatchShop:
    """A folder of products, and customers' photos of them below ``asked``.

    Attributes:
        folder: Holds ``feed`` and ``asked``.
        photos: Photo, from ``asked``, → product.
    """

    folder: Path
    photos: dict[str, str]

    def label(self, name: str, *lines: str) -> Path:
        """Write a file of labels below ``asked``."""
        path = self.folder / "asked" / name
        path.write_text("photo,product,same\n" + "\n".join(lines) + "\n", "utf-8")
        return path


def drawn(folder: Path, products: int, photos: int, seed: int = 0) -> PatchShop:
    """Draw a shop: `products` patches in the feed, `photos` of each from customers."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(40, 215, (KINDS, 4, 4, 3))
    taken = {}
    (folder / "asked").mkdir(parents=True)
    for number in range(products):
        name = f"p{number:03d}"
        patch = np.clip(kinds[number % KINDS] + rng.normal(0, 25, (4, 4, 3)), 0, 255)
        (folder / "feed" / name).mkdir(parents=True)
        Image.fromarray(_large(patch)).save(folder / "feed" / name / "front.png")
        for shot in range(photos):
            path = f"{name}-{shot}.png"
            Image.fromarray(_large(patch + rng.normal(0, NOISE, patch.shape))).save(folder / "asked" / path)
            taken[path] = name
    return PatchShop(folder, taken)


def tiny(patch: pytest.MonkeyPatch, judge: bool = True) -> None:
    """The tiny encoder and its judge in place of a bundle's."""
    encoder = TinyGarmentEncoder()
    for module in (options, cli.index):
        patch.setattr(module, "load_encoder", lambda model: encoder)
    if judge:
        patch.setattr(opening, "second_stage", lambda encoder: (TinyJudge(encoder), tiny_calibration()))


def indexed(folder: Path, products: int, photos: int) -> PatchShop:
    """The same, indexed through the command line into ``wearabouts-store``."""
    shop = drawn(folder, products, photos)
    with pytest.MonkeyPatch.context() as patch:
        tiny(patch)
        assert main(["index", str(folder / "feed"), "--store", str(folder / "wearabouts-store"), "--json"]) == 0
    return shop


def _large(patch: np.ndarray) -> Pixels:
    cells = np.clip(patch, 0, 255).astype(np.uint8)
    return cells.repeat(SIDE // 4, axis=0).repeat(SIDE // 4, axis=1)

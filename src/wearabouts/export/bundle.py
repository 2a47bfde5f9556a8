"""A finished run on its way into a bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from wearabouts import bundles
from wearabouts.drawn.shop import DrawnShop
from wearabouts.export.graph import parity, to_onnx
from wearabouts.training.recipe import Recipe
from wearabouts.types import Pixels

SMALLEST = 64  # px: lower photos are not drawn


class Finished(NamedTuple):
    """What a run left behind: its recipe, what `run.json` says, and the last weights by name."""

    recipe: Recipe
    summary: dict[str, Any]
    weights: dict[str, Tensor]


def write_bundle(folder: Path, served: nn.Module, photos: Sequence[Pixels], **card: Any) -> dict[str, float]:
    """Export a one-tower model as a bundle, checked.

    Args:
        folder: The bundle's folder.
        served: Bytes to outputs, `vector` first, the others in the order of the card.
        photos: Fitted photos for the parity check.
        card: Fields of `bundles.Card` but for the graphs and parity.

    Returns:
        The parity figures, which the card holds too.
    """
    outputs = ["vector"] + (["garment"] if card.get("garments") else [])
    outputs += [f"attribute.{name}" for name in card.get("attributes", {})] + (
        ["saliency"] if card.get("saliency") else []
    )
    preprocessing = card["preprocessing"]
    graph = to_onnx(served, preprocessing.size, outputs)
    figures = parity(served, graph, photos)
    entry = bundles.Graph(file="encoder.onnx", sha256=hashlib.sha256(graph).hexdigest())
    made = bundles.Card(graphs={"shop": entry, "street": entry}, stored="float16", parity=dict(figures), **card)
    bundles.write(folder, made, {"encoder.onnx": graph})
    return figures


def samples(size: int, seed: int) -> list[Pixels]:
    """Photos for the parity check, fitted: drawn ones, which are always at hand.

    Args:
        size: Side of the graph's input in pixels.
        seed: Of the drawn shop.
    """
    shop = DrawnShop(seed=seed, products=16, part="calibrate")
    fit = bundles.Preprocessing(size=size).apply
    height = max(size, SMALLEST)
    return [fit(shop.render(i, view, size=height).pixels) for i in range(16) for view in ("front", "street-0")]

"""`mini` as a bundle: garments, attributes and saliency beside the vector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wearabouts import bundles
from wearabouts.export.bundle import Finished, samples, write_bundle
from wearabouts.garments import ATTRIBUTES, GARMENTS
from wearabouts.models.mini import Mini
from wearabouts.training.mini import build_served
from wearabouts.training.mini.recipe import MiniRecipe

NOTICES = (
    "Start weights: MobileNetV1 and V2 of google-coral/test_data, Apache-2.0, trained on ImageNet by their publishers",
    "Clothing photographs: clothing-dataset by Alexey Grigorev and contributors, CC0 1.0",
    "Grocery photographs: Grocery Store Dataset, (c) 2019 Marcus Klasson, MIT",
)
DATA = (
    {"name": "clothing-dataset", "licence": "CC0-1.0", "used": "photos marked train, split by sender"},
    {"name": "GroceryStoreDataset", "licence": "MIT", "used": "items marked train, split by item"},
    {
        "name": "drawn shop",
        "licence": "Apache-2.0",
        "used": "part train: its cuts, motifs and sceneries occur in no other part",
    },
)


class ServedMini(nn.Module):
    """`Mini` from bytes to probabilities."""

    def __init__(self, net: Mini) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """(N, S, S, 3) uint8 → vector, garment, one per attribute, saliency, and int8 regions where there is a head."""
        seen = self.net.serve(pixels.permute(0, 3, 1, 2).float() / 255)
        attributes = [logits.softmax(-1) for logits in seen.attributes.values()]
        said = seen.vector, seen.garment.softmax(-1), *attributes, torch.sigmoid(seen.saliency)
        head = self.net.regions
        if head is None or seen.cells is None:
            return said
        return *said, head(seen.cells).to(torch.int8)


def described(recipe: MiniRecipe, net: Mini, summary: dict[str, Any]) -> dict[str, Any]:
    """What the card of a finished `mini` says, beside its graph."""
    return {
        "name": recipe.name,
        "description": "Two MobileNet trunks, saliency, colours and labels in one vector; see wearabouts.models.mini",
        "preprocessing": bundles.Preprocessing(size=recipe.network.size),
        "dim": net.dim,
        "garments": GARMENTS,
        "attributes": ATTRIBUTES,
        "saliency": True,
        "licence": "Apache-2.0",
        "notices": NOTICES,
        "data": DATA,
        "training": summary,
    }


def export(finished: Finished, folder: Path) -> None:
    """Write the bundle of a finished run of `mini`; the arguments are those of every model.

    Raises:
        BundleError: The exported graph differs too much from what was trained.
    """
    recipe, summary, weights = finished.recipe, finished.summary, finished.weights
    assert isinstance(recipe, MiniRecipe)
    net = build_served(recipe)
    net.load_state_dict({key.removeprefix("net."): value for key, value in weights.items() if key.startswith("net.")})
    photos = samples(recipe.network.size, recipe.data.drawn_seed)
    write_bundle(folder, ServedMini(net), photos, **described(recipe, net, summary))

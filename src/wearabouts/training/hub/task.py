"""What `hub` learns: photos of one product find each other, by a tower that begins as it was published."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from wearabouts.models.hub import HubTower
from wearabouts.training import losses
from wearabouts.training.data import sampling, validation
from wearabouts.training.data.augmenting import augmented
from wearabouts.training.data.supervision import Supervision
from wearabouts.training.hub.recipe import HubRecipe
from wearabouts.training.processes import Rows
from wearabouts.types import Floats

AT_ONCE = 64  # photos that are looked at together where nothing is learned


class Tuning:
    """The one phase.

    Args:
        recipe: The run's.
        net: To be trained, on the run's device.
        learned: What is learned from.
        held: What is measured with, of which there may be none.
    """

    watched = "mAP"

    def __init__(self, recipe: HubRecipe, net: HubTower, learned: Supervision, held: Supervision) -> None:
        self.recipe, self.net, self.learned, self.held = recipe, net, learned, held
        self.device = next(net.parameters()).device

    def batch(self, step: int) -> Rows:
        """See `wearabouts.training.loop.task.Task.batch`."""
        batch = self.recipe.batch
        return sampling.items(self.learned, step, seed=self.recipe.seed, products=batch.products, photos=batch.photos)

    def see(self, rows: Rows, step: int) -> Mapping[str, Tensor]:
        """See `wearabouts.training.loop.task.Task.see`."""
        photos, _ = augmented(prepared(self.learned, rows, self.device), None, self.recipe.augment)
        return {"vector": self.net(photos)}

    def losses(self, seen: Mapping[str, Tensor], rows: Rows, step: int) -> Mapping[str, Tensor]:
        """See `wearabouts.training.loop.task.Task.losses`."""
        weights, vectors = self.recipe.losses, seen["vector"]
        products = torch.from_numpy(self.learned.product[rows]).to(self.device)
        street = torch.from_numpy(self.learned.street[rows]).to(self.device)
        terms = {}
        if weights.sides:
            terms["sides"] = weights.sides * losses.across_sides(vectors, products, street, weights.temperature)
        if weights.views:
            terms["views"] = weights.views * losses.among_views(vectors, products, weights.temperature)
        return terms

    def validate(self) -> Mapping[str, float]:
        """How well held-out photos find their products."""
        return measured(self.net, self.held)


def measured(net: HubTower, held: Supervision) -> dict[str, float]:
    """Figures of retrieval on held-out photos; none without any."""
    if not len(held):
        return {}
    return validation.retrieval(looked_at(net, held, np.arange(len(held)), features=False), held)


@torch.no_grad()
def looked_at(net: HubTower, supervision: Supervision, rows: Rows, *, features: bool) -> Floats:
    """(n, D) vectors of some photos, or (n, F) what the tower says of them."""
    net.eval()
    device = next(net.parameters()).device
    see = net.features if features else net
    seen = [see(prepared(supervision, rows[i : i + AT_ONCE], device)).float() for i in range(0, len(rows), AT_ONCE)]
    found: Floats = torch.cat(seen).cpu().numpy()
    return found


def prepared(supervision: Supervision, rows: Rows, device: torch.device) -> Tensor:
    """(b, 3, S, S) float32 in [0, 1]."""
    photos = torch.from_numpy(np.asarray(supervision.pixels[rows])).to(device)
    return photos.permute(0, 3, 1, 2).float() / 255

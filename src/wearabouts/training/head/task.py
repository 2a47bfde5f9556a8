"""What `head` learns, step by step, and how good it is on held-out rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from wearabouts.metrics.hamming import average_precision, distances
from wearabouts.models.head import Head
from wearabouts.training.data import sampling, validation
from wearabouts.training.data.supervision import Supervision
from wearabouts.training.head.losses import codes_found, even, firm, found
from wearabouts.training.head.recipe import HeadRecipe
from wearabouts.training.losses.labels import classes
from wearabouts.training.processes import Rows
from wearabouts.types import Floats

MEASURED = 2_000  # held-out photos whose classes' codes are searched with, at most
MAP, CODES, CODES_CLASS = "mAP", "codes mAP", "codes class mAP"


class Heading:
    """The one phase.

    Args:
        recipe: The run's.
        net: To be trained.
        learned: What is known of the rows learned from.
        given: (N, D) their vectors.
        held: The held-out rows, of which there may be none.
        asked: Their vectors.
    """

    def __init__(
        self, recipe: HeadRecipe, net: Head, learned: Supervision, given: Floats, held: Supervision, asked: Floats
    ) -> None:
        self.recipe, self.net = recipe, net
        self.learned, self.given, self.held, self.asked = learned, given, held, asked
        self.device = next(net.parameters()).device
        losses = recipe.losses
        if recipe.network.bits:
            self.watched = CODES_CLASS if losses.classes or losses.alike else CODES
        else:
            self.watched = MAP if losses.items else "category"

    def batch(self, step: int) -> Rows:
        """See `wearabouts.training.loop.task.Task.batch`."""
        recipe = self.recipe
        photos, products = recipe.learning.photos, recipe.learning.products
        if products:
            return sampling.items(self.learned, step, seed=recipe.seed, products=products, photos=photos)
        return sampling.shuffled(self.learned, step, seed=recipe.seed, photos=photos)

    def see(self, rows: Rows, step: int) -> Mapping[str, Tensor]:
        """See `wearabouts.training.loop.task.Task.see`."""
        seen = self.net(torch.from_numpy(self.given[rows]).to(self.device))
        return {name: value for name, value in seen._asdict().items() if value is not None}

    def losses(self, seen: Mapping[str, Tensor], rows: Rows, step: int) -> Mapping[str, Tensor]:
        """See `wearabouts.training.loop.task.Task.losses`."""
        weights = self.recipe.losses
        products, labels, street = (
            torch.from_numpy(np.ascontiguousarray(part[rows])).to(self.device)
            for part in (self.learned.product, self.learned.category, self.learned.street)
        )
        heat = weights.temperature
        terms: dict[str, Tensor] = {}
        if weights.items:
            terms["items"] = weights.items * found(seen["vector"], products, street, heat)
        if weights.classes:
            terms["classes"] = weights.classes * classes(seen["logits"], labels, weights.smoothing)
        if weights.codes:
            terms["codes"] = weights.codes * codes_found(seen["activations"], products, street, heat)
        if weights.alike:
            nobody = torch.zeros_like(street)
            terms["alike"] = weights.alike * codes_found(seen["activations"], labels, nobody, heat)
        if weights.firm:
            terms["firm"] = weights.firm * firm(seen["activations"])
        if weights.even:
            terms["even"] = weights.even * even(seen["activations"])
        return terms

    def validate(self) -> Mapping[str, float]:
        """See `wearabouts.training.loop.task.Task.validate`.

        Figures of the vectors as `wearabouts.training.data.validation` names them; with ``codes`` before the name,
        those of the codes; ``codes class mAP``: each of up to `MEASURED` photos searches the others for its class.
        """
        if not len(self.held):
            return {}
        given = torch.from_numpy(np.array(self.asked)).to(self.device)
        seen, (vectors, codes) = self.net(given), self.net.serve(given)
        scores = None if seen.logits is None else seen.logits.cpu().numpy()
        figures = {**validation.retrieval(vectors.cpu().numpy(), self.held), **validation.labels(self.held, scores)}
        if codes is None:
            return figures
        packed = codes.cpu().numpy()
        signs = np.unpackbits(packed, axis=1).astype(np.float32) * 2 - 1
        directions = signs / np.sqrt(np.float32(signs.shape[1]))
        figures |= {f"codes {name}": value for name, value in validation.retrieval(directions, self.held).items()}
        return figures | _of_classes(packed, self.held.category)


def _of_classes(codes: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    rows = np.flatnonzero(labels >= 0)
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), MEASURED)).round().astype(int)] if len(rows) else rows
    same = (labels[rows][:, None] == labels[rows][None]) & ~np.eye(len(rows), dtype=bool)
    asked = same.any(axis=1)
    if not asked.any():
        return {}
    apart = distances(codes[rows], codes[rows])
    np.fill_diagonal(apart, 8 * codes.shape[1] + 1)  # a photo itself comes after all others, and is never right
    return {CODES_CLASS: float(average_precision(apart[asked], same[asked]).mean())}

"""What the shared loop needs to train FashionNet: batches, the forward pass, losses in turns, and validation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor

from wearabouts import metrics
from wearabouts.models.fashionnet import FashionNet, Seen
from wearabouts.training.data import sampling, validation
from wearabouts.training.data.augmenting import augmented
from wearabouts.training.data.supervision import Supervision
from wearabouts.training.fashionnet.recipe import FashionNetRecipe
from wearabouts.training.loop import Rows
from wearabouts.training.losses import labels, landmarks, tags, triplets
from wearabouts.types import Floats

POSE = ("landmarks", "visibility")
AT_ONCE = 128  # photos seen at once in validation
CLOSE = 0.1  # of the square's side: a landmark that is off by less counts as found
TAGS, NEAR = "tags top-5", f"landmarks within {CLOSE:g}"


class FashionNetTask:
    """See `wearabouts.training.loop.task.Task`.

    Args:
        net: On the device of the run, its `tag_lead` already set.
        recipe: The whole run's.
        learned: What is learned from.
        held: What is held out.
        device: Where to train.
    """

    def __init__(
        self,
        net: FashionNet,
        recipe: FashionNetRecipe,
        learned: Supervision,
        held: Supervision,
        device: torch.device,
    ) -> None:
        self.net, self.recipe, self.learned, self.held, self.device = net, recipe, learned, held, device
        self.watched = _watched(net, recipe)
        self._both_sides = bool(learned.street.any() and (~learned.street).any())

    def batch(self, step: int) -> Rows:
        """Rows of a step, drawn as ``[batch]`` says."""
        batch, seed = self.recipe.batch, self.recipe.seed
        if batch.draw == "items":
            products = max(1, batch.photos // batch.each)
            return sampling.items(self.learned, step, seed=seed, products=products, photos=batch.each)
        draw = sampling.classes if batch.draw == "classes" else sampling.shuffled
        return draw(self.learned, step, seed=seed, photos=batch.photos)

    def see(self, rows: Rows, step: int) -> Mapping[str, Tensor]:
        """Changed photos, seen: outputs by name, and under ``truth`` the landmarks as the change left them."""
        photos, truth = self._photos(self.learned, rows)
        photos, moved = augmented(photos, truth, self.recipe.augment)
        assert moved is not None  # landmarks were given
        return named(self.net(photos, moved if self.pools_truth(step) else None)) | {"truth": moved}

    def losses(self, seen: Mapping[str, Tensor], rows: Rows, step: int) -> Mapping[str, Tensor]:
        """Every loss of ``[losses]`` that is not 0, times its weight and its share in this turn."""
        weights, known = self.recipe.losses, partial(self._known, rows=rows)
        terms: dict[str, Tensor] = {}
        if "places" in seen:
            terms["landmarks"] = landmarks.places(seen["places"], seen["truth"])
            terms["visibility"] = landmarks.visibility(seen["visible"], seen["truth"])
        if "category" in seen:
            terms["category"] = labels.classes(seen["category"], known(self.learned.category))
        heads = [seen[f"attribute.{name}"] for name in self.net.attribute_names]
        if heads:
            terms["attributes"] = labels.tree(heads, known(self.learned.attributes), "branches") / len(heads)
        if "tags" in seen:
            terms["tags"] = tags.weighted(seen["tags"], known(self.learned.tags), self.net.tag_lead.exp())
        if weights.triplet:
            terms["triplet"] = self._triplet(seen["vector"], rows)
        favours = self.favours(step)
        factors = {name: float(getattr(weights, name)) * favours[name in POSE] for name in terms}
        return {name: factors[name] * term for name, term in terms.items() if factors[name]}

    def favours(self, step: int) -> tuple[float, float]:
        """What the losses of recognition and of the pose are multiplied by in the turn that a step is in."""
        turns = self.recipe.turns
        if self.net.pose is None:
            return 1.0, 0.0
        pose_turn = step // turns.steps % 2 == 0
        return (1 / turns.favour, 1.0) if pose_turn else (1.0, 1 / turns.favour)

    def pools_truth(self, step: int) -> bool:
        """Whether annotated landmarks say where to pool."""
        if self.recipe.network.pooling == "truth":
            return True
        return step < self.recipe.turns.truth * self.recipe.steps.count

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """Street to shop retrieval, the labels' accuracies, tags found, and the landmarks' error ``NE``."""
        held = self.held
        if not len(held):
            return {}
        parts = []
        for start in range(0, len(held), AT_ONCE):
            photos, truth = self._photos(held, np.arange(start, min(start + AT_ONCE, len(held))))
            parts.append(named(self.net(photos, truth if self.recipe.network.pooling == "truth" else None)))
        seen = {name: torch.cat([part[name] for part in parts]).float().cpu() for name in parts[0]}
        figures = dict(validation.retrieval(seen["vector"].numpy(), held))
        attributes = {name: seen[f"attribute.{name}"].numpy() for name in self.net.attribute_names}
        category = seen["category"].numpy() if "category" in seen else None
        figures |= validation.labels(held, category, attributes)
        if "tags" in seen and (held.tags > 0).any():
            figures[TAGS] = metrics.attribute_recall(self._likely(seen["tags"]), held.tags > 0, 5).value
        visible = held.annotated[:, None] & (held.landmarks[..., 2] > 0)
        if "places" in seen and visible.any():
            places = seen["places"].numpy()
            figures["NE"] = metrics.landmark_error(places, held.landmarks[..., :2], visible).value
            off = np.linalg.norm(places - held.landmarks[..., :2], axis=2)[visible]
            figures[NEAR] = float((off < CLOSE).mean())
        return figures

    def _likely(self, logits: Tensor) -> Floats:
        """Log-odds of tags: what their weights in training added is taken off."""
        likely: Floats = (logits - self.net.tag_lead.cpu()).numpy()
        return likely

    def _photos(self, supervision: Supervision, rows: Rows) -> tuple[Tensor, Tensor]:
        """(B, 3, S, S) in [0, 1] and (B, 8, 3)."""
        pixels = torch.from_numpy(np.ascontiguousarray(supervision.pixels[rows])).to(self.device)
        marks = torch.from_numpy(np.ascontiguousarray(supervision.landmarks[rows])).to(self.device)
        return pixels.permute(0, 3, 1, 2).float() / 255, marks

    def _known(self, values: np.ndarray, rows: Rows) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values[rows])).to(self.device)

    def _triplet(self, vectors: Tensor, rows: Rows) -> Tensor:
        losses = self.recipe.losses
        items = self._known(self.learned.product, rows)
        street = self._known(self.learned.street, rows) if losses.across and self._both_sides else None
        mine = getattr(triplets, losses.mining)
        mined = mine(items, street) if losses.mining in ("random", "every") else mine(vectors, items, street)
        return triplets.of_rows(vectors, mined, losses.margin)


def _watched(net: FashionNet, recipe: FashionNetRecipe) -> str:
    """The figure that says best whether what is learned got better."""
    if recipe.losses.triplet:
        return "R@1"
    if net.category is not None:
        return "category"
    return "attributes" if net.attribute_names else TAGS if net.tags is not None else NEAR


def named(seen: Seen) -> dict[str, Tensor]:
    """The outputs there are, by name."""
    each = {"vector": seen.vector, "category": seen.category, "tags": seen.tags}
    each |= {"places": seen.places, "visible": seen.visible}
    each |= {f"attribute.{name}": logits for name, logits in seen.attributes.items()}
    return {name: value for name, value in each.items() if value is not None}

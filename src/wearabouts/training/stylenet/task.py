"""What each phase of `stylenet` learns: tags first, then which photos go together, with the tags or without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wearabouts.models.stylenet import StyleNet
from wearabouts.training.data import sampling
from wearabouts.training.data.augmenting import augmented
from wearabouts.training.data.supervision import Supervision
from wearabouts.training.losses.ratio import ratio, two_way
from wearabouts.training.stylenet.measuring import Held
from wearabouts.training.stylenet.recipe import StylenetRecipe
from wearabouts.training.stylenet.triplets import Triplets

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Lesson:
    """What both phases learn from.

    Attributes:
        recipe: The run's.
        learned: The photos.
        held: Those that are measured with.
        classified: Places of the tags that the head reads, among all tags.
    """

    recipe: StylenetRecipe
    learned: Supervision
    held: Held
    classified: Rows

    def features(self, net: StyleNet, rows: Rows) -> Tensor:
        """(b,) rows → (b, D), the photos changed as the recipe says."""
        device = net.project.weight.device
        photos = torch.from_numpy(self.learned.pixels[rows]).to(device).permute(0, 3, 1, 2).float() / 255
        features: Tensor = net(augmented(photos, None, self.recipe.augment)[0])
        return features

    def tag_loss(self, net: StyleNet, features: Tensor, rows: Rows) -> Tensor:
        """The head's loss on some photos. The head stands here, where all of a batch is, as its norm needs it."""
        tags = torch.from_numpy(self.learned.tags[rows][:, self.classified]).to(features.device)
        return two_way(net.head(features), tags, self.yes().to(features.device))

    def yes(self) -> Tensor:
        """(T,) weights of the tags where they hold."""
        tags = self.learned.tags[:, self.classified]
        has, lacks = (tags == 1).sum(0), (tags == -1).sum(0)
        return torch.from_numpy(np.clip(lacks / np.maximum(has, 1), 1, self.recipe.tags.yes).astype(np.float32))


class Classifying:
    """The first phase: every photo's tags."""

    watched = "tags"

    def __init__(self, net: StyleNet, lesson: Lesson) -> None:
        self.net, self.lesson = net, lesson

    def batch(self, step: int) -> Rows:
        """See `wearabouts.training.loop.task.Task.batch`."""
        recipe = self.lesson.recipe
        return sampling.shuffled(self.lesson.learned, step, seed=recipe.seed, photos=recipe.learning.photos)

    def see(self, rows: Rows, step: int) -> Mapping[str, Tensor]:
        """See `wearabouts.training.loop.task.Task.see`."""
        return {"features": self.lesson.features(self.net, rows)}

    def losses(self, seen: Mapping[str, Tensor], rows: Rows, step: int) -> Mapping[str, Tensor]:
        """See `wearabouts.training.loop.task.Task.losses`."""
        return {"tags": self.lesson.tag_loss(self.net, seen["features"], rows)}

    def validate(self) -> Mapping[str, float]:
        """How well the held-out photos' tags are read."""
        return self.lesson.held.tags(self.net)


class Ranking:
    """The second phase: triplets, and beside them the tags of the dissimilar photo.

    The batch has all anchors, then all similar, then all dissimilar photos.
    """

    watched = "style"

    def __init__(self, net: StyleNet, lesson: Lesson, triplets: Triplets) -> None:
        self.net, self.lesson, self.triplets = net, lesson, triplets

    def batch(self, step: int) -> Rows:
        """See `wearabouts.training.loop.task.Task.batch`."""
        recipe = self.lesson.recipe
        return self.triplets.draw(recipe.learning.triplets, recipe.seed, step).T.reshape(-1)

    def see(self, rows: Rows, step: int) -> Mapping[str, Tensor]:
        """See `wearabouts.training.loop.task.Task.see`."""
        return {"features": self.lesson.features(self.net, rows)}

    def losses(self, seen: Mapping[str, Tensor], rows: Rows, step: int) -> Mapping[str, Tensor]:
        """See `wearabouts.training.loop.task.Task.losses`: l = l_R + alpha l_C."""
        anchor, similar, dissimilar = seen["features"].chunk(3)
        terms = {"ranking": ratio(anchor, similar, dissimilar)}
        learning = self.lesson.recipe.learning
        if learning.joint:
            tags = self.lesson.tag_loss(self.net, dissimilar, rows[2 * len(rows) // 3 :])
            terms["tags"] = learning.alpha * tags
        return terms

    def validate(self) -> Mapping[str, float]:
        """How well what the held-out photos wear, and which product it is, is found; and their tags, where learned."""
        held = self.lesson.held
        tags = held.tags(self.net) if self.lesson.recipe.learning.joint else {}
        return {**held.found(self.net), **tags}

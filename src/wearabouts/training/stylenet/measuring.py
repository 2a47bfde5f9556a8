"""How good it is on held-out photos: by cosine, as it is served, and by distance, as the paper compares photos."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from wearabouts import metrics
from wearabouts.errors import CatalogError
from wearabouts.models.stylenet import StyleNet
from wearabouts.training.data.supervision import Supervision
from wearabouts.training.data.validation import retrieval
from wearabouts.training.stylenet.triplets import Triplets
from wearabouts.types import Floats

AT_ONCE = 64  # photos through the net, queries through the ranking
MOST = 1000  # queries of one figure, evenly spread over all there are
DISTANCE = " by distance"  # follows the name of a figure that is not as served


class Held:
    """Photos that are not learned from, and what should be found among them.

    Args:
        photos: Held out; may be none.
        compared: Places of the tags by which photos are alike.
        classified: Places of the tags that the head reads.
        similar: Share of tags above which two photos are alike.
    """

    def __init__(
        self, photos: Supervision, compared: npt.NDArray[np.int64], classified: npt.NDArray[np.int64], *, similar: float
    ) -> None:
        self._photos = photos
        self._known = photos.tags[:, classified]
        try:
            self._alike: Triplets | None = Triplets(photos.tags[:, compared], similar, 1.0)
        except CatalogError:
            self._alike = None  # too few are held out to be like one another

    def tags(self, net: StyleNet) -> dict[str, float]:
        """Mean over the tags of their average precision: photos in order of how likely each has the tag.

        Only tags count that some held-out photo has and some has not.
        """
        told = (self._known == 1).any(0) & (self._known == -1).any(0)
        if not told.any():
            return {}
        with torch.inference_mode():
            scores = net.head(torch.from_numpy(self._features(net)).to(net.project.weight.device)).cpu().numpy()
        likely = np.where(self._known == 0, -np.inf, scores[:, :, 1] - scores[:, :, 0])[:, told].T
        ranks = metrics.relevant_ranks(likely, (self._known[:, told] == 1).T)
        return {"tags": float(metrics.average_precision(ranks).mean())}

    def found(self, net: StyleNet) -> dict[str, float]:
        """What a search among the held-out photos finds.

        Returns:
            ``style``, the mean average precision with which a photo finds those that are alike by their tags, and
            what `wearabouts.training.data.validation.retrieval` says of products. The former, and the latter where
            products have photos of both sides, also by the Euclidean distance of the floats as they are.
        """
        if not len(self._photos):
            return {}
        features, street = self._features(net), self._photos.street
        unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
        # The nearest by |q - g| has the largest q·g - |g|² / 2: one more column, for queries unlike for the gallery.
        ones, halves = np.ones(len(features), np.float32), -np.square(features).sum(1) / 2
        queries, gallery = (np.column_stack([features, last]) for last in (ones, halves))
        figures = self._alike_by("style", unit, unit) | self._alike_by(f"style{DISTANCE}", queries, gallery)
        figures |= retrieval(unit, self._photos)
        if len(np.intersect1d(self._photos.product[street], self._photos.product[~street])):
            sided = np.where(street[:, None], queries, gallery)
            figures |= {f"{name}{DISTANCE}": value for name, value in retrieval(sided, self._photos).items()}
        return figures

    def _alike_by(self, name: str, queries: Floats, gallery: Floats) -> dict[str, float]:
        """Mean average precision of the photos that are alike, by the product of two tables of vectors."""
        if self._alike is None:
            return {}
        rows = _spread(self._alike.anchors)
        precision = []
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            near = queries[some] @ gallery.T
            near[np.arange(len(some)), some] = -np.inf  # a photo does not find itself
            right = np.zeros(near.shape, np.bool_)
            for line, row in enumerate(some):
                right[line, self._alike.similar_to(int(row))] = True
            precision.append(metrics.average_precision(metrics.relevant_ranks(near, right)))
        return {name: float(np.concatenate(precision).mean())}

    def _features(self, net: StyleNet) -> Floats:
        """(N, D) of all held-out photos, of any length."""
        device = net.project.weight.device
        seen = []
        with torch.inference_mode():
            for start in range(0, len(self._photos), AT_ONCE):
                photos = torch.from_numpy(np.array(self._photos.pixels[start : start + AT_ONCE])).to(device)
                seen.append(net(photos.permute(0, 3, 1, 2).float() / 255).cpu().numpy())
        return np.concatenate(seen)


def _spread(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """At most `MOST` of the rows, evenly spread."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST)).astype(np.int64))]

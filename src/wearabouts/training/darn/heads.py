"""The tree's branches: which label each is of, and the labels as one table."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from wearabouts.errors import SettingsError
from wearabouts.training.data.supervision import Supervision, Vocabulary

GARMENT, CATEGORY = "garment", "category"


def heads(vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    """Branch → its values: the classes first, where there are any, then the attributes in the recipe's order.

    Raises:
        SettingsError: An attribute has the name that the classes have.
    """
    if not vocabulary.categories:
        return dict(vocabulary.attributes)
    name = GARMENT if vocabulary.garments else CATEGORY
    if name in vocabulary.attributes:
        raise SettingsError(f"[data] attributes has {name!r}, which the classes are called; leave one of them out")
    return {name: vocabulary.categories, **vocabulary.attributes}


def labels(supervision: Supervision) -> Tensor:
    """(N, A) int64, a column a branch of `heads`, -1 where unknown."""
    columns = [supervision.attributes]
    if supervision.vocabulary.categories:
        columns.insert(0, supervision.category[:, None])
    return torch.from_numpy(np.concatenate(columns, 1))

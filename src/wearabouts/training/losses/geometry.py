"""What must not be forgotten: the geometry that a teacher sees among photos."""

from __future__ import annotations

import torch
from torch import Tensor


def relations(vectors: Tensor, teacher: Tensor) -> Tensor:
    """Keep the teacher's geometry: mean squared difference of all cosines, the diagonal left out.

    Args:
        vectors: (N, D) unit vectors.
        teacher: (N, D') unit vectors.

    Source: Park et al., *Relational Knowledge Distillation*, CVPR 2019. Differs: cosines instead of distances, squared
        loss.
    """
    difference = vectors @ vectors.T - teacher @ teacher.T
    off = ~torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    return difference[off].square().mean()

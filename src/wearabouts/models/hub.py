"""A published photo tower as a starting point: its own preparation of photos, a projection, and weights mixed back.

    vector = P f(scale * bytes + shift) / |...|

f is the tower of a model hub, P a linear projection without bias. P begins as the principal axes of what f says of the
photos to learn from: its rows are orthonormal, so the network compares photos nearly as the tower does before anything
was learned, and fine-tuning goes on from a model that works.

**Weight interpolation** (Wortsman et al., *Robust fine-tuning of zero-shot models*, CVPR 2022, equation 1: WiSE-FT):
the weights served are

    theta = (1 - a) * theta_start + a * theta_tuned,    a in [0, 1],

every parameter alike. What was learned on one shop's photos is taken over in part, and what the tower knew of all other
photos is kept in part; often the mixture is better than either on both. Differs from the paper: its linear classifier
is made from text, ours is the projection above; and we state no best a: the run reports the start, the mixture and the
tuned weights on the same held-out photos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class HubTower(nn.Module):
    """A tower with its preparation and a projection.

    Args:
        tower: Takes prepared photos (B, 3, S, S); gives what transformers' models give, outputs by name.
        scale: What a byte is multiplied by, a channel.
        shift: What is added then, a channel.
        output: Name of the output that becomes the vector.
        pooled: How an output of a vector a place becomes one: ``first`` place, or ``mean``; maps are always averaged.
        features: Floats that the tower gives.
        dim: Floats of the vector; 0 serves the tower's own.

    Attributes:
        dim: Floats of the vector.
    """

    def __init__(
        self,
        tower: nn.Module,
        scale: Sequence[float],
        shift: Sequence[float],
        *,
        output: str,
        pooled: str,
        features: int,
        dim: int = 0,
    ) -> None:
        super().__init__()
        self.tower, self.output, self.pooled, self.dim = tower, output, pooled, dim or features
        self.register_buffer("scale", torch.tensor(scale).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", torch.tensor(shift).reshape(1, 3, 1, 1), persistent=False)
        self.projection = nn.Linear(features, dim, bias=False) if dim else nn.Identity()

    def features(self, photos: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1] → (B, F), what the tower says."""
        scale, shift = self.get_buffer("scale"), self.get_buffer("shift")
        found: Tensor = self.tower(pixel_values=photos * 255 * scale + shift)[self.output]
        if found.ndim == 4:
            return found.mean((2, 3))
        if found.ndim == 3:
            return found[:, 0] if self.pooled == "first" else found.mean(1)
        return found

    def forward(self, photos: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1] → (B, D), each of length 1."""
        return F.normalize(self.projection(self.features(photos)).float(), dim=1)

    def begin(self, features: Tensor) -> None:
        """Make the projection the principal axes of features (N, F) of any length; not centred, as cosines are not."""
        if isinstance(self.projection, nn.Identity):
            return
        unit = F.normalize(features.double(), dim=1)
        _, vectors = torch.linalg.eigh(unit.T @ unit)
        axes = vectors.flip(1)[:, : self.dim].T
        # An eigenvector's sign is the library's choice; fixed, so that every machine begins alike.
        largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
        with torch.no_grad():
            self.projection.weight.copy_(axes * largest.sign())


def interpolated(start: Mapping[str, Tensor], tuned: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """(1 - share) * start + share * tuned, tensor by tensor; what is no float, such as a count, is the tuned one's.

    Args:
        start: Weights by name.
        tuned: Weights of the same names and shapes.
        share: a in [0, 1].

    Raises:
        ValueError: Names or shapes differ.
    """
    if start.keys() != tuned.keys() or any(start[name].shape != tuned[name].shape for name in start):
        raise ValueError("weights of two different networks cannot be interpolated")
    return {
        name: torch.lerp(start[name], tuned[name], share) if tuned[name].is_floating_point() else tuned[name]
        for name in tuned
    }

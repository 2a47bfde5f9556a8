"""Binary codes by a hash head: a latent layer that a classifier has to read through, thresholded.

Follows Lin et al., *Deep Learning of Binary Hash Codes for Fast Image Retrieval*, CVPR Workshops 2015: a layer of K
sigmoid units stands between the features and the classes; a unit above one half is a bit; a search first takes the
photos whose codes differ in few bits, then orders those by their features (`wearabouts.evaluation.ranking.codes`).

The paper leaves open, or does otherwise: it finetunes the whole network, and gives the distance below which a photo is
a candidate no value for every data set. We train the head alone, on vectors of a finished model, and take a fixed
number of candidates. Where there are no classes, the same layer is read by a contrastive loss over items
(`wearabouts.training.head.losses`): our choice. What we know of the paper comes from public notes of a course
and from citations, not from its tables: its architecture is sure, its hyper-parameters are not.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BYTE = 8


class HashHead(nn.Module):
    """The latent layer and the classifier on top of it.

    Args:
        dim: Floats of the features.
        bits: K, a multiple of 8.
        classes: How many the classifier tells apart; 0 for none.
    """

    def __init__(self, dim: int, bits: int, classes: int = 0) -> None:
        super().__init__()
        if bits % BYTE or bits < BYTE:
            raise ValueError(f"bits must be a multiple of {BYTE}, not {bits}")
        self.latent = nn.Linear(dim, bits)
        # Unit vectors have small coordinates: larger weights take the sigmoid off its middle, where bits are chance.
        nn.init.normal_(self.latent.weight, std=2.0)
        nn.init.zeros_(self.latent.bias)
        self.classes = nn.Linear(bits, classes) if classes else None

    def forward(self, features: Tensor) -> Tensor:
        """(N, D) → (N, K) activations in (0, 1), what losses look at."""
        return torch.sigmoid(self.latent(features))

    def classify(self, activations: Tensor) -> Tensor:
        """(N, K) → (N, C) logits."""
        assert self.classes is not None
        logits: Tensor = self.classes(activations)
        return logits

    def code(self, features: Tensor) -> Tensor:
        """(N, D) → (N, K / 8) uint8: bit k is 1 where activation k is at least one half."""
        return packed(self.latent(features) >= 0)  # the sigmoid is one half at zero


def packed(bits: Tensor) -> Tensor:
    """(N, K) bool → (N, K / 8) uint8, the first bit the highest of the first byte, as `numpy.packbits` does."""
    weights = 2 ** torch.arange(BYTE - 1, -1, -1, device=bits.device)
    return (bits.unflatten(1, (-1, BYTE)).to(weights.dtype) * weights).sum(-1).to(torch.uint8)


def as_directions(activations: Tensor) -> Tensor:
    """(N, K) activations → unit vectors whose cosine, once every unit is 0 or 1, is 1 - 2 Hamming / K."""
    return F.normalize(2 * activations - 1, dim=1)

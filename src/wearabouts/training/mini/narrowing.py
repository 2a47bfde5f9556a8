"""From what several trainings learned to the one net that is served: averaged, and its blocks cut to what they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from wearabouts.models.mini import Mini
from wearabouts.training.mini.features import BATCH, Features

VIEWS = 4096  # at most so many views, evenly spread over all, tell a block's main directions


def averaged(weights: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each weight over trainings that began alike.

    Trained from one start in different orders, nets end near one another, and their mean errs less than any of them.

    Source: Wortsman et al., *Model soups*, ICML 2022.
    """
    return {name: torch.stack([each[name] for each in weights]).mean(0) for name in weights[0]}


def principal(block: Tensor, count: int) -> Tensor:
    """The directions that hold most of a block: (N, D) → (D, count), orthonormal, the strongest first.

    No mean is taken off: what is kept is the cosine of any two rows, as well as so few floats can.
    """
    _, vectors = torch.linalg.eigh((block.T @ block).double())
    return vectors.flip(1)[:, :count].to(block.dtype)


def narrow(net: Mini, served: Mini, features: Features) -> None:
    """Fill the served net from the trained one.

    A block is a layer's output divided by its length, so cutting it to some directions B is another layer, of weights
    B' W: nothing is added to what is served.

    Args:
        net: Trained; at rest.
        served: A `Mini` of fewer floats, whatever its weights.
        features: Views of the training; some of them tell the directions.
    """
    identity, photo, labels = _blocks(net, features)
    kept = net.state_dict()
    for name, block in (("identity", identity), ("photo_colour", photo)):
        across = principal(block, len(served.get_parameter(f"{name}.bias"))).T
        kept[f"{name}.weight"], kept[f"{name}.bias"] = (
            across @ kept[f"{name}.weight"],
            across @ kept[f"{name}.bias"],
        )
    kept["label_directions"] = principal(labels, served.label_directions.shape[1])
    served.load_state_dict(kept)


@torch.inference_mode()
def _blocks(net: Mini, features: Features) -> tuple[Tensor, Tensor, Tensor]:
    """Identity, colours of the photo and labels of some views, each row of length 1."""
    device = net.label_directions.device
    rows = np.unique(np.linspace(0, len(features) - 1, VIEWS).round().astype(np.int64))
    parts = []
    for i in range(0, len(rows), BATCH):
        frozen = features.frozen(rows[i : i + BATCH], device)
        seen = net.upper(frozen)
        photo = torch.nn.functional.normalize(net.photo_colour(frozen.palette), dim=1)
        parts.append((seen.identity, photo, net.labels(seen)))
    identity, photo, labels = (torch.cat(column) for column in zip(*parts, strict=True))
    return identity, photo, labels

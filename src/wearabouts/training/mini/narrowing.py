"""From what several trainings learned to the one net that is served: averaged, whitened anew, its blocks cut short.

What training makes of identity knows garments; what the trunks see, merely whitened, knows as well what was never in
the training. The two miss different photos, so identity is served as both, side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wearabouts.models.mini import Mini
from wearabouts.training.mini.features import BATCH, Features
from wearabouts.training.mini.recipe import Network
from wearabouts.training.mini.whitening import whitening
from wearabouts.types import Floats

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


def narrow(net: Mini, served: Mini, features: Features, network: Network) -> None:
    """Fill the served net from the trained one.

    A block is a layer's output divided by its length, so cutting it to some directions B is another layer, of weights
    B' W: nothing is added to what is served. The photo's colours were not trained; they are whitened here, as served.

    Args:
        net: Trained; at rest.
        served: A `Mini` of fewer floats, whatever its weights.
        features: Views of the training; some of them tell the directions, the photos as they were taken the whitening.
        network: How much is whitened.
    """
    layer = beside(net, features, network.whitening, network.centring)
    identity, labels = _blocks(net, layer, features)
    across = principal(identity, served.identity.out_features).T
    kept = net.state_dict()
    kept["identity.weight"], kept["identity.bias"] = across @ layer.weight, across @ layer.bias
    kept["label_directions"] = principal(labels, served.label_directions.shape[1])
    shop = torch.from_numpy(features.palette[~features.street].astype(np.float32))  # in the light they were taken in
    flat = F.normalize(shop**served.flattening, dim=1).numpy()
    photo = whitening(flat, served.photo_colour.out_features, network.photo_whitening)
    kept["photo_colour.weight"], kept["photo_colour.bias"] = map(torch.from_numpy, photo)
    served.load_state_dict(kept)


@torch.no_grad()
def beside(net: Mini, features: Features, power: float, centring: float) -> nn.Linear:
    """Identity as it was trained and the whitening of what the trained trunks see, as one layer.

    Returns:
        Twice as many outputs as `net.identity` has. Either half has length one on average over the photos as they were
        taken, so the halves count alike.
    """
    rows = np.flatnonzero(features.original)
    pooled = _pooled(net, features, rows)
    trained, device = net.identity, net.identity.weight.device
    weight, bias = (
        torch.from_numpy(part).to(device) for part in whitening(pooled, trained.out_features, power, centring)
    )
    length = trained(torch.from_numpy(pooled).to(device)).norm(dim=1).mean()
    layer = nn.Linear(trained.in_features, 2 * trained.out_features, device=device)
    layer.weight.copy_(torch.cat((trained.weight / length, weight)))
    layer.bias.copy_(torch.cat((trained.bias / length, bias)))
    return layer


@torch.inference_mode()
def _pooled(net: Mini, features: Features, rows: npt.NDArray[np.int64]) -> Floats:
    """What the trunks see of the rows: (N, P) float32."""
    device = net.label_directions.device
    parts = [net.pool(features.frozen(rows[i : i + BATCH], device))[1] for i in range(0, len(rows), BATCH)]
    pooled: Floats = torch.cat(parts).cpu().numpy()
    return pooled


@torch.inference_mode()
def _blocks(net: Mini, identity: nn.Linear, features: Features) -> tuple[Tensor, Tensor]:
    """Identity and labels of some views, each row of length 1."""
    device = net.label_directions.device
    rows = np.unique(np.linspace(0, len(features) - 1, VIEWS).round().astype(np.int64))
    parts = []
    for i in range(0, len(rows), BATCH):
        frozen = features.frozen(rows[i : i + BATCH], device)
        parts.append((F.normalize(identity(net.pool(frozen)[1]), dim=1), net.labels(net.upper(frozen))))
    first, labels = (torch.cat(column) for column in zip(*parts, strict=True))
    return first, labels

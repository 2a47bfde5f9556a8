"""Small bundles with a whole second stage: random networks, exported as any other, for tests that need real graphs."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wearabouts import bundles
from wearabouts.export.judging import Part, local_part, pair_part
from wearabouts.models import wtbi
from wearabouts.types import Floats
from wearabouts.verifiers import Evidence

DIM, REGIONS, WIDTH = 6, 4, 3
CATEGORIES = ("dresses", "skirts", "tops")
WEIGHTS = {"similarity": 3.0, "pair": 0.5, "own": 0.25, "local": 1.5, "agreement": -2.0}
SURE = {"similarity": -1.0, "local": 2.0}
SURELY = {"similarity": -0.3, "local": 0.7}  # added where the query surely shows a garment


class Local(nn.Module):
    """Best match of each region, summed: (N, R, C) int8 twice → (N,)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(WIDTH, WIDTH))

    def forward(self, street: Tensor, shop: Tensor) -> Tensor:
        """Late interaction."""
        met = (street.float() / 127 @ self.weight) @ (shop.float() / 127).transpose(1, 2)
        return met.amax(2).sum(1)


def halved(net: nn.Module) -> nn.Module:
    """The network with weights that half precision holds exactly, so that storing them small changes nothing."""
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(weight.half().float())
    return net.eval()


def pair_network(fine_tune: wtbi.FineTune = "last") -> wtbi.Verifier:
    """Of three categories, two of which have a network of their own."""
    torch.manual_seed(0)
    net = wtbi.Verifier(DIM, (48, 5), len(CATEGORIES), own=[0, 2], fine_tune=fine_tune)
    return halved(net)


def local_network() -> Local:
    """With random weights."""
    torch.manual_seed(1)
    return halved(Local())


@cache
def _exported(fine_tune: wtbi.FineTune | None) -> Part:
    """Of the pair network, or, for None, of what compares regions; export takes a second, so it is done once."""
    if fine_tune is None:
        return local_part(local_network(), seen(4, seed=5).regions)
    return pair_part(pair_network(fine_tune), unit(5, DIM, seed=6), CATEGORIES)


def bundle(
    *,
    pairs: wtbi.FineTune | None = None,
    local: bool = False,
    judge: bundles.Judge | None = None,
    graph: str = "0" * 64,
    **card: Any,
) -> bundles.Bundle:
    """A bundle in memory: its encoder is a name only, its second stage is real.

    Args:
        pairs: Which pair network, see `pair_network`; None for none.
        local: Whether regions are compared.
        judge: For the card.
        graph: Hash of the encoder.
        **card: Further fields of the card.
    """
    entry = bundles.Graph(file="encoder.onnx", sha256=graph)
    fields: dict[str, Any] = {
        "name": "judged",
        "preprocessing": bundles.Preprocessing(size=32),
        "graphs": {"street": entry, "shop": entry},
        "dim": DIM,
        "garments": ("dress", "skirt"),
        "attributes": {"color": ("red", "green", "blue")},
        "regions": bundles.Regions(count=REGIONS, dim=WIDTH) if local else None,
        "verifier": _exported(pairs).entry if pairs else None,
        "local": _exported(None).entry if local else None,
        "judge": judge,
    }
    files = dict(_exported(pairs).files) if pairs else {}
    return bundles.Bundle(
        bundles.Card(**{**fields, **card}),
        {"street": b"", "shop": b""},
        files.get("verifier.onnx"),
        halves=files.get("halves.onnx"),
        local=_exported(None).files["local.onnx"] if local else None,
    )


def whole(**changed: Any) -> bundles.Bundle:
    """One with every signal."""
    judge = bundles.Judge(weights=WEIGHTS, sure=SURELY, offset=-1.0, views=0.5, shortlist=7)
    return bundle(**{"pairs": "last", "local": True, "judge": judge, **changed})


def unit(*shape: int, seed: int = 0) -> Floats:
    """Random vectors of length 1."""
    vectors = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def seen(count: int, seed: int = 0) -> Evidence:
    """Evidence of photos that were never taken, as `whole` compares it."""
    rng = np.random.default_rng(seed)
    heads = [rng.dirichlet(np.ones(size), count) for size in (2, 3)]
    labels = np.rint(np.concatenate(heads, axis=1) * 255).astype(np.uint8)
    regions = rng.integers(-127, 128, (count, REGIONS, WIDTH)).astype(np.int8)
    return Evidence(unit(count, DIM, seed=seed + 100), regions, labels)

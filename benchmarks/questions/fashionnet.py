"""How FashionNet pools landmarks, measured: what it is worth, how exactly a landmark has to be placed, what it costs.

Worth and exactness: a small FashionNet is trained on drawn products for some seconds, and street photos of products it
has not seen look for their shop photos. The *same* weights are asked again and again, with other landmarks to pool at:

* ``predicted``: its own, as it is served;
* ``annotated``: where the garment's landmarks really are, those that can be seen;
* ``annotated places, predicted gates`` and ``predicted places, annotated gates``: half and half;
* ``annotated, off by e``: each moved by e in a direction of its own, so that the normalised error is e;
* ``another photo's places`` and ``another photo's gates``: one half is that of a photo drawn at random, for each photo
  anew (a whole product's would be a mark that its street and shop photos share);
* ``none can be seen``: every gate closed, which leaves the global branch.

Beside it stands ``trained without``: the same net without a local branch, trained as long.

Cost is that of a photo at the paper's size: VGG-16's conv4, 512 x 28 x 28, and eight landmarks. Locality is counted
there too: what a moved landmark changes, and where its gradient goes. Writes
``benchmarks/results/question-landmarks.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from wearabouts import metrics
from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.writing import write
from wearabouts.models.fashionnet import FashionNet
from wearabouts.models.landmark_pooling import landmark_pool
from wearabouts.models.trunks import trunk
from wearabouts.training import main_train
from wearabouts.training.data.supervision import Supervision, read
from wearabouts.training.data.validation import retrieval
from wearabouts.training.fashionnet.building import build
from wearabouts.training.fashionnet.recipe import FashionNetRecipe
from wearabouts.training.recipe import load
from wearabouts.training.run import Run

sys.path.insert(0, str(Path(__file__).parents[1]))
import measure

RESULT = "question-landmarks.json"
ERRORS = (0.05, 0.1, 0.2)  # normalised; FashionNet's published one is 0.0872
FULL = {"products": 240, "steps": 300, "seeds": 2, "rounds": 5}
QUICK = {"products": 12, "steps": 4, "seeds": 1, "rounds": 1}
PREDICTED, WITHOUT = "predicted", "trained without"
RECIPE = """
name = "question-landmarks"
model = "fashionnet"
seed = {seed}
[data]
reader = "drawn"
split = ""
held_out = 0.25
attributes = ["color", "pattern", "sleeve", "collar", "length"]
[augment]
blur = 0
erase = 0
jpeg = 0
[network]
width = 16
pose = 64
whole = 128
local = 128
fused = 128
window = 4
pooled = 2
pooling = "{pooling}"
[turns]
steps = 20
[batch]
photos = 48
[steps]
count = {steps}
rate = 3e-3
warm_up = 0.05
clip = 20
average = 0.95
checkpoint = {steps}
"""


def trained(shop: Path, folder: Path, scale: dict[str, int], seed: int, pooling: str) -> tuple[FashionNet, Supervision]:
    """A net at rest, and the photos that were held out."""
    folder.mkdir()
    text = RECIPE.format(seed=seed, pooling=pooling, steps=scale["steps"])
    (folder / "recipe.toml").write_text(text, "utf-8")
    main_train(folder / "recipe.toml", shop, folder / "run")
    recipe = load(folder / "recipe.toml")
    assert isinstance(recipe, FashionNetRecipe)
    learned, held = read(recipe.data, shop, recipe.network.size, Run(folder / "run", recipe))
    net = build(recipe, learned.vocabulary)
    net.load_state_dict(load_file(folder / "run" / "weights.safetensors"))
    return net.eval(), held


def placed(held: Supervision, predicted: Tensor) -> dict[str, Tensor | None]:
    """Landmarks to pool at, (N, 8, 3); None for those the net predicts, which are `predicted`."""
    truth = torch.from_numpy(np.array(held.landmarks))
    gates = (predicted[..., 2:] >= 0.5).float()
    ways: dict[str, Tensor | None] = {
        PREDICTED: None,
        "annotated": truth,
        "annotated places, predicted gates": torch.cat([truth[..., :2], gates], -1),
        "predicted places, annotated gates": torch.cat([predicted[..., :2], truth[..., 2:]], -1),
    }
    for error in ERRORS:
        angle = torch.rand(truth.shape[:2], generator=torch.Generator().manual_seed(0)) * 2 * torch.pi
        moved = truth.clone()
        moved[..., :2] += error * torch.stack([angle.cos(), angle.sin()], -1)
        ways[f"annotated, off by {error:g}"] = moved
    other = truth[torch.randperm(len(truth), generator=torch.Generator().manual_seed(1))]
    ways["another photo's places"] = torch.cat([other[..., :2], truth[..., 2:]], -1)
    ways["another photo's gates"] = torch.cat([truth[..., :2], other[..., 2:]], -1)
    hidden = truth.clone()
    hidden[..., 2] = 0
    ways["none can be seen"] = hidden
    return ways


@torch.no_grad()
def asked(net: FashionNet, held: Supervision) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Retrieval by where is pooled; and how good the net's own landmarks are, where it has any."""
    photos = torch.from_numpy(np.array(held.pixels)).permute(0, 3, 1, 2).float() / 255
    seen = net(photos)
    if net.fc6_local is None:
        return {WITHOUT: retrieval(seen.vector.numpy(), held)}, {}
    predicted = seen.landmarks()
    assert predicted is not None  # a local branch has a pose branch
    figures = {
        way: retrieval((seen if marks is None else net(photos, marks)).vector.numpy(), held)
        for way, marks in placed(held, predicted).items()
    }
    visible = held.landmarks[..., 2] > 0
    error = metrics.landmark_error(predicted.numpy(), held.landmarks[..., :2], visible).value
    gates = float(((predicted[..., 2] >= 0.5).numpy() == visible).mean())
    return figures, {"error": error, "gates": gates}


def worth(scale: dict[str, int]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Each way with its retrieval, mean, least and most over the seeds; and what was asked of whom."""
    found: dict[str, list[dict[str, float]]] = {}
    own: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop = DrawnShop(seed=17, products=scale["products"], part="train")
        write(folder / "shop", shop, views=("front", "back"), street=2, size=96)
        for seed in range(scale["seeds"]):
            for pooling in ("landmarks", "none"):
                net, held = trained(folder / "shop", folder / f"{pooling}-{seed}", scale, seed, pooling)
                figures, landmarks = asked(net, held)
                for way, each in figures.items():
                    found.setdefault(way, []).append(each)
                for what, value in landmarks.items():
                    own.setdefault(what, []).append(value)
    rows = [
        {"way": way, **{name: span([one[name] for one in figures]) for name in ("R@1", "mAP")}}
        for way, figures in found.items()
    ]
    queries = int(np.count_nonzero(held.street))
    told = {f"predicted_{what}": span(values) for what, values in own.items()}
    return rows, {"queries": queries, "photos": len(held), **told}


def span(values: Sequence[float]) -> dict[str, float]:
    """Mean, least and most."""
    return {"mean": round(sum(values) / len(values), 4), "least": round(min(values), 4), "most": round(max(values), 4)}


def cost(scale: dict[str, int]) -> dict[str, Any]:
    """Milliseconds of one thread for a photo at the paper's size, and what is computed from."""
    below = trunk("vgg16").eval()
    photo, places, gate = torch.rand(1, 3, 224, 224), torch.rand(1, 8, 2), torch.ones(1, 8)
    with torch.no_grad():
        conv4 = below.lower(photo)
        laps: dict[str, list[float]] = {"conv1 to conv4": [], "landmark pooling": []}
        for lap in range(scale["rounds"] + 1):
            for name, work in (
                ("conv1 to conv4", lambda: below.lower(photo)),
                ("landmark pooling", lambda: landmark_pool(conv4, places, gate)),
            ):
                start = time.process_time()
                work()
                if lap:  # the first one warms up
                    laps[name].append(1000 * (time.process_time() - start))
    return {
        "milliseconds": {name: round(float(np.median(each)), 2) for name, each in laps.items()},
        "floats_of_the_map": conv4.numel(),
        "floats_pooled": landmark_pool(conv4, places, gate).numel(),
    }


def locality() -> dict[str, Any]:
    """On a map of the paper's size: what moving, and what hiding, the fourth landmark changes; where gradients go."""
    torch.manual_seed(0)
    conv4 = torch.rand(1, 512, 28, 28, requires_grad=True)
    places, gate = torch.rand(1, 8, 2) * 0.6 + 0.2, torch.ones(1, 8)
    moved, hidden = places.clone(), gate.clone()
    moved[0, 3] += 0.15
    hidden[0, 3] = 0
    before, after, without = (
        landmark_pool(conv4, where, seen) for where, seen in ((places, gate), (moved, gate), (places, hidden))
    )
    own = torch.zeros(4096, dtype=torch.bool)
    own[3 * 512 : 4 * 512] = True
    changed = (before != after)[0].flatten(1).any(1)
    (given,) = torch.autograd.grad(before[:, own].sum(), conv4)
    return {
        "channels_of_a_landmark": int(own.sum()),
        "own_channels_changed_by_moving_it": int(changed[own].sum()),
        "other_channels_changed_by_moving_it": int(changed[~own].sum()),
        "values_left_of_it_when_hidden": int((without[:, own] != 0).sum()),
        "cells_of_a_channel": 28 * 28,
        "cells_of_a_channel_with_gradient": float((given != 0).flatten(2).sum(2).float().mean()),
    }


def main(words: Sequence[str] | None = None) -> int:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description="Measure landmark pooling: its worth, its exactness, its cost.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it works, in seconds")
    parser.add_argument("--out", type=Path, default=measure.REPOSITORY / "benchmarks" / "results")
    given = parser.parse_args(words)
    torch.set_num_threads(1)
    scale = QUICK if given.quick else FULL
    began = time.process_time()
    rows, held = worth(scale)
    result = {
        **scale,
        "rows": rows,
        **held,
        "cost": cost(scale),
        "locality": locality(),
        "cpu_seconds": round(time.process_time() - began, 1),
        "date": time.strftime("%Y-%m-%d"),
        "machine": measure.machine(),
        "torch": torch.__version__,
    }
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / RESULT).write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

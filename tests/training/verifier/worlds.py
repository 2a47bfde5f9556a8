"""Small worlds for the second stage: a `mini` that has learned nothing, a few groceries, kept features made by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from wearabouts.training.mini import build_served
from wearabouts.training.mini.recipe import MiniRecipe
from wearabouts.training.run import RECIPE, WEIGHTS, write_tensors
from wearabouts.training.verifier.kept import Kept

LABELS = 17 + 20

MINI = MiniRecipe.model_validate(
    {
        "name": "mini-blank",
        "network": {
            "size": 64,
            "identity_dim": 24,
            "garment_dim": 8,
            "photo_dim": 8,
            "served": {"labels_dim": 4, "identity_dim": 16, "photo_dim": 6},
        },
    }
)


def blank_mini(folder: Path, seed: int = 0) -> Path:
    """The folder of a run of `mini` whose weights are as they come."""
    torch.manual_seed(seed)
    folder.mkdir(parents=True)
    net = build_served(MINI)
    write_tensors(folder / WEIGHTS, {f"net.{name}": value for name, value in net.state_dict().items()})
    (folder / RECIPE).write_text(MINI.model_dump_json())
    (folder / "run.json").write_text(json.dumps({"recipe": MINI.model_dump()}))
    return folder


def groceries(folder: Path) -> Path:
    """Six items of one colour each, two for calibration and one for tests: a shop picture and two phone photos."""
    rng = np.random.default_rng(0)
    (folder / "grocery").mkdir(parents=True)
    rows, splits = [], []
    for item in range(6):
        colour = rng.integers(40, 220, 3)
        splits.append({"item_id": item, "split": ("train", "train", "train", "calibrate", "calibrate", "test")[item]})
        for n in range(3):
            noise = rng.integers(-20, 20, (50, 40, 3))
            Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8)).save(
                folder / "grocery" / f"{item}-{n}.png"
            )
            role = "query" if n else "gallery"
            rows.append({"path": f"{item}-{n}.png", "role": role, "item_id": item})
    for name, content in (("images.csv", rows), ("splits.csv", splits)):
        with (folder / "grocery" / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(content[0]))
            writer.writeheader()
            writer.writerows(content)
    return folder


def made_kept(products: int, seed: int = 0, *, regions: int = 4, floats: int = 12, dim: int = 16) -> Kept:
    """Products whose street photos share the cells of their shop photos, moved about, and nothing else.

    Of each: two shop photos and two street photos. Vectors are noise: no cosine can tell whose a photo is.
    """
    rng = np.random.default_rng(seed)
    item = np.repeat(np.arange(products), 4)
    street = np.tile([False, False, True, True], products)
    first = np.tile([True, False, False, False], products)
    cells = rng.normal(size=(products, regions, floats))[item]
    for row in np.flatnonzero(street):
        cells[row] = cells[row][rng.permutation(regions)]
    cells += 0.2 * rng.normal(size=cells.shape)
    vector = rng.normal(size=(len(item), dim)).astype(np.float32)
    vector /= np.linalg.norm(vector, axis=1, keepdims=True)
    blank = np.zeros(len(item), np.int64)
    return Kept(
        vector=vector,
        labels=np.zeros((len(item), LABELS), np.uint8),
        cells=cells.astype(np.float16),
        source=blank,
        item=item.astype(np.int64),
        garment=item.astype(np.int64) % 2,
        street=street,
        first=first,
        taken=np.ones(len(item), bool),
    )

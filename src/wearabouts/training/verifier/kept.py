"""What the finished `mini` says of every photo, made once, kept in the run's folder, resumable.

A region's joined maps have thousands of floats; their principal components over the training photos are kept. The
components and the projection that is learned over them are one linear map in what is served.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wearabouts.models.mini import CELL, MAPS, Mini
from wearabouts.training.run import Run
from wearabouts.training.verifier.sources import Photo, Unit
from wearabouts.types import Floats

SHARD = 64  # units (photos or drawn products) a file
BATCH = 16
SEEN_FOR_COMPONENTS = 160  # units, evenly spread
FULL = 255  # a label's probability of 1, as `wearabouts.verifiers.evidence` keeps it
FOLDER, COMPONENTS = "kept", "components.npz"


@dataclass(frozen=True)
class Components:
    """A linear reduction of cells: weight (P, `CELL`) · (cell - mean (`CELL`,))."""

    mean: Floats
    weight: Floats

    def of(self, found: Tensor) -> Tensor:
        """(B, R, `CELL`) → (B, R, P)."""
        mean, weight = (torch.from_numpy(part).to(found.device) for part in (self.mean, self.weight))
        return (found - mean) @ weight.T


@dataclass(frozen=True)
class Kept:
    """All photos of a part, N rows each.

    Attributes:
        vector: (N, D) float32 of length 1.
        labels: (N, L) uint8: probabilities of garments and of each attribute's values, 255 for 1.
        cells: (N, R, P) float16.
        source, item, garment: (N,) int64, see `wearabouts.training.verifier.sources.Photo`.
        street, first, taken: (N,) bool.
    """

    vector: Floats
    labels: npt.NDArray[np.uint8]
    cells: npt.NDArray[np.float16]
    source: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    garment: npt.NDArray[np.int64]
    street: npt.NDArray[np.bool_]
    first: npt.NDArray[np.bool_]
    taken: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.item)

    def product(self) -> npt.NDArray[np.int64]:
        """(N,) a number for each item, over all sources."""
        return np.unique(self.source * 10_000_000 + self.item, return_inverse=True)[1]


def components(net: Mini, units: Sequence[Unit], count: int, whitening: float, run: Run, key: str) -> Components:
    """Principal directions of the cells of some photos; read where they were found before.

    Each of the three maps is scaled so that its cells lie one apart from their mean, in the root mean square.

    Args:
        net: Finished `mini`.
        units: Of the training part.
        count: P.
        whitening: 0 keeps their variances, 0.5 makes them one.
        run: Whose folder.
        key: Names what the photos and the net are.
    """
    path = _place(run, key) / COMPONENTS
    if not path.is_file():
        chosen = np.unique(np.linspace(0, len(units) - 1, SEEN_FOR_COMPONENTS).round().astype(int))
        found = []
        for done, photos in enumerate(_ahead([units[n] for n in chosen])):
            for batch in _batches(photos):
                cells = _seen(net, batch, run.device).cells
                assert cells is not None
                found.append(cells.flatten(0, 1).cpu())
            run.progress("components", done + 1, len(chosen))
        mean, weight = _principal(torch.cat(found), count, whitening)
        _write(path, {"mean": mean.numpy(), "weight": weight.numpy()})
    with np.load(path, allow_pickle=False) as stored:
        return Components(stored["mean"], stored["weight"])


def compute(net: Mini, made: Components, units: Sequence[Unit], run: Run, key: str, what: str) -> Kept:
    """What is kept of all photos of a part; files that are there are read instead.

    Args:
        net: Finished `mini`.
        made: The reduction.
        units: Of one part.
        run: Whose folder.
        key: Names what the photos and the net are.
        what: The part, told with the progress.
    """
    place = _place(run, key)
    parts: list[dict[str, npt.NDArray[Any]]] = []
    for start in range(0, len(units), SHARD):
        path = place / f"{what}-{start:07d}.npz"
        if not path.is_file():
            photos = [photo for some in _ahead(units[start : start + SHARD]) for photo in some]
            _write(path, _run(net, made, photos, run.device))
        with np.load(path, allow_pickle=False) as stored:
            parts.append(dict(stored))
        run.progress(f"photos, {what}", min(start + SHARD, len(units)), len(units))
    return Kept(**{name: np.concatenate([part.pop(name) for part in parts]) for name in list(parts[0])})


def key_of(told: object) -> str:
    """A name for what is kept, from plain data."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _place(run: Run, key: str) -> Path:
    place = run.top / FOLDER / key
    place.mkdir(parents=True, exist_ok=True)
    return place


def _ahead(units: Sequence[Unit]) -> Iterator[list[Photo]]:
    """What the units make, one made while the last is looked at."""
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(lambda unit: unit(), units)


def _batches(photos: Sequence[Photo]) -> Iterator[Sequence[Photo]]:
    for start in range(0, len(photos), BATCH):
        yield photos[start : start + BATCH]


@torch.inference_mode()
def _seen(net: Mini, photos: Sequence[Photo], device: torch.device) -> Any:
    pixels = torch.from_numpy(np.stack([photo.pixels for photo in photos])).to(device)
    return net.serve(pixels.permute(0, 3, 1, 2).float() / 255)


def _run(net: Mini, made: Components, photos: Sequence[Photo], device: torch.device) -> dict[str, npt.NDArray[Any]]:
    vectors, labels, cells = [], [], []
    for batch in _batches(photos):
        seen = _seen(net, batch, device)
        heads = [seen.garment.softmax(-1), *(logits.softmax(-1) for logits in seen.attributes.values())]
        vectors.append(seen.vector.cpu().numpy())
        labels.append((torch.cat(heads, 1) * FULL).round().to(torch.uint8).cpu().numpy())
        cells.append(made.of(seen.cells).half().cpu().numpy())
    told = {
        name: np.array([getattr(photo, name) for photo in photos], kind)
        for name, kind in (
            ("source", np.int64),
            ("item", np.int64),
            ("garment", np.int64),
            ("street", np.bool_),
            ("first", np.bool_),
            ("taken", np.bool_),
        )
    }
    return {"vector": np.concatenate(vectors), "labels": np.concatenate(labels), "cells": np.concatenate(cells), **told}


def _principal(found: Tensor, count: int, whitening: float) -> tuple[Tensor, Tensor]:
    """The mean of (n, `CELL`), and `count` directions of what is left, each map scaled: (count, `CELL`)."""
    mean = found.mean(0)
    apart = found - mean
    scale = torch.cat([part.square().sum(1).mean().rsqrt().expand(part.shape[1]) for part in apart.split(MAPS, 1)])
    apart = apart * scale
    if len(apart) < CELL:  # the smaller of the two Gram matrices has the same directions
        values, across = torch.linalg.eigh(apart @ apart.T)
        directions = torch.nn.functional.normalize(apart.T @ across.flip(1)[:, :count], dim=0)
    else:
        values, directions = torch.linalg.eigh(apart.T @ apart)
        directions = directions.flip(1)[:, :count]
    spread = (values.flip(0)[:count].clamp(min=0) / len(apart) + 1e-6) ** -whitening
    return mean, (directions.T * spread[:, None] * scale).contiguous()


def _write(path: Path, content: dict[str, npt.NDArray[Any]]) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **content)
    temporary.replace(path)

"""What the frozen layers say of every view, made once, kept in the run's folder, resumable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from wearabouts.models.mini import Frozen, Mini
from wearabouts.training.mini.data import Unit, View

SHARD = 64  # units (photos or drawn products) a file
BATCH = 32
FIELDS = (
    "maps",
    "mid",
    "small",
    "palette",
    "domain",
    "item",
    "street",
    "family",
    "garment",
    "attributes",
    "mask",
    "original",
)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Features:
    """All views of a run: the frozen layers' outputs in half precision, and the labels; N rows each.

    Attributes:
        maps, mid, small, palette: See `wearabouts.models.mini.Frozen`; float16.
        domain, item, family, garment: (N,) int64.
        street, original: (N,) bool.
        attributes: (N, A) int64, -1 where unknown.
        mask: (N, h, w) float32, NaN where unknown.
    """

    maps: npt.NDArray[np.float16]
    mid: npt.NDArray[np.float16]
    small: npt.NDArray[np.float16]
    palette: npt.NDArray[np.float16]
    domain: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    street: npt.NDArray[np.bool_]
    family: npt.NDArray[np.int64]
    garment: npt.NDArray[np.int64]
    attributes: npt.NDArray[np.int64]
    mask: npt.NDArray[np.float32]
    original: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.item)

    def frozen(self, rows: npt.NDArray[np.int64], device: torch.device) -> Frozen:
        """The rows asked for, as float32 tensors on the device."""
        return Frozen(
            *(
                torch.from_numpy(part[rows].astype(np.float32)).to(device)
                for part in (self.maps, self.mid, self.small, self.palette)
            )
        )


def compute(
    net: Mini, units: Sequence[Unit], folder: Path, key: str, device: torch.device, progress: Progress
) -> Features:
    """Run the frozen layers over all units, a file for every `SHARD` of them; files that are there are read instead.

    Args:
        net: With its trunks loaded.
        units: From `data.units`.
        folder: Where the files go.
        key: Names what the units and the frozen layers are made from; other keys' files are not touched.
        device: Where to compute.
        progress: Called with ("views", units done, units in all).
    """
    place = folder / hashlib.sha256(key.encode()).hexdigest()[:16]
    place.mkdir(parents=True, exist_ok=True)
    parts: list[dict[str, npt.NDArray[Any]]] = []
    for start in range(0, len(units), SHARD):
        path = place / f"{start:07d}.npz"
        if not path.is_file():
            views = [view for unit in units[start : start + SHARD] for view in unit()]
            temporary = path.with_suffix(".part")
            with temporary.open("wb") as file:
                np.savez(file, allow_pickle=False, **_run(net, views, device))
            temporary.replace(path)
        with np.load(path, allow_pickle=False) as stored:
            parts.append({name: stored[name] for name in FIELDS})
        progress("views", min(start + SHARD, len(units)), len(units))
    joined = {}
    for name in FIELDS:  # one field at a time, freeing as it goes: the maps alone are gigabytes
        joined[name] = np.concatenate([part.pop(name) for part in parts])
    # The fields are those of FIELDS, with the dtypes `_run` gave them
    return Features(**joined)


def _run(net: Mini, views: Sequence[View], device: torch.device) -> dict[str, npt.NDArray[Any]]:
    kept: list[tuple[npt.NDArray[np.float16], ...]] = []
    with torch.inference_mode():
        for i in range(0, len(views), BATCH):
            pixels = torch.from_numpy(np.stack([view.pixels for view in views[i : i + BATCH]])).to(device)
            frozen = net.frozen(pixels.permute(0, 3, 1, 2).float() / 255)
            kept.append(tuple(part.half().cpu().numpy() for part in frozen))
    maps, mid, small, palette = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    unknown = np.full(mid.shape[-2:], np.nan, np.float32)
    return {
        "maps": maps,
        "mid": mid,
        "small": small,
        "palette": palette,
        "domain": np.array([view.domain for view in views], np.int64),
        "item": np.array([view.item for view in views], np.int64),
        "street": np.array([view.street for view in views], np.bool_),
        "family": np.array([view.family for view in views], np.int64),
        "garment": np.array([view.garment for view in views], np.int64),
        "attributes": np.array([view.attributes for view in views], np.int64),
        "mask": np.stack([unknown if view.mask is None else view.mask for view in views]).astype(np.float32),
        "original": np.array([view.original for view in views], np.bool_),
    }

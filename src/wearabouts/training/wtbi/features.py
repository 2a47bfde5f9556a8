"""Frozen features, computed once: a row a street photo, a row a window of each shop photo."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from wearabouts.errors import SettingsError
from wearabouts.models.wtbi import Wtbi
from wearabouts.training.data.supervision import Supervision
from wearabouts.training.run import Run
from wearabouts.types import Floats

Integers = npt.NDArray[np.int64]
Window = tuple[float, float, float]  # left, top and side, as fractions of the photo

AT_ONCE = 128  # rows of one forward pass


@dataclass(frozen=True)
class Features:
    """What pairs are made of, with what is known of each row.

    Attributes:
        street: (Q, D) float32 unit vectors; a file mapped into memory.
        shop: (M, D) float32 unit vectors.
        street_product: (Q,) int64.
        shop_product: (M,) int64.
        street_category: (Q,) int64, -1 unknown.
        shop_category: (M,) int64, -1 unknown.
        street_photo: (Q,) int64, the row of the supervision that each is of.
    """

    street: Floats
    shop: Floats
    street_product: Integers
    shop_product: Integers
    street_category: Integers
    shop_category: Integers
    street_photo: Integers


def windows(scales: tuple[float, ...]) -> list[Window]:
    """Square windows: those of each scale side by side, each at least half over the next, to the photo's borders.

    Args:
        scales: Sides as fractions of the photo's; 1 gives the whole photo.

    Returns:
        Left, top and side of each. Stands in for the paper's 100 proposals of selective search.
    """
    found: list[Window] = []
    for side in scales:
        along = 1 + ceil(round((1 - side) / (side / 2), 9))
        starts = [n * (1 - side) / max(1, along - 1) for n in range(along)]
        found += [(left, top, side) for top in starts for left in starts]
    return found


def features(net: Wtbi, supervision: Supervision, scales: tuple[float, ...], run: Run, name: str) -> Features:
    """Features of all photos, from the run's folder where they are there.

    Args:
        net: Trained; it must not change as long as the run's folder is kept.
        supervision: Photos of both sides.
        scales: Of the windows over shop photos.
        run: Whose folder; its first process computes, the others wait.
        name: Of the files.

    Raises:
        SettingsError: The files are of other photos.
    """
    street, shop = (np.flatnonzero(supervision.street == side) for side in (True, False))
    seen = windows(scales)
    paths = [run.folder / f"{name}.{side}.npy" for side in ("street", "shop")]
    if run.first:
        for path, rows, views in zip(paths, (street, shop), ([(0.0, 0.0, 1.0)], seen), strict=True):
            if not path.is_file():
                _write(path, net, supervision, rows, views, run)
    run.processes.wait()
    vectors = [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]
    of_shop = np.repeat(shop, len(seen))
    if [len(part) for part in vectors] != [len(street), len(of_shop)]:
        raise SettingsError(
            f"{paths[0].parent} holds features of {len(vectors[0])} street photos, the data now has {len(street)}; "
            "train into a new folder"
        )
    return Features(
        vectors[0],
        vectors[1],
        supervision.product[street],
        supervision.product[of_shop],
        supervision.category[street],
        supervision.category[of_shop],
        street,
    )


@torch.inference_mode()
def _write(path: Path, net: Wtbi, supervision: Supervision, rows: Integers, views: list[Window], run: Run) -> None:
    """All windows of a photo side by side; the file is there when it is whole."""
    net.eval()
    part = path.with_name(f".{path.name}.part")
    shape = (len(rows) * len(views), net.fc6.out_features)
    # A mapped file cannot be empty; an empty gallery is no work either.
    file = np.lib.format.open_memmap(part, "w+", np.float32, shape) if len(rows) else np.zeros(shape, np.float32)
    photos_at_once = max(1, AT_ONCE // len(views))
    for start in range(0, len(rows), photos_at_once):
        some = rows[start : start + photos_at_once]
        photos = prepared(supervision, some, run.device)
        vectors = net.embed(looked(photos, views)).float().cpu().numpy()
        file[start * len(views) : start * len(views) + len(vectors)] = vectors
        run.progress(f"features, {path.name.split('.')[1]}", start + len(some), len(rows))
    if isinstance(file, np.memmap):
        file.flush()
    else:
        with part.open("wb") as target:
            np.save(target, file)
    part.replace(path)


def prepared(supervision: Supervision, rows: Integers, device: torch.device) -> Tensor:
    """Photos of some rows: (B, 3, S, S) float32 in [0, 1]."""
    pixels = torch.from_numpy(np.ascontiguousarray(supervision.pixels[rows])).to(device)
    return pixels.permute(0, 3, 1, 2).float() / 255


def looked(photos: Tensor, views: list[Window]) -> Tensor:
    """Each photo through each window, scaled to the photo's size: (B, 3, S, S) → (B * windows, 3, S, S)."""
    size = photos.shape[-1]
    seen = []
    for left, top, side in views:
        across, x, y = (round(value * size) for value in (side, left, top))
        cut = photos[:, :, y : y + across, x : x + across]
        seen.append(cut if across == size else F.interpolate(cut, (size, size), mode="bilinear", antialias=True))
    return torch.stack(seen, 1).flatten(0, 1)

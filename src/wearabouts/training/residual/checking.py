"""What a trained net makes of photos it has not seen: rows of the training split that were held out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from wearabouts import metrics
from wearabouts.models.residual import Residual
from wearabouts.training.residual.rows import Rows
from wearabouts.types import Floats

AT_ONCE = 500  # photos embedded, or searched with, at once


def held_out(net: Residual, trained: Rows, held: Rows) -> dict[str, float]:
    """Classify the held-out rows, and search the trained ones with them.

    Args:
        net: Trained, at rest.
        trained: What it was trained on: the gallery.
        held: Queries; none of them trained on.

    Returns:
        Share of the held-out rows whose class is right, and the mean average precision over the whole gallery.
    """
    gallery, _ = _served(net, trained)
    vectors, said = _served(net, held)
    precision = []
    for start in range(0, len(held), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        same = held.classes[part, None] == trained.classes[None]
        precision.append(metrics.average_precision(metrics.relevant_ranks(vectors[part] @ gallery.T, same)))
    return {
        "queries": len(held),
        "accuracy": round(float((said == held.classes).mean()), 4),
        "mAP": round(float(np.concatenate(precision).mean()), 4),
    }


@torch.inference_mode()
def _served(net: Residual, rows: Rows) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Vectors and likeliest classes."""
    device = next(net.parameters()).device
    vectors, classes = [], []
    for start in range(0, len(rows), AT_ONCE):
        photos = torch.from_numpy(rows.pixels[start : start + AT_ONCE]).to(device)
        seen = net.serve(photos.permute(0, 3, 1, 2).float() / 255)
        vectors.append(seen.vector.cpu().numpy())
        classes.append(seen.logits.argmax(1).cpu().numpy())
    return np.concatenate(vectors), np.concatenate(classes)

"""From a trained run to a bundle: one graph from bytes to vectors, a card that says what it is, and a gate on parity.

The graph takes the bytes of fitted photos and gives unit vectors and probabilities: every step between is inside, so no
caller can preprocess differently. What goes into the graph and onto the card is the model's own affair
(`wearabouts.training.recipe.MODELS` names the function); how it is traced, checked and written is shared.
"""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import load_file

from wearabouts.errors import SettingsError
from wearabouts.export.bundle import Finished, write_bundle
from wearabouts.export.generic import generic
from wearabouts.export.graph import MIN_COSINE, parity, to_onnx
from wearabouts.training import SUMMARY
from wearabouts.training.recipe import MODELS, parse, part

__all__ = ["MIN_COSINE", "Finished", "generic", "main_export", "parity", "to_onnx", "write_bundle"]


def main_export(run: Path, out: Path) -> Path:
    """Export a trained run as a bundle.

    Args:
        run: Folder that `wearabouts.training.main_train` wrote.
        out: Folder of the bundle.

    Returns:
        The bundle's folder.

    Raises:
        SettingsError: The folder holds no finished run.
        BundleError: The exported graph differs too much from what was trained.
    """
    finished = _finished(Path(run))
    part(MODELS[finished.recipe.model].export)(finished, Path(out))
    return Path(out)


def _finished(run: Path) -> Finished:
    """The recipe, the summary and the last weights of a run."""
    summary, checkpoints = run / SUMMARY, sorted(run.glob("[0-9]*.model.safetensors"))
    if not summary.is_file() or not checkpoints:
        raise SettingsError(
            f"{run} holds no finished run; run `wearabouts train RECIPE --data DIR --out {run}` until it ends"
        )
    content = json.loads(summary.read_text("utf-8"))
    return Finished(parse(content["recipe"]), content, load_file(checkpoints[-1]))

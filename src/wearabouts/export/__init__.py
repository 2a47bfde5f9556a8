"""From a trained run to a bundle: one graph from bytes to vectors, a card that says what it is, and a gate on parity.

The graph takes the bytes of fitted photos and gives unit vectors and probabilities: every step between is inside, so no
caller can preprocess differently. What goes into the graph and onto the card is the model's own affair
(`wearabouts.training.recipe.MODELS` names the function); how it is traced, checked and written is shared.
"""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import load_file

from wearabouts import bundles
from wearabouts.errors import SettingsError
from wearabouts.export.bundle import Finished, samples, write_bundle
from wearabouts.export.gates import Probe
from wearabouts.export.generic import generic
from wearabouts.export.graph import MIN_COSINE, parity, to_onnx
from wearabouts.training import SUMMARY
from wearabouts.training.recipe import MODELS, parse, part

__all__ = ["MIN_COSINE", "Finished", "Probe", "generic", "main_export", "parity", "to_onnx", "write_bundle"]

WEIGHTS = "weights.safetensors"  # of a run's end; a run without them is read from its newest checkpoint


def main_export(run: Path, out: Path, *, int8: bool = False) -> Path:
    """Export a trained run as a bundle.

    Args:
        run: Folder that `wearabouts.training.main_train` wrote.
        out: Folder of the bundle.
        int8: Write a second bundle, ``<out>-int8``, whose convolutions and matrices are integers.

    Returns:
        The bundle's folder.

    Raises:
        SettingsError: The folder holds no finished run.
        BundleError: The exported graph differs too much from what was trained, or the integers from it.
    """
    finished = _finished(Path(run))
    part(MODELS[finished.recipe.model].export)(finished, Path(out))
    if int8:
        from wearabouts.export.quantised import quantise

        size = bundles.load(out).card.preprocessing.size
        quantise(Path(out), samples(size, seed=0), finished.probe)
    return Path(out)


def _finished(run: Path) -> Finished:
    """The recipe, the summary, the last weights and the probe of a run."""
    summary, newest = run / SUMMARY, max(run.glob("[0-9]*.model.safetensors"), default=run / WEIGHTS)
    weights = run / WEIGHTS if (run / WEIGHTS).is_file() else newest
    if not summary.is_file() or not weights.is_file():
        raise SettingsError(
            f"{run} holds no finished run; run `wearabouts train RECIPE --data DIR --out {run}` until it ends"
        )
    content = json.loads(summary.read_text("utf-8"))
    return Finished(parse(content["recipe"]), content, load_file(weights), Probe.read(run), run)

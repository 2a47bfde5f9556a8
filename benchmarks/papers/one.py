"""One run of the study: trained, exported, measured. `run.py` starts some of them side by side, each on one thread."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import readings
import shops
from variants import READINGS, Reading

from wearabouts import bundles
from wearabouts.encoders import Encoder, OnnxEncoder
from wearabouts.verifiers import PairVerifier

FITTED = "fitted"  # photos, decoded once for all runs


def main(words: Sequence[str] | None = None) -> int:
    """Do one run: `one.py ROOT RUN SHOP TIMED`.

    ROOT is the folder of the study, RUN that of the run in it, SHOP what it learns from, TIMED how many photos are
    encoded one at a time.
    """
    root, name, shop, timed = sys.argv[1:] if words is None else words
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    learned(Path(root), name, shop)
    measured(Path(root), name, int(timed))
    return 0


def learned(root: Path, name: str, shop: str) -> None:
    """Train by the recipe in the run's folder and export, unless both are done."""
    from wearabouts.export import main_export
    from wearabouts.training import SUMMARY, main_train

    folder = root / name
    kept = folder / "photos"
    if not kept.exists():
        (root / FITTED / shop).mkdir(parents=True, exist_ok=True)
        kept.symlink_to((root / FITTED / shop).resolve(), target_is_directory=True)
    if not (folder / SUMMARY).is_file():
        main_train(folder / "recipe.toml", root / shop, folder)
    if not (folder / "bundle" / bundles.CARD).is_file():
        main_export(folder, folder / "bundle")


def measured(root: Path, name: str, timed: int) -> None:
    """Measure each reading of a trained run."""
    bundle = bundles.load(root / name / "bundle")
    test = shops.tested(root)
    wanted = {key: reading for key, reading in READINGS.items() if reading.run == name.rpartition("-")[0]}
    summary = json.loads((root / name / "run.json").read_text("utf-8"))
    told = {"seconds": summary["seconds"], "cpu_seconds": summary["cpu_seconds"]}
    measure(root / name, wanted, OnnxEncoder(bundle, threads=1), bundle, test, timed, told)


def measure(
    folder: Path,
    wanted: dict[str, Reading],
    encoder: Encoder,
    bundle: bundles.Bundle | None,
    test: shops.Tested,
    timed: int,
    told: dict[str, Any],
) -> None:
    """Write the figures of an encoder's readings, and last what it costs: where that is, the run is done."""
    folder.mkdir(parents=True, exist_ok=True)
    vectors, heads, marks = readings.encoded(encoder, test)
    verifier = PairVerifier(bundle, threads=1) if bundle is not None and bundle.verifier is not None else None
    for key, reading in wanted.items():
        judge = None if reading.method == "cosine" else verifier
        figures = readings.searched(vectors, test, judge, specific=reading.method == "specific")
        if judge is None:
            figures |= readings.labelled(encoder, heads, test) | readings.linear(vectors, test)
            figures |= readings.landmarks(marks, test)
        np.savez_compressed(folder / f"{key}.npz", product=test.product, street=test.street, **figures)
    cost = readings.cost(encoder, bundle, test, timed)
    content = {"at": time.time(), "cost": cost, **told}
    (folder / "measured.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())

"""Second stages of several seeds: trained and exported as a user would do it, or taken from runs that are given."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from wearabouts import bundles
from wearabouts.encoders import Encoder, OnnxEncoder
from wearabouts.errors import BundleError
from wearabouts.evaluation.systems import Second
from wearabouts.verifiers.judge import open_judge

REPOSITORY = Path(__file__).parents[2]
KEPT = "kept"  # see wearabouts.training.verifier.kept
# See the Makefile for what glibc does with large tensors.
PAGES = {"MALLOC_MMAP_THRESHOLD_": "4294967295", "MALLOC_TRIM_THRESHOLD_": "8589934592"}


def opened(name: str | Path) -> tuple[Encoder, Second]:
    """An encoder and its second stage, one thread each, so that processor time is what a query costs.

    Raises:
        BundleError: There is no such bundle, or it has no second stage.
    """
    bundle = bundles.load(name)
    judge = open_judge(bundle, threads=1)
    if judge is None:
        raise BundleError(f"{name}: its card has no second stage; train recipes/verifier.toml and export it")
    return OnnxEncoder(bundle), Second(judge, bundle.card.calibration)


def folders(
    root: Path,
    seeds: int,
    given: Sequence[Path],
    recipe: Path,
    start: Path | None,
    data: Path,
    say: Callable[[str], None],
) -> list[Path]:
    """Bundles, one a seed.

    Args:
        root: Where runs of missing seeds go; one that is finished there, by the same recipe, is taken as it is.
        seeds: How many.
        given: Runs, or bundles, that stand for the first seeds.
        recipe: Of the second stage.
        start: The finished run of `mini` it stands on; None for the recipe's own.
        data: The real photographs.
        say: Told what is done.
    """
    found = [_given(path, root / f"given-{place}", say) for place, path in enumerate(given[:seeds])]
    first: Path | None = given[0] if given else None
    for seed in range(len(found), seeds):
        run = root / f"verifier-{seed}"
        _train(run, seed, recipe, start, data, first, say)
        first = first or run
        found.append(run / "bundle")
    return found


def _given(path: Path, exported: Path, say: Callable[[str], None]) -> Path:
    """The bundle of a run, exported where it was not yet, or the bundle that was given itself."""
    for bundle in (path, path / "bundle", exported):
        if (bundle / bundles.CARD).is_file():
            return bundle
    say(f"{path.name}: exporting")
    _wearabouts("export", str(path), "--out", str(exported))
    return exported


def _train(
    run: Path, seed: int, recipe: Path, start: Path | None, data: Path, first: Path | None, say: Callable[[str], None]
) -> None:
    text = re.sub(r"(?m)^seed = \d+$", f"seed = {seed}", recipe.read_text("utf-8"), count=1)
    if start is not None:
        text = re.sub(r'(?m)^start = ".*"$', f'start = "{start}"', text, count=1)
    written = run.with_suffix(".toml")
    if written.is_file() and written.read_text("utf-8") == text and (run / "bundle" / bundles.CARD).is_file():
        say(f"seed {seed}: trained before")
        return
    if written.is_file() and written.read_text("utf-8") != text:
        shutil.rmtree(run, ignore_errors=True)  # a run of another recipe; what it links to stays
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_text(text, "utf-8")
    run.mkdir(parents=True, exist_ok=True)
    if first is not None and (first / KEPT).is_dir() and not (run / KEPT).exists():
        (run / KEPT).symlink_to((first / KEPT).resolve())  # what is kept of the photos does not depend on the seed
    say(f"seed {seed}: training")
    _wearabouts("train", str(written), "--data", str(data), "--out", str(run))
    _wearabouts("export", str(run), "--out", str(run / "bundle"))


def _wearabouts(*words: str) -> None:
    path = os.pathsep.join((str(REPOSITORY / "src"), os.environ.get("PYTHONPATH", "")))
    call = [sys.executable, "-m", "wearabouts", *words]
    subprocess.run(call, check=True, cwd=REPOSITORY, env={**os.environ, **PAGES, "PYTHONPATH": path})

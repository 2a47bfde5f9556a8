"""Vectors of a finished model, computed once and kept in the run's folder."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from wearabouts.bundles import Bundle, Preprocessing
from wearabouts.encoders import OnnxEncoder
from wearabouts.training.data.supervision import Supervision
from wearabouts.training.run import Run
from wearabouts.types import SIDES, Floats

VECTORS = "vectors"
AT_ONCE = 32  # photos between two words of progress
LOOKED_AT = 500  # photos whose bytes go into a file's name


def vectors(start: Bundle, seen: Supervision, run: Run, what: str) -> Floats:
    """What a bundle makes of fitted photos, each by its side's graph.

    A run that was stopped goes on where it was: a unit vector is never all zeros. Runs may share the folder, as the
    files' names say what is in them.

    Args:
        start: The bundle.
        seen: Photos fitted as its card says.
        run: Whose folder.
        what: Told with the progress.

    Returns:
        (N, D) float32 of length 1, mapped from a file, to be read only.
    """
    dim = start.card.dim
    if not len(seen):
        return np.zeros((0, dim), np.float32)
    folder = run.folder / VECTORS
    path = folder / f"{_name(start, seen)}.f32"
    if run.first:
        folder.mkdir(exist_ok=True)
        whole = path.is_file() and path.stat().st_size == len(seen) * dim * 4
        kept = np.memmap(path, np.float32, "r+" if whole else "w+", shape=(len(seen), dim))
        _fill(kept, start, seen, run, what)
        kept.flush()
    run.processes.wait()
    return np.asarray(np.memmap(path, np.float32, "r", shape=(len(seen), dim)))


def _fill(kept: np.memmap, start: Bundle, seen: Supervision, run: Run, what: str) -> None:
    # The photos are fitted already: of a square of this size, this fit changes nothing.
    fitted = start.card.model_copy(update={"preprocessing": Preprocessing(size=start.card.preprocessing.size)})
    encoder = OnnxEncoder(replace(start, card=fitted))
    missing = np.flatnonzero(~kept.any(axis=1))
    done = len(seen) - len(missing)
    for side in SIDES:
        rows = missing[seen.street[missing] == (side == "street")]
        for i in range(0, len(rows), AT_ONCE):
            chosen = rows[i : i + AT_ONCE]
            kept[chosen] = encoder.encode(list(seen.pixels[chosen]), side).vectors
            done += len(chosen)
            run.progress(what, done, len(seen))


def _name(start: Bundle, seen: Supervision) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for side in SIDES:
        digest.update(start.card.graphs[side].sha256.encode())
    digest.update(repr(start.card.preprocessing).encode())
    places = np.unique(np.linspace(0, len(seen) - 1, LOOKED_AT).round().astype(np.int64))
    for content in (np.int64(len(seen)), seen.product, seen.street, seen.pixels[places]):
        digest.update(np.ascontiguousarray(content).tobytes())
    return digest.hexdigest()

"""Decoding: photos a second on one core, through the door for untrusted pictures, beside plain Pillow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

import plain
from measure import OURS, Figure, Result, Work, interleaved, rates
from stage import Stage
from wearabouts.embedding import decode_side
from wearabouts.images import decode

BASELINE = "Pillow"


def run(stage: Stage) -> Result:
    """Measure small and large photos apart."""
    side = decode_side(stage.encoder)
    figures: list[Figure] = []
    for name, photos in (("small", stage.photos.small), ("large", stage.photos.large)):
        work: dict[str, Work] = {
            BASELINE: _each(plain.decoded, photos),
            "Pillow, reduced": _each(partial(plain.drafted, side=side), photos),
            f"{OURS}, full size": _each(decode, photos),
            OURS: _each(partial(decode, target=side), photos),
        }
        case = f"{name} photos, {np.median([len(photo) for photo in photos]) / 1000:.0f} kB"
        runs = interleaved(work, stage.scale.rounds)
        figures += rates(case, "photos/s", len(photos), runs, BASELINE)
    return Result(
        title="Decode",
        method=(
            f"JPEG bytes in memory to upright RGB pixels, one thread. `{OURS}` decodes as indexing does, to a longer "
            f"side of at least {side} px; `{OURS}, full size` gives every pixel. Both check format, size and structure "
            "before a decoder sees the file, and convert the colours of a profile to sRGB. "
            f"`Pillow` is open, turn upright, convert to RGB; `Pillow, reduced` asks for a draft of {side} px first."
        ),
        baseline=BASELINE,
        figures=tuple(figures),
        setup={"photos": 2 * len(stage.photos.small), "target": side},
        checks=_checks(stage.photos.mixed()),
        not_shown=(
            "formats other than JPEG",
            "memory at the limits (40 megapixels), damaged and hostile files: the tests cover them, untimed",
            "several cores: decoding runs beside itself in threads, as `Index` shows",
        ),
    )


def _each(work: Callable[[bytes], object], photos: Sequence[bytes]) -> Work:
    def every() -> None:
        for photo in photos:
            work(photo)

    return every


def _checks(photos: Sequence[bytes]) -> dict[str, float]:
    """Whether full-size pixels are those of Pillow; profiles make the median, not the largest, the fair measure."""
    ours = [decode(photo).pixels for photo in photos]
    theirs = [plain.decoded(photo) for photo in photos]
    same = [one.shape == other.shape for one, other in zip(ours, theirs, strict=True)]
    apart = [
        float(np.abs(one.astype(np.int16) - other).mean())
        for one, other, alike in zip(ours, theirs, same, strict=True)
        if alike
    ]
    return {
        "share of photos of the same size as Pillow's": float(np.mean(same)),
        "median photo's mean difference from Pillow, of 255": round(float(np.median(apart)), 4) if apart else 255.0,
    }

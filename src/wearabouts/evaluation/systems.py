"""What is compared: encoders by name, and their vectors of many photos, each photo decoded and seen once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from wearabouts.embedding.photos import THUMBNAIL_SIDE
from wearabouts.encoders import Encoder
from wearabouts.errors import ImageError
from wearabouts.evaluation.baselines import HistogramEncoder, MixedEncoder
from wearabouts.images import decode
from wearabouts.types import Floats, Side

HISTOGRAM = "histogram"
BATCH = 16
THUMBNAIL = 132  # pixels of the pictures in a report
Progress = Callable[[str, int, int], None]


def open_encoder(spec: str | Encoder) -> Encoder:
    """An encoder by what it is called.

    Args:
        spec: ``histogram``; the name or folder of a bundle; or several joined by ``+``, whose unit vectors count alike.
            An encoder is handed through.

    Raises:
        BundleError: There is no such bundle.
    """
    if not isinstance(spec, str):
        return spec
    first, *others = (_one(part.strip()) for part in spec.split("+"))
    for other in others:
        first = MixedEncoder(first, other, name=f"{first.name} + {other.name}")
    return first


def decode_side(encoder: Encoder) -> int:
    """The longer side photos are decoded for, as the index does it, so that what is measured is what is served."""
    return max(THUMBNAIL_SIDE, 2 * encoder.input_size)


def _one(name: str) -> Encoder:
    if name == HISTOGRAM:
        return HistogramEncoder()
    from wearabouts.bundles import load
    from wearabouts.encoders import OnnxEncoder

    return OnnxEncoder(load(name))


@dataclass
class Vectors:
    """The vectors of photos under one encoder, kept by path for the length of one run.

    Attributes:
        encoder: Whose vectors.
        kept: Path → (D,) float32 unit vector.
        garments: Path → (G,) float32 probabilities, where the encoder has garments.
        faults: Path → why it could not be read.
    """

    encoder: Encoder
    kept: dict[Path, Floats] = field(default_factory=dict)
    garments: dict[Path, Floats] = field(default_factory=dict)
    faults: dict[Path, str] = field(default_factory=dict)

    def see(self, paths: Sequence[Path], side: Side, progress: Progress | None = None) -> None:
        """Embed the photos that are not yet kept, whole."""
        new = [path for path in dict.fromkeys(paths) if path not in self.kept and path not in self.faults]
        for start in range(0, len(new), BATCH):
            readable, photos = self._decoded(new[start : start + BATCH])
            if photos:
                encoding = self.encoder.encode(photos, side)
                self.kept.update(zip(readable, encoding.vectors, strict=True))
                if encoding.garments is not None:
                    self.garments.update(zip(readable, encoding.garments, strict=True))
            if progress is not None:
                progress(f"embed with {self.encoder.name}", min(start + BATCH, len(new)), len(new))

    def rows(self, paths: Sequence[Path]) -> Floats:
        """(n, D) float32 of photos seen before."""
        return np.stack([self.kept[path] for path in paths])

    def _decoded(self, paths: Sequence[Path]) -> tuple[list[Path], list[np.ndarray]]:
        readable, photos = [], []
        for path in paths:
            try:
                photos.append(decode(path.read_bytes(), target=decode_side(self.encoder)).pixels)
                readable.append(path)
            except (ImageError, OSError) as error:
                self.faults[path] = str(error)
        return readable, photos


def thumbnail(path: Path, side: int = THUMBNAIL) -> bytes:
    """A small JPEG of a photo, empty where it cannot be read."""
    try:
        return decode(path.read_bytes(), target=side).thumbnail(side)
    except (ImageError, OSError):
        return b""


def weights() -> Iterator[float]:
    """The mixing weights of the table: 0 to 1 in steps of a tenth."""
    return (step / 10 for step in range(11))

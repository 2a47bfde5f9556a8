"""What is compared: encoders by name, and their vectors of many photos, each photo decoded and seen once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from wearabouts.calibration import Calibration
from wearabouts.embedding.photos import THUMBNAIL_SIDE
from wearabouts.encoders import Encoder
from wearabouts.errors import ImageError
from wearabouts.evaluation.baselines import HistogramEncoder, MixedEncoder
from wearabouts.evaluation.verified.candidates import joined_evidence, part_of
from wearabouts.images import decode
from wearabouts.types import Encoding, Floats, Side
from wearabouts.verifiers import Evidence, Verifier
from wearabouts.verifiers.evidence import seen

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


@dataclass(frozen=True, slots=True)
class Second:
    """What judges a shortlist, and what makes probabilities of its log-odds; without, there is an order only."""

    judge: Verifier
    calibration: Calibration | None


def second_stage(encoder: Encoder) -> Second | None:
    """The second stage of an encoder's own bundle; None where it has none.

    Raises:
        BundleError: It has one that cannot be run.
    """
    from wearabouts.verifiers.judge import open_judge

    bundle = getattr(encoder, "bundle", None)
    if bundle is None:
        return None
    judge = open_judge(bundle)
    return None if judge is None else Second(judge, bundle.card.calibration)


def predicted(encoder: Encoder, said: Encoding) -> tuple[str | None, ...]:
    """The garment each photo most probably shows, as a search takes it; None where the model knows none."""
    if said.garments is None or not encoder.garments:
        return (None,) * len(said)
    return tuple(encoder.garments[place] for place in said.garments.argmax(axis=1))


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
        said: Path → what a second stage wants to know of it, evidence of one photo.
        faults: Path → why it could not be read.
    """

    encoder: Encoder
    kept: dict[Path, Floats] = field(default_factory=dict)
    garments: dict[Path, Floats] = field(default_factory=dict)
    said: dict[Path, Evidence] = field(default_factory=dict)
    faults: dict[Path, str] = field(default_factory=dict)

    def see(self, paths: Sequence[Path], side: Side, progress: Progress | None = None) -> None:
        """Embed the photos that are not yet kept, whole."""
        new = [path for path in dict.fromkeys(paths) if path not in self.kept and path not in self.faults]
        for start in range(0, len(new), BATCH):
            readable, photos = self._decoded(new[start : start + BATCH])
            if photos:
                encoding = self.encoder.encode(photos, side)
                self.kept.update(zip(readable, encoding.vectors, strict=True))
                whole = seen(encoding)
                self.said.update((path, part_of(whole, np.array([row]))) for row, path in enumerate(readable))
                if encoding.garments is not None:
                    self.garments.update(zip(readable, encoding.garments, strict=True))
            if progress is not None:
                progress(f"embed with {self.encoder.name}", min(start + BATCH, len(new)), len(new))

    def rows(self, paths: Sequence[Path]) -> Floats:
        """(n, D) float32 of photos seen before."""
        return np.stack([self.kept[path] for path in paths])

    def evidence(self, paths: Sequence[Path]) -> Evidence:
        """Of photos seen before, at least one."""
        return joined_evidence([self.said[path] for path in paths])

    def predicted(self, paths: Sequence[Path]) -> tuple[str | None, ...]:
        """The garment that each of the photos most probably shows, None where the encoder knows none."""
        names = self.encoder.garments
        return tuple(names[int(self.garments[path].argmax())] if path in self.garments else None for path in paths)

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

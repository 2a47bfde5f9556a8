"""What all benchmarks of one run share: sizes, photos, the model, and grown vectors, each made once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

import photographs
import plain
from wearabouts import bundles
from wearabouts.embedding import decode_side
from wearabouts.encoders import OnnxEncoder
from wearabouts.images import decode
from wearabouts.types import Floats

NEIGHBOURS = 10


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured.

    Attributes:
        rounds: Of every comparison.
        photos: Small ones, and as many large ones.
        encoded: Photos of one round of encoding.
        sizes: Numbers of stored photos that are searched.
        queries: Searches of one round.
        requests: HTTP requests of one round.
        asked: Photos that ask; the others are grown from.
        height: Of large photos, in pixels, where they are drawn.
    """

    rounds: int
    photos: int
    encoded: int
    sizes: tuple[int, ...]
    queries: int
    requests: int
    asked: int
    height: int = 1_300


FULL = Scale(rounds=5, photos=100, encoded=16, sizes=(10_000, 100_000), queries=50, requests=50, asked=40)
QUICK = Scale(rounds=1, photos=4, encoded=4, sizes=(500, 1_000), queries=8, requests=6, asked=4, height=420)


class Stage:
    """One run's ground.

    Args:
        scale: How much is measured.
        model: Name or folder of a bundle.
        folder: Where files go; it is deleted after the run.
        seed: Of everything random.
        say: Told what is being prepared.
    """

    def __init__(self, scale: Scale, model: str, folder: Path, seed: int, say: Callable[[str], None]) -> None:
        self.scale, self.model, self.folder, self.seed, self.say = scale, model, folder, seed, say
        self.bundle = bundles.load(model)
        self.cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)

    @cached_property
    def photos(self) -> photographs.Photos:
        """The photos of this run."""
        self.say("gathering photos")
        return photographs.gathered(self.scale.photos, self.seed, self.scale.height)

    @cached_property
    def encoder(self) -> OnnxEncoder:
        """The encoder as it is used when nothing is said about threads."""
        return OnnxEncoder(self.bundle)

    @property
    def size(self) -> int:
        """Side of the graph's input in pixels."""
        return self.bundle.card.preprocessing.size

    @cached_property
    def graph(self) -> Path:
        """The bundle's graph as a file, for those who do without the rest."""
        path = self.folder / "encoder.onnx"
        path.write_bytes(self.bundle.graphs["shop"])
        return path

    @cached_property
    def embeddings(self) -> Floats:
        """(n, D) vectors of the mixed photos."""
        self.say("embedding photos to grow vectors from")
        side = decode_side(self.encoder)
        return self.encoder.encode([decode(data, target=side).pixels for data in self.photos.mixed()]).vectors

    @property
    def queries(self) -> Floats:
        """(asked, D) vectors of photos that nothing is grown from."""
        return self.embeddings[: self.scale.asked]

    def grown(self, count: int) -> Floats:
        """(count, D) unit vectors between real ones: random mixtures of an embedding and two of its ten nearest.

        Real embeddings lie on thin, uneven sheets; mixtures of neighbours stay near them, while random directions would
        all be equally far from every query.
        """
        base = self.embeddings[self.scale.asked :]
        rng = np.random.default_rng(self.seed)
        near = np.argsort(-(base @ base.T), axis=1)[:, 1 : NEIGHBOURS + 1]
        centre = rng.integers(len(base), size=count)
        sides = near[centre[:, None], rng.integers(near.shape[1], size=(count, 2))]
        weights = rng.dirichlet((1.0, 1.0, 1.0), size=count).astype(np.float32)
        mixed = weights[:, :1] * base[centre]
        for column in (0, 1):
            mixed += weights[:, column + 1 :][:, :1] * base[sides[:, column]]
        vectors: Floats = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
        return np.ascontiguousarray(vectors, np.float32)

    def plain_session(self, threads: int = 0) -> object:
        """The same graph, called plainly."""
        return plain.session(self.bundle.graphs["shop"], threads)

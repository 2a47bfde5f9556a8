"""Photos to vectors: the door between a bundle and everything that searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from wearabouts.bundles import Bundle
from wearabouts.errors import BundleError
from wearabouts.types import LANDMARK_SLOTS, SIDES, Encoding, Floats, Pixels, Side

BATCH = 32  # photos per run of the graph: past that the caches overflow and nothing is gained


class Encoder(Protocol):
    """Anything that turns photos into unit vectors.

    Attributes:
        name: For people.
        hash: Changes whenever the shop-side vectors would: graph, preprocessing, decode mode, precision.
        dim: Floats per vector.
        input_size: Side of the square the photo is fitted into, in pixels (what `images.decode` may aim at).
        garments: Names of the garment classes, empty where the model knows none.
        attributes: name → its values, in the order of the probabilities.
    """

    name: str
    hash: str
    dim: int
    input_size: int
    garments: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]

    def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
        """Encode photos of any size.

        Args:
            photos: (H, W, 3) uint8 RGB each, as `wearabouts.images` gives them, already cropped.
            side: Which tower; one-tower models ignore it.
        """
        ...


class OnnxEncoder:
    """A bundle at work in ONNX Runtime, on the CPU; safe to call from several threads.

    Args:
        bundle: A loaded bundle.
        threads: Threads of one call; 0 leaves the choice to the runtime (one per core).

    Raises:
        BundleError: A graph cannot be run, or does not give what the card says.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        card = bundle.card
        self.card = card
        self.name = card.name
        self.hash = bundle.hash
        self.dim = card.dim
        self.input_size = card.preprocessing.size
        self.garments = card.garments
        self.attributes: Mapping[str, tuple[str, ...]] = card.attributes
        self._outputs = ["vector"] + (["garment"] if card.garments else [])
        self._outputs += [f"attribute.{name}" for name in card.attributes]
        self._outputs += [name for name in ("saliency", "landmarks") if getattr(card, name)]
        made: dict[str, Any] = {}
        for side in SIDES:
            file = card.graphs[side].file
            made[file] = made.get(file) or _session(bundle.graphs[side], card.name, threads, self._outputs)
        self._sessions = {side: made[card.graphs[side].file] for side in SIDES}

    def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
        """See `Encoder.encode`."""
        if side not in self._sessions:
            raise BundleError(f"side {side!r} is not one of {', '.join(SIDES)}")
        prepare = self.card.preprocessing.apply
        parts = [
            self._sessions[side].run(
                self._outputs, {"pixels": np.stack([prepare(photo) for photo in photos[i : i + BATCH]])}
            )
            for i in range(0, len(photos), BATCH)
        ]
        if not parts:
            rest = [np.zeros((0, 8, 3) if name == "landmarks" else (0, 0), np.float32) for name in self._outputs[1:]]
            return self._encoding([np.zeros((0, self.dim), np.float32), *rest], photos)
        return self._encoding([np.concatenate(columns) for columns in zip(*parts, strict=True)], photos)

    def _encoding(self, columns: list[Floats], photos: Sequence[Pixels]) -> Encoding:
        by_name = dict(zip(self._outputs, columns, strict=True))
        vectors = by_name["vector"].astype(np.float32, copy=False)
        if vectors.shape[1] != self.dim:
            raise BundleError(
                f"{self.name!r} gives vectors of {vectors.shape[1]} floats, its card says {self.dim}; export it again"
            )
        attributes = {name: by_name[f"attribute.{name}"] for name in self.attributes}
        landmarks = by_name.get("landmarks")
        if landmarks is not None:
            landmarks = self._on_photos(landmarks, photos)
        return Encoding(vectors, by_name.get("garment"), attributes, by_name.get("saliency"), landmarks)

    def _on_photos(self, landmarks: Floats, photos: Sequence[Pixels]) -> Floats:
        """Fractions of the square that the graph sees, as fractions of each photo in it."""
        if landmarks.shape != (len(photos), len(LANDMARK_SLOTS), 3):
            raise BundleError(
                f"{self.name!r} gives landmarks of shape {landmarks.shape[1:]}, not ({len(LANDMARK_SLOTS)}, 3): x, y "
                "and visibility of each; export it again"
            )
        fitted = self.card.preprocessing
        placed = np.array([fitted.placed(photo.shape[1], photo.shape[0]) for photo in photos], np.float32)
        placed = placed.reshape(-1, 4)
        found = landmarks.astype(np.float32)
        found[:, :, :2] = (found[:, :, :2] * fitted.size - placed[:, None, :2]) / placed[:, None, 2:]
        return found


def _session(graph: bytes, name: str, threads: int, outputs: list[str]) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises its own unrelated types for every kind of damage
        raise BundleError(
            f"the graph of {name!r} cannot be run: {str(error).splitlines()[0][:200]}; export the model again"
        ) from error
    given = {output.name for output in session.get_outputs()}
    missing = [output for output in outputs if output not in given]
    if missing:
        raise BundleError(
            f"the graph of {name!r} lacks {', '.join(missing)}, which its card promises; export the model again"
        )
    return session

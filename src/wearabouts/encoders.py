"""Photos, and words where a model reads them, to vectors: the door between a bundle and everything that searches."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from wearabouts.bundles import Bundle, TextTower
from wearabouts.errors import BundleError, QueryError, SettingsError
from wearabouts.types import LANDMARK_SLOTS, SIDES, Encoding, Floats, Pixels, Side

BATCH = 32  # photos per run of the graph: past that the caches overflow and nothing is gained
PUNCTUATION = str.maketrans("", "", string.punctuation)
MAX_TEXT = 2_000  # characters; no tower here reads more than some hundred tokens


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


class TextEncoder(Encoder, Protocol):
    """An encoder that may also read words: text and photos in one space, compared by cosine like two photos.

    Attributes:
        reads_text: Whether it can; asking one that cannot is an error.
    """

    reads_text: bool

    def encode_text(self, texts: Sequence[str]) -> Floats:
        """Encode texts.

        Args:
            texts: Words of a person or of a product, one to `MAX_TEXT` characters each.

        Returns:
            (N, dim) float32, each row of length 1, comparable with `Encoding.vectors` of either side.

        Raises:
            BundleError: The model reads no text (`reads_text` says so beforehand), or its text tower is damaged.
            QueryError: A text that is empty or too long.
            SettingsError: The extra ``hub`` is not installed.
        """
        ...


class OnnxEncoder:
    """A bundle at work in ONNX Runtime, on the CPU; safe to call from several threads.

    Attributes:
        bundle: What it was made of: whoever holds the encoder can open the bundle's second stage.

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
        self._outputs += (["regions"] if card.regions else []) + (["code"] if card.bits else [])
        made: dict[str, Any] = {}
        for side in SIDES:
            file = card.graphs[side].file
            made[file] = made.get(file) or _session(bundle.graphs[side], card.name, threads, self._outputs)
        self._sessions = {side: made[card.graphs[side].file] for side in SIDES}
        self.bundle, self._threads = bundle, threads
        self.reads_text = card.text is not None

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
            return self._encoding([self._none(name) for name in self._outputs], photos)
        return self._encoding([np.concatenate(columns) for columns in zip(*parts, strict=True)], photos)

    def encode_text(self, texts: Sequence[str]) -> Floats:
        """See `TextEncoder.encode_text`; the text tower is loaded at the first call."""
        for text in texts:
            if not text.strip() or len(text) > MAX_TEXT:
                raise QueryError(f"a text of {len(text):,} characters is not allowed; give one to {MAX_TEXT:,}")
        parts = [self._reader.read(texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dim), np.float32)

    @cached_property
    def _reader(self) -> _Reader:
        return _Reader(self.bundle, self._threads)

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
        codes = by_name.get("code")
        if codes is not None and (codes.dtype != np.uint8 or codes.shape[1] != self.card.bits // 8):
            raise BundleError(
                f"{self.name!r} gives codes of {codes.shape[1]} {codes.dtype}, its card says {self.card.bits} bits; "
                "export it again"
            )
        packed = None if codes is None else codes.astype(np.uint8, copy=False)
        regions = self._checked(by_name.get("regions"), len(vectors))
        return Encoding(
            vectors, by_name.get("garment"), attributes, by_name.get("saliency"), landmarks, packed, regions
        )

    def _none(self, output: str) -> npt.NDArray[Any]:
        """What a graph would give of no photo."""
        wide: dict[str, tuple[int, ...]] = {"vector": (self.dim,), "garment": (len(self.garments),)}
        wide |= {f"attribute.{name}": (len(values),) for name, values in self.attributes.items()}
        wide |= {"saliency": (0, 0), "landmarks": (len(LANDMARK_SLOTS), 3), "code": (self.card.bits // 8,)}
        wide |= {"regions": (self.card.regions.count, self.card.regions.dim)} if self.card.regions else {}
        dtype = {"code": np.uint8, "regions": np.int8}.get(output, np.float32)
        return np.zeros((0, *wide[output]), dtype)

    def _checked(self, regions: npt.NDArray[Any] | None, count: int) -> npt.NDArray[np.int8] | None:
        """Regions as the card says, or an error."""
        said = self.card.regions
        if regions is None or said is None:
            return None
        if regions.shape != (count, said.count, said.dim) or regions.dtype != np.int8:
            raise BundleError(
                f"{self.name!r} gives regions of {regions.shape[1:]} {regions.dtype}, its card says "
                f"{(said.count, said.dim)} int8; export it again"
            )
        return regions

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


class _Reader:
    """The text tower of a bundle with its tokenizer."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        graph, words = bundle.read_text()
        assert bundle.card.text is not None  # or there was nothing to read
        self.tower: TextTower = bundle.card.text
        self.name, self.dim = bundle.card.name, bundle.card.dim
        try:
            from tokenizers import Tokenizer
        except ModuleNotFoundError as error:
            raise SettingsError(
                "reading text needs tokenizers, which is not installed: pip install 'wearabouts[hub]'"
            ) from error
        try:
            self.tokenizer = Tokenizer.from_buffer(words)
            self.tokenizer.no_padding()
            self.tokenizer.enable_truncation(self.tower.context)
        except Exception as error:  # the library raises bare exceptions
            raise BundleError(
                f"the tokenizer of {self.name!r} cannot be read: {str(error)[:200]}; pull the model again"
            ) from error
        self.session = _session(graph, self.name, threads, ["vector"])
        self.masked = "mask" in {given.name for given in self.session.get_inputs()}

    def read(self, texts: Sequence[str]) -> Floats:
        """(N, dim) unit vectors of one batch."""
        try:
            ids = [self.tokenizer.encode(self._plain(text)).ids for text in texts]
        except Exception as error:  # likewise; lone surrogates are one cause
            raise QueryError(f"a text cannot be read: {str(error)[:100]}; give plain Unicode text") from error
        tokens, mask = self._padded(ids)
        try:
            given = {"tokens": tokens, "mask": mask} if self.masked else {"tokens": tokens}
            (vectors,) = self.session.run(["vector"], given)
        except Exception as error:  # the runtime's own types; a token the tower has no row for is one cause
            raise BundleError(
                f"the text tower of {self.name!r} fails: {str(error).splitlines()[0][:200]}; pull the model again"
            ) from error
        if vectors.shape != (len(texts), self.dim):
            raise BundleError(
                f"the text tower of {self.name!r} gives {vectors.shape}, its card says {self.dim} floats a text; "
                "pull the model again"
            )
        found: Floats = vectors.astype(np.float32, copy=False)
        return found

    def _plain(self, text: str) -> str:
        if self.tower.bare:
            text = " ".join(text.translate(PUNCTUATION).split())
        return text.lower() if self.tower.lower else text

    def _padded(self, ids: Sequence[Sequence[int]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        longest = self.tower.context if self.tower.fixed else max(1, *(len(row) for row in ids))
        tokens = np.full((len(ids), longest), self.tower.pad, np.int64)
        mask = np.zeros_like(tokens)
        for row, found in enumerate(ids):
            place = slice(0, len(found)) if self.tower.pad_side == "right" else slice(longest - len(found), longest)
            tokens[row, place], mask[row, place] = found, 1
        return tokens, mask


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

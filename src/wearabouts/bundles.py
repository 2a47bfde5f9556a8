"""A bundle: a folder with `card.json` and ONNX graphs, all that a model needs and nothing that runs by itself.

The card says what goes in (size, fit, colour), what comes out (dimensions, garments, attributes), what it was made
from (data, licences, recipe, seed) and what it was measured to do. Training and serving share the card's
`Preprocessing`, so they cannot disagree.
A bundle from a stranger is data: sizes are capped, hashes checked, graphs that point at other files refused, nothing
    is unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wearabouts.errors import BundleError, unknown
from wearabouts.types import SIDES, Pixels, Side

CARD = "card.json"
FORMAT = 1
MAX_CARD = 4 * 2**20
MAX_GRAPH = 2 * 2**30
SHIPPED = ("mini",)


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Preprocessing(_Value):
    """How a photo becomes the graph's input: fitted into a white square of `size` pixels, sRGB bytes, (S, S, 3)."""

    size: int = Field(ge=16, le=2048)
    fit: Literal["white_square"] = "white_square"
    resample: Literal["bicubic"] = "bicubic"

    def apply(self, photo: Pixels) -> Pixels:
        """Fit one photo.

        Args:
            photo: (H, W, 3) uint8 RGB, any size from one pixel up.

        Returns:
            (size, size, 3) uint8, the photo centred on white, its longer side `size` pixels long.
        """
        height, width = photo.shape[:2]
        left, top, *target = self.placed(width, height)
        image = Image.fromarray(photo)
        if target != [width, height]:
            # A box reduction first is several times quicker on large photos and changes little: the gap of 3 keeps it
            # so.
            image = image.resize((target[0], target[1]), Image.Resampling.BICUBIC, reducing_gap=3.0)
        square = Image.new("RGB", (self.size, self.size), (255, 255, 255))
        square.paste(image, (left, top))
        return np.asarray(square)

    def placed(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, width and height, in pixels of the square, of a photo that `apply` has fitted."""
        scale = self.size / max(height, width)
        across, down = max(1, round(width * scale)), max(1, round(height * scale))
        return (self.size - across) // 2, (self.size - down) // 2, across, down


class Graph(_Value):
    """One ONNX file of the bundle: input `pixels` (N, S, S, 3) uint8, outputs as named in the card."""

    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.onnx$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Card(_Value):
    """What a bundle says of itself; see the module's docstring.

    `graphs` has one entry for each side; a model with one tower names the same file twice. Outputs of a graph are
    `vector` (N, dim) of length 1 and, where the card lists classes, `garment` (N, G) probabilities, `attribute.<name>`
    (N, V) probabilities, `saliency` (N, h, w) in [0, 1] and `landmarks` (N, 8, 3): x and y as fractions of the square
    that the graph sees, from its top left corner, and the probability of being visible.
    """

    format: Literal[1] = 1
    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    description: str = ""
    preprocessing: Preprocessing
    graphs: dict[Side, Graph]
    dim: int = Field(ge=2, le=8192)
    garments: tuple[str, ...] = ()
    attributes: dict[str, tuple[str, ...]] = {}
    saliency: bool = False
    landmarks: bool = False
    stored: Literal["float16", "float32"] = "float32"
    licence: str = ""
    notices: tuple[str, ...] = ()
    data: tuple[dict[str, Any], ...] = ()
    training: dict[str, Any] = {}
    parity: dict[str, Any] = {}
    figures: dict[str, Any] = {}

    def encoder_hash(self) -> str:
        """Changes whenever the vectors of stored photos would: shop-side graph, preprocessing, dimension."""
        basis = [self.graphs["shop"].sha256, self.preprocessing.model_dump(), self.dim]
        return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Bundle:
    """A checked bundle: the card, and each side's graph as bytes whose hash is the card's."""

    card: Card
    graphs: Mapping[Side, bytes]

    @property
    def hash(self) -> str:
        """See `Card.encoder_hash`."""
        return self.card.encoder_hash()


def load(bundle: str | Path) -> Bundle:
    """Load and check a bundle.

    Args:
        bundle: A folder, or the name of a shipped bundle (``mini``).

    Raises:
        BundleError: Nothing there, a damaged card or graph, or a graph that reads other files.
    """
    folder = _folder(bundle)
    card = _read_card(folder / CARD)
    graphs: dict[Side, bytes] = {}
    read: dict[str, bytes] = {}
    for side in SIDES:
        if side not in card.graphs:
            raise BundleError(
                f"the card of {card.name!r} names no graph for side {side!r}; a bundle needs {', '.join(SIDES)}"
            )
        graph = card.graphs[side]
        if graph.file not in read:
            read[graph.file] = _read_graph(folder / graph.file, graph.sha256)
        graphs[side] = read[graph.file]
    return Bundle(card, graphs)


def write(folder: Path, card: Card, graphs: Mapping[str, bytes]) -> None:
    """Write a bundle; the card comes last, so a bundle with a card is whole.

    Args:
        folder: Made when missing.
        card: Must name every graph with its hash.
        graphs: File name → content.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD).unlink(missing_ok=True)
    for name, content in graphs.items():
        _write(folder / name, content)
    _write(folder / CARD, _text(card))


def write_figures(folder: Path, figures: Mapping[str, Any]) -> None:
    """Put measured figures on a bundle's card; the encoder's hash, and so every store, stays valid.

    Args:
        folder: A bundle.
        figures: What was measured, plain data.
    """
    card = _read_card(folder / CARD).model_copy(update={"figures": dict(figures)})
    _write(folder / CARD, _text(card))


def _text(card: Card) -> bytes:
    return (json.dumps(card.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n").encode()


def _folder(bundle: str | Path) -> Path:
    path = Path(bundle)
    if path.is_dir():
        return path
    if isinstance(bundle, str) and bundle in SHIPPED:
        return Path(str(files("wearabouts"))) / "bundled" / bundle
    if isinstance(bundle, str) and os.sep not in bundle:
        raise BundleError(f"{unknown('model', bundle, SHIPPED)}; or give the folder of a bundle")
    raise BundleError(
        f"no bundle at {bundle}: there is no such folder; give a folder with {CARD}, or one of: {', '.join(SHIPPED)}"
    )


def _read_card(path: Path) -> Card:
    if not path.is_file():
        raise BundleError(
            f"no {CARD} in {path.parent}; a bundle is a folder with {CARD} and its graphs, made by `wearabouts export`"
        )
    if path.stat().st_size > MAX_CARD:
        raise BundleError(f"{path} has {path.stat().st_size:,} bytes; a card has at most {MAX_CARD:,}")
    try:
        return Card.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise BundleError(
            f"{path} is no card this version reads (format {FORMAT}): {where}: {first['msg']}; export the model again"
        ) from error


def _read_graph(path: Path, sha256: str) -> bytes:
    if not path.is_file() or path.is_symlink():
        raise BundleError(f"the card names {path.name}, which is not a file in {path.parent}; export the model again")
    if path.stat().st_size > MAX_GRAPH:
        raise BundleError(f"{path.name} has {path.stat().st_size:,} bytes; a graph has at most {MAX_GRAPH:,}")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise BundleError(
            f"{path.name} is damaged: its SHA-256 is {found[:9]}…, its card says {sha256[:9]}…; export the model again"
        )
    # The key of an external tensor's path, as protobuf writes it: such a graph would read files of its author's
    # choosing.
    if b"\x0a\x08location\x12" in content:
        raise BundleError(f"{path.name} keeps weights in other files, which is refused; export it as one file")
    return content


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)

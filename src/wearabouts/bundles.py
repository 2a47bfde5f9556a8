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

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wearabouts.calibration import Calibration
from wearabouts.errors import BundleError, unknown
from wearabouts.fitting import Preprocessing
from wearabouts.types import SIDES, Side

__all__ = ["Bundle", "Card", "Graph", "Preprocessing", "TextTower", "Verifier", "load", "write", "write_figures"]

CARD = "card.json"
FORMAT = 1
MAX_CARD = 4 * 2**20
MAX_GRAPH = 2 * 2**30
MAX_TOKENIZER = 64 * 2**20
SHIPPED = ("mini",)


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Graph(_Value):
    """One ONNX file of the bundle: input `pixels` (N, S, S, 3) uint8, outputs as named in the card."""

    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.onnx$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Verifier(_Value):
    """The pairwise network: inputs `street` and `shop` (N, dim) float32, vectors of both sides, row by row.

    Its output `probability` (N, C + 1) in [0, 1] says how likely both show the same item: column 0 by what was learnt
    of all categories together, column c + 1 by what was learnt of `categories[c]`.

    Attributes:
        halves: The first layer's part that depends on the shop's photo alone: input `shop` (N, dim) float32, output
            `half` (N, H) float32. Where it is there, `file` takes `half` in place of `shop`; the function is the same.
        encoder: Hash of the encoder whose vectors it was trained on; empty where it is not known.
    """

    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.onnx$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    categories: tuple[str, ...] = ()
    halves: Graph | None = None
    encoder: str = ""


class Regions(_Value):
    """What the encoder says of each region of the square: output `regions` (N, count, dim) int8, row by row.

    Attributes:
        count: Regions, a square number.
        dim: Numbers a region.
    """

    count: int = Field(ge=1, le=1024)
    dim: int = Field(ge=1, le=1024)


class Judge(_Value):
    """The second stage as a whole: which signals of a pair count, and how much.

    The log-odds of a pair are the weighted sum of its signals; those of a product with several photos are
    log Σ exp(photo) - views · log n.

    Attributes:
        weights: Signal → weight; names as in `wearabouts.verifiers.judge.SIGNALS`.
        offset: Added to the sum.
        views: How much a product's number of photos speaks against it, in [0, 1].
        recall: K → share of queries whose item is among the first K products of stage one, as measured.
        shortlist: K to judge unless asked otherwise: the smallest whose recall is nearly that of the longest.
    """

    weights: dict[str, float]
    offset: float = 0.0
    views: float = Field(default=1.0, ge=0, le=1)
    recall: dict[int, float] = {}
    shortlist: int = Field(default=20, ge=1, le=1_000)


class TextTower(_Value):
    """The tower that reads words: its vectors are comparable with those of photos.

    Its graph takes `tokens` (N, L) int64 and, where it asks for it, `mask` (N, L) int64 (1 a token, 0 padding), and
    gives `vector` (N, dim) of length 1. Which token's state becomes the vector is settled inside the graph.

    Attributes:
        file: The graph.
        sha256: Of the graph.
        tokenizer: The tokenizer's file, JSON as the library `tokenizers` writes it.
        tokenizer_sha256: Of that file.
        context: L at most: longer texts are cut, their end token kept.
        fixed: Whether every text is padded to `context` tokens, as the tower was trained, or to the longest of a call.
        pad: Id of the padding token.
        pad_side: Where it goes.
        lower: Whether text is put in lower case before the tokenizer sees it.
        bare: Whether ASCII punctuation is taken out, and runs of spaces become one.
        pooled: In words: which token becomes the vector.
    """

    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.onnx$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    tokenizer: str = Field(default="tokenizer.json", pattern=r"^[A-Za-z0-9_.-]+\.json$")
    tokenizer_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    context: int = Field(ge=2, le=4096)
    fixed: bool = False
    pad: int = Field(ge=0)
    pad_side: Literal["left", "right"] = "right"
    lower: bool = False
    bare: bool = False
    pooled: str = ""


class Card(_Value):
    """What a bundle says of itself; see the module's docstring.

    `graphs` has one entry for each side; a model with one tower names the same file twice. Outputs of a graph are
    `vector` (N, dim) of length 1 and, where the card lists classes, `garment` (N, G) probabilities, `attribute.<name>`
    (N, V) probabilities, `saliency` (N, h, w) in [0, 1], `landmarks` (N, 8, 3): x and y as fractions of the square
    that the graph sees, from its top left corner, and the probability of being visible, and where there are `bits`,
    `code` (N, bits / 8) uint8, the first bit the highest of the first byte, and `regions` as `Regions` says.

    The second stage has up to four parts: `verifier` compares two vectors; `local` two photos' regions: inputs `street`
    and `shop` (N, R, C) int8, row by row, output `logit` (N,) float32, the log-odds that both show one item; `judge`
    weighs them, and `calibration` turns log-odds into probabilities.
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
    bits: int = Field(default=0, ge=0, le=4096, multiple_of=8)
    regions: Regions | None = None
    verifier: Verifier | None = None
    local: Graph | None = None
    judge: Judge | None = None
    calibration: Calibration | None = None
    text: TextTower | None = None
    stored: Literal["float16", "float32", "int8"] = "float32"
    licence: str = ""
    notices: tuple[str, ...] = ()
    source: dict[str, Any] = {}
    data: tuple[dict[str, Any], ...] = ()
    training: dict[str, Any] = {}
    parity: dict[str, Any] = {}
    figures: dict[str, Any] = {}

    def judge_hash(self) -> str:
        """Changes whenever a pair's log-odds would: the encoder, the verifiers' graphs, the weights. Empty for none."""
        if self.judge is None:
            return ""
        pair, local = self.verifier, self.local
        graphs = [pair and pair.sha256, pair and pair.halves and pair.halves.sha256, local and local.sha256]
        weighed = [self.judge.weights, self.judge.offset, self.judge.views]
        basis = json.dumps([self.encoder_hash(), *graphs, *weighed], sort_keys=True)
        return hashlib.sha256(basis.encode()).hexdigest()

    def encoder_hash(self) -> str:
        """Changes whenever the vectors of stored photos would: shop-side graph, preprocessing, dimension."""
        basis = [self.graphs["shop"].sha256, self.preprocessing.basis(), self.dim]
        return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Bundle:
    """A checked bundle: the card, and each side's graph, and the verifier's, as bytes whose hash is the card's.

    The tower that reads words is often the larger one: it is read when it is first asked for.
    """

    card: Card
    graphs: Mapping[Side, bytes]
    verifier: bytes | None = None
    folder: Path | None = None

    def read_text(self) -> tuple[bytes, bytes]:
        """The text tower's graph and its tokenizer, checked.

        Raises:
            BundleError: The model has none, or its files are damaged.
        """
        tower = self.card.text
        if tower is None or self.folder is None:
            raise BundleError(
                f"{self.card.name!r} reads no text; pull a model with a text tower, see `wearabouts pull`"
            )
        graph = _read_graph(self.folder / tower.file, tower.sha256)
        return graph, _read_hashed(self.folder / tower.tokenizer, tower.tokenizer_sha256, MAX_TOKENIZER)

    def beside(self) -> dict[str, bytes]:
        """Files other than the graphs of the sides, by name: they stay good while the vectors do."""
        files: dict[str, bytes] = {}
        if self.card.verifier is not None and self.verifier is not None:
            files[self.card.verifier.file] = self.verifier
        if self.card.text is not None:
            files[self.card.text.file], files[self.card.text.tokenizer] = self.read_text()
        return files

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
    pairs = card.verifier
    verifier = None if pairs is None else _read_graph(folder / pairs.file, pairs.sha256)
    for name in (card.text.file, card.text.tokenizer) if card.text else ():
        _require_file(folder / name)
    return Bundle(card, graphs, verifier, folder)


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


def _require_file(path: Path) -> None:
    if not path.is_file() or path.is_symlink():
        raise BundleError(f"the card names {path.name}, which is not a file in {path.parent}; export the model again")


def _read_hashed(path: Path, sha256: str, most: int) -> bytes:
    _require_file(path)
    if path.stat().st_size > most:
        raise BundleError(f"{path.name} has {path.stat().st_size:,} bytes; at most {most:,} are read")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise BundleError(
            f"{path.name} is damaged: its SHA-256 is {found[:9]}…, its card says {sha256[:9]}…; export the model again"
        )
    return content


def _read_graph(path: Path, sha256: str) -> bytes:
    content = _read_hashed(path, sha256, MAX_GRAPH)
    # The key of an external tensor's path, after its length in either form that protobuf reads, wherever in its entry
    # it stands: such a graph would read files of its author's choosing.
    if b"\x08location" in content or b"\x00location" in content:
        raise BundleError(f"{path.name} keeps weights in other files, which is refused; export it as one file")
    return content


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)

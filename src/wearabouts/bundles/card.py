"""What a bundle says of itself: `card.json`, each field checked when it is read."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from wearabouts.calibration import Calibration
from wearabouts.fitting import Preprocessing
from wearabouts.types import Side

FORMAT = 1
Finite = Annotated[float, Field(allow_inf_nan=False)]
SIGNALS = ("similarity", "pair", "own", "local", "agreement")  # of a pair, see `wearabouts.verifiers.judge`


def _rising(ends: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= ends[0] < ends[1] <= 1:
        raise ValueError(f"{ends} must rise within [0, 1]")
    return ends


def _square(count: int) -> int:
    if math.isqrt(count) ** 2 != count:
        raise ValueError(f"{count} regions are not a square of them; give 4, 9, 16 and so on")
    return count


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
            `half` (N, H) float32. Where it is there, `file` takes `half` in place of `shop`, and `street` of N rows or
            of one that meets them all; the function is the same.
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

    count: Annotated[int, Field(ge=1, le=1024), AfterValidator(_square)]
    dim: int = Field(ge=1, le=1024)


class Judge(_Value):
    """The second stage as a whole: which signals of a pair count, and how much.

    The log-odds of a pair are offset + Σ (weight + s · sure) · signal, where s says how sure the model is of which
    garment the query shows; those of a product with several photos are log Σ exp(photo) - views · log n.

    Attributes:
        weights: Signal → weight; names as in `wearabouts.verifiers.judge.SIGNALS`.
        sure: Signal → what is added to its weight where the model is sure of the query's garment.
        offset: Added to the sum.
        views: How much a product's number of photos speaks against it, in [0, 1].
        certain: Probabilities of the query's likeliest garment: s is 0 up to the first and 1 from the second on.
        recall: K → share of queries whose item is among the first K products of stage one, as measured.
        shortlist: K to judge unless asked otherwise: the smallest whose recall is nearly that of the longest.
    """

    weights: dict[str, Finite]
    sure: dict[str, Finite] = {}
    offset: Finite = 0.0
    views: float = Field(default=1.0, ge=0, le=1)
    certain: Annotated[tuple[float, float], AfterValidator(_rising)] = (0.25, 0.65)
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
    (1, R, C) and `shop` (N, R, C) int8, one against N, output `logit` (N,) float32, the log-odds that both show one
    item; `judge` weighs them, and `calibration` turns log-odds into probabilities.
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
        """Changes whenever a pair's log-odds would: encoders, verifiers' graphs, their categories, the weights.

        Empty where there is no judge.
        """
        if self.judge is None:
            return ""
        pair, local = self.verifier, self.local
        graphs = [pair and pair.sha256, pair and pair.halves and pair.halves.sha256, local and local.sha256]
        street, categories = self.graphs["street"].sha256, pair and pair.categories
        judge = self.judge
        weighed = [judge.weights, judge.sure, judge.offset, judge.views, judge.certain]
        basis = json.dumps([self.encoder_hash(), street, categories, *graphs, *weighed], sort_keys=True)
        return hashlib.sha256(basis.encode()).hexdigest()

    def encoder_hash(self) -> str:
        """Changes whenever the vectors of stored photos would: shop-side graph, preprocessing, dimension."""
        basis = [self.graphs["shop"].sha256, self.preprocessing.basis(), self.dim]
        return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()

"""The second stage as graphs: the pair network in two parts, what compares regions, and whether they say the same.

A split network gives two graphs: ``halves.onnx``, a shop photo's half of the first layer, and ``verifier.onnx``, which
takes such halves and one street vector for all of them, so that the query's half is computed once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from wearabouts import bundles
from wearabouts.calibration import Calibration
from wearabouts.errors import BundleError
from wearabouts.export.graph import traced
from wearabouts.types import Floats

MAX_DIFFERENCE = 0.02  # of a verifier's probabilities, exported to trained
MAX_LOGIT = 0.1  # of the local verifier's log-odds: a probability moves by at most a fortieth
MAX_STEPS = 2.0  # of regions' whole numbers, of 255, in the mean over a photo: single ones may move further, where a
# root is taken of next to nothing


class Part(NamedTuple):
    """A part of the second stage, ready for a bundle.

    Attributes:
        entry: For the card: `bundles.Verifier` or `bundles.Graph`.
        files: Content of its graphs by name.
        difference: The largest to what was trained, of probabilities or log-odds.
    """

    entry: Any
    files: Mapping[str, bytes]
    difference: float


class Stage(NamedTuple):
    """What stands beside an encoder.

    Attributes:
        verifier: The pair network, see `pair_part`.
        categories: Its categories.
        local: What compares regions, see `local_part`.
        calibration: Of the card's judge; one that names no verifier is said to be that one's.
    """

    verifier: nn.Module | None = None
    categories: Sequence[str] = ()
    local: nn.Module | None = None
    calibration: Calibration | None = None


def staged(
    card: bundles.Card, stage: Stage, vectors: Floats | None, regions: npt.NDArray[np.int8] | None
) -> tuple[bundles.Card, dict[str, bytes], dict[str, float]]:
    """A card with its second stage, for a bundle in the making or one that is there (`bundles.write_parts`).

    Args:
        card: Of the encoder, with the judge if there is to be one.
        stage: What was trained.
        vectors: (M, dim) float32 of that encoder, for the pair network.
        regions: (M, R, C) int8 of it, for what compares them.

    Returns:
        The card, its further files by name, and how far each graph is from what was trained.

    Raises:
        BundleError: A part that differs too much from what was trained, or that lacks what it compares.
    """
    files: dict[str, bytes] = {}
    made: dict[str, Part] = {}
    if stage.verifier is not None and vectors is not None:
        made["verifier"] = pair_part(stage.verifier, vectors, stage.categories, encoder=card.encoder_hash())
    if stage.local is not None:
        if card.regions is None or regions is None:
            raise BundleError(f"the local verifier of {card.name!r} has nothing to compare: give the card regions too")
        made["local"] = local_part(stage.local, regions)
    for part in made.values():
        files |= part.files
    figures = {f"{name}_difference": part.difference for name, part in made.items()}
    card = card.model_copy(update={name: part.entry for name, part in made.items()})
    if stage.calibration is not None:
        named = {"verifier": stage.calibration.verifier or card.judge_hash()}
        card = card.model_copy(update={"calibration": stage.calibration.model_copy(update=named)})
    return card, files, figures


def pair_part(verifier: nn.Module, vectors: Floats, categories: Sequence[str], *, encoder: str = "") -> Part:
    """Export a pair network, in two parts where it can be split.

    Args:
        verifier: (N, D), (N, D) unit vectors of street and shop → (N, C + 1) probabilities, see `bundles.Verifier`. It
            is split where it says so by an attribute ``splits``; then it has `shop_half` and `finish` as
            `wearabouts.models.wtbi.Verifier`.
        vectors: (M, D) float32 of the encoder it was trained on: all pairs of them are compared.
        categories: Its C categories, column 1 and on.
        encoder: Hash of that encoder.

    Raises:
        BundleError: The exported graphs differ too much from what was trained.
    """
    street, shop = np.repeat(vectors, len(vectors), axis=0), np.tile(vectors, (len(vectors), 1))
    split = bool(getattr(verifier, "splits", False))
    ours = _probabilities(verifier, street, shop, split=split)
    if ours.shape[1] != len(categories) + 1:
        raise BundleError(
            f"the verifier gives {ours.shape[1]} columns for {len(categories)} categories; one more than those is right"
        )
    files = _split(verifier, vectors) if split else {"verifier.onnx": _whole(verifier, vectors)}
    second = {"half": _ran(files["halves.onnx"], "half", shop=shop)} if split else {"shop": shop}
    graph, what = files["verifier.onnx"], "a verifier's probability"
    difference = _apart(ours, _ran(graph, "probability", street=street, **second), MAX_DIFFERENCE, what)
    if split:
        first = {"street": vectors[:1], "half": second["half"][: len(vectors)]}
        _apart(ours[: len(vectors)], _ran(graph, "probability", **first), MAX_DIFFERENCE, f"{what} of one against many")
    halves = bundles.Graph(file="halves.onnx", sha256=_sha256(files["halves.onnx"])) if split else None
    entry = bundles.Verifier(
        file="verifier.onnx", sha256=_sha256(graph), categories=tuple(categories), halves=halves, encoder=encoder
    )
    return Part(entry, files, difference)


def local_part(local: nn.Module, regions: npt.NDArray[np.int8]) -> Part:
    """Export what compares regions, one photo against N.

    Args:
        local: (N, R, C), (N, R, C) int8 of street and shop → (N,) float32 log-odds.
        regions: (M, R, C) int8, M at least 2: all pairs of them are compared.

    Raises:
        BundleError: The exported graph differs too much from what was trained.
    """
    served = _OneAgainstMany(local).eval()
    given = torch.from_numpy(regions.copy())
    graph = traced(served, {"street": given[:1], "shop": given[:2]}, ["logit"], one=["street"])
    with torch.inference_mode():
        ours = np.stack([served(row[None], given).numpy() for row in given])
    theirs = np.stack([_ran(graph, "logit", street=row[None], shop=regions) for row in regions])
    difference = _apart(ours, theirs, MAX_LOGIT, "log-odds of regions")
    return Part(bundles.Graph(file="local.onnx", sha256=_sha256(graph)), {"local.onnx": graph}, difference)


def regions_difference(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> float:
    """Between regions of the trained network and of the exported graph: the mean over a photo, in steps, of the worst.

    Args:
        ours: (M, R, C) whole numbers.
        theirs: The same.

    Raises:
        BundleError: It is too large.
    """
    if ours.shape != theirs.shape:
        raise BundleError(f"export lost too much: regions are {theirs.shape} a batch, {ours.shape} were trained")
    apart = np.abs(ours.astype(np.float64) - theirs).mean(axis=(1, 2))
    return _apart(apart, np.zeros_like(apart), MAX_STEPS, "a region's number")


class _Halves(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net: Any = net

    def forward(self, shop: Tensor) -> Tensor:
        half: Tensor = self.net.shop_half(shop)
        return half


class _Finish(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net: Any = net

    def forward(self, street: Tensor, half: Tensor) -> Tensor:
        found: Tensor = self.net.finish(street, half)
        return found if found.ndim == 2 else found[:, None]


class _OneAgainstMany(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, street: Tensor, shop: Tensor) -> Tensor:
        logit: Tensor = self.net(street.expand(shop.shape[0], -1, -1), shop)
        return logit


def _probabilities(verifier: nn.Module, street: Floats, shop: Floats, *, split: bool) -> Floats:
    """What was trained says, (N, C + 1)."""
    verifier.eval()
    with torch.inference_mode():
        a, b = torch.from_numpy(street), torch.from_numpy(shop)
        found: Floats = (_Finish(verifier)(a, _Halves(verifier)(b)) if split else verifier(a, b)).numpy()
    return found


def _whole(verifier: nn.Module, vectors: Floats) -> bytes:
    pair = {name: torch.from_numpy(vectors[:2].copy()) for name in ("street", "shop")}
    return traced(verifier, pair, ["probability"])


def _split(verifier: nn.Module, vectors: Floats) -> dict[str, bytes]:
    shop = torch.from_numpy(vectors[:2].copy())
    with torch.no_grad():
        half = _Halves(verifier)(shop)
    met = traced(_Finish(verifier), {"street": shop[:1].clone(), "half": half}, ["probability"], one=["street"])
    return {"verifier.onnx": _freed(met, "street"), "halves.onnx": traced(_Halves(verifier), {"shop": shop}, ["half"])}


def _freed(graph: bytes, name: str) -> bytes:
    """A graph that was traced with one row of an input, said to take any number: its sums broadcast."""
    import onnx

    model = onnx.load_from_string(graph)
    for given in model.graph.input:
        if given.name == name:
            given.type.tensor_type.shape.dim[0].dim_param = "one_or_batch"
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def _ran(graph: bytes, output: str, **given: npt.NDArray[Any]) -> Floats:
    import onnxruntime as ort

    found: Floats = ort.InferenceSession(graph, providers=["CPUExecutionProvider"]).run([output], given)[0]
    return found


def _apart(ours: npt.NDArray[Any], theirs: npt.NDArray[Any], most: float, what: str) -> float:
    difference = round(float(np.abs(ours - theirs).max()), 6) if ours.shape == theirs.shape else float("nan")
    if not difference <= most:  # also where one is not a number, or shapes differ
        raise BundleError(f"export lost too much: {what} is off by {difference}, {most} is allowed")
    return difference


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""A bundle's twin in whole numbers: weights a byte each, a quarter of the arithmetic's width where the runtime has it.

Made from the finished bundle alone, so any bundle can have one. Networks of convolutions are quantised statically: the
range of every activation is measured on photos beforehand, weights have a scale for every output channel. Networks
with attention are quantised dynamically: weights beforehand, activations as they come, for their ranges differ too
much from photo to photo. Weights use seven of their eight bits, since processors without VNNI add pairs of products in
16 bits and would overflow. Where that loses too much, a gentler way is tried: ranges without their rarest values, and
the layers that suffer most, the first and those of one channel each, left in float. The same gates as for any export,
somewhat wider, stand before either; a network that passes neither is not worth having in integers.
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from wearabouts import bundles
from wearabouts.errors import BundleError
from wearabouts.export.gates import INT8, Embed, Probe, compared
from wearabouts.export.graph import packed, vectors_from
from wearabouts.types import SIDES, Pixels, Side

SUFFIX = "-int8"
QUANTISED = ["Conv", "Gemm", "MatMul"]
CALIBRATED_ON = {"MinMax": 96, "Percentile": 24}  # photos at most; for percentiles every activation of all is held
AT_ONCE = 8  # photos that go through the network together


def quantise(folder: Path, photos: Sequence[Pixels], probe: Probe | None = None) -> dict[str, Any]:
    """Write the int8 twin of a bundle beside it: ``<folder>-int8``, named so on its card as well.

    Args:
        folder: A bundle of float graphs.
        photos: Fitted photos to measure ranges and vectors on, with those of the probe.
        probe: Held-out photos of both sides, to see what is lost in a search.

    Returns:
        What was lost, see `export.gates.compared`; `graph_bytes` of both; the twin's card has it below ``parity.int8``.

    Raises:
        BundleError: More is lost than `export.gates.INT8` lets through; nothing is written.
    """
    bundle = bundles.load(folder)
    card, floats = bundle.card, {bundle.card.graphs[side].file: bundle.graphs[side] for side in SIDES}
    shown = {card.graphs[side].file: _calibration(card, side, photos, probe) for side in SIDES}
    before = _embeds(card, floats)
    for way in ("MinMax", "Percentile"):
        files = {name: _integers(content, shown[name], way) for name, content in floats.items()}
        try:
            figures = compared(before, _embeds(card, files), photos, probe, INT8)
            break
        except BundleError:
            if way == "Percentile":
                raise
    figures["graph_bytes"] = {"before": sum(map(len, floats.values())), "after": sum(map(len, files.values()))}
    entries = {
        side: bundles.Graph(file=graph.file, sha256=hashlib.sha256(files[graph.file]).hexdigest())
        for side, graph in card.graphs.items()
    }
    files |= bundle.beside()
    changes = {
        "name": f"{card.name[: 64 - len(SUFFIX)]}{SUFFIX}",
        "graphs": entries,
        "stored": "int8",
        "parity": {**card.parity, "int8": figures},
        "figures": {},
        "calibration": None,  # probabilities were fitted on the floats' log-odds
    }
    # The gates have seen that vectors are nearly the same, so the verifier belongs to the twin as well.
    bundles.write(twin(folder), bundles.rebound(card.model_copy(update=changes)), files)
    return figures


def twin(folder: Path) -> Path:
    """Where the int8 twin of a bundle is."""
    return folder.with_name(folder.name + SUFFIX)


def _calibration(card: bundles.Card, side: Side, photos: Sequence[Pixels], probe: Probe | None) -> list[Pixels]:
    """Photos that this side's graph will meet."""
    one_tower = card.graphs["street"] == card.graphs["shop"]
    sides = SIDES if one_tower else (side,)
    return [*photos, *(photo for each in sides if probe is not None for photo in probe.pixels[each])]


def _embeds(card: bundles.Card, files: dict[str, bytes]) -> dict[Side, Embed]:
    made = {name: vectors_from(content) for name, content in files.items()}
    return {side: made[card.graphs[side].file] for side in SIDES}


def _integers(graph: bytes, photos: Sequence[Pixels], way: str) -> bytes:
    """A float graph with integer convolutions and matrices."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_dynamic, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as scratch, _quiet():
        plain, ready, made = (Path(scratch) / f"{name}.onnx" for name in ("plain", "ready", "made"))
        plain.write_bytes(graph)
        # Also widens the weights that were stored small: the quantiser looks for constants in float32.
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        model = onnx.load(str(ready))
        gently = way != "MinMax"
        options = {
            "op_types_to_quantize": ["Conv"] if gently else QUANTISED,
            "nodes_to_exclude": [*_small(model), *(_delicate(model) if gently else ())],
            "per_channel": True,
            "reduce_range": True,
            "weight_type": QuantType.QInt8,
        }
        if attends(model):
            quantize_dynamic(str(ready), str(made), **{**options, "op_types_to_quantize": ["MatMul", "Gemm"]})
        else:
            quantize_static(
                str(ready),
                str(made),
                _Reader(photos, CALIBRATED_ON[way]),
                quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8,
                calibrate_method=CalibrationMethod[way],
                **options,
            )
        model = onnx.load(str(made))
    _merge(model)
    # The runtime makes one integer kernel of a layer only where scales and zero points are plain constants.
    plainly = {name for node in model.graph.node if re.search("Linear|Integer", node.op_type) for name in node.input}
    return packed(model, plainly)


def _merge(model: Any) -> None:
    """One copy of tensors that are equal: layers that run twice have been folded once each."""
    first: dict[bytes, str] = {}
    place = {}
    for tensor in model.graph.initializer:
        name, tensor.name = tensor.name, ""
        place[name] = first.setdefault(tensor.SerializeToString(), name)
        tensor.name = name
    kept = [tensor for tensor in model.graph.initializer if place[tensor.name] == tensor.name]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    for node in model.graph.node:
        node.input[:] = [place.get(name, name) for name in node.input]


def _small(model: Any) -> list[str]:
    """Layers of a head that was joined on: little work, and a bit turns where a sum nearly ties."""
    return [node.name for node in model.graph.node if node.name.startswith("head.")]


def _delicate(model: Any) -> list[str]:
    """The first convolution, which sees pixels, and those with few weights a channel: rounding hits them hardest."""
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    grouped = [node for node in convolutions if any(each.name == "group" and each.i > 1 for each in node.attribute)]
    return [node.name for node in (*convolutions[:1], *grouped)]


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser speaks through the root logger and prints."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)


def attends(model: Any) -> bool:
    """Whether the work is done by matrices rather than by convolutions, as in a vision transformer."""
    constants = {tensor.name for tensor in model.graph.initializer}
    weighted = [node.op_type for node in model.graph.node if constants & set(node.input)]
    return weighted.count("MatMul") + weighted.count("Gemm") > weighted.count("Conv")


class _Reader:
    """Photos some at a time, as the quantiser asks for them; `CalibrationDataReader` by its methods."""

    def __init__(self, photos: Sequence[Pixels], most: int) -> None:
        places = np.linspace(0, len(photos) - 1, min(len(photos), most)).round().astype(int)
        self._batches = iter(
            [np.stack([photos[place] for place in places[i : i + AT_ONCE]]) for i in range(0, len(places), AT_ONCE)]
        )

    def get_next(self) -> dict[str, Pixels] | None:
        """The next input, or None at the end."""
        batch = next(self._batches, None)
        return None if batch is None else {"pixels": batch}

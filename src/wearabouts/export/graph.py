"""From PyTorch to one self-contained ONNX graph: weights stored small, and a check that it says the same.

Weights are widened when the runtime loads them; all arithmetic is float32.
"""

from __future__ import annotations

import io
import logging
import tempfile
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from wearabouts.export.gates import FLOAT, Embed, Gate, compared
from wearabouts.types import Floats, Pixels

OPSET = 18
SMALLEST_SHRUNK = 256  # elements; biases and scalars stay in float32, they weigh nothing
MIN_COSINE = FLOAT.least  # of the exported vectors to PyTorch's, on every photo checked


def to_onnx(served: nn.Module, size: int, outputs: Sequence[str]) -> bytes:
    """Trace a served module into one ONNX file with a free batch dimension, large weights stored small."""
    example = torch.randint(0, 256, (2, size, size, 3), dtype=torch.uint8)
    return traced(served, {"pixels": example}, outputs)


def traced(
    module: nn.Module, examples: Mapping[str, Tensor], outputs: Sequence[str], *, one: Collection[str] = ()
) -> bytes:
    """Trace any module into one ONNX file, the first dimension of every input free, large weights stored small.

    Args:
        module: Takes the examples in their order, gives a tensor or several. Where it has an attribute ``exact``,
            weights whose names begin so are not stored small: something is decided by their last digits.
        examples: Name of an input → an example, of one length of at least 2, but for those of `one`.
        outputs: Names for what it gives, in order.
        one: Inputs of a single row that meets all rows of the others.
    """
    import onnx

    logging.getLogger("torch.onnx").setLevel(
        logging.ERROR
    )  # it announces the absence of torchvision, which is on purpose
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the exporter's own code
        path = Path(folder) / "graph.onnx"
        batch = torch.export.Dim("batch", min=1, max=4096)
        torch.onnx.export(
            module.eval(),
            tuple(examples.values()),
            str(path),
            input_names=list(examples),
            output_names=list(outputs),
            dynamic_shapes=tuple({} if name in one else {0: batch} for name in examples),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        model = onnx.load(str(path))
    exact = tuple(getattr(module, "exact", ()))
    return packed(model, [tensor.name for tensor in model.graph.initializer if tensor.name.startswith(exact)])


def packed(model: Any, kept: Collection[str] = ()) -> bytes:
    """An ONNX model as bytes: nothing in it about the machine that made it, large weights stored small.

    Args:
        model: Changed in place.
        kept: Names of tensors that stay as they are.
    """
    import onnx

    _anonymise(model)
    _shrink(model, kept)
    onnx.checker.check_model(model)
    buffer = io.BytesIO()
    onnx.save_model(model, buffer)
    return buffer.getvalue()


def vectors_of(module: nn.Module) -> Embed:
    """A served module as a function from photos to vectors, its first output."""
    module = module.eval()

    def embed(photos: npt.NDArray[np.uint8]) -> Floats:
        with torch.inference_mode():
            vectors: Floats = module(torch.from_numpy(np.ascontiguousarray(photos)))[0].numpy()
        return vectors

    return embed


def vectors_from(graph: bytes) -> Embed:
    """A graph's bytes as a function from photos to vectors, in ONNX Runtime."""
    import onnxruntime as ort

    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])

    def embed(photos: npt.NDArray[np.uint8]) -> Floats:
        vectors: Floats = session.run(["vector"], {"pixels": photos})[0]
        return vectors

    return embed


def parity(served: nn.Module, graph: bytes, photos: Sequence[Pixels], gate: Gate = FLOAT) -> dict[str, Any]:
    """Compare PyTorch with the exported graph in ONNX Runtime, one module and one graph for both sides.

    Args:
        served: The module that was exported.
        graph: What `to_onnx` gave.
        photos: Fitted photos, (S, S, 3) uint8 each.
        gate: What may be lost.

    Returns:
        See `wearabouts.export.gates.compared`.

    Raises:
        BundleError: A vector's cosine is below the gate's.
    """
    before, after = vectors_of(served), vectors_from(graph)
    return compared({"street": before, "shop": before}, {"street": after, "shop": after}, photos, None, gate)


def _anonymise(model: Any) -> None:
    """Take out what the exporter notes about its own machine: stack traces with the paths of its files."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *model.functions):
        del part.metadata_props[:]
        part.doc_string = ""
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]
            node.doc_string = ""


def _shrink(model: Any, untouched: Collection[str] = ()) -> None:
    """Store large float32 weights small; the runtime widens them to float32 once, when it loads the graph.

    A weight that came from an 8-bit file and was never trained has at most 256 different values: it is kept as a table
    of them and a byte an element, which loses nothing. Every other one is stored in half precision.
    """
    from onnx import TensorProto, helper, numpy_helper

    widening, kept = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < SMALLEST_SHRUNK or tensor.name in untouched:
            kept.append(tensor)
            continue
        table, places = np.unique(values, return_inverse=True)
        name = tensor.name
        if len(table) <= 256 and values.size > 1024:
            kept.append(numpy_helper.from_array(table, f"{name}.table"))
            kept.append(numpy_helper.from_array(places.reshape(values.shape).astype(np.uint8), f"{name}.bytes"))
            widening.append(helper.make_node("Cast", [f"{name}.bytes"], [f"{name}.places"], to=TensorProto.INT32))
            widening.append(helper.make_node("Gather", [f"{name}.table", f"{name}.places"], [name]))
        else:
            kept.append(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
            widening.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*widening, *model.graph.node]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    # Shapes noted for tensors that are now computed would contradict their new origin.
    del model.graph.value_info[:]

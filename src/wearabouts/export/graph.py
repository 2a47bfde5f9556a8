"""From PyTorch to one self-contained ONNX graph: weights stored small, and a check that it says the same.

Weights are widened when the runtime loads them; all arithmetic is float32.
"""

from __future__ import annotations

import io
import logging
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from wearabouts.errors import BundleError
from wearabouts.types import Pixels

OPSET = 18
SMALLEST_SHRUNK = 256  # elements; biases and scalars stay in float32, they weigh nothing
MIN_COSINE = 0.999  # of the exported vectors to PyTorch's, on every photo checked


def to_onnx(served: nn.Module, size: int, outputs: Sequence[str]) -> bytes:
    """Trace a served module into one ONNX file with a free batch dimension, large weights stored small."""
    import onnx

    example = torch.randint(0, 256, (2, size, size, 3), dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(
        logging.ERROR
    )  # it announces the absence of torchvision, which is on purpose
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the exporter's own code
        path = Path(folder) / "graph.onnx"
        torch.onnx.export(
            served.eval(),
            (example,),
            str(path),
            input_names=["pixels"],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        model = onnx.load(str(path))
    _anonymise(model)
    _shrink(model)
    onnx.checker.check_model(model)
    buffer = io.BytesIO()
    onnx.save_model(model, buffer)
    return buffer.getvalue()


def parity(served: nn.Module, graph: bytes, photos: Sequence[Pixels]) -> dict[str, float]:
    """Compare PyTorch with the exported graph in ONNX Runtime.

    Args:
        served: The module that was exported.
        graph: What `to_onnx` gave.
        photos: Fitted photos, (S, S, 3) uint8 each.

    Returns:
        Least and mean cosine, and the share of photos whose nearest other photo is the same.

    Raises:
        BundleError: A vector's cosine is below `MIN_COSINE`.
    """
    import onnxruntime as ort

    batch = np.stack(photos)
    with torch.inference_mode():
        ours = served.eval()(torch.from_numpy(batch))[0].numpy()
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    theirs = session.run([session.get_outputs()[0].name], {"pixels": batch})[0]
    cosine = (ours * theirs).sum(1)
    nearest = [np.argmax(vectors @ vectors.T - 2 * np.eye(len(vectors)), axis=1) for vectors in (ours, theirs)]
    figures = {
        "photos": len(batch),
        "least_cosine": round(float(cosine.min()), 6),
        "mean_cosine": round(float(cosine.mean()), 6),
        "same_nearest": round(float((nearest[0] == nearest[1]).mean()), 4),
    }
    if figures["least_cosine"] < MIN_COSINE:
        raise BundleError(
            f"export lost too much: least cosine {figures['least_cosine']}, at least {MIN_COSINE} is asked for"
        )
    return figures


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


def _shrink(model: Any) -> None:
    """Store large float32 weights small; the runtime widens them to float32 once, when it loads the graph.

    A weight that came from an 8-bit file and was never trained has at most 256 different values: it is kept as a table
    of them and a byte an element, which loses nothing. Every other one is stored in half precision.
    """
    from onnx import TensorProto, helper, numpy_helper

    widening, kept = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < SMALLEST_SHRUNK:
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

"""A model's graph and the head trained on its vectors, joined into one: pixels in, new vectors and codes out.

The head's few operations are written as nodes by hand, in words that every operator set since 13 has, so they can
follow graphs that others have made, whatever their age. Everything else that the graph says stays as it was.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from wearabouts.errors import BundleError
from wearabouts.models.codes import BYTE
from wearabouts.models.head import Head
from wearabouts.types import Floats

OLDEST = 13  # operator set in which ReduceSum takes its axes as an input
GIVEN = "head.given"  # what the model's own vector is called once another one takes its name


def join(graph: bytes, net: Head) -> bytes:
    """Put a trained head on a graph.

    Args:
        graph: With an output ``vector`` (N, D) of length 1.
        net: Trained on such vectors; at rest, on the CPU.

    Returns:
        The graph with its outputs, of which ``vector`` is the head's, and ``code`` where the head has one.

    Raises:
        BundleError: The graph has no such output, or is too old for the head's operations.
    """
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_model_from_string(graph)
    sets = {entry.domain: entry.version for entry in model.opset_import}
    version = sets.get("", sets.get("ai.onnx", 0))
    if version < OLDEST:
        try:
            model = onnx.version_converter.convert_version(model, OLDEST)
        except Exception as error:  # the converter raises its own unrelated types
            raise BundleError(
                f"the graph uses operator set {version}, a head needs {OLDEST}, and it cannot be converted: "
                f"{str(error).splitlines()[0][:100]}; export or pull the model again in a newer one"
            ) from error
    outputs = {output.name: output for output in model.graph.output}
    if "vector" not in outputs:
        raise BundleError("the graph gives no vector; a head stands on the vectors of a bundle")
    nodes = _Nodes(model)
    vector = "vector"
    if net.last is not None:
        _rename(model, "vector", GIVEN)
        vector = nodes.adapt(net)
        outputs["vector"].CopyFrom(helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["N", net.served_dim]))
    if net.hash is not None:
        bits = nodes.affine(vector, net.hash.latent.weight, net.hash.latent.bias)
        nodes.pack(bits, net.hash.latent.out_features)
        size = net.hash.latent.out_features // BYTE
        model.graph.output.append(helper.make_tensor_value_info("code", TensorProto.UINT8, ["N", size]))
    onnx.checker.check_model(model)
    buffer = io.BytesIO()
    onnx.save_model(model, buffer)
    return buffer.getvalue()


class _Nodes:
    """Adds nodes to the end of a graph, with names of their own."""

    def __init__(self, model: Any) -> None:
        self.graph = model.graph
        self.count = 0

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        from onnx import helper

        self.count += 1
        output = output or f"head.{self.count}"
        self.graph.node.append(helper.make_node(kind, inputs, [output], name=f"head.{kind}.{self.count}", **attributes))
        return output

    def constant(self, values: Any) -> str:
        from onnx import numpy_helper

        self.count += 1
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(values), f"head.constant.{self.count}"))
        return f"head.constant.{self.count}"

    def affine(self, x: str, weight: Tensor, bias: Tensor | None = None) -> str:
        y = self.add("MatMul", x, self.constant(_plain(weight).T.copy()))
        return y if bias is None else self.add("Add", y, self.constant(_plain(bias)))

    def adapt(self, net: Head) -> str:
        """`Head.adapt`."""
        assert net.last is not None
        x = GIVEN
        if net.first is not None:
            x = self.add("Relu", self.affine(x, net.first.weight, net.first.bias))
        x = self.affine(x, net.last.weight)
        if net.first is not None and net.last.out_features == net.first.in_features:
            x = self.add("Add", x, GIVEN)
        axis = self.constant(np.array([1], np.int64))
        squares = self.add("ReduceSum", self.add("Mul", x, x), axis, keepdims=1)
        length = self.add("Max", self.add("Sqrt", squares), self.constant(np.float32(1e-12)))
        return self.add("Div", x, length, output="vector")

    def pack(self, latent: str, bits: int) -> str:
        """`wearabouts.models.codes.packed` of what is at least zero."""
        from onnx import TensorProto

        ones = self.add("Cast", self.add("GreaterOrEqual", latent, self.constant(np.float32(0))), to=TensorProto.FLOAT)
        # Whole numbers to 255 are exact in float32. No product of matrices: those may be made integers later.
        bytewise = self.add("Reshape", ones, self.constant(np.array([-1, bits // BYTE, BYTE], np.int64)))
        powers = self.constant(2.0 ** np.arange(BYTE - 1, -1, -1, dtype=np.float32))
        axis = self.constant(np.array([2], np.int64))
        summed = self.add("ReduceSum", self.add("Mul", bytewise, powers), axis, keepdims=0)
        return self.add("Cast", summed, to=TensorProto.UINT8, output="code")


def _rename(model: Any, old: str, new: str) -> None:
    for node in model.graph.node:
        node.output[:] = [new if name == old else name for name in node.output]
        node.input[:] = [new if name == old else name for name in node.input]


def _plain(values: Tensor) -> Floats:
    found: Floats = values.detach().cpu().float().numpy()
    return found


def same_bits(ours: Sequence[Any], theirs: Sequence[Any]) -> float:
    """Share of bits that two lists of codes have in common."""
    a, b = (np.unpackbits(np.asarray(codes, np.uint8), axis=1) for codes in (ours, theirs))
    return round(float((a == b).mean()), 6)

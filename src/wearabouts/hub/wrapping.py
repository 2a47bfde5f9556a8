"""A tower's graph made into ours: bytes of photos or tokens in, unit vectors out, every step between inside.

    pixels (N, S, S, 3) uint8 → float → (N, 3, S, S) → * scale + shift a channel → the tower → pooled → length 1

Only nodes are added in front and behind; what the tower computes is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from wearabouts.errors import BundleError
from wearabouts.hub.photos import PhotoRule

FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)
MARK = "wearabouts."  # before the names of what is added


def wrap_photos(model: ModelProto, rule: PhotoRule, pooled: str, path: str) -> tuple[bytes, int]:
    """The photo tower, wrapped.

    Args:
        model: Cut to one output and one input, the prepared photos.
        rule: How bytes are prepared.
        pooled: How an output of more than two axes becomes a vector: ``first`` token, or ``mean``.
        path: For messages.

    Returns:
        The graph, and the floats of its vector.

    Raises:
        BundleError: It does not take such photos, or gives nothing that can be pooled so.
    """
    size = rule.preprocessing.size
    given = model.graph.input[0]
    kind = _photos_kind(given, size, path)
    _make_room(model, {"pixels", "vector"})
    source, output = model.graph.input[0].name, model.graph.output[0].name
    shape = _probe(model, {source: np.zeros((2, 3, size, size), helper.tensor_dtype_to_np_dtype(kind))}, path)
    held = {
        "scale": np.array(rule.scale, np.float32).reshape(1, 3, 1, 1),
        "shift": np.array(rule.shift, np.float32).reshape(1, 3, 1, 1),
    }
    before = [
        helper.make_node("Cast", ["pixels"], [MARK + "bytes"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", [MARK + "bytes"], [MARK + "planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Mul", [MARK + "planes", MARK + "scale"], [MARK + "scaled"]),
        helper.make_node("Add", [MARK + "scaled", MARK + "shift"], [MARK + "shifted"]),
        helper.make_node("Cast", [MARK + "shifted"], [source], to=kind),
    ]
    entry = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", size, size, 3])
    return _finished(model, before, [entry], held, _pooling(output, shape, pooled, path), path), shape[
        1 if len(shape) != 3 else 2
    ]


def wrap_text(model: ModelProto, context: int, path: str, *, padding_seen: bool) -> tuple[bytes, int]:
    """The text tower, wrapped: `tokens`, and `mask` where the tower asks for one, both (N, L) int64.

    Args:
        model: Cut to one output; its inputs are tokens and perhaps a mask, by their names.
        context: Tokens it may be given.
        path: For messages.
        padding_seen: Whether the tower was trained to see padding: then a mask is not asked for, and hides nothing.

    Returns:
        The graph, and the floats of its vector.

    Raises:
        BundleError: It takes no such tokens, or gives no vector a text.
    """
    _make_room(model, {"tokens", "mask", "vector"})
    names = [each.name for each in model.graph.input]
    kinds = {each.name: each.type.tensor_type.elem_type for each in model.graph.input}
    if not set(kinds.values()) <= {TensorProto.INT64, TensorProto.INT32}:
        raise BundleError(f"{path} takes tokens of another kind than whole numbers")
    ones = {name: np.ones((2, context), helper.tensor_dtype_to_np_dtype(kinds[name])) for name in names}
    shape = _probe(model, ones, path)
    if len(shape) != 2:
        raise BundleError(f"{path} gives {list(shape)} for two texts; one vector each is wanted")
    ours = {name: "mask" if "mask" in name else "tokens" for name in names}
    before = []
    if padding_seen and "mask" in ours.values():
        one = helper.make_tensor(MARK + "one", TensorProto.INT64, [1], [1])
        before = [
            helper.make_node("Shape", ["tokens"], [MARK + "shape"]),
            helper.make_node("ConstantOfShape", [MARK + "shape"], [MARK + "ones"], value=one),
        ]
        ours = {name: MARK + "ones" if our == "mask" else our for name, our in ours.items()}
    before += [helper.make_node("Cast", [ours[name]], [name], to=kinds[name]) for name in names]
    asked = [our for our in ours.values() if not our.startswith(MARK)]
    entries = [helper.make_tensor_value_info(our, TensorProto.INT64, ["N", "L"]) for our in asked]
    after = _pooling(model.graph.output[0].name, shape, "", path)
    return _finished(model, before, entries, {}, after, path), shape[1]


def _photos_kind(given: Any, size: int, path: str) -> int:
    """The element type of a tower's input, once it takes (N, 3, size, size)."""
    kind = given.type.tensor_type.elem_type
    axes = [each.dim_value for each in given.type.tensor_type.shape.dim]
    if kind not in FLOATS or (axes and len(axes) != 4):
        raise BundleError(f"{path} takes {axes} of type {kind} as {given.name!r}; floats (N, 3, S, S) are wanted")
    if axes and (axes[0] not in (0,) or axes[1] not in (0, 3) or not set(axes[2:]) <= {0, size}):
        raise BundleError(
            f"{path} takes photos as {axes}; any number of them, three channels and {size} pixels, as the repository's "
            "image processor makes them, are wanted (0 stands for any)"
        )
    return int(kind)


def _make_room(model: ModelProto, names: set[str]) -> None:
    """Rename the tower's tensors where one has a name of ours."""
    graph = model.graph
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    taken |= {each.name for part in (graph.initializer, graph.input, graph.output) for each in part}
    if taken & names or any(name.startswith(MARK) for name in taken):
        onnx.compose.add_prefix(model, "tower/", inplace=True, rename_functions=False)


def _probe(model: ModelProto, given: dict[str, Any], path: str) -> tuple[int, ...]:
    """The shape of what two photos or texts give, found by asking."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        (found,) = session.run(None, given)
    except Exception as error:  # the runtime's own types
        raise BundleError(f"{path} cannot be run: {' '.join(str(error).split())[:200]}") from error
    if found.shape[0] != 2 or found.dtype.kind != "f":
        raise BundleError(f"{path} gives {list(found.shape)} of {found.dtype} for two; two rows of floats are wanted")
    return tuple(found.shape)


def _pooling(output: str, shape: Sequence[int], pooled: str, path: str) -> list[Any]:
    """Nodes from the tower's output to the vector, and the weight they need."""
    nodes = [helper.make_node("Cast", [output], [MARK + "floats"], to=TensorProto.FLOAT)]
    last = MARK + "floats"
    if len(shape) == 4:
        nodes.append(helper.make_node("GlobalAveragePool", [last], [MARK + "pooled"]))
        nodes.append(helper.make_node("Flatten", [MARK + "pooled"], [MARK + "flat"], axis=1))
        last = MARK + "flat"
    elif len(shape) == 3 and pooled == "first":
        nodes.append(helper.make_node("Gather", [last, MARK + "first"], [MARK + "pooled"], axis=1))
        last = MARK + "pooled"
    elif len(shape) == 3 and pooled == "mean":
        nodes.append(helper.make_node("Transpose", [last], [MARK + "turned"], perm=[0, 2, 1]))
        nodes.append(helper.make_node("GlobalAveragePool", [MARK + "turned"], [MARK + "pooled"]))
        nodes.append(helper.make_node("Flatten", [MARK + "pooled"], [MARK + "flat"], axis=1))
        last = MARK + "flat"
    elif len(shape) != 2:
        raise BundleError(f"{path} gives {list(shape)} for two photos, which is no vector each; name one with --output")
    nodes.append(helper.make_node("LpNormalization", [last], ["vector"], axis=-1, p=2))
    return nodes


def _finished(
    model: ModelProto, before: list[Any], inputs: list[Any], held: dict[str, Any], after: list[Any], path: str
) -> bytes:
    """The tower between our nodes, checked, as bytes."""
    graph = model.graph
    nodes = [*before, *graph.node, *after]
    if any(MARK + "first" in node.input for node in after):
        held = {**held, "first": np.array(0, np.int64)}
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(value, MARK + name) for name, value in held.items())
    del graph.input[:]
    graph.input.extend(inputs)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["N", None]))
    model.doc_string = graph.doc_string = ""
    del model.metadata_props[:]
    try:
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
    except (onnx.checker.ValidationError, ValueError) as error:
        raise BundleError(f"{path} is not a valid graph: {' '.join(str(error).split())[:200]}") from error

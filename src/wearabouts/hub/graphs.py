"""A stranger's ONNX graph as one message: weights gathered in, nothing outside referred to, cut to what is needed.

A graph is data, but it may name other files as its weights, operators that only its author's library knows, and be of
a version no runtime here reads. Each is settled before the runtime sees it. What remains is arithmetic: the worst a
graph can do is to take long and to need memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto

from wearabouts.bundles import MAX_GRAPH
from wearabouts.errors import BundleError
from wearabouts.hub.repository import PATH, Repository

OPSETS = range(11, onnx.defs.onnx_opset_version() + 1)
IR_VERSIONS = range(4, onnx.IR_VERSION + 1)
# The runtime's own operators (fused attention, quantised sums) beside the standard's.
DOMAINS = ("", "ai.onnx", "com.microsoft", "ai.onnx.ml")


def read_graph(repository: Repository, path: str) -> ModelProto:
    """One graph with all its weights in it.

    Args:
        repository: Where it lies.
        path: Of the graph.

    Raises:
        BundleError: Not a graph, of another version, too large, with operators of others, or with weights in files
            that do not lie beside it in the repository.
    """
    file = repository.fetch(path, MAX_GRAPH)
    try:
        model = onnx.load_model(str(file), load_external_data=False)
    except (DecodeError, ValueError, TypeError) as error:
        raise BundleError(f"{path} of {repository.name} is no ONNX graph: {str(error)[:100]}") from error
    if not model.graph.output:
        raise BundleError(f"{path} of {repository.name} is no ONNX graph: it gives nothing")
    check_versions(model, path)
    _gather(model, repository, path)
    if model.ByteSize() > MAX_GRAPH:
        raise BundleError(f"{path} has {model.ByteSize():,} bytes with its weights; at most {MAX_GRAPH:,} are served")
    return model


def check_versions(model: ModelProto, path: str) -> None:
    """See that a runtime can know what the graph means.

    Raises:
        BundleError: It cannot.
    """
    if model.ir_version not in IR_VERSIONS:
        raise BundleError(
            f"{path} is of IR version {model.ir_version}; {IR_VERSIONS[0]} to {IR_VERSIONS[-1]} are read here"
        )
    opset = next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 0)
    if opset not in OPSETS:
        raise BundleError(f"{path} is of opset {opset}; {OPSETS[0]} to {OPSETS[-1]} are read here")
    own = {function.domain for function in model.functions}
    strange = {node.domain for node in _nodes(model)} - own - set(DOMAINS)
    if strange:
        raise BundleError(f"{path} has operators of {', '.join(sorted(strange))[:100]}, which no runtime here knows")


def cut(model: ModelProto, output: str, inputs: Iterable[str], path: str) -> None:
    """Leave only what one output needs, in place.

    Args:
        model: The graph.
        output: Name of a tensor in it: one of its outputs, or any that a node gives.
        inputs: What it may need of the graph's inputs.
        path: For messages.

    Raises:
        BundleError: There is no such tensor, or it needs other inputs.
    """
    graph = model.graph
    maker = {name: number for number, node in enumerate(graph.node) for name in node.output if name}
    if output not in maker:
        raise BundleError(
            f"{path} computes no {output!r}; its outputs are {', '.join(each.name for each in graph.output)}"
        )
    kept: set[int] = set()
    needed, open_names = {output}, [output]
    while open_names:
        number = maker.get(open_names.pop())
        if number is None or number in kept:
            continue
        kept.add(number)
        new = set(_needs(graph.node[number])) - needed
        needed |= new
        open_names.extend(new)
    weights = {each.name for each in graph.initializer} | {each.values.name for each in graph.sparse_initializer}
    asked = [each.name for each in graph.input if each.name in needed and each.name not in weights]
    other = sorted(set(asked) - set(inputs))
    if other:
        raise BundleError(f"{output!r} of {path} also needs {', '.join(other)}, which is not given here")
    for part, stays in (
        (graph.node, [node for number, node in enumerate(graph.node) if number in kept]),
        (graph.initializer, [each for each in graph.initializer if each.name in needed]),
        (graph.input, [each for each in graph.input if each.name in needed and each.name not in weights]),
    ):
        if len(stays) != len(part):
            copies = [type(each).FromString(each.SerializeToString()) for each in stays]
            del part[:]
            part.extend(copies)
    del graph.output[:]
    graph.output.extend([onnx.helper.make_empty_tensor_value_info(output)])
    del graph.value_info[:]


def tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Every tensor of a graph, wherever it hides: weights, constants, branches, functions, sparse ones."""
    for graph in _graphs(model):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for node in _nodes(model):
        for attribute in node.attribute:
            yield from attribute.tensors
            sparse_ones = list(attribute.sparse_tensors)
            if attribute.type == AttributeProto.TENSOR or attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("sparse_tensor"):
                sparse_ones.append(attribute.sparse_tensor)
            for sparse in sparse_ones:
                yield from (sparse.values, sparse.indices)


def _gather(model: ModelProto, repository: Repository, path: str) -> None:
    """Put tensors kept in other files into the graph."""
    total = repository.files[path]
    opened: dict[str, Path] = {}
    for tensor in tensors(model):
        if tensor.data_location != TensorProto.EXTERNAL and not tensor.external_data:
            continue
        said = {entry.key: entry.value for entry in tensor.external_data}
        beside = _beside(repository, path, said.get("location", ""))
        if beside not in opened:
            total += repository.files[beside]
            if total > MAX_GRAPH:
                raise BundleError(f"{path} has over {MAX_GRAPH:,} bytes with its weights; take a smaller --variant")
            opened[beside] = repository.fetch(beside, MAX_GRAPH)
        tensor.raw_data = _bytes(opened[beside], tensor, said, path)
        del tensor.external_data[:]
        tensor.data_location = TensorProto.DEFAULT


def _beside(repository: Repository, path: str, location: str) -> str:
    """The file of the repository that an external tensor names: one in the graph's own folder."""
    beside = (PurePosixPath(path).parent / location).as_posix()
    if "/" in location or not PATH.fullmatch(location) or beside not in repository.files:
        raise BundleError(
            f"{path} keeps weights in {location[:100]!r}; only files beside it in the repository are read"
        )
    return beside


def _bytes(file: Path, tensor: TensorProto, said: dict[str, str], path: str) -> bytes:
    """The tensor's part of the file, no more than its shape asks for."""
    try:
        offset = int(said.get("offset", 0))
        width = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        wanted = math.prod(tensor.dims) * width
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: tensor {tensor.name[:60]!r} cannot be placed: {str(error)[:80]}") from error
    length = int(said["length"]) if said.get("length", "").isdigit() else wanted
    if min(tensor.dims, default=1) < 0 or offset < 0 or length != wanted or offset + length > file.stat().st_size:
        raise BundleError(
            f"{path}: tensor {tensor.name[:60]!r} of {list(tensor.dims)} wants {wanted:,} bytes, its entry names "
            f"{length:,} from {offset:,} on in a file of {file.stat().st_size:,}"
        )
    with file.open("rb") as opened:
        opened.seek(offset)
        return opened.read(length)


def _graphs(model: ModelProto) -> Iterator[Any]:
    """The graph and those inside its nodes' attributes."""
    waiting = [model.graph]
    waiting += [inner for function in model.functions for node in function.node for inner in _inner(node)]
    while waiting:
        graph = waiting.pop()
        yield graph
        waiting += [inner for node in graph.node for inner in _inner(node)]


def _inner(node: NodeProto) -> list[Any]:
    """Graphs that a node holds: branches and loops."""
    return [graph for each in node.attribute for graph in ([each.g] if each.HasField("g") else []) + list(each.graphs)]


def _nodes(model: ModelProto) -> Iterator[NodeProto]:
    for graph in _graphs(model):
        yield from graph.node
    for function in model.functions:
        yield from function.node


def _needs(node: NodeProto) -> Iterator[str]:
    """Names that a node reads, those that its branches take from outside among them."""
    yield from (name for name in node.input if name)
    for graph in _inner(node):
        for inner in graph.node:
            yield from _needs(inner)
        yield from (each.name for each in graph.output)

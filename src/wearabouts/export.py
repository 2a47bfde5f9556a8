"""From PyTorch to a bundle: one self-contained ONNX graph, weights stored small, and a gate on parity.

The graph takes the bytes of fitted photos and gives unit vectors and probabilities: every step between is inside, so no
caller can preprocess differently. Weights are widened when the runtime loads them; all arithmetic is float32.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from wearabouts import bundles
from wearabouts.drawn.shop import DrawnShop
from wearabouts.errors import BundleError, SettingsError
from wearabouts.garments import ATTRIBUTES, GARMENTS
from wearabouts.models.mini import Mini
from wearabouts.models.mobilenet import MobileNetV1, MobileNetV2, load_tflite
from wearabouts.training import SUMMARY, build
from wearabouts.training.recipe import Recipe
from wearabouts.types import Pixels

OPSET = 18
SMALLEST_SHRUNK = 256  # elements; biases and scalars stay in float32, they weigh nothing
NOTICES = (
    "Start weights: MobileNetV1 and V2 of google-coral/test_data, Apache-2.0, trained on ImageNet by their publishers",
    "Clothing photographs: clothing-dataset by Alexey Grigorev and contributors, CC0 1.0",
    "Grocery photographs: Grocery Store Dataset, (c) 2019 Marcus Klasson, MIT",
)
DATA = (
    {"name": "clothing-dataset", "licence": "CC0-1.0", "used": "photos marked train, split by sender"},
    {"name": "GroceryStoreDataset", "licence": "MIT", "used": "items marked train, split by item"},
    {
        "name": "drawn shop",
        "licence": "Apache-2.0",
        "used": "part train: its cuts, motifs and sceneries occur in no other part",
    },
)
MIN_COSINE = 0.999  # of the exported vectors to PyTorch's, on every photo checked


class ServedMini(nn.Module):
    """`Mini` from bytes to probabilities."""

    def __init__(self, net: Mini) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """(N, S, S, 3) uint8 → vector, garment, one per attribute, saliency."""
        seen = self.net(pixels.permute(0, 3, 1, 2).float() / 255)
        attributes = [logits.softmax(-1) for logits in seen.attributes.values()]
        return seen.vector, seen.garment.softmax(-1), *attributes, torch.sigmoid(seen.saliency)


class ServedGeneric(nn.Module):
    """ImageNet features of MobileNetV1 and V2, each of length 1, joined: what one gets without training anything."""

    def __init__(self, v1: MobileNetV1, v2: MobileNetV2) -> None:
        super().__init__()
        self.v1, self.v2 = v1, v2

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """(N, S, S, 3) uint8 → vector (N, 2304)."""
        x = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
        parts = [F.normalize(trunk(x).mean((2, 3)), dim=-1) for trunk in (self.v1, self.v2)]
        return (torch.cat(parts, 1) * 0.5**0.5,)


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


def write_bundle(folder: Path, served: nn.Module, photos: Sequence[Pixels], **card: Any) -> dict[str, float]:
    """Export a one-tower model as a bundle, checked.

    Args:
        folder: The bundle's folder.
        served: Bytes to outputs, `vector` first, the others in the order of the card.
        photos: Fitted photos for the parity check.
        card: Fields of `bundles.Card` but for the graphs and parity.

    Returns:
        The parity figures, which the card holds too.
    """
    outputs = ["vector"] + (["garment"] if card.get("garments") else [])
    outputs += [f"attribute.{name}" for name in card.get("attributes", {})] + (
        ["saliency"] if card.get("saliency") else []
    )
    preprocessing = card["preprocessing"]
    graph = to_onnx(served, preprocessing.size, outputs)
    figures = parity(served, graph, photos)
    entry = bundles.Graph(file="encoder.onnx", sha256=hashlib.sha256(graph).hexdigest())
    made = bundles.Card(graphs={"shop": entry, "street": entry}, stored="float16", parity=dict(figures), **card)
    bundles.write(folder, made, {"encoder.onnx": graph})
    return figures


def generic(weights: Path, folder: Path, size: int = 224) -> Path:
    """Export the untrained baseline of the model table: both MobileNets' ImageNet features, joined.

    Args:
        weights: Folder with the published ``.tflite`` files.
        folder: Where the bundle goes.
        size: Input size in pixels; the networks were trained at 224.
    """
    v1, v2 = MobileNetV1(), MobileNetV2()
    load_tflite(v1, weights / "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite")
    load_tflite(v2, weights / "tf2_mobilenet_v2_1.0_224_ptq.tflite")
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(4)]
    write_bundle(
        folder,
        ServedGeneric(v1, v2),
        photos,
        name="generic",
        description="ImageNet features of MobileNetV1 and MobileNetV2, joined; not trained on garments",
        preprocessing=bundles.Preprocessing(size=size),
        dim=v1.channels + v2.channels,
        licence="Apache-2.0",
        notices=("Weights: google-coral/test_data, Apache-2.0, trained on ImageNet by their publishers",),
    )
    return folder


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


def main_export(run: Path, out: Path) -> Path:
    """Export a trained run as a bundle.

    Args:
        run: Folder that `wearabouts.training.main_train` wrote.
        out: Folder of the bundle.

    Returns:
        The bundle's folder.

    Raises:
        SettingsError: The folder holds no finished run.
        BundleError: The exported graph differs too much from what was trained.
    """
    recipe, summary, weights = _finished(Path(run))
    net = build(recipe)
    net.load_state_dict({key.removeprefix("net."): value for key, value in weights.items() if key.startswith("net.")})
    write_bundle(
        Path(out),
        ServedMini(net),
        _samples(recipe),
        name=recipe.name,
        description="Two MobileNet trunks, learned saliency, colour inside the vector; see wearabouts.models.mini",
        preprocessing=bundles.Preprocessing(size=recipe.network.size),
        dim=recipe.network.identity_dim + recipe.network.garment_dim + recipe.network.photo_dim,
        garments=GARMENTS,
        attributes=ATTRIBUTES,
        saliency=True,
        licence="Apache-2.0",
        notices=NOTICES,
        data=DATA,
        training=summary,
    )
    return Path(out)


def _finished(run: Path) -> tuple[Recipe, dict[str, Any], dict[str, Tensor]]:
    """The recipe, the summary and the last weights of a run."""
    summary, checkpoints = run / SUMMARY, sorted(run.glob("[0-9]*.model.safetensors"))
    if not summary.is_file() or not checkpoints:
        raise SettingsError(
            f"{run} holds no finished run; run `wearabouts train RECIPE --data DIR --out {run}` until it ends"
        )
    content = json.loads(summary.read_text("utf-8"))
    return Recipe.model_validate(content["recipe"]), content, load_file(checkpoints[-1])


def _samples(recipe: Recipe) -> list[Pixels]:
    """Photos for the parity check: drawn ones, which are always at hand."""
    shop = DrawnShop(seed=recipe.data.drawn_seed, products=16, part="calibrate")
    fit = bundles.Preprocessing(size=recipe.network.size).apply
    return [
        fit(shop.render(i, view, size=recipe.network.size).pixels) for i in range(16) for view in ("front", "street-0")
    ]

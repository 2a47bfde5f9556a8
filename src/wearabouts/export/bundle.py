"""A finished run on its way into a bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wearabouts import bundles
from wearabouts.drawn.shop import DrawnShop
from wearabouts.errors import BundleError
from wearabouts.export.gates import FLOAT, Probe, compared, in_batches
from wearabouts.export.graph import to_onnx, traced, vectors_from, vectors_of
from wearabouts.training.recipe import Recipe
from wearabouts.types import SIDES, Floats, Pixels, Side

SMALLEST = 64  # px: lower photos are not drawn
MAX_DIFFERENCE = 0.02  # of a verifier's probabilities, exported to trained


@dataclass(frozen=True)
class Finished:
    """What a run left behind.

    Attributes:
        recipe: What was trained.
        summary: What `run.json` says.
        weights: The last weights by name.
        probe: Held-out photos, where the run has kept some: give them to `write_bundle`.
        folder: Of the run, for what a model keeps there besides.
    """

    recipe: Recipe
    summary: dict[str, Any]
    weights: dict[str, Tensor]
    probe: Probe | None = None
    folder: Path | None = None


def write_bundle(
    folder: Path,
    served: nn.Module | Mapping[Side, nn.Module],
    photos: Sequence[Pixels],
    *,
    verifier: nn.Module | None = None,
    categories: Sequence[str] = (),
    probe: Probe | None = None,
    int8: bool = False,
    **card: Any,
) -> dict[str, Any]:
    """Export a model as a bundle, checked.

    Args:
        folder: The bundle's folder.
        served: Bytes to outputs, `vector` first, the others in the order of `output_names`; for two towers, a module a
            side. One module given for both sides makes one file.
        photos: Fitted photos for the parity check.
        verifier: (N, D), (N, D) unit vectors of street and shop → (N, C + 1) probabilities, see `bundles.Verifier`.
        categories: The verifier's C categories, column 1 and on.
        probe: Held-out photos of both sides, to see what export does to a search; `Finished.probe` has them.
        int8: Write a second bundle beside, ``<folder>-int8``, with integer arithmetic, see `export.quantised`.
        **card: Fields of `bundles.Card` but for the graphs, the verifier and parity.

    Returns:
        The parity figures, which the card holds too.

    Raises:
        BundleError: The exported graphs differ too much from what was trained, or lose too much in a search.
    """
    modules = dict(served) if isinstance(served, Mapping) else {side: served for side in SIDES}
    size, outputs = card["preprocessing"].size, output_names(card)
    files: dict[str, bytes] = {}
    entries: dict[Side, bundles.Graph] = {}
    one_tower = modules["street"] is modules["shop"]
    for side in SIDES:
        name = "encoder.onnx" if one_tower else f"{side}.onnx"
        if name not in files:
            files[name] = to_onnx(modules[side], size, outputs)
        entries[side] = bundles.Graph(file=name, sha256=_sha256(files[name]))
    embeds = {name: vectors_from(content) for name, content in files.items()}
    ours = {id(module): vectors_of(module) for module in modules.values()}
    figures = compared(
        {side: ours[id(modules[side])] for side in SIDES},
        {side: embeds[entries[side].file] for side in SIDES},
        photos,
        probe,
        FLOAT,
    )
    if verifier is not None:
        vectors = in_batches(embeds[entries["shop"].file], np.stack(photos))
        files["verifier.onnx"], figures["verifier_difference"] = _verifier(verifier, vectors, len(categories))
        entry = _sha256(files["verifier.onnx"])
        card["verifier"] = bundles.Verifier(file="verifier.onnx", sha256=entry, categories=tuple(categories))
    made = bundles.Card(graphs=entries, stored="float16", parity=figures, **card)
    bundles.write(folder, made, files)
    if int8:
        from wearabouts.export.quantised import quantise

        figures["int8"] = quantise(folder, photos, probe)
    return figures


def output_names(card: Mapping[str, Any]) -> list[str]:
    """What a graph gives, in order, for the fields of a card."""
    names = ["vector"] + (["garment"] if card.get("garments") else [])
    names += [f"attribute.{name}" for name in card.get("attributes", {})]
    names += [name for name in ("saliency", "landmarks") if card.get(name)]
    return names + (["code"] if card.get("bits") else [])


def samples(size: int, seed: int) -> list[Pixels]:
    """Photos for the parity check, fitted: drawn ones, which are always at hand.

    Args:
        size: Side of the graph's input in pixels.
        seed: Of the drawn shop.
    """
    shop = DrawnShop(seed=seed, products=16, part="calibrate")
    fit = bundles.Preprocessing(size=size).apply
    height = max(size, SMALLEST)
    return [fit(shop.render(i, view, size=height).pixels) for i in range(16) for view in ("front", "street-0")]


def _verifier(verifier: nn.Module, vectors: Floats, categories: int) -> tuple[bytes, float]:
    """The verifier's graph, and the largest difference of a probability to what was trained."""
    import onnxruntime as ort

    count = len(vectors)
    street = np.repeat(vectors, count, axis=0)
    shop = np.tile(vectors, (count, 1))
    pair = {name: torch.from_numpy(part[:2].copy()) for name, part in (("street", street), ("shop", shop))}
    graph = traced(verifier, pair, ["probability"])
    with torch.inference_mode():
        ours = verifier.eval()(torch.from_numpy(street), torch.from_numpy(shop)).numpy()
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    theirs = session.run(["probability"], {"street": street, "shop": shop})[0]
    if theirs.shape != (len(street), categories + 1):
        raise BundleError(
            f"the verifier gives {theirs.shape[1]} columns for {categories} categories; give it {categories + 1}"
        )
    difference = round(float(np.abs(ours - theirs).max()), 6)
    if not difference <= MAX_DIFFERENCE:
        raise BundleError(
            f"export lost too much: a verifier's probability is off by {difference}, {MAX_DIFFERENCE} is allowed"
        )
    return graph, difference


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""A finished run on its way into a bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from wearabouts import bundles
from wearabouts.calibration import Calibration
from wearabouts.drawn.shop import DrawnShop
from wearabouts.export.gates import FLOAT, Probe, compared, in_batches
from wearabouts.export.graph import to_onnx, vectors_from, vectors_of
from wearabouts.export.judging import Stage, regions_difference, staged
from wearabouts.training.recipe import Recipe
from wearabouts.types import SIDES, Floats, Pixels, Side

SMALLEST = 64  # px: lower photos are not drawn


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
    local: nn.Module | None = None,
    judge: bundles.Judge | None = None,
    calibration: Calibration | None = None,
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
        verifier: (N, D), (N, D) unit vectors of street and shop → (N, C + 1) probabilities; exported in two parts where
            it can be split, see `export.judging.pair_part`.
        categories: The verifier's C categories, column 1 and on.
        local: (N, R, C), (N, R, C) int8 regions of street and shop → (N,) log-odds; needs `regions` on the card.
        judge: Weighs what they say.
        calibration: Fitted on that judge's log-odds; one that names no verifier is said to be this one's.
        probe: Held-out photos of both sides, to see what export does to a search; `Finished.probe` has them.
        int8: Write a second bundle beside, ``<folder>-int8``, with integer arithmetic, see `export.quantised`.
        **card: Fields of `bundles.Card` but for the graphs, the second stage and parity.

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
    made = bundles.Card(graphs=entries, stored="float16", judge=judge, **card)
    batch, regions = np.stack(photos), None
    if made.regions is not None:
        found = {file.file: _regions(modules[side], files[file.file], outputs, batch) for side, file in entries.items()}
        regions = found[entries["shop"].file][0]
        figures["regions_difference"] = max(difference for _, difference in found.values())
    vectors = in_batches(embeds[entries["shop"].file], batch) if verifier is not None else None
    made, more, lost = staged(made, Stage(verifier, categories, local, calibration), vectors, regions)
    figures |= lost
    bundles.write(folder, made.model_copy(update={"parity": figures}), files | more)
    if int8:
        from wearabouts.export.quantised import quantise

        figures["int8"] = quantise(folder, photos, probe)
    return figures


def output_names(card: Mapping[str, Any]) -> list[str]:
    """What a graph gives, in order, for the fields of a card."""
    names = ["vector"] + (["garment"] if card.get("garments") else [])
    names += [f"attribute.{name}" for name in card.get("attributes", {})]
    names += [name for name in ("saliency", "landmarks") if card.get(name)]
    return names + (["regions"] if card.get("regions") else []) + (["code"] if card.get("bits") else [])


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


def _regions(
    module: nn.Module, graph: bytes, outputs: Sequence[str], photos: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.int8], float]:
    """Regions of photos as the graph gives them, and how far they are from the module's."""
    import onnxruntime as ort

    session, place = ort.InferenceSession(graph, providers=["CPUExecutionProvider"]), outputs.index("regions")

    def ours(some: npt.NDArray[np.uint8]) -> Floats:
        with torch.inference_mode():
            found: Floats = module.eval()(torch.from_numpy(some))[place].numpy()
        return found

    theirs = in_batches(lambda some: session.run(["regions"], {"pixels": some})[0], photos)
    return theirs.view(np.int8), regions_difference(in_batches(ours, photos), theirs)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

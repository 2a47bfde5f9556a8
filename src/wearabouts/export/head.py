"""`head` as a bundle: the graph it stands on and the head, in one file a side, so nothing else is needed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from wearabouts import bundles
from wearabouts.bundles import Bundle
from wearabouts.errors import BundleError, SettingsError
from wearabouts.export.bundle import Finished, samples
from wearabouts.export.gates import FLOAT, Embed, compared
from wearabouts.export.graph import vectors_from
from wearabouts.export.joining import join, same_bits
from wearabouts.models.head import Head
from wearabouts.training.data.supervision import Vocabulary
from wearabouts.training.head import build
from wearabouts.training.head.recipe import HeadRecipe
from wearabouts.types import SIDES, Floats, Side

NOTICE = "Head: as its training data allows: ask whose photographs these are before passing it on"
LEAST_BITS = 0.999  # share of bits that the exported graph and the trained head must have in common


def export(finished: Finished, folder: Path) -> None:
    """Write the bundle of a finished run of `head`; the arguments are those of every model.

    What the model below says besides its vector (garments, attributes, saliency, landmarks, regions) stays. Its second
    stage and its text tower compare the vectors they know, so they stay where the vector does.

    Raises:
        SettingsError: The model below is another one than was trained on.
        BundleError: The joined graph differs too much from what was trained.
    """
    recipe, summary = finished.recipe, finished.summary
    assert isinstance(recipe, HeadRecipe)
    start = bundles.load(recipe.network.start)
    _same(start, summary)
    words = Vocabulary.read(summary["vocabulary"])
    net = build(recipe, start, len(words.categories))
    net.load_state_dict(finished.weights)
    net.eval()
    joined = {start.card.graphs[side].file: join(start.graphs[side], net) for side in SIDES}
    files = dict(joined)
    figures = _parity(start, net, joined, finished)
    changed: dict[str, Any] = {"dim": net.served_dim, "bits": recipe.network.bits}
    if recipe.network.dim:
        changed |= {"verifier": None, "local": None, "judge": None, "calibration": None, "text": None}
    else:
        files |= start.beside()
    used = {
        "name": recipe.data.reader or "a catalog",
        "used": f"head: split {recipe.data.split or 'any'}, {summary['photos']} photos",
        **recipe.data.options,
    }
    parts = [f"{net.served_dim} floats"] + ([f"codes of {recipe.network.bits} bits"] if recipe.network.bits else [])
    card = start.card.model_copy(
        update={
            **changed,
            "name": recipe.name,
            "description": f"{start.card.name} with a head: {', '.join(parts)}; see wearabouts.models.head",
            "graphs": {
                side: graph.model_copy(update={"sha256": hashlib.sha256(joined[graph.file]).hexdigest()})
                for side, graph in start.card.graphs.items()
            },
            "notices": (*start.card.notices, NOTICE),
            "data": (*start.card.data, used),
            "training": {**summary, "below": start.card.training},
            "parity": {**figures, "below": start.card.parity},
            "figures": {},
        }
    )
    bundles.write(folder, bundles.rebound(card), files)


def _same(start: Bundle, summary: dict[str, Any]) -> None:
    trained = summary["start"]
    if (start.hash, start.card.graphs["street"].sha256) != (trained["encoder"], trained["street"]):
        raise SettingsError(
            f"{start.card.name!r} is not the bundle this head was trained on ({trained['name']!r}, encoder "
            f"{trained['encoder'][:9]}…); put that one back, or train again"
        )


def _parity(start: Bundle, net: Head, joined: dict[str, bytes], finished: Finished) -> dict[str, Any]:
    size = start.card.preprocessing.size
    photos = samples(size, seed=0)
    plain = {graph.file: vectors_from(start.graphs[side]) for side, graph in start.card.graphs.items()}
    whole = {name: vectors_from(content) for name, content in joined.items()}
    trained = {name: _on_top(embed, net) for name, embed in plain.items()}
    files: dict[Side, str] = {side: start.card.graphs[side].file for side in SIDES}
    figures = compared(
        {side: trained[files[side]] for side in SIDES},
        {side: whole[files[side]] for side in SIDES},
        photos,
        finished.probe,
        FLOAT,
    )
    if net.hash is None:
        return figures
    batch = np.stack(photos)
    with torch.inference_mode():
        ours = net.serve(torch.from_numpy(plain[files["shop"]](batch)))[1]
    assert ours is not None
    figures["same_bits"] = same_bits(list(ours.numpy()), list(_codes(joined[files["shop"]], batch)))
    if figures["same_bits"] < LEAST_BITS:
        raise BundleError(f"export lost too much: {figures['same_bits']} of the bits agree, {LEAST_BITS} must")
    return figures


def _on_top(embed: Embed, net: Head) -> Embed:
    def embedded(photos: npt.NDArray[np.uint8]) -> Floats:
        with torch.inference_mode():
            vectors: Floats = net.serve(torch.from_numpy(embed(photos)))[0].numpy()
        return vectors

    return embedded


def _codes(graph: bytes, photos: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    import onnxruntime as ort

    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found: npt.NDArray[np.uint8] = session.run(["code"], {"pixels": photos})[0]
    return found

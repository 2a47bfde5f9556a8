"""Encoding: milliseconds for one decoded photo, beside the same ONNX graph called plainly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

import plain
from measure import OURS, Figure, Result, Work, costs, interleaved
from stage import Stage
from wearabouts.embedding import decode_side
from wearabouts.encoders import OnnxEncoder
from wearabouts.images import decode
from wearabouts.types import Pixels

BASELINE = "plain"
GRAPH_ONLY = "graph alone"
THREADS = (1, 2)
BATCHES = (1, 8)


def run(stage: Stage) -> Result:
    """Measure each number of threads with each batch."""
    side = decode_side(stage.encoder)
    photos = [decode(data, target=side).pixels for data in stage.photos.mixed()[: stage.scale.encoded]]
    figures: list[Figure] = []
    for threads in (count for count in THREADS if count <= stage.cores):
        encoder, session = OnnxEncoder(stage.bundle, threads=threads), stage.plain_session(threads)
        for batch in BATCHES:
            runs = interleaved(_work(encoder, session, photos, batch), stage.scale.rounds)
            case = f"{threads} thread{'s' * (threads > 1)}, batch {batch}"
            figures += costs(case, len(photos), runs, BASELINE)
    return Result(
        title="Encode",
        method=(
            f"Decoded pixels (longer side at most {side * 2 - 1} px) to vector, garment, attributes and saliency: "
            f"fit into a white square of {stage.size} px, run the graph. `plain` fits with Pillow's `ImageOps.pad` and "
            "calls the same graph in ONNX Runtime for the vector alone; `graph alone` is given photos already fitted."
        ),
        baseline=BASELINE,
        figures=tuple(figures),
        setup={"photos a round": len(photos), "input": stage.size, "dim": stage.bundle.card.dim},
        checks={"least cosine between our vector and the plain one": _agreement(stage, photos)},
        not_shown=(
            "a GPU, or quantised arithmetic: the graph runs in fp32 on the CPU",
            "how good the vectors are: the model's card and `wearabouts evaluate` show that",
            "several processes on the same cores, which would share what is shown here",
        ),
    )


def _work(encoder: OnnxEncoder, session: Any, photos: Sequence[Pixels], batch: int) -> dict[str, Work]:
    size = encoder.input_size
    fitted = [plain.fitted(Image.fromarray(photo), size) for photo in photos]

    def ours() -> None:
        for some in _batches(photos, batch):
            encoder.encode(some)

    def plainly() -> None:
        for some in _batches(photos, batch):
            plain.vectors(session, [plain.fitted(Image.fromarray(photo), size) for photo in some])

    def graph_only() -> None:
        for some in _batches(fitted, batch):
            plain.vectors(session, some)

    return {BASELINE: plainly, GRAPH_ONLY: graph_only, OURS: ours}


def _agreement(stage: Stage, photos: Sequence[Pixels]) -> float:
    ours = stage.encoder.encode(photos).vectors
    fitted = [plain.fitted(Image.fromarray(photo), stage.size) for photo in photos]
    theirs = plain.vectors(stage.plain_session(), fitted)
    return round(float(np.min((ours * theirs).sum(axis=1))), 5)


def _batches(photos: Sequence[Pixels], size: int) -> Iterator[Sequence[Pixels]]:
    return (photos[start : start + size] for start in range(0, len(photos), size))

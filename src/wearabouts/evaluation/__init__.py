"""How good is it? Any catalog with item labels, and the table of the shipped model, under protocols in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wearabouts.encoders import Encoder
from wearabouts.errors import EvaluationError
from wearabouts.evaluation.systems import HISTOGRAM, Progress, open_encoder
from wearabouts.report import Report, write

PHOTOGRAPHS = "photographs"


def main(
    target: str,
    *,
    model: str | Encoder = "mini",
    data: str | Path | None = None,
    out: str | Path | None = None,
    beside: Sequence[str | Encoder] = (HISTOGRAM,),
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Evaluate a model and, where asked, write the report.

    Args:
        target: ``photographs`` for the model table on real photographs, or the source of a catalog with item labels.
        model: Name or folder of a bundle, ``histogram``, several joined by ``+``, or an encoder.
        data: The folder of real photographs, for ``photographs``.
        out: Folder for ``report.json``, ``report.md`` and ``report.html``; None writes nothing.
        beside: Encoders to compare with, named as `model` is.
        seed: Of intervals, of samples, of the failures shown.
        progress: Called with what is being done, how much is done, and of how much.

    Raises:
        EvaluationError: The data cannot give the figures asked for.
        BundleError: There is no such model.
    """
    encoder, others = open_encoder(model), [open_encoder(each) for each in beside]
    if target != PHOTOGRAPHS:
        raise EvaluationError(f"target {target!r}; known: {PHOTOGRAPHS}")
    if data is None:
        raise EvaluationError("target photographs without a folder of photographs; give --data or set WEARABOUTS_DATA")
    from wearabouts.evaluation.photographs import evaluate_photographs

    report = evaluate_photographs(Path(data), encoder, others, seed=seed, progress=progress)
    if out is not None:
        write(report, out)
    return report

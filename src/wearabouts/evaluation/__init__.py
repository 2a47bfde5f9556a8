"""How good is it? Any catalog with item labels, and the table of the shipped model, under protocols in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from wearabouts.encoders import Encoder
from wearabouts.errors import EvaluationError
from wearabouts.evaluation.systems import HISTOGRAM, Progress, open_encoder
from wearabouts.readers import open_catalog
from wearabouts.report import Report, write

if TYPE_CHECKING:
    from wearabouts.evaluation.questions import Relevance

PHOTOGRAPHS = "photographs"
DRAWN = "drawn"
QUERIES = 2_000  # of a catalog, unless another number is asked for: enough for an interval of about two points

__all__ = ["DRAWN", "HISTOGRAM", "PHOTOGRAPHS", "QUERIES", "main", "open_encoder"]


def main(
    target: str,
    *,
    model: str | Encoder = "mini",
    data: str | Path | None = None,
    out: str | Path | None = None,
    beside: Sequence[str | Encoder] = (HISTOGRAM,),
    seed: int = 0,
    progress: Progress | None = None,
    reader: str | None = None,
    options: Mapping[str, Any] | None = None,
    relevant: Relevance = "product",
    limit: int = QUERIES,
    products: int = 5_000,
) -> Report:
    """Evaluate a model and, where asked, write the report.

    Args:
        target: ``photographs`` for the model table on real photographs, ``drawn`` for street to shop on a shop drawn
            for the occasion, or the source of a catalog with item labels (a folder, a table, a feed, a drawn shop).
        model: Name or folder of a bundle, ``histogram``, several joined by ``+``, or an encoder.
        data: The folder of real photographs, for ``photographs``.
        out: Folder for ``report.json``, ``report.md`` and ``report.html``; None writes nothing.
        beside: Encoders to compare with, named as `model` is.
        seed: Of intervals, of samples, of the failures shown.
        progress: Called with what is being done, how much is done, and of how much.
        reader: Name of the catalog's reader; None guesses.
        options: What that reader takes.
        relevant: For a catalog, what makes a product a right answer: the same ``product``, ``group``,
            ``category`` or ``garment``.
        limit: For a catalog, at most so many queries, drawn by the seed; 0 for all.
        products: For ``drawn``, how many products the shop has.

    Raises:
        EvaluationError: The data cannot give the figures asked for.
        BundleError: There is no such model.
        CatalogError: The source cannot be read.
    """
    encoder, others = open_encoder(model), [open_encoder(each) for each in beside]
    with ExitStack() as kept:
        if target == PHOTOGRAPHS:
            report = _photographs(data, encoder, others, seed, progress)
        else:
            from wearabouts.evaluation.drawn_shop import drawn_catalog
            from wearabouts.evaluation.retrieval import evaluate_catalog

            if target == DRAWN:
                folder = Path(kept.enter_context(TemporaryDirectory(prefix="wearabouts-drawn-")))
                catalog = drawn_catalog(folder, products=products, queries=limit, seed=seed, progress=progress)
            else:
                catalog = open_catalog(target, reader=reader, **(options or {}))
            report = evaluate_catalog(
                catalog, encoder, others, relevant=relevant, limit=limit, seed=seed, progress=progress
            )
    if out is not None:
        write(report, out)
    return report


def _photographs(
    data: str | Path | None, encoder: Encoder, others: Sequence[Encoder], seed: int, progress: Progress | None
) -> Report:
    if data is None:
        raise EvaluationError("target photographs without a folder of photographs; give --data or set WEARABOUTS_DATA")
    from wearabouts.evaluation.photographs import evaluate_photographs

    return evaluate_photographs(Path(data), encoder, others, seed=seed, progress=progress)

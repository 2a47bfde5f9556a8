"""How good is it? Published protocols, any catalog with item labels, and the shipped model's table, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from wearabouts.catalog import Catalog
from wearabouts.encoders import Encoder
from wearabouts.errors import EvaluationError, unknown
from wearabouts.evaluation.protocols import PROTOCOLS
from wearabouts.evaluation.systems import HISTOGRAM, Progress, open_encoder
from wearabouts.readers import open_catalog
from wearabouts.report import Report, Section, write

if TYPE_CHECKING:
    from wearabouts.evaluation.catalogs.questions import Relevance

PHOTOGRAPHS = "photographs"
DRAWN = "drawn"
QUERIES = 2_000  # of a catalog, unless another number is asked for: enough for an interval of about two points

__all__ = ["DRAWN", "HISTOGRAM", "PHOTOGRAPHS", "PROTOCOLS", "QUERIES", "main", "open_encoder"]


def main(
    target: str,
    *,
    model: str | Encoder = "mini",
    data: str | Path | None = None,
    out: str | Path | None = None,
    beside: Sequence[str | Encoder] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    reader: str | None = None,
    options: Mapping[str, Any] | None = None,
    relevant: Relevance = "product",
    limit: int | None = None,
    products: int = 5_000,
    store: str | Path | None = None,
    compare: str | Path | None = None,
    leaks: bool = False,
) -> Report:
    """Evaluate a model and, where asked, write the report.

    Args:
        target: A published protocol (`protocols.PROTOCOLS`), ``photographs`` for the model table on real photographs,
            ``drawn`` for street to shop on a shop drawn for the occasion, or the source of a catalog with item labels
            (a folder, a table, a feed, a drawn shop).
        model: Name or folder of a bundle, ``histogram``, several joined by ``+``, or an encoder.
        data: The protocol's dataset, or the folder of real photographs, for ``photographs``.
        out: Folder for ``report.json``, ``report.md`` and ``report.html``; None writes nothing.
        beside: Encoders to compare with, named as `model` is; None for the histogram, or, for a published protocol,
            none.
        seed: Of intervals, of samples, of the failures shown.
        progress: Called with what is being done, how much is done, and of how much.
        reader: Name of the catalog's reader; None guesses.
        options: What that reader takes, and the choices of a protocol.
        relevant: For a catalog, what makes a product a right answer: the same ``product``, ``group``,
            ``category`` or ``garment``.
        limit: At most so many queries, drawn by the seed; 0 for all; None for all of a protocol's and `QUERIES` of a
            catalog.
        products: For ``drawn``, how many products the shop has.
        store: For a protocol, a folder that keeps what was embedded, so that a second run embeds nothing.
        compare: Another run's ``report.json``: the same queries are compared figure by figure.
        leaks: Whether to look for items and photos that stand on both sides of the division; every photo is read.

    Raises:
        EvaluationError: The data cannot give the figures asked for.
        BundleError: There is no such model.
        CatalogError: The source cannot be read.
    """
    if compare is not None:
        from wearabouts.evaluation.checks import rerun

        rerun.read(Path(compare))  # what is wrong with it is told before anything is measured
    encoder = open_encoder(model)
    others = [open_encoder(each) for each in _beside(target, beside)]
    with ExitStack() as kept:
        if target in PROTOCOLS:
            found = _leaks(_dataset(target, data, options), encoder, progress) if leaks else ()
            report = _protocol(target, data, encoder, others, options, limit, seed, store, progress)
        elif target == PHOTOGRAPHS:
            found = _leaks(None, encoder, progress) if leaks else ()
            report = _photographs(data, encoder, others, seed, progress)
        else:
            from wearabouts.evaluation.catalogs import evaluate_catalog
            from wearabouts.evaluation.catalogs.drawn_shop import drawn_catalog

            limit = QUERIES if limit is None else limit
            if target == DRAWN:
                folder = Path(kept.enter_context(TemporaryDirectory(prefix="wearabouts-drawn-")))
                catalog = drawn_catalog(folder, products=products, queries=limit, seed=seed, progress=progress)
            else:
                _require_known(target)
                catalog = open_catalog(target, reader=reader, **(options or {}))
            found = _leaks(catalog, encoder, progress) if leaks else ()
            report = evaluate_catalog(
                catalog, encoder, others, relevant=relevant, limit=limit, seed=seed, progress=progress
            )
    report = replace(report, sections=(*report.sections, *found))
    if compare is not None:
        report = rerun.compared(report, Path(compare), seed=seed)
    if out is not None:
        write(report, out)
    return report


def _beside(target: str, beside: Sequence[str | Encoder] | None) -> Sequence[str | Encoder]:
    if beside is not None:
        return beside
    return () if target in PROTOCOLS else (HISTOGRAM,)


def _require_known(target: str) -> None:
    """A word that is neither a protocol nor anything on this disk is most likely a protocol misspelt."""
    if not Path(target).exists() and "/" not in target and "." not in target:
        raise EvaluationError(
            f"{unknown('protocol', target, (*PROTOCOLS, PHOTOGRAPHS, DRAWN))}; or give the path of a catalog"
        )


def _protocol(
    name: str,
    data: str | Path | None,
    encoder: Encoder,
    others: Sequence[Encoder],
    options: Mapping[str, Any] | None,
    limit: int | None,
    seed: int,
    store: str | Path | None,
    progress: Progress | None,
) -> Report:
    from wearabouts.evaluation.measuring import evaluate_protocol

    keep = None if store is None else Path(store)
    where = _given(name, data)
    return evaluate_protocol(
        name, where, encoder, others, options=options, limit=limit or 0, seed=seed, keep=keep, progress=progress
    )


def _dataset(name: str, data: str | Path | None, options: Mapping[str, Any] | None) -> Catalog:
    from wearabouts.evaluation.measuring import dataset

    return dataset(name, _given(name, data), options)[1]


def _given(name: str, data: str | Path | None) -> str | Path:
    if data is None:
        raise EvaluationError(
            f"protocol {name} without a dataset; give --data FOLDER, the dataset as its authors ship it"
        )
    return data


def _leaks(catalog: Catalog | None, encoder: Encoder, progress: Progress | None) -> tuple[Section, ...]:
    """What stands on both sides of a division; before anything is measured, for it may be that there is no division."""
    if catalog is None:
        raise EvaluationError(f"leaks are looked for in a dataset or a catalog with splits; {PHOTOGRAPHS} has none")
    from wearabouts.evaluation.checks import leaks

    return (leaks.section(leaks.find(catalog, encoder, progress=progress)),)


def _photographs(
    data: str | Path | None, encoder: Encoder, others: Sequence[Encoder], seed: int, progress: Progress | None
) -> Report:
    if data is None:
        raise EvaluationError("target photographs without a folder of photographs; give --data or set WEARABOUTS_DATA")
    from wearabouts.evaluation.photographs import evaluate_photographs

    return evaluate_photographs(Path(data), encoder, others, seed=seed, progress=progress)

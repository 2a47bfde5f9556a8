"""A published protocol from its name to a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from wearabouts.catalog import Catalog
from wearabouts.encoders import Encoder
from wearabouts.evaluation.asking import Asker
from wearabouts.evaluation.protocols import Rules, protocol
from wearabouts.evaluation.protocols.labels import Labelling
from wearabouts.evaluation.protocols.marks import Landmarking
from wearabouts.evaluation.protocols.styles import Styling
from wearabouts.evaluation.protocols.values import Retrieval
from wearabouts.evaluation.provenance import provenance
from wearabouts.evaluation.systems import Progress
from wearabouts.fetch import Fetcher, FetchSettings
from wearabouts.readers import open_catalog
from wearabouts.readers.options import from_words
from wearabouts.report import Report, Section


def evaluate_protocol(
    name: str,
    data: str | Path,
    encoder: Encoder,
    beside: Sequence[Encoder] = (),
    *,
    options: Mapping[str, str] | None = None,
    limit: int = 0,
    seed: int = 0,
    keep: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Measure encoders by a published protocol.

    Args:
        name: A key of `protocols.PROTOCOLS`.
        data: The dataset's folder, as its authors ship it.
        encoder: The encoder in question; its failures are shown and its answers as served are measured too.
        beside: Others, measured on the same queries.
        options: Choices of the protocol, as words; the others go to its reader.
        limit: At most so many queries, drawn by the seed; 0 for all, which alone can be compared with papers.
        seed: Of draws, intervals and the pictures shown.
        keep: Folder in which the stores stay, so that a second run embeds nothing; None throws them away.
        progress: Told what is done, how much of it and of how much.

    Raises:
        SettingsError: No such protocol or option.
        CatalogError: The dataset cannot be read.
        EvaluationError: It, or the model, cannot give the figures.
    """
    rules, catalog = dataset(name, data, options)
    report = measure(rules, catalog, encoder, beside, limit=limit, seed=seed, keep=keep, progress=progress)
    told = {"options": dict(options)} if options else {}
    return replace(report, provenance={**report.provenance, **told})


def dataset(name: str, data: str | Path, options: Mapping[str, str] | None = None) -> tuple[Rules, Catalog]:
    """A protocol in the variant that the options choose, and its dataset; raises as `evaluate_protocol`."""
    rules, words = protocol(name, options)
    return rules, open_catalog(data, reader=rules.reader, **from_words(rules.reader, words))


def measure(
    rules: Rules,
    catalog: Catalog,
    encoder: Encoder,
    beside: Sequence[Encoder] = (),
    *,
    limit: int = 0,
    seed: int = 0,
    keep: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Measure encoders by a protocol on a catalog that its reader, or one like it, gives; see `evaluate_protocol`."""
    asker = Asker(Fetcher(FetchSettings()))
    summary, sections, skipped = _measured(rules, catalog, (encoder, *beside), asker, limit, seed, keep, progress)
    return Report(
        f"{encoder.name} on {rules.name}",
        summary,
        sections,
        {reason: count for reason, count in skipped.items() if count},
        {
            **provenance([encoder, *beside], seed=seed),
            "protocol": f"{rules.name} ({rules.paper})",
            "dataset": f"{catalog.source} ({'; '.join(catalog.notes)})",
            **({"at most so many queries": limit} if limit else {}),
        },
    )


def _measured(
    rules: Rules,
    catalog: Catalog,
    encoders: Sequence[Encoder],
    asker: Asker,
    limit: int,
    seed: int,
    keep: Path | None,
    progress: Progress | None,
) -> tuple[str, tuple[Section, ...], Mapping[str, int]]:
    from wearabouts.evaluation.measuring import labelling, landmarking, presenting, retrieving, styling

    match rules:
        case Retrieval():
            run = retrieving.Run(rules, asker, seed, limit, keep, progress)
            division, outcomes = run.outcomes(catalog, encoders)
            skipped = {**outcomes[0].skips.told(), "rows or photos that the reader could not read": division.lost}
            return presenting.lead(rules, outcomes[0]), presenting.sections(rules, division, outcomes, seed), skipped
        case Labelling():
            return labelling.LabelRun(rules, asker, seed, limit, keep, progress).measure(catalog, encoders)
        case Landmarking():
            return landmarking.LandmarkRun(rules, asker, seed, limit, keep, progress).measure(catalog, encoders)
        case Styling():
            return styling.StyleRun(rules, seed, keep, progress).measure(catalog, encoders)
    raise AssertionError(f"protocol {rules.name} has no way to be run")

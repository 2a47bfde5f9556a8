"""`evaluate`: how good a model is, by a published protocol, on a catalog with item labels or on photographs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from wearabouts.cli.options import (
    ColumnsOption,
    JsonOption,
    ModelOption,
    ReaderOption,
    WordsOption,
    parse_pairs,
    reader_options,
    whole_number,
)
from wearabouts.cli.terminal import Progress, say, show_json, show_table

TARGET = (
    "A published protocol (cifar10-2, inshop, wtbi, …; docs/protocols.md has them all), a catalog with item labels "
    "(feed, table, folder), `photographs` for the model table, or `drawn`."
)
SHORT = 100  # figures of a table that is still read in a terminal when there is a report as well


def evaluate(
    target: Annotated[str, typer.Argument(help=TARGET)],
    model: ModelOption = "mini",
    data: Annotated[
        Path | None, typer.Option(help="The protocol's dataset; for photographs their folder, else WEARABOUTS_DATA.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.json, report.md and report.html.")] = None,
    beside: Annotated[list[str] | None, typer.Option(help="A model to compare with; may be repeated.")] = None,
    relevant: Annotated[
        str, typer.Option(help="A right answer has the same: product, group, category, garment.")
    ] = "product",
    limit: Annotated[
        int | None,
        typer.Option(
            parser=whole_number,
            metavar="NUMBER",
            help="Most queries; 0 for all. [2000 of a catalog, all of a protocol]",
        ),
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="Folder that keeps a protocol's vectors: a second run embeds nothing.")
    ] = None,
    products: Annotated[
        int, typer.Option(parser=whole_number, metavar="NUMBER", help="Products of the shop that `drawn` draws.")
    ] = 5_000,
    compare: Annotated[
        Path | None, typer.Option(help="Another run's report.json: the same queries, figure by figure.")
    ] = None,
    leaks: Annotated[
        bool, typer.Option("--leaks", help="Look for items and photos on both sides of the division.")
    ] = False,
    reader: ReaderOption = None,
    columns: ColumnsOption = None,
    words: WordsOption = None,
    seed: Annotated[int, typer.Option(parser=whole_number, metavar="NUMBER", help="Of intervals and samples.")] = 0,
    json: JsonOption = False,
) -> None:
    """Measure recall@k and mAP with intervals, and show what fails."""
    from wearabouts.evaluation import PHOTOGRAPHS, PROTOCOLS, main
    from wearabouts.report import cell_text

    found = data
    if data is None and target == PHOTOGRAPHS and os.environ.get("WEARABOUTS_DATA"):
        found = Path(os.environ["WEARABOUTS_DATA"])
    options = (
        parse_pairs(words or [], "--option")
        if target in PROTOCOLS
        else reader_options(columns, words, reader=reader, source=target)
    )
    with Progress("photos", quiet=json) as progress:
        report = main(
            target,
            model=model,
            data=found,
            out=out,
            beside=tuple(beside) if beside else None,
            seed=seed,
            progress=progress.update,
            reader=reader,
            options=options,
            relevant=relevant,  # type: ignore[arg-type]  # any word is allowed here: the library names the right ones
            limit=limit,
            products=products,
            store=store,
            compare=compare,
            leaks=leaks,
        )
    if json:
        show_json(report.to_dict())
        return
    say(report.summary)
    for section in report.sections:
        # A page holds the rest: a terminal that scrolls by a hundred lines is not read.
        shown = [table for table in section.tables if out is None or len(table.rows) * len(table.columns) <= SHORT]
        if shown:
            say(section.title)
        for table in shown:
            rows = [(row.name, *(cell_text(row.cells.get(name)) for name in table.columns)) for row in table.rows]
            show_table(table.title, (table.subject, *table.columns), rows)
    if out is not None:
        say(f"report written to {out}: open {out / 'report.html'}")

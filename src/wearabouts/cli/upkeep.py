"""`check`, `repair` and `describe`: what a store says of itself, and what is done about it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wearabouts.cli.options import DEFAULT_STORE, JsonOption, existing_store
from wearabouts.cli.terminal import Progress, say, show_json, show_table

if TYPE_CHECKING:
    from wearabouts.stores import Finding

EXAMPLES = 8  # values shown of a column
SHOWN = 50  # findings
StoreArgument = Annotated[
    str, typer.Argument(help="Folder of the store, or an address such as milvus://host:19530/shop.")
]
NamedOption = Annotated[str | None, typer.Option("--store", "-s", help="The store, as other commands name it.")]


def check(
    store: StoreArgument = DEFAULT_STORE,
    named: NamedOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be derived again.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Structure and checksums only, without comparing the index with the rows.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Verify a store, or a backup, and mend it. Ends with code 1 when something wrong is left."""
    from wearabouts import stores
    from wearabouts.types import as_dict

    store = named or store
    path = existing_store(store)
    findings: Sequence[Finding]
    left: Sequence[Finding]
    with Progress("", quiet=json) as progress:
        if is_backup(path):
            findings = left = stores.check_backup(path, progress=progress.update)
        elif repair and stores.folder_of(path) is not None:
            done = stores.repair(path, progress=progress.update)
            findings, left = done.found, done.left
        else:
            findings, left = _checked(path, repair=repair, quick=quick, progress=progress)
    if json:
        show_json({"store": str(store), "found": as_dict(findings), "left": as_dict(left)})
    elif findings:
        _show_findings(store, findings)
        mended = f"{len(findings) - len(left)} mended, {len(left)} left"
        say(mended if repair else f"{len(findings)} found; `wearabouts check {store} --repair` mends what it can")
    else:
        say(f"{store} is sound")
    if left:
        raise typer.Exit(1)


def repair(
    store: StoreArgument = DEFAULT_STORE,
    named: NamedOption = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep a copy of all that is removed in this folder.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Remove what is damaged, make the index anew, and say what was lost. Ends with code 1 when something is left."""
    from wearabouts import stores
    from wearabouts.types import as_dict

    store = named or store
    with Progress("", quiet=json) as progress:
        done = stores.repair(existing_store(store), keep=keep, progress=progress.update)
    if json:
        show_json({"store": store, **as_dict(done)})
    elif not done.found:
        say(f"{store} is sound")
    else:
        _show_findings(store, done.found)
        if done.lost:
            rows = [(each.what, each.name, each.product, each.cure) for each in done.lost]
            show_table("removed", ("what", "name", "of product", "to have it again"), rows)
        else:
            say("nothing was lost: what was wrong could be made anew")
        if done.kept is not None:
            say(f"what was removed is kept in {done.kept}")
        say(f"{len(done.found)} found, {len(done.left)} left")
    if done.left:
        raise typer.Exit(1)


def is_backup(store: str) -> bool:
    """Whether there is a backup at an address, not a store."""
    from wearabouts.stores import folder_of
    from wearabouts.stores.embedded.backup import COPY

    folder = folder_of(store)
    return folder is not None and (folder / COPY).is_file()


def _checked(
    store: str, *, repair: bool, quick: bool, progress: Progress
) -> tuple[Sequence[Finding], Sequence[Finding]]:
    """What was found, and what of it is left."""
    from wearabouts.stores import open_store
    from wearabouts.stores.embedded import EmbeddedStore

    opened = open_store(store, mode="write" if repair else "read")
    try:
        if isinstance(opened, EmbeddedStore):
            found = opened.check(quick=quick, progress=progress.update)
        else:
            found = opened.check(repair=repair)
        return found, opened.check() if repair and found else found
    finally:
        opened.close()


def _show_findings(store: str, findings: Sequence[Finding]) -> None:
    rows = [(item.kind, item.subject, item.detail, "yes" if item.repairable else "no") for item in findings[:SHOWN]]
    show_table(f"found in {store}", ("what", "where", "detail", "repairable"), rows)
    if len(findings) > SHOWN:
        say(f"… and {len(findings) - SHOWN:,} more; --json shows them all")


def describe(
    store: StoreArgument = DEFAULT_STORE,
    named: NamedOption = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Show this bundle's card instead.")] = None,
    json: JsonOption = False,
) -> None:
    """Show what a store holds and what a filter may use, or a model's card."""
    from wearabouts.stores import open_store
    from wearabouts.types import as_dict

    if model is not None:
        _describe_model(model, json)
        return
    store = named or store
    opened = open_store(existing_store(store))
    try:
        facts = as_dict(opened.describe())
    finally:
        opened.close()
    if json:
        show_json(facts)
    else:
        columns = facts.pop("columns", [])
        show_table(f"store {store}", ("fact", "value"), _lines(facts))
        rows = [(item["name"], item["kind"], item["filled"], _examples(item)) for item in columns]
        show_table("columns a filter may use", ("column", "kind", "filled", "values"), rows, numbers=(2,))


def _describe_model(model: str, json: bool) -> None:
    from wearabouts.bundles import load

    bundle = load(model)
    card = {"hash": bundle.hash, **bundle.card.model_dump(mode="json")}
    if json:
        show_json(card)
    else:
        show_table(f"model {model}", ("fact", "value"), _lines(card))


def _examples(column: Mapping[str, Any]) -> str:
    """Some of a column's values, or its range."""
    if column.get("range"):
        return " to ".join(f"{value:g}" for value in column["range"])
    values = [textwrap.shorten(str(value), 30, placeholder="…") for value in column.get("values") or ()]
    return ", ".join(values[:EXAMPLES]) + (" …" if len(values) > EXAMPLES else "")


def _lines(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested facts as flat rows, names joined by dots."""
    rows: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, Mapping):
            rows += _lines(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            rows.append((prefix + name, ", ".join(str(item) for item in value)))
        else:
            rows.append((prefix + name, f"{value:,}" if isinstance(value, int) else str(value)))
    return rows

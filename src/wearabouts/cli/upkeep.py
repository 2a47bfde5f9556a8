"""`check` and `describe`: what a store says of itself."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from wearabouts.cli.options import DEFAULT_STORE, JsonOption, existing_store
from wearabouts.cli.terminal import say, show_json, show_table

EXAMPLES = 8  # values shown of a column
StoreArgument = Annotated[
    str, typer.Argument(help="Folder of the store, or an address such as milvus://host:19530/shop.")
]


def check(
    store: StoreArgument = DEFAULT_STORE,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be derived again.")] = False,
    json: JsonOption = False,
) -> None:
    """Verify a store, and mend it. Ends with code 1 when something wrong is left."""
    from wearabouts.stores import open_store
    from wearabouts.types import as_dict

    opened = open_store(existing_store(store), mode="write" if repair else "read")
    try:
        findings = opened.check(repair=repair)
        left = opened.check() if repair and findings else findings
    finally:
        opened.close()
    if json:
        show_json({"store": str(store), "found": as_dict(findings), "left": as_dict(left)})
    elif findings:
        rows = [(item.kind, item.subject, item.detail, "yes" if item.repairable else "no") for item in findings]
        show_table(f"found in {store}", ("what", "where", "detail", "repairable"), rows)
        mended = f"{len(findings) - len(left)} mended, {len(left)} left"
        say(mended if repair else f"{len(findings)} found; `wearabouts check {store} --repair` mends what it can")
    else:
        say(f"{store} is sound")
    if left:
        raise typer.Exit(1)


def describe(
    store: StoreArgument = DEFAULT_STORE,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Show this bundle's card instead.")] = None,
    json: JsonOption = False,
) -> None:
    """Show what a store holds and what a filter may use, or a model's card."""
    from wearabouts.stores import open_store
    from wearabouts.types import as_dict

    if model is not None:
        _describe_model(model, json)
        return
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

"""`backup`, `restore` and `copy`: a store in a second place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from wearabouts.cli.options import JsonOption, existing_store
from wearabouts.cli.terminal import Progress, say, show_json, show_table

StoreArgument = Annotated[str, typer.Argument(help="Folder of the store.")]
AnyStore = Annotated[str, typer.Argument(help="A folder, or an address such as milvus://host:19530/shop.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the store that is there.")]
SHOWN = 10  # faults of a copy on the terminal
HASH_SHOWN = 12  # digits


def backup(
    store: StoreArgument,
    to: Annotated[Path, typer.Argument(help="Folder of the backup; must not exist, or be empty.")],
    derived: Annotated[
        bool, typer.Option("--derived", help="Take the index along, which restoring makes anew otherwise.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read it all again afterwards and check every row; ends with 1 if wrong.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Back a store up, also while others read and write it: one consistent picture, whole or not at all."""
    from wearabouts import stores
    from wearabouts.types import as_dict

    with Progress("", quiet=json) as progress:
        made = stores.backup(existing_store(store), to, derived=derived, progress=progress.update)
        wrong = stores.check_backup(to, progress=progress.update) if verify else []
    if json:
        show_json({**as_dict(made), "verified": verify, "found": as_dict(wrong)})
    else:
        rows = _backup_rows(made)
        if verify:
            rows.append(("verified", "every row and file is sound" if not wrong else f"{len(wrong)} found wrong"))
        show_table(f"backup of {store}", ("what", "value"), rows)
        for each in wrong:
            say(f"{each.subject}: {each.detail}")
    if wrong:
        raise typer.Exit(1)


def restore(
    backup: Annotated[Path, typer.Argument(help="Folder of the backup.")],
    store: Annotated[str, typer.Argument(help="Folder of the store that is to be.")],
    force: ForceOption = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Make the index anew, even where the backup has it along.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make a store of a backup, verified byte by byte. What is there already is replaced only with --force."""
    from wearabouts import stores
    from wearabouts.types import as_dict

    with Progress("", quiet=json) as progress:
        done = stores.restore(backup, store, force=force, derived=not anew, progress=progress.update)
    if json:
        show_json(as_dict(done))
        return
    rows = [
        *_backup_rows(done.backup),
        ("store", str(done.path)),
        ("what stood there", "replaced" if done.replaced else "nothing"),
        ("index", "came with the backup" if done.derived else "made anew"),
    ]
    show_table(f"restored from {backup}", ("what", "value"), rows)


def copy(
    source: AnyStore,
    target: AnyStore,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove from the target what the source does not have.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Copy any store into any other. Run again, it writes only what differs, and goes on where it was stopped."""
    from wearabouts.stores import copying, open_store
    from wearabouts.types import as_dict

    _require_two(source, target)
    opened = open_store(existing_store(source))
    try:
        other = open_store(target, mode="write", encoder_hash=opened.encoder_hash, dim=opened.dim)
        try:
            with Progress("", quiet=json) as progress:
                done = copying.copy(opened, other, prune=prune, progress=progress.update)
                other.settle(lambda part: progress.update("index, percent", round(100 * part), 100))
        finally:
            other.close()
    finally:
        opened.close()
    if json:
        show_json(as_dict(done))
    else:
        show_table(f"{source} → {target}", ("what", "count"), _copy_rows(done), numbers=(1,))
        for fault in done.faults[:SHOWN]:
            say(f"not copied: {fault}")
        if done.failed > SHOWN:
            say(f"… and {done.failed - SHOWN:,} more; `wearabouts check {source}` names them all")
    if done.failed:
        raise typer.Exit(1)


def _require_two(source: str, target: str) -> None:
    """Refuse a copy of a store onto itself.

    Raises:
        SettingsError: Both addresses are of one store.
    """
    from wearabouts.errors import SettingsError
    from wearabouts.stores import folder_of

    one, other = folder_of(source), folder_of(target)
    same = source == target if one is None or other is None else one.resolve() == other.resolve()
    if same:
        raise SettingsError(f"{source} and {target} are the same store; give the copy another folder or address")


def _backup_rows(made: Any) -> list[tuple[str, str]]:
    facts = made.store
    size = sum(int(each["bytes"]) for each in made.files.values())
    return [
        ("backup", str(made.path)),
        ("taken", made.date),
        ("products", f"{facts.get('products', 0):,}"),
        ("photos", f"{facts.get('photos', 0):,}"),
        ("notes", f"{facts.get('notes', 0):,}"),
        ("last write", f"number {facts.get('sequence', 0):,}"),
        ("encoder", str(facts.get("encoder_hash", ""))[:HASH_SHOWN]),
        ("files", f"{len(made.files)}, {size:,} bytes"),
    ]


def _copy_rows(done: Any) -> list[tuple[str, str]]:
    rate = done.products / max(done.seconds, 1e-3)
    return [
        ("products of the source", f"{done.products:,}"),
        ("written", f"{done.written:,}"),
        ("photos written", f"{done.photos:,}"),
        ("the same already", f"{done.same:,}"),
        ("deleted from the target", f"{done.deleted:,}"),
        ("in the target alone, left there", f"{done.extra:,}"),
        ("notes written", f"{done.notes:,}"),
        ("could not be copied", f"{done.failed:,}"),
        ("seconds", f"{done.seconds:,.1f} ({rate:,.0f} products/s)"),
    ]

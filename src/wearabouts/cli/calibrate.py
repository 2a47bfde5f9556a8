"""`calibrate`: a shop's own labels into probabilities that hold for its own customers' photos."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wearabouts.cli.faults import show_faults, write_faults
from wearabouts.cli.options import DEFAULT_STORE, FaultsOption, JsonOption, ModelOption, StoreOption, open_searcher
from wearabouts.cli.options import share as share_of
from wearabouts.cli.terminal import Progress, say, show_json, show_table
from wearabouts.errors import SettingsError

if TYPE_CHECKING:
    from wearabouts.calibrating import Calibrated, Gain
    from wearabouts.calibrating.learning import Quality

TITLE = "before → after, of each photo's first product, with and without its item in the shop"
FORGOTTEN = "the shop's own calibration is forgotten; its answers go by the model's again"
NONE_KEPT = "the shop had no calibration of its own; its answers go by the model's"
WORSE = "not kept: photos of other items were explained better before; more labels, of more products, may change that"


def calibrate(
    labels: Annotated[
        Path | None,
        typer.Argument(help="CSV or JSON lines: photo, product, same (docs/labels.md).", show_default=False),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    model: ModelOption = "mini",
    share: Annotated[
        float | None,
        typer.Option(
            parser=share_of,
            metavar="SHARE",
            help="How many customers' photos show what you carry; labels cannot tell. The model's when left out.",
        ),
    ] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Go by the model's own calibration again.")] = False,
    faults: FaultsOption = None,
    json: JsonOption = False,
) -> None:
    """Fit probabilities to a shop's own labelled photos, say what that gained, and keep it in the store.

    Every figure is of photos whose item the curve in question has not seen.
    """
    if forget == (labels is not None):
        given = f"{labels} and --forget" if forget else "neither labels nor --forget"
        raise SettingsError(f"{given} is not allowed; give a file of labels, or --forget")
    if labels is None:
        _forget(store, json)
        return
    from wearabouts import calibrating

    searcher = open_searcher(store, model, mode="write")
    try:
        with Progress("photos", quiet=json) as progress:
            found = calibrating.calibrate(
                searcher, labels, share=share, progress=lambda done, total: progress.update("searching", done, total)
            )
        if not found.worse:
            calibrating.keep(searcher.store, found)
    finally:
        searcher.store.close()
    if faults is not None:
        write_faults(found.faults, faults)
    if json:
        show_json(_plain(found, store))
    else:
        _show(found, store)


def _forget(store: str, json: bool) -> None:
    from wearabouts.calibrating import forget
    from wearabouts.cli.options import existing_store
    from wearabouts.stores import open_store

    opened = open_store(existing_store(store), mode="write")
    try:
        there = forget(opened)
    finally:
        opened.close()
    if json:
        show_json({"store": str(store), "forgotten": there})
    else:
        say(FORGOTTEN if there else NONE_KEPT)


def _plain(found: Calibrated, store: str) -> dict[str, Any]:
    from wearabouts.types import as_dict

    plain: dict[str, Any] = as_dict(
        {
            "store": str(store),
            "kept": not found.worse,
            "calibration": found.calibration.model_dump(mode="json"),
            "gains": found.gains,
            "said": [gain.words for gain in found.gains],
            "photos": {name: getattr(found, name) for name in ("shown", "beyond", "ruled_out", "silent")},
            "faults": {"counts": found.faults.counts, "kept": found.faults.kept},
        }
    )
    return plain


def _show(found: Calibrated, store: str) -> None:
    show_faults(found.faults)
    say(
        f"{found.shown + found.ruled_out:,} photos tell something: {found.shown:,} with their product "
        f"({found.beyond:,} of these products lie beyond the shortlist), {found.ruled_out:,} with wrong ones alone; "
        f"{found.silent:,} tell nothing"
    )
    columns = ("category", "labels", "Brier", "skill", "ECE", "by chance", "enough")
    show_table(TITLE, columns, [_row(gain) for gain in found.gains])
    every, *kinds = found.gains
    for gain in (every, *(gain for gain in kinds if gain.enough is not None)):
        say(gain.words)
    if waiting := [f"{gain.category} ({gain.labels:,})" for gain in kinds if gain.enough is None and gain.gain]:
        say(f"not yet surely better, and near to all together: {', '.join(waiting)}")
    kept = f"{store} goes by its own labels from now on; --forget undoes it"
    say(WORSE if found.worse else kept)


def _row(gain: Gain) -> tuple[str, ...]:
    def both(name: str) -> str:
        return " → ".join(_number(quality, name) for quality in (gain.before, gain.after))

    return (
        gain.category or "all",
        f"{gain.labels:,}",
        both("brier"),
        both("skill"),
        both("error"),
        f"{gain.floor:.3f}",
        "–" if gain.enough is None else f"{gain.enough:,}",
    )


def _number(quality: Quality | None, name: str) -> str:
    value = math.nan if quality is None else getattr(quality, name)
    return "–" if math.isnan(value) else f"{value:.3f}"

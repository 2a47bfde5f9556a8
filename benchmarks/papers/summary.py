"""All runs summed up: every figure with its interval and every seed's value, every claim with its paired difference."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import one
import shops
from variants import CLAIMS, FINALS, READINGS, TRUNK, Claim, Size

import measure
from wearabouts import bundles, metrics
from wearabouts.encoders import Encoder, OnnxEncoder

BY_QUERY = ("R@1", "R@10", "R@20", "mAP", "NDCG@20", "in-category R@1", "in-category R@5", "in-category mAP")
BY_PHOTO = ("category", "color", "pattern", "sleeve", "collar", "length", "attributes", "linear labels")
RATIOS = {"NE": ("NE sums", "NE counts")}
GENERIC = ("weights", "coral")  # below WEARABOUTS_DATA
NO_GPU = "no GPU was at hand"
Arrays = Mapping[str, np.ndarray]


def summed(
    root: Path, size: Size, failed: dict[str, str], *, quick: bool, say: Callable[[str], None]
) -> dict[str, Any]:
    """Everything there is to say of the study, as plain data."""
    absent = _beside(root, size, say)
    found = {name: _seeds(root, name) for name in READINGS}
    found = {name: seeds for name, seeds in found.items() if seeds}
    return {
        "format": 1,
        "quick": quick,
        "date": measure.today(),
        "commit": measure.commit(),
        "machine": measure.machine(),
        "versions": {**measure.versions(), **{name: version(name) for name in ("torch", "onnx")}},
        "size": asdict(size),
        "queries": {"street photos": size.tested * size.street, "products": size.tested},
        "readings": [_reading(root, name, seeds) for name, seeds in found.items()],
        "claims": [
            {"name": name, **asdict(claim), **compared(found[claim.first], found[claim.second], claim)}
            for name, claim in CLAIMS.items()
            if claim.first in found and claim.second in found
        ],
        "photographs": _photographs(root, found, say),
        "failed": failed,
        "absent": absent,
        "gpu": {"reason": NO_GPU, "readings": {}},
    }


def _beside(root: Path, size: Size, say: Callable[[str], None]) -> dict[str, str]:
    """Measure what is not trained here; name → why, of what cannot be."""
    test, absent = shops.tested(root), {}
    for name in ("histogram", "mini", "generic"):
        try:
            encoder, bundle = _opened(root, name)
        except FileNotFoundError as error:
            absent[name] = str(error)
            continue
        kept = root / f"{name}-0" / "measured.json"
        if kept.is_file() and json.loads(kept.read_text("utf-8"))["hash"] == encoder.hash:
            continue
        say(f"{name}: measured as it is")
        told = {"hash": encoder.hash}
        one.measure(kept.parent, {name: READINGS[name]}, encoder, bundle, test, size.timed, told)
    return absent


def _opened(root: Path, name: str) -> tuple[Encoder, bundles.Bundle | None]:
    if name == "histogram":
        from wearabouts.evaluation import open_encoder

        return open_encoder(name), None
    if name == "generic":
        weights = Path(os.environ.get("WEARABOUTS_DATA", "")).joinpath(*GENERIC)
        if not os.environ.get("WEARABOUTS_DATA") or not weights.is_dir():
            raise FileNotFoundError("its published weights are in the folder of photographs, which was not there")
        folder = root / "generic-0" / "bundle"
        if not (folder / bundles.CARD).is_file():
            from wearabouts.export import generic

            generic(weights, folder)
        bundle = bundles.load(folder)
    else:
        bundle = bundles.load(name)
    return OnnxEncoder(bundle, threads=1), bundle


def _seeds(root: Path, name: str) -> dict[int, Arrays]:
    """A reading's figures by seed, of the runs that are done."""
    run, seeds = READINGS[name].run, {}
    for path in sorted(root.glob(f"{run}-[0-9]*/{name}.npz")):
        seed = path.parent.name.removeprefix(f"{run}-")
        if seed.isdigit() and (path.parent / "measured.json").is_file():
            with np.load(path, allow_pickle=False) as file:
                seeds[int(seed)] = {key: file[key] for key in file.files}
    return seeds


def _groups(arrays: Arrays, figure: str) -> np.ndarray:
    """Whose product each value of a figure is."""
    product = arrays["product"]
    return product[arrays["street"]] if figure in BY_QUERY else product


def _reading(root: Path, name: str, seeds: Mapping[int, Arrays]) -> dict[str, Any]:
    first = next(iter(seeds.values()))
    figures: dict[str, Any] = {}
    for figure in (*BY_QUERY, *BY_PHOTO):
        if figure in first:
            mean = np.mean([arrays[figure] for arrays in seeds.values()], axis=0)
            each = [float(arrays[figure].mean()) for arrays in seeds.values()]
            figures[figure] = _told(metrics.bootstrap(mean, _groups(first, figure).tolist()), each)
    for figure, (above, below) in RATIOS.items():
        if above in first:
            sums = np.mean([arrays[above] for arrays in seeds.values()], axis=0)
            each = [float(arrays[above].sum() / arrays[below].sum()) for arrays in seeds.values()]
            figures[figure] = _told(metrics.bootstrap_ratio(sums, first[below], first["product"].tolist()), each)
    run = READINGS[name].run
    content = [json.loads((root / f"{run}-{seed}" / "measured.json").read_text("utf-8")) for seed in seeds]
    seconds = [one["cpu_seconds"] for one in content if "cpu_seconds" in one]
    cost = content[0]["cost"] | ({"training cpu seconds": round(float(np.mean(seconds)), 1)} if seconds else {})
    return {
        "name": name,
        "run": run,
        "method": READINGS[name].method,
        "seeds": list(seeds),
        "figures": figures,
        "cost": cost,
    }


def _told(estimate: metrics.Estimate, each: list[float]) -> dict[str, Any]:
    return {
        "value": round(estimate.value, 4),
        "low": round(estimate.low, 4),
        "high": round(estimate.high, 4),
        "seeds": [round(value, 4) for value in each],
    }


def compared(first: Mapping[int, Arrays], second: Mapping[int, Arrays], claim: Claim) -> dict[str, Any]:
    """A claim's paired difference over the seeds that both have, its interval, and what it comes to.

    The claim holds where the difference is not noise and every seed agrees on its sign; it is contradicted where that
    is so the other way round; else it is open.
    """
    seeds = sorted(set(first) & set(second))
    ours, theirs = (np.mean([one[seed][claim.figure] for seed in seeds], axis=0) for one in (first, second))
    groups = _groups(first[seeds[0]], claim.figure).tolist()
    found = metrics.paired_difference(ours, theirs, groups)
    each = [float((first[seed][claim.figure] - second[seed][claim.figure]).mean()) for seed in seeds]
    word = metrics.verdict(found)
    agree = {"better": all(value > 0 for value in each), "worse": all(value < 0 for value in each)}.get(word, False)
    return {
        "difference": round(found.value, 4),
        "low": round(found.low, 4),
        "high": round(found.high, 4),
        "p": round(found.p, 4),
        "seeds": [round(value, 4) for value in each],
        "outcome": {"better": "holds", "worse": "contradicted"}[word] if agree else "open",
    }


def _photographs(root: Path, found: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """The rows of `evaluate photographs` for one bundle of each paper, beside the start they share and `mini`."""
    data = os.environ.get("WEARABOUTS_DATA", "")
    finals = [name for name in FINALS if name in found]
    if not data or not finals:
        return {
            "reason": "the photographs were not there" if not data else "no paper's full variant is done",
            "rows": [],
        }
    from wearabouts.evaluation.photographs import evaluate_photographs

    folders = {READINGS[name].run: root / f"{READINGS[name].run}-0" / "bundle" for name in (*finals, TRUNK)}
    encoders: list[Encoder] = [OnnxEncoder(bundles.load(folder)) for folder in folders.values()]
    say(f"real photographs: {', '.join(folders)}, mini")
    report = evaluate_photographs(Path(data), encoders[0], [*encoders[1:], OnnxEncoder(bundles.load("mini"))])
    rows = []
    for row in report.sections[0].tables[0].rows:
        cells = {key: cell for key, cell in row.cells.items() if isinstance(cell, metrics.Estimate)}
        rows.append({"name": row.name, "cells": {key: _told(cell, []) for key, cell in cells.items()}})
    return {"columns": [*folders, "mini"], "rows": rows}

"""The stages beside each other: `python benchmarks/stages/run.py [--run FOLDER] [--quick]`, or `make stages`.

Trains the second stage with three seeds (recipes/verifier.toml, what is kept of the photos shared between them), or
takes runs that are given, and measures every signal alone, and all of them weighed, beside stage one: on a drawn shop
that no recipe draws, and on real photographs of items that nothing was trained on. Every row's curves are fitted the
same way, on calibration items. `benchmarks/results/stages.json` holds the figures; `docs/stages.py` makes the page.

Run again, it goes on: shops that are drawn and seeds that are trained and measured are taken as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))  # `measure`, which all benchmarks share

import trained  # noqa: E402  # after the path that the modules beside it need
import weighing  # noqa: E402
import worlds  # noqa: E402
from summing import summed  # noqa: E402
from weighing import Figures  # noqa: E402
from worlds import FULL, TINY, Size, World  # noqa: E402

import measure  # noqa: E402
from wearabouts.encoders import Encoder  # noqa: E402
from wearabouts.evaluation.systems import Second  # noqa: E402

SEEDS = 3
Opened = tuple[Encoder, Second]


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    given = _arguments().parse_args(words)
    data = Path(os.environ["WEARABOUTS_DATA"]) if os.environ.get("WEARABOUTS_DATA") else None
    root: Path = given.folder
    begin = time.monotonic()
    if given.quick:
        stages, size = [trained.opened(given.bundle or "mini")] * 2, TINY
    else:
        if data is None:
            print("set WEARABOUTS_DATA to the folder of real photographs (docs/architecture.md, Data)")
            return 2
        found = trained.folders(root, given.seeds, given.run, given.recipe, given.start, data, _say)
        stages, size = [trained.opened(folder) for folder in found], FULL
    content = measured(root, stages, None if given.quick else data, size, quick=given.quick)
    out = given.out if given.out.is_absolute() else REPOSITORY / given.out
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    _say(f"{(time.monotonic() - begin) / 60:.1f} minutes; {out.name}")
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="trainings of the second stage (3)")
    parser.add_argument("--run", type=Path, action="append", default=[], metavar="FOLDER", help="a finished run, or "
                        "bundle, that stands for the next seed; may be repeated")  # fmt: skip
    parser.add_argument("--recipe", type=Path, default=REPOSITORY / "recipes" / "verifier.toml")
    parser.add_argument("--start", type=Path, help="the finished run of mini that the second stage stands on")
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "runs" / "stages", help="where everything is kept")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/stages.json"))
    parser.add_argument("--quick", action="store_true", help="seconds, no training: that it works, not a measurement")
    parser.add_argument("--bundle", help="with --quick, whose second stage (mini)")
    return parser


def measured(root: Path, stages: Sequence[Opened], data: Path | None, size: Size, *, quick: bool) -> dict[str, Any]:
    """Measure second stages, one a seed.

    Args:
        root: Where shops are drawn and figures are kept.
        stages: Each an encoder and what judges its shortlists.
        data: The real photographs; None leaves them out.
        size: How large everything is.
        quick: Whether this is a check and no measurement.
    """
    asked = worlds.measured_worlds(root, data, size, _say)
    calibrating = worlds.calibration_worlds(root, data, size, _say)
    judged = max(second.judge.shortlist for _, second in stages)
    found, costs = [], []
    for seed, stage in enumerate(stages):
        figures, cost = _seed(root, seed, stage, asked, calibrating, judged, size)
        found.append(figures)
        costs.append(cost)
    groups = {world.name: [shown.truth for shown in world.queries] for world in asked}
    told = summed(found, groups, size.resamples)
    for world in told:
        for row in world["rows"]:
            laps = [cost[world["name"]][row["name"]] for cost in costs if row["name"] in cost.get(world["name"], {})]
            row["ms"] = round(float(np.median(laps)), 3) if laps else None
    return {
        "format": 1,
        "quick": quick,
        "date": measure.today(),
        "commit": measure.commit(),
        "machine": measure.machine(),
        "versions": measure.versions(),
        "size": asdict(size),
        "seeds": len(stages),
        "judged": judged,
        "within": _within(found),
        "models": [{"encoder": encoder.hash, "judge": second.judge.hash} for encoder, second in stages],
        "calibrated": {world.name: _counts(world) for world in calibrating},
        "galleries": {world.name: _counts(world) for world in asked},
        "worlds": told,
    }


def _counts(world: World) -> dict[str, int]:
    items = len({shown.truth for shown in world.queries})
    return {"queries": len(world.queries), "items": items, "gallery": len(world.gallery)}


def _within(found: Sequence[dict[str, dict[str, Figures]]]) -> dict[str, float]:
    """World → share of queries whose item is on the shortlist: more cannot come first."""
    return {
        name: round(float(np.mean([rows[weighing.FUSED]["within"].mean() for rows in (one[name] for one in found)])), 4)
        for name in found[0]
    }


def _seed(
    root: Path,
    seed: int,
    stage: Opened,
    asked: Sequence[World],
    calibrating: Sequence[World],
    judged: int,
    size: Size,
) -> tuple[dict[str, dict[str, Figures]], dict[str, dict[str, float]]]:
    """One seed's figures and costs; those kept from an earlier run where nothing they depend on has changed."""
    encoder, second = stage
    parts = [
        encoder.hash,
        second.judge.hash,
        judged,
        asdict(size),
        [_counts(world) for world in (*asked, *calibrating)],
    ]
    parts.append("" if second.calibration is None else second.calibration.model_dump_json())
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    path = root / f"figures-{key}.npz"
    if path.is_file():
        _say(f"seed {seed}: measured before")
        return _read(path)
    _say(f"seed {seed}: fitting curves")
    learnt = [weighing.looked_at(encoder, second, world, judged) for world in calibrating]
    seen = []
    for world in asked:
        _say(f"seed {seed}: {world.name}, {len(world.queries):,} queries, {len(world.gallery):,} products")
        seen.append(weighing.looked_at(encoder, second, world, judged))
    figures = weighing.figures(second, learnt, seen, judged)
    costs = {one.world.name: weighing.costs(second, one, judged, size.timed) for one in seen}
    _write(path, figures, costs)
    return figures, costs


def _write(path: Path, figures: dict[str, dict[str, Figures]], costs: dict[str, dict[str, float]]) -> None:
    flat = {json.dumps([world, row, name]): values for world, rows in figures.items() for row, found in rows.items()
            for name, values in found.items()}  # fmt: skip
    half = path.with_suffix(".part.npz")
    np.savez(half, **{f"column-{place}": values for place, values in enumerate(flat.values())},
             names=np.array([*flat, json.dumps(costs)]))  # fmt: skip
    half.replace(path)


def _read(path: Path) -> tuple[dict[str, dict[str, Figures]], dict[str, dict[str, float]]]:
    figures: dict[str, dict[str, Figures]] = {}
    with np.load(path, allow_pickle=False) as file:
        *names, costs = file["names"].tolist()
        for place, key in enumerate(names):
            world, row, name = json.loads(key)
            figures.setdefault(world, {}).setdefault(row, {})[name] = file[f"column-{place}"]
    return figures, json.loads(costs)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""Searching, measured beside its peers: `python benchmarks/search/run.py`, or `make bench-search`.

    curves   recall beside time, 400,000 vectors of 256 and of 512 floats, all engines
    filters  filters that keep 90 % to 0.01 %: random, aligned and opposed
    updates  searches beside a thousand writes a second, and beside a rebuild
    growth   a store of 10,000 to 1,000,000 photos: filling, opening, searching, memory
    large    the same with 10,000,000 photos (`make bench-large`); only where it is asked for

What was grown, built and measured is kept in the work folder and used again: a run that was stopped goes on.
`benchmarks/results/search.json` gets the parts that ran in place of its older ones; `docs/search.py` makes the page.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "2")  # of this process, which prepares; each engine's process has its own limit
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import curves  # noqa: E402 - after the path that the modules beside it need
import filters  # noqa: E402
import starts  # noqa: E402
import updates  # noqa: E402
from contenders import BUILD_SECONDS, contenders  # noqa: E402
from ground import Ground  # noqa: E402
from talk import EngineLostError, interpreter  # noqa: E402

import measure  # noqa: E402
import server  # noqa: E402

PARTS = ("curves", "filters", "updates", "growth", "large")
RESULTS = measure.REPOSITORY / "benchmarks" / "results"
SIZES: dict[bool, dict[str, Any]] = {
    False: {"curves": ((256, 400_000), (512, 400_000)), "one": (256, 400_000), "dim": 128, "large": 10_000_000,
            "growth": (10_000, 100_000, 400_000, 1_000_000)},
    True: {"curves": ((256, 1_200),), "one": (256, 1_200), "dim": 128, "large": 1_500, "growth": (600,)},
}  # fmt: skip
PHOTOS = 4  # of a product in the largest store


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    given = _arguments().parse_args(words)
    parts = given.part or [part for part in PARTS if part != "large"]
    work = given.work or measure.REPOSITORY / "runs" / ("bench-quick" if given.quick else "bench")
    work.mkdir(parents=True, exist_ok=True)
    ground = Ground(work.resolve(), given.seed, _say, quick=given.quick)
    path = (given.out or RESULTS) / ("search-quick.json" if given.quick else "search.json")
    for note in work.glob("engines-*/wearabouts*.built.json") if given.rebuild else ():
        note.unlink()
    kept = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    run: dict[str, Any] = {
        "format": 1,
        "quick": given.quick,
        "seed": given.seed,
        "machine": measure.machine(),
        "versions": measure.versions(),
        "peers": _peers(),
        "source": ground.seen.source,
        "model": {"name": ground.encoder.card.name, "hash": ground.encoder.hash},
        "budget": {"build_seconds": BUILD_SECONDS, "found": curves.FOUND},
        "parts": kept.get("parts", {}),
    }
    failed = False
    for part in parts:
        _say(part)
        start, before = time.perf_counter(), measure.load()
        try:
            found = DOING[part](ground, given)
        except EngineLostError as error:
            _say(f"{part} failed: {error}")
            failed = True
            continue
        if part == "curves":
            found = curves.with_others(found, run["parts"].get(part, {}).get("found", []))
        run["parts"][part] = {
            "found": found, "date": measure.today(), "seconds": time.perf_counter() - start,
            "commit": measure.commit(), "load": {"before": before, "after": measure.load()},
        }  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(measure.rounded(run), indent=1, ensure_ascii=False) + "\n", "utf-8")
        _say(f"{part}: {run['parts'][part]['seconds']:.0f} s")
    return int(failed)


def _curves(ground: Ground, given: argparse.Namespace) -> Any:
    sizes = [size for size in SIZES[ground.quick]["curves"] if given.dim in (0, size[0])]
    # Those of one size may be measured alone (`--dim`): each says when it was.
    about = {"date": measure.today(), "commit": measure.commit()}
    with server.milvus(ground.work / "milvus", ground.say):
        return [{**curves.run(ground, *size, given.only, again=given.again), **about} for size in sizes]


def _filters(ground: Ground, given: argparse.Namespace) -> Any:
    return filters.run(ground, *SIZES[ground.quick]["one"], again=given.again)


def _updates(ground: Ground, given: argparse.Namespace) -> Any:
    return updates.run(ground, *SIZES[ground.quick]["one"], again=given.again)


def _growth(ground: Ground, given: argparse.Namespace) -> Any:
    sizes = SIZES[ground.quick]
    dim, count = sizes["one"]
    rows = starts.grown(ground, sizes["dim"], list(sizes["growth"]), again=given.again)
    return rows + starts.grown(ground, dim, [count], again=given.again)


def _large(ground: Ground, given: argparse.Namespace) -> Any:
    sizes = SIZES[ground.quick]
    return starts.grown(ground, sizes["dim"], [sizes["large"]], again=given.again, photos=PHOTOS)


DOING: dict[str, Callable[[Ground, argparse.Namespace], Any]] = {
    "curves": _curves, "filters": _filters, "updates": _updates, "growth": _growth, "large": _large
}  # fmt: skip


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=PARTS, help="one part; may be repeated")
    parser.add_argument("--only", action="append", default=[], help="of the curves, one engine; may be repeated")
    parser.add_argument("--dim", type=int, default=0, help="of the curves, those of so many floats alone")
    parser.add_argument("--rebuild", action="store_true", help="fill our own stores anew: their time is measured again")
    parser.add_argument("--again", action="store_true", help="measure anew what was measured; what was built stays")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it works, in seconds")
    parser.add_argument("--work", type=Path, help="folder of what is kept between runs")
    parser.add_argument("--out", type=Path, help="folder of the JSON")
    parser.add_argument("--seed", type=int, default=20, help="of everything random")
    return parser


def _peers() -> dict[str, str]:
    """Library → version in the peers' environment."""
    python = interpreter(True)
    if not python.is_file():
        return {}
    names = sorted({one.library for one in contenders(1_000, {}) if one.peer})
    code = "import sys, json, importlib.metadata as m; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    done = subprocess.run((str(python), "-c", code, *names), capture_output=True, text=True, check=False)
    return dict(json.loads(done.stdout)) if done.returncode == 0 else {}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

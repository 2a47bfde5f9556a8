"""Photos to vectors, measured beside what a user would write: `python benchmarks/index/run.py`, or `make bench-index`.

Writes one JSON file with all figures and their circumstances, and from it the page `docs/benchmarks.md`. With
`--quick` or `--only` the page goes beside the JSON, so that a look around never replaces the real figures.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

NAMES = ("decoding", "encoding", "indexing", "memory")
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
RESULTS = Path("benchmarks/results")


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    given = _arguments().parse_args(words)
    # Before NumPy is imported: single calls are compared on one thread, so its matrix products must not take more.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    import table

    import measure
    from stage import FULL, QUICK, Stage

    names = tuple(given.only) or NAMES
    begin, before = time.perf_counter(), measure.load()
    with tempfile.TemporaryDirectory(prefix="wearabouts-bench-") as folder:
        stage = Stage(QUICK if given.quick else FULL, given.model, Path(folder), given.seed, _say)
        found = [_one(name, stage) for name in names]
        card = stage.bundle.card
        run: dict[str, Any] = {
            "format": 1,
            "quick": given.quick,
            "date": measure.today(),
            "seconds": round(time.perf_counter() - begin, 1),
            "seed": given.seed,
            "commit": measure.commit(),
            "machine": measure.machine(),
            "versions": measure.versions(),
            "model": {"name": card.name, "dim": card.dim, "size": stage.size, "hash": stage.bundle.hash},
            "photos": stage.photos.source,
            "load": {"before": before, "after": measure.load()},
            "benchmarks": found,
        }
    out = given.out if given.out.is_absolute() else measure.REPOSITORY / given.out
    full = not given.quick and names == NAMES
    stem = "index" if full else "quick" if given.quick else "-".join(names)
    _write(out / f"{stem}.json", json.dumps(measure.rounded(run), indent=1, ensure_ascii=False) + "\n")
    shown = measure.REPOSITORY / "docs" / "benchmarks.md" if full else out / f"{stem}.md"
    _write(shown, table.page(json.loads((out / f"{stem}.json").read_text("utf-8"))))
    _say(f"wrote {stem}.json and {shown.name} in {run['seconds']:.0f} s")
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Photos to vectors, measured beside what a user would write.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it works, in seconds")
    parser.add_argument("--only", action="append", default=[], choices=NAMES, help="one benchmark; may be repeated")
    parser.add_argument("--model", default="mini", help="name or folder of a bundle")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument("--seed", type=int, default=20, help="of everything random")
    return parser


def _one(name: str, stage: Any) -> dict[str, Any]:
    import measure

    _say(name)
    start, before = time.perf_counter(), measure.load()
    result = import_module(name).run(stage)
    seconds = time.perf_counter() - start
    _say(f"{name}: {seconds:.1f} s")
    load = {"before": before, "after": measure.load()}
    return {"name": name, **asdict(result), "seconds": seconds, "load": load}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""The study of the four papers: `python benchmarks/papers/run.py [--budget MINUTES] [--only NAME]`, or `make papers`.

Draws three shops, trains a small trunk that all start from, then every variant with every seed, two single-threaded
processes at a time, and measures each through its exported bundle. Run again, it goes on: what is finished is skipped.
`benchmarks/results/papers.json` holds the figures; `docs/study.py` makes the page of them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))  # `measure`, which all benchmarks share

import shops  # noqa: E402  # after the path that the modules beside it need
from variants import (  # noqa: E402
    COMMON,
    EDITION,
    FULL,
    MINUTES,
    SHARED,
    TINY,
    TRUNK,
    UNTRAINED,
    VARIANTS,
    Size,
    Variant,
    steps,
)

# One thread a process, as two run side by side; and see the Makefile for what glibc does with large tensors.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PAGES = {"MALLOC_MMAP_THRESHOLD_": "4294967295", "MALLOC_TRIM_THRESHOLD_": "8589934592"}
Run = tuple[str, int, Variant]


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    given = _arguments().parse_args(words)
    size = TINY if given.tiny else replace(FULL, steps=given.budget / MINUTES)
    size = replace(size, seeds=given.seeds) if given.seeds else size
    root: Path = given.folder
    root.mkdir(parents=True, exist_ok=True)
    unknown = sorted(set(given.only) - set(VARIANTS))
    if unknown:
        print(f"no variant {', '.join(unknown)}; there are {', '.join(VARIANTS)}")
        return 2
    os.environ.update({**dict.fromkeys(THREADS, "1"), **PAGES})
    begin = time.monotonic()
    shops.draw(root, size, given.jobs, _say)
    broken = _together(root, [(TRUNK, 0, SHARED)], size, min(given.jobs, 1), threads=max(given.jobs, 1))
    if broken:
        return 1  # nothing can start from it
    wanted = given.only or list(VARIANTS)
    runs: list[Run] = [("untrained", 0, UNTRAINED)]
    runs += [(name, seed, VARIANTS[name]) for seed in range(size.seeds) for name in wanted]
    failed = _together(root, runs, size, given.jobs)
    import summary

    content = summary.summed(root, size, failed, quick=given.tiny, say=_say)
    out = given.out if given.out.is_absolute() else REPOSITORY / given.out
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    _say(f"{len(runs) - len(failed)} of {len(runs)} runs, {(time.monotonic() - begin) / 60:.1f} minutes; {out.name}")
    return 1 if failed else 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--budget", type=float, default=MINUTES, help="minutes on two idle cores; steps are scaled to it"
    )
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this variant; may be repeated")
    parser.add_argument("--seeds", type=int, default=0, help="trainings of each variant (3)")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side; 0 runs all in this one")
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "runs" / "papers", help="where runs are kept")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/papers.json"))
    parser.add_argument("--tiny", action="store_true", help="seconds: a check that it works, not a measurement")
    return parser


def _together(root: Path, runs: Sequence[Run], size: Size, jobs: int, threads: int = 1) -> dict[str, str]:
    """Do the runs that are not finished, `jobs` at a time; name → why, of those that failed."""
    waiting = [
        (f"{name}-{seed}", variant) for name, seed, variant in runs if not _finished(root, name, seed, variant, size)
    ]
    failed: dict[str, str] = {}
    if not jobs:
        import one

        for name, variant in waiting:
            _say(f"{name} begins")
            one.main([str(root), name, _shop(variant), str(size.timed)])
        return failed
    under_way: list[tuple[str, subprocess.Popen[str], float]] = []
    done = len(runs) - len(waiting)
    try:
        while waiting or under_way:
            while waiting and len(under_way) < jobs:
                name, variant = waiting.pop(0)
                under_way.append((name, _started(root, name, _shop(variant), size, threads), time.monotonic()))
            time.sleep(0.2)
            for entry in [entry for entry in under_way if entry[1].poll() is not None]:
                under_way.remove(entry)
                done += 1
                name, process, begin = entry
                _say(f"{done} of {len(runs)}: {name}, {time.monotonic() - begin:.0f} s")
                if process.returncode:
                    log = (root / name / "output.txt").read_text("utf-8", errors="replace").strip().splitlines()
                    failed[name] = log[-1][:300] if log else f"ended with {process.returncode}"
                    _say(f"  failed: {failed[name]}")
    finally:  # stopped by hand: what is under way goes on from its checkpoint next time
        for _, process, _ in under_way:
            process.terminate()
    return failed


def _started(root: Path, name: str, shop: str, size: Size, threads: int) -> subprocess.Popen[str]:
    path = os.pathsep.join((str(REPOSITORY / "src"), os.environ.get("PYTHONPATH", "")))
    with (root / name / "output.txt").open("w", encoding="utf-8") as output:
        return subprocess.Popen(
            [sys.executable, str(HERE / "one.py"), str(root), name, shop, str(size.timed)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **dict.fromkeys(THREADS, str(threads)), "PYTHONPATH": path},
            text=True,
        )


def _finished(root: Path, name: str, seed: int, variant: Variant, size: Size) -> bool:
    """Whether a run is done; else its folder is ready for it, emptied where it was of another plan."""
    folder = root / f"{name}-{seed}"
    text = recipe(root, name, seed, variant, size)
    path = folder / "recipe.toml"
    if path.is_file() and path.read_text("utf-8") == text:
        return (folder / "measured.json").is_file()
    _emptied(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return False


def _emptied(folder: Path) -> None:
    """Remove what a run of another recipe left; the photos it links to stay."""
    for path in sorted(folder.rglob("*"), reverse=True) if folder.is_dir() else ():
        if path.is_symlink() or path.is_file():
            path.unlink()
        else:
            path.rmdir()


def _shop(variant: Variant) -> str:
    return shops.LEARNED if variant.start else shops.BEFORE


def recipe(root: Path, name: str, seed: int, variant: Variant, size: Size) -> str:
    """The recipe of a run as TOML: the file in ``recipes/`` with the variant's changes."""
    content = tomllib.loads((REPOSITORY / "recipes" / f"{variant.recipe}.toml").read_text("utf-8"))
    changes: dict[str, Any] = {"name": name, "seed": seed, **COMMON, **variant.changes}
    changes |= {f"{phase}.count": steps(count, size) for phase, count in variant.steps.items()}
    changes |= {f"{phase}.validate_every": 0 for phase in variant.steps}
    changes["network.size"] = size.side
    noted = f"# edition {EDITION} of the study"
    if variant.start:
        changes["network.start"] = str(root / f"{TRUNK}-0" / "weights.safetensors")
        begun = hashlib.sha256(recipe(root, TRUNK, 0, SHARED, size).encode()).hexdigest()[:12]
        noted += f", from trunk {begun}"
    for key, value in changes.items():
        *tables, last = key.split(".")
        table = content
        for part in tables:
            table = table.setdefault(part, {})
        table[last] = value
    return f"{noted}\n" + "\n".join(_toml(content)) + "\n"


def _toml(table: dict[str, Any], path: str = "") -> Iterator[str]:
    """A table's lines; every value of a recipe is written in TOML as in JSON."""
    yield from (f"{key} = {json.dumps(value)}" for key, value in table.items() if not isinstance(value, dict))
    for key, value in table.items():
        if isinstance(value, dict):
            yield f"\n[{path}{key}]"
            yield from _toml(value, f"{path}{key}.")


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())

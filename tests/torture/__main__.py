"""Kill, fail, cut the power and flip bits, N times, and say what came of it: `python -m torture 2000`.

Stopped at any time, it goes on where it was when it is started again with the same N, seed and code. Two workers share
the work. Of N = 2000: 2,000 kills, 500 failing system calls, 5,000 states after a loss of power, 2,000 flipped bits.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: threads of two workers would wait for each other

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from torture import faults, results, tracing
from torture.ground import ground
from torture.pieces import done, pieces
from wearabouts import stores

WORKERS = 2
TOLD = 2_000  # N from which on the figures are kept
GUESS = {"kills": 6.0, "faults": 4.0, "power": 30.0, "flips": 6.0, "ingest": 10.0}  # seconds of one piece, at first


def run(count: int, seed: int, only: list[str], work: Path) -> tuple[list[dict[str, Any]], bool, int]:
    """Do all of it, or what is left of it; outcomes, whether that is all, and how many system calls there are."""
    journal = work / f"{count}-{seed}-{_code()}.jsonl"
    journal.parent.mkdir(parents=True, exist_ok=True)
    found = [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
    reason = tracing.reason()
    sites = []
    if reason:
        print(f"No system calls fail and no power is lost: {reason}", file=sys.stderr)
    else:
        with ground() as folder:
            sites = faults.sites(folder, seed)
    have = {(each["kind"], each["number"]) for each in found}
    todo = [each for each in pieces(count, sites) if each[:2] not in have and (not only or each[0] in only)]
    if found:
        print(f"{len(found)} pieces were done before; {len(todo)} are left", file=sys.stderr)
    began, finished = time.monotonic(), 0
    pool = ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"))
    waiting: set[Future[dict[str, Any]]] = {pool.submit(done, each, seed, work / "failed") for each in todo}
    left = Counter(each[0] for each in todo)
    try:
        while waiting:
            ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for each in ready:
                piece = each.result()
                found.append(piece)
                with journal.open("a") as file:
                    file.write(json.dumps(piece) + "\n")
                left[piece["kind"]] -= 1
                finished += 1
                _tell(piece, found, left, finished, time.monotonic() - began)
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.", file=sys.stderr)
        pool.shutdown(wait=False, cancel_futures=True)
        return found, False, len(sites)
    pool.shutdown()
    if not only:
        journal.unlink()
    return found, not only, len(sites)


def _code() -> str:
    """What is tried, and how: pieces done with other code count for nothing."""
    state = hashlib.sha256()
    for folder in (Path(stores.__file__).parent, Path(__file__).parent):
        for path in sorted(folder.rglob("*.py")):
            state.update(path.read_bytes())
    return state.hexdigest()[:12]


def _tell(piece: dict[str, Any], found: list[dict[str, Any]], left: Counter[str], finished: int, took: float) -> None:
    wanted = 0.0
    for kind, count in left.items():
        past = [each["seconds"] for each in found if each["kind"] == kind] or [GUESS[kind]]
        wanted += count * sum(past) / len(past) / WORKERS
    wrong = sum(len(each["outcome"]["problems"]) for each in found)
    total = finished + sum(left.values())
    rate = f"{finished / took * 60:.0f} pieces a minute"
    print(
        f"{piece['kind']:7} {finished:4} of {total} pieces, {rate}, about {wanted / 60:.1f} min left, {wrong} problems",
        file=sys.stderr,
        flush=True,
    )
    for said in piece["outcome"]["problems"][:3]:
        print(f"  {said[:400]}", file=sys.stderr)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=50, help="N (50)")
    parser.add_argument("--seed", type=int, default=0, help="of every moment, place and story (0)")
    parser.add_argument("--only", action="append", default=[], choices=list(GUESS), help="only this kind; repeatable")
    parser.add_argument(
        "--work", type=Path, default=Path("runs/torture"), help="for what is done already and what went wrong"
    )
    parser.add_argument("--out", type=Path, help=f"where the figures go, as JSON, once N is {TOLD} and all is done")
    given = parser.parse_args()
    found, complete, sites = run(given.count, given.seed, given.only, given.work)
    told = results.summed(found, count=given.count, seed=given.seed, complete=complete, sites=sites)
    if given.out is not None and complete and given.count >= TOLD:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print(results.table(told))
    return 1 if told["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())

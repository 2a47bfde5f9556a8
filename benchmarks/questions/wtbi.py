"""Must a pairwise network see all 400,000 photos? `python benchmarks/questions/wtbi.py`.

Two things are measured, on drawn photos as the shipped encoder sees them (`drawings`: kept in the folder ``--work``, so
that a run that was stopped goes on). What a query costs by each way to ask a pairwise network (`costs`): at the small
size on 400,000 vectors grown from those of photos (`growing`), asked by photos that nothing was grown from; at the
paper's size (4,096 floats a feature, 8192-512-512-2) on a slice of random ones. And what a shortlist of K finds
(`accuracy`).

Writes ``benchmarks/results/question-pairs.json``; `docs/question_plot.py` draws it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

# Threads that turn round while they wait for each other would count as work done.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
sys.path.insert(0, str(Path(__file__).parents[1]))

import accuracy
import costs
import numpy as np
import torch
from drawings import SIZE, Drawings, Seen

import growing
import measure
from wearabouts import bundles
from wearabouts.encoders import OnnxEncoder

RESULT = "question-pairs.json"
WORK = measure.REPOSITORY / "runs" / "questions" / "photos"
KS = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
FULL = {"gallery": 400_000, "slice": 10_000, "rounds": 3, "products": 20_000, "asked": 2_000, "learned": 2_000,
        "steps": 1_500, "seeds": 3, "ks": KS}  # fmt: skip
QUICK = {"gallery": 2_000, "slice": 256, "rounds": 1, "products": 40, "asked": 6, "learned": 24, "steps": 10,
         "seeds": 2, "ks": KS[:2]}  # fmt: skip
SIZES = {"small": (256, accuracy.HIDDEN), "paper": (4_096, (512, 512))}
KINDS = 10  # of one size each, at the paper's size
PROBED = 500  # vectors around which directions are counted
SEED = 0


def time_and_memory(scale: Mapping[str, Any], drawings: Drawings) -> dict[str, Any]:
    """What a query costs, at both sizes, and how the gallery was grown."""
    shop, street = _photos(scale, drawings)
    vectors, centre = growing.grown(shop.vectors, scale["gallery"], SEED)
    kind = shop.kind[centre]
    order = np.argsort(kind, kind="stable")
    small = costs.Ground(
        torch.from_numpy(vectors[order]), kind[order], torch.from_numpy(street.vectors), street.kinds.argmax(1),
        scale["gallery"],
    )  # fmt: skip
    told = {"small": costs.measured(small, SIZES["small"][1], scale["ks"], scale["rounds"])}
    del small
    dim, hidden = SIZES["paper"]
    paper = costs.random_ground(scale["slice"], dim, scale["gallery"], KINDS)
    told["paper"] = costs.measured(paper, hidden, scale["ks"], scale["rounds"])
    return {"sizes": told, "grown": _likeness(vectors, shop, street)}


def _likeness(vectors: np.ndarray, shop: Seen, street: Seen) -> dict[str, Any]:
    """How grown vectors resemble the real ones: directions around each, and the nearest of each kind."""
    rng = np.random.default_rng(SEED)
    some = rng.permutation(len(shop))
    probed = min(PROBED, len(shop) // 4)
    held, rest = shop.vectors[some[:probed]], shop.vectors[some[probed:]]
    mine, others = vectors[:probed], vectors[probed:]
    return {
        "from": len(shop),
        "neighbours": growing.NEIGHBOURS,
        "dimension": {
            "real": growing.dimension(held, rest),
            "grown, as many": growing.dimension(mine, others[: len(rest)]),
            "grown, all": growing.dimension(mine, others),
        },
        "nearest": {
            "street photo, real": _nearest(street.vectors, rest),
            "street photo, grown": _nearest(street.vectors, others),
        },
    }


def _nearest(asked: np.ndarray, base: np.ndarray) -> float:
    """Median cosine of the nearest."""
    return round(float(np.median([(base @ one).max() for one in asked[:PROBED]])), 3)


def found(scale: Mapping[str, Any], drawings: Drawings) -> dict[str, Any]:
    """What a shortlist finds."""
    shop, street = _photos(scale, drawings)
    learned = [drawings.seen("train", view, scale["learned"]) for view in ("front", "street-0")]
    asked = accuracy.Asked(street, shop)
    return accuracy.hits(asked, accuracy.Asked(learned[1], learned[0]), scale["ks"], scale["steps"], scale["seeds"])


def _photos(scale: Mapping[str, Any], drawings: Drawings) -> tuple[Seen, Seen]:
    """Shop photos of the part that nothing learns from, and street photos of the first of them."""
    return drawings.seen("test", "front", scale["products"]), drawings.seen("test", "street-0", scale["asked"])


Part = Callable[[Mapping[str, Any], Drawings], dict[str, Any]]
PARTS: dict[str, Part] = {"cost": time_and_memory, "hits": found}


def main(words: Sequence[str] | None = None) -> int:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description="Measure a pairwise network on all photos and on a shortlist.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it works, in seconds")
    parser.add_argument("--out", type=Path, default=measure.REPOSITORY / "benchmarks" / "results")
    parser.add_argument("--work", type=Path, default=WORK, help="where vectors of drawn photos are kept")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="the others stay")
    given = parser.parse_args(words)
    torch.set_num_threads(1)
    scale = QUICK if given.quick else FULL
    bundle = bundles.load("mini")
    drawings = Drawings(given.work, OnnxEncoder(bundle, threads=1))
    drawings.require_same_encoder()
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / RESULT
    result: dict[str, Any] = {} if set(given.parts) == set(PARTS) else json.loads(path.read_text("utf-8"))
    result |= {**scale, "drawn_px": SIZE, "sizes": SIZES}
    result["multiplications_a_pair"] = {size: costs.multiplications(*each) for size, each in SIZES.items()}
    for name in given.parts:
        began = time.process_time()
        result[name] = PARTS[name](scale, drawings) | {
            "cpu_seconds": round(time.process_time() - began, 1),
            "load": measure.load(),
            "date": time.strftime("%Y-%m-%d"),
            "machine": measure.machine(),
            "versions": measure.versions() | {"torch": torch.__version__},
            "encoder": bundle.hash,
        }
        # One by one: a run that is stopped keeps what it has, and goes on with `--parts`.
        path.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

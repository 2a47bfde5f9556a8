"""Must a pairwise network see all 400,000 photos? `python benchmarks/questions/wtbi.py`.

Two things are measured. What a query costs, by the ways there are to ask a pairwise network: random unit vectors stand
in for the gallery, since time does not depend on what they show. It is the processor's time of one thread, which other
work on the machine changes little. At the small size everything is run as it is; at the paper's size (4,096 floats a
feature, 8192-512-512-2) the vectors of 400,000 photos are many gigabytes, so a slice is run and counted as often as it
would take.

And what a shortlist costs in hits: the shipped encoder sees photos of a drawn shop, a pair network learns from products
of the part ``train``, and street photos of products of the part ``test`` are searched for, with the first K by cosine
judged by the network. Beside each K stands its bound: how often the product is among the first K by cosine at all.

Writes ``benchmarks/results/question-pairs.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from wearabouts import bundles, metrics
from wearabouts.drawn.shop import DrawnShop
from wearabouts.encoders import OnnxEncoder
from wearabouts.models.wtbi import PairNetwork, Verifier
from wearabouts.training import losses
from wearabouts.training.wtbi.features import Features
from wearabouts.training.wtbi.measuring import product_ranks
from wearabouts.training.wtbi.mining import Deck, mine, shortlist
from wearabouts.training.wtbi.tasks import judge

sys.path.insert(0, str(Path(__file__).parents[1]))
import measure

RESULT = "question-pairs.json"
FULL = {"gallery": 400_000, "slice": 4_096, "rounds": 3, "products": 250, "steps": 400, "seeds": 3}
QUICK = {"gallery": 2_000, "slice": 256, "rounds": 1, "products": 12, "steps": 20, "seeds": 2}
SIZES = {"small": (256, (256, 128)), "paper": (4_096, (512, 512))}
CATEGORIES = 10  # of one size each, where only the photos of one are asked
SHORTLIST = 1_000
KS = (1, 5, 20, 50, 100)
AT_ONCE = 8_192
BATCH, RATIO, RATE, DECAY, HIDDEN = 256, 3, 3e-4, 3.0, (256, 128)
VIEWS = ("front", "street-0", "street-1")
SIZE = 160  # px, the height at which products are drawn


def unit(count: int, dim: int, seed: int) -> Tensor:
    """Random directions."""
    return F.normalize(torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)), dim=1)


def multiplications(dim: int, hidden: tuple[int, int]) -> dict[str, int]:
    """Of one pair: by the joined first layer, and with the shop's half kept."""
    rest = hidden[0] * hidden[1] + hidden[1] * 2
    return {"joined": 2 * dim * hidden[0] + rest, "split": rest}


def cost(scale: dict[str, int]) -> list[dict[str, Any]]:
    """Milliseconds of the processor and multiplications a query of each way, at both sizes."""
    rows: dict[str, dict[str, Any]] = {}
    for size, (dim, hidden) in SIZES.items():
        count = scale["gallery"] if size == "small" else scale["slice"]
        for way, (pairs, times) in ways(dim, hidden, count, scale).items():
            row = rows.setdefault(way, {"way": way, "pairs": pairs})
            row[f"ms_{size}"] = round(1e3 * times, 1)
    for way, row in rows.items():
        for size, (dim, hidden) in SIZES.items():
            each = multiplications(dim, hidden)["joined" if "joined" in way else "split"]
            compared = scale["gallery"] * dim if "cosine" in way else 0
            row[f"multiplications_{size}"] = row["pairs"] * each + compared
    return list(rows.values())


@torch.inference_mode()
def ways(dim: int, hidden: tuple[int, int], count: int, scale: dict[str, int]) -> dict[str, tuple[int, float]]:
    """Way → pairs judged of the whole gallery, and seconds a query, in proportion where only a slice was run."""
    net = PairNetwork(dim, hidden).eval()
    gallery, street = unit(count, dim, 0), unit(1, dim, 1)
    joined, halves = net.joined(), torch.cat([net.shop_half(part) for part in gallery.split(AT_ONCE)])
    k, whole = min(SHORTLIST, count), scale["gallery"]
    own, first = halves[: count // CATEGORIES], halves[:k]

    def all_joined() -> None:
        for part in gallery.split(AT_ONCE):
            pairs = torch.cat([street.expand(len(part), -1), part], 1) * dim**0.5
            net.tail(joined(pairs)).softmax(-1)

    def all_split(kept: Tensor) -> None:
        for part in kept.split(AT_ONCE):
            net.finish(street, part)

    def by_cosine() -> None:
        (gallery @ street[0]).topk(k)

    timed = {name: median(work, scale["rounds"]) for name, work in (
        ("joined", all_joined),
        ("split", lambda: all_split(halves)),
        ("category", lambda: all_split(own)),
        ("cosine", by_cosine),
        ("list", lambda: all_split(first)),
    )}  # fmt: skip
    times = whole / count
    return {
        "every photo, first layer joined": (whole, timed["joined"] * times),
        "every photo, first layer split": (whole, timed["split"] * times),
        "photos of the category, split": (whole // CATEGORIES, timed["category"] * times),
        f"first {SHORTLIST:,} by cosine, split": (SHORTLIST, timed["cosine"] * times + timed["list"] * SHORTLIST / k),
        "cosine alone": (0, timed["cosine"] * times),
    }


def median(work: Callable[[], None], rounds: int) -> float:
    """Seconds of the processor, after one run to warm up."""
    work()
    laps = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        laps.append(time.process_time() - began)
    return float(np.median(laps))


def seen(part: str, products: int) -> Features:
    """A drawn shop as the shipped encoder sees it; all products are of one category."""
    encoder = OnnxEncoder(bundles.load("mini"), threads=1)
    shop = DrawnShop(seed=0, products=products, part=part)
    vectors = {
        view: encoder.encode([shop.render(n, view, size=SIZE).pixels for n in range(products)]).vectors
        for view in VIEWS
    }
    worn = [vectors[view] for view in VIEWS if view != "front"]
    own = np.arange(products)
    street = np.concatenate(worn)
    return Features(
        street,
        vectors["front"],
        np.tile(own, len(worn)),
        own,
        np.zeros(len(street), np.int64),
        np.zeros(products, np.int64),
        np.arange(len(street)),
    )


def learned(known: Features, steps: int, seed: int) -> Verifier:
    """A pair network, from mined pairs."""
    torch.manual_seed(seed)
    net = Verifier(known.shop.shape[1], HIDDEN)
    net.independent.start_from_differences()
    lists = shortlist(known.street, known.shop, known.street_category, known.shop_category, max(KS))
    pairs = mine(lists, known.street_product, known.shop_product, known.street_category)
    deck = Deck(pairs, np.arange(len(pairs)))
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 + np.cos(np.pi * step / steps)) / 2
        rows = deck.draw(step, seed=seed, count=BATCH, ratio=RATIO)
        street, shop = (
            torch.from_numpy(known.street[pairs.street[rows]]),
            torch.from_numpy(known.shop[pairs.shop[rows]]),
        )
        loss = losses.same_item(net.logits(street, shop), torch.from_numpy(pairs.same[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval()


def hits(scale: dict[str, int]) -> dict[str, Any]:
    """Share of street photos whose product comes first, and among the first 20, for each length of the shortlist."""
    products = scale["products"]
    known, asked = seen("train", products), seen("test", products)
    cosine = product_ranks(asked, None, 0)
    nets = [learned(known, scale["steps"], seed) for seed in range(scale["seeds"])]
    rows = [{"k": 0, "bound": None, "R@1": spread([share(cosine, 1)]), "R@20": spread([share(cosine, 20)])}]
    for k in (*KS, products):
        ranks = [product_ranks(asked, judge(net), k) for net in nets]
        rows.append(
            {
                "k": k,
                "bound": round(share(cosine, k), 4),
                "R@1": spread([share(each, 1) for each in ranks]),
                "R@20": spread([share(each, 20) for each in ranks]),
            }
        )
    return {"rows": rows, "queries": len(cosine), "dim": known.shop.shape[1], "hidden": HIDDEN}


def share(ranks: np.ndarray, at: int) -> float:
    """Of queries whose product is among so many first."""
    return float(metrics.hit_rate([[int(rank)] for rank in ranks], at).mean())


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean, least and most."""
    return {"mean": round(float(np.mean(values)), 4), "least": round(min(values), 4), "most": round(max(values), 4)}


def main(words: Sequence[str] | None = None) -> int:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description="Measure a pairwise network on all photos and on a shortlist.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it works, in seconds")
    parser.add_argument("--out", type=Path, default=measure.REPOSITORY / "benchmarks" / "results")
    given = parser.parse_args(words)
    torch.set_num_threads(1)
    scale = QUICK if given.quick else FULL
    began = time.process_time()
    result = {
        **scale,
        "sizes": SIZES,
        "categories": CATEGORIES,
        "cost": cost(scale),
        "multiplications_a_pair": {size: multiplications(*sizes) for size, sizes in SIZES.items()},
        "hits": hits(scale),
        "cpu_seconds": round(time.process_time() - began, 1),
        "load": measure.load(),
        "date": time.strftime("%Y-%m-%d"),
        "machine": measure.machine(),
        "torch": torch.__version__,
    }
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / RESULT).write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

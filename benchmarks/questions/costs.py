"""What a query costs by each way there is to ask a pairwise network: processor time, clock and memory.

Every way is run as it would be in a shop, on vectors grown from real ones, in interleaved rounds (`measure`), with one
thread and with two. At the paper's size the vectors of 400,000 photos are many gigabytes: there a slice of random ones
is run, and what grows with the gallery is counted as often as the slice goes into it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

import measure
from wearabouts.models.wtbi import PairNetwork

AT_ONCE = 8_192  # pairs at once
THREADS = (1, 2)
FLOAT = 4  # bytes, as everything here is computed
REPEATS = 5  # of what takes a few milliseconds, in one measurement

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ground:
    """What is asked, and of which gallery.

    Attributes:
        gallery: (N, D) unit vectors, sorted by kind.
        kinds: (N,) int64, rising: each photo's kind of garment.
        street: (Q, D) unit vectors that ask, one after the other.
        asked: (Q,) int64, the kind that each is taken for.
        whole: How many photos the gallery stands for, N or more.
    """

    gallery: Tensor
    kinds: Integers
    street: Tensor
    asked: Integers
    whole: int

    def of_kind(self, query: int) -> slice:
        """Rows of the kind a query is taken for."""
        first, last = np.searchsorted(self.kinds, [self.asked[query], self.asked[query] + 1])
        return slice(int(first), int(last))


def random_ground(count: int, dim: int, whole: int, kinds: int) -> Ground:
    """Random directions, each kind as frequent as the next."""
    draw = torch.Generator().manual_seed(0)
    gallery, street = (F.normalize(torch.randn(n, dim, generator=draw), dim=1) for n in (count, 4))
    return Ground(gallery, np.arange(count) * kinds // count, street, np.arange(4) % kinds, whole)


def multiplications(dim: int, hidden: tuple[int, int]) -> dict[str, int]:
    """Of one pair: by the joined first layer, and with the shop's half kept."""
    rest = hidden[0] * hidden[1] + hidden[1] * 2
    return {"joined": 2 * dim * hidden[0] + rest, "split": rest}


class Ways:
    """The ways to ask, each a function of a query's number.

    Args:
        ground: Query and gallery.
        hidden: Sizes of the network's layers.
    """

    @torch.inference_mode()
    def __init__(self, ground: Ground, hidden: tuple[int, int]) -> None:
        torch.manual_seed(0)
        self.ground, self.dim = ground, ground.gallery.shape[1]
        self.net = PairNetwork(self.dim, hidden).eval()
        self.first = self.net.joined()
        self.halves = torch.cat([self.net.shop_half(part) for part in ground.gallery.split(AT_ONCE)])
        self.scores = torch.rand(ground.whole, generator=torch.Generator().manual_seed(1))

    def joined(self, query: int) -> None:
        """Every photo, the first layer over both features joined."""
        street = self._street(query)
        for part in self.ground.gallery.split(AT_ONCE):
            pairs = torch.cat([street.expand(len(part), -1), part], 1) * self.dim**0.5
            self.net.tail(self.first(pairs)).softmax(-1)

    def split(self, query: int) -> None:
        """Every photo, the shop's half of the first layer kept."""
        self._judged(query, self.halves)

    def category(self, query: int) -> None:
        """The photos of the query's kind, halves kept."""
        self._judged(query, self.halves[self.ground.of_kind(query)])

    def cosine(self, query: int) -> None:
        """Every photo by cosine: one number a photo, unsorted."""
        self.ground.gallery @ self._street(query)[0]

    def picked(self, k: int) -> Callable[[int], None]:
        """The first `k` out of as many cosines as the whole gallery has."""
        return lambda _: self.scores.topk(k) and None

    def listed(self, k: int, *, kept: bool) -> Callable[[int], None]:
        """`k` photos from anywhere in the gallery judged, their halves kept or computed from their vectors."""
        rows = torch.randperm(len(self.ground.gallery), generator=torch.Generator().manual_seed(2))[:k]

        def judged(query: int) -> None:
            self._judged(query, self.halves[rows] if kept else self.net.shop_half(self.ground.gallery[rows]))

        return judged

    def _street(self, query: int) -> Tensor:
        return self.ground.street[query % len(self.ground.street)][None]

    def _judged(self, query: int, halves: Tensor) -> None:
        street = self._street(query)
        for part in halves.split(AT_ONCE):
            self.net.finish(street, part)


def measured(ground: Ground, hidden: tuple[int, int], ks: Sequence[int], rounds: int) -> dict[str, Any]:
    """Milliseconds and bytes of every way.

    Args:
        ground: Query and gallery.
        hidden: Sizes of the network's layers.
        ks: Lengths of shortlists.
        rounds: Of every measurement; another query each round.

    Returns:
        ``rows``: of every way but a shortlist; ``shortlists``: of each K, with halves kept and with halves computed;
        ``parts``: what a shortlist's time is made of.
    """
    ways = Ways(ground, hidden)
    works: dict[str, Callable[[int], None]] = {
        "joined": ways.joined, "split": ways.split, "category": ways.category, "cosine": ways.cosine
    }  # fmt: skip
    ks = [k for k in ks if k <= len(ground.gallery)]
    for k in ks:
        works |= {f"pick {k}": ways.picked(k), f"kept {k}": ways.listed(k, kept=True)}
        works[f"computed {k}"] = ways.listed(k, kept=False)
    times = {}
    gc.freeze()  # each round collects first, and need not look through all of torch each time
    for threads in THREADS:
        torch.set_num_threads(threads)
        times[str(threads)] = _timed(works, rounds)
    gc.unfreeze()
    torch.set_num_threads(1)
    share = ground.whole / len(ground.gallery)
    told = {name: {t: times[t][name] for t in times} for name in works}
    whole = {name: _scaled(told[name], share) for name in ("joined", "split", "category", "cosine")}
    return {
        "rows": _rows(ground, hidden, whole),
        "shortlists": [_shortlist(ground, hidden, k, told, whole["cosine"]) for k in ks],
    }


def _timed(works: Mapping[str, Callable[[int], None]], rounds: int) -> dict[str, dict[str, float]]:
    """Way → milliseconds a query, of the processor and by the clock, median over the rounds."""
    turn = dict.fromkeys(works, -1)

    def next_query(name: str) -> None:
        with torch.inference_mode():
            for _ in range(_repeats(name)):
                turn[name] += 1
                works[name](turn[name])

    runs = measure.interleaved({name: lambda name=name: next_query(name) for name in works}, rounds)  # type: ignore[misc]
    return {
        name: {
            "cpu": 1e3 * float(np.median([one.cpu for one in done])) / _repeats(name),
            "clock": 1e3 * float(np.median([one.seconds for one in done])) / _repeats(name),
        }
        for name, done in runs.items()
    }


def _repeats(name: str) -> int:
    return REPEATS if " " in name else 1


Times = Mapping[str, Mapping[str, float]]


def _scaled(times: Times, share: float) -> dict[str, dict[str, float]]:
    return {threads: {name: value * share for name, value in one.items()} for threads, one in times.items()}


def _added(*every: Times) -> dict[str, dict[str, float]]:
    return {
        threads: {name: round(sum(one[threads][name] for one in every), 3) for name in every[0][threads]}
        for threads in every[0]
    }


def _rows(ground: Ground, hidden: tuple[int, int], whole: Mapping[str, Times]) -> list[dict[str, Any]]:
    dim, each = ground.gallery.shape[1], multiplications(ground.gallery.shape[1], hidden)
    spans = [ground.of_kind(query) for query in range(len(ground.street))]
    of_kind = round(ground.whole * float(np.mean([span.stop - span.start for span in spans])) / len(ground.gallery))
    vectors, halves = (ground.whole * width * FLOAT for width in (dim, hidden[0]))
    return [
        {"way": way, "pairs": pairs, "multiplications": pairs * cost, "bytes": held, "ms": _added(whole[way])}
        for way, pairs, cost, held in (
            ("joined", ground.whole, each["joined"], vectors),
            ("split", ground.whole, each["split"], halves),
            ("category", of_kind, each["split"], halves),
        )
    ] + [{"way": "cosine", "pairs": 0, "multiplications": ground.whole * dim, "bytes": vectors,
          "ms": _added(whole["cosine"])}]  # fmt: skip


def _shortlist(
    ground: Ground, hidden: tuple[int, int], k: int, told: Mapping[str, Times], cosine: Times
) -> dict[str, Any]:
    dim, each = ground.gallery.shape[1], multiplications(ground.gallery.shape[1], hidden)
    vectors, halves = (ground.whole * width * FLOAT for width in (dim, hidden[0]))
    return {
        "k": k,
        "multiplications": ground.whole * dim + k * each["split"],
        "ms": _added(cosine, told[f"pick {k}"], told[f"kept {k}"]),
        "judge_ms": _added(told[f"kept {k}"]),
        "bytes": vectors + halves,
        "computed_ms": _added(cosine, told[f"pick {k}"], told[f"computed {k}"]),
        "computed_judge_ms": _added(told[f"computed {k}"]),
        "computed_bytes": vectors,
    }

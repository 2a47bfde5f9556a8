"""A query that asks every shard waits for the slowest: its time, by simulation.

Each shard has replicas, each with cores; a query takes one core of one replica of every shard for a time drawn from a
log-normal law, waits its turn there (first come, first served), and is answered when the last shard has answered.
Arrivals are Poisson: nobody waits for an answer before asking. Waiting at c cores follows Kiefer and Wolfowitz (1955),
the effect of many shards Dean and Barroso, *The Tail at Scale* (2013): with a hundred shards, what is rare on one of
them is what every second query meets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from wearabouts.errors import SettingsError

QUERIES: Final = 4_000
BUSY: Final = 0.7  # share of the cores' time that may be taken: real arrivals come in swarms, and machines fail
QUIET: Final = 0.02  # share below which nobody waits for another
SETTLING: Final = 0.1  # share of the queries that are not counted: the queues begin empty
Z95: Final = 1.644853627  # the standard normal law's 95th percentile
Z99: Final = 2.326347874  # and its 99th


@dataclass(frozen=True, slots=True)
class Service:
    """How long one shard's core works on one query.

    Attributes:
        p50: Milliseconds.
        p99: Milliseconds, at least `p50`.
        rare: Share of the queries, in [0, 1], that meet a stall: a page from the disk, a neighbour on the machine.
        stall: Milliseconds that one adds.
    """

    p50: float
    p99: float
    rare: float = 0.0
    stall: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.p50 <= self.p99:
            raise SettingsError(f"p50 {self.p50:g} ms and p99 {self.p99:g} ms: give 0 < p50 ≤ p99")
        if not 0 <= self.rare <= 1 or self.stall < 0:
            raise SettingsError(f"rare {self.rare:g} and stall {self.stall:g} ms: give a share in [0, 1] and 0 or more")

    @property
    def sigma(self) -> float:
        """Of the logarithm."""
        return float(np.log(self.p99 / self.p50)) / Z99

    @property
    def mean(self) -> float:
        """Milliseconds."""
        return self.p50 * float(np.exp(self.sigma**2 / 2)) + self.rare * self.stall

    def drawn(self, generator: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
        """Random times of this law, in milliseconds."""
        times = self.p50 * np.exp(self.sigma * generator.standard_normal(shape))
        return times + self.stall * (generator.random(shape) < self.rare) if self.rare else times


@dataclass(frozen=True, slots=True)
class Latency:
    """What the simulated queries took, in milliseconds.

    Attributes:
        p50: Half of them took less.
        p95: 95 of a hundred took less.
        p99: 99 of a hundred took less.
        load: Share of the time that the cores worked.
    """

    p50: float
    p95: float
    p99: float
    load: float


def simulate(
    service: Service,
    *,
    shards: int,
    replicas: int,
    cores: int,
    qps: float,
    network: float = 0.0,
    again: float | None = None,
    queries: int = QUERIES,
    seed: int = 0,
) -> Latency:
    """Latency of queries that each ask every shard; see `waited`, which takes the same.

    Returns:
        Percentiles over the queries; all infinite where the cores cannot keep up.
    """
    took, load = waited(
        service,
        shards=shards,
        replicas=replicas,
        cores=cores,
        qps=qps,
        network=network,
        again=again,
        queries=queries,
        seed=seed,
    )
    return told(took, load)


def told(took: npt.NDArray[np.float64], load: float) -> Latency:
    """Percentiles of milliseconds."""
    if not np.isfinite(took).all():
        return Latency(np.inf, np.inf, np.inf, load)
    p50, p95, p99 = np.percentile(took, (50, 95, 99)).tolist()
    return Latency(p50, p95, p99, load)


def waited(
    service: Service,
    *,
    shards: int,
    replicas: int,
    cores: int,
    qps: float,
    network: float = 0.0,
    again: float | None = None,
    queries: int = QUERIES,
    seed: int = 0,
) -> tuple[npt.NDArray[np.float64], float]:
    """How long each of some queries took that each ask every shard.

    Args:
        service: One core's work on one query on one shard.
        shards: Parts the photos are split into.
        replicas: Copies of each shard; a query goes to the one whose next core is free first.
        cores: Of one replica.
        qps: Queries a second, in all.
        network: Milliseconds there and back, added to every answer.
        again: Milliseconds after which a shard that has not answered is asked once more, on its next free core, and
            whichever is done first counts; None for never. The first is not called off.
        queries: How many are simulated.
        seed: Of everything random.

    Returns:
        Milliseconds of the queries after the first tenth, all infinite where the cores cannot keep up; and the load.

    Raises:
        SettingsError: A count is below 1, or `qps` not above 0.
    """
    if min(shards, replicas, cores, queries) < 1 or qps <= 0:
        raise SettingsError(
            f"shards {shards}, replicas {replicas}, cores {cores}, queries {queries}, qps {qps:g}: give at least 1 of "
            "each and qps above 0"
        )
    load = qps * service.mean / 1_000 / (replicas * cores)
    if load >= 1:
        return np.full(queries - int(SETTLING * queries), np.inf), load
    generator = np.random.default_rng(seed)
    arrivals = np.cumsum(generator.exponential(1_000 / qps, queries))
    # When each core is free again. To choose the replica whose core is free first is one queue for all its cores.
    free = np.zeros((shards, replicas * cores))
    took = np.empty(queries)
    every = np.arange(shards)
    for number, now in enumerate(arrivals):
        first = free.argmin(axis=1)
        done = np.maximum(free[every, first], now) + service.drawn(generator, (shards,))
        free[every, first] = done
        if again is not None and (late := np.flatnonzero(done > now + again)).size:
            other = free[late].argmin(axis=1)
            second = np.maximum(free[late, other], now + again) + service.drawn(generator, late.shape)
            free[late, other] = second
            done[late] = np.minimum(done[late], second)
        took[number] = done.max() - now
    return took[int(SETTLING * queries) :] + network, load


def fewest(
    parts: Sequence[tuple[Service, int, float]], *, qps: float, p95: float, cores: int
) -> tuple[list[int], float | None]:
    """The fewest replicas of some tiers, asked one after the other, that keep a bound on their sum.

    Args:
        parts: Of each tier its service, its shards, and the milliseconds added for the way there and back.
        qps: Queries a second.
        p95: The bound, in milliseconds.
        cores: Of one replica.

    Returns:
        Replicas of each tier's shards, at most `BUSY` of whose time is taken; and the p95 without any waiting where
        no number of replicas keeps the bound (the replicas are then those that keep up), else None.
    """
    least = [math.ceil(qps * service.mean / 1_000 / cores / BUSY) for service, _, _ in parts]
    counts = list(least)
    while True:
        found = [
            waited(service, shards=shards, replicas=count, cores=cores, qps=qps, network=added, seed=place)
            for place, ((service, shards, added), count) in enumerate(zip(parts, counts, strict=True))
        ]
        loads = [load for _, load in found]
        whole = told(np.sum([took for took, _ in found], axis=0), max(loads))
        if whole.p95 <= p95:
            return counts, None
        if whole.load < QUIET:
            return least, whole.p95
        busiest = loads.index(max(loads))
        counts[busiest] += max(1, counts[busiest] // 4)

"""From a demand to machines: which store, how many of which size, what it costs most of.

All of it is arithmetic on measured constants (`wearabouts.capacity.constants`) and a simulation of the waiting
(`wearabouts.capacity.fanout`); the assumptions are part of the answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from wearabouts.capacity.constants import Constants
from wearabouts.capacity.fanout import Latency, Service, fewest, simulate
from wearabouts.capacity.quantities import shown, shown_bytes
from wearabouts.errors import SettingsError

FILLED: Final = 0.75  # share of a machine's memory that photos may fill; the rest is the system's and the processes'
COPIES: Final = 8  # whole copies of a store that people keep in step before a cluster is less work
NETWORK: Final = 1.0  # ms there and back between two machines of one room
MERGE: Final = 0.2  # ms to merge the lists of the shards
GROWTH: Final = 2.0  # a database and an index are rebuilt beside the old ones: twice the room on the disk


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked for.

    Attributes:
        photos: In the shop.
        qps: Photo queries a second, at the busiest time.
        p95: Milliseconds within which 95 of a hundred are answered, network to the customer apart.
        dim: Floats a vector.
        thumbnails: Whether small copies are stored.
        daily: Share of the photos that is new or changed each day.
        spare: Machines that may fail at once without anybody noticing.
    """

    photos: int
    qps: float
    p95: float
    dim: int
    thumbnails: bool = True
    daily: float = 0.01
    spare: int = 1


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine.

    Attributes:
        cores: Of the kind that was measured.
        memory: Bytes.
    """

    cores: int = 16
    memory: float = 64e9


@dataclass(frozen=True, slots=True)
class Tier:
    """Machines of one purpose.

    Attributes:
        purpose: In words.
        machines: How many.
        shards: Parts the photos are split into; each machine holds one.
        memory: Bytes each needs.
        disk: Bytes each needs.
        latency: Of this tier's part of an answer, by simulation.
    """

    purpose: str
    machines: int
    shards: int
    memory: float
    disk: float
    latency: Latency


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer.

    Attributes:
        store: ``embedded`` or ``milvus``.
        why: The reason, in a sentence.
        tiers: The machines.
        p95: Milliseconds expected: the tiers' 95th percentiles added, which is no less than the sum's own.
        floor: Milliseconds below which no number of machines brings it, where that is above the bound; else None.
        drivers: What the cores work on, name → cores busy at the busiest time, largest first.
        embed_hours: Hours in which all machines together embed every photo once.
        build_hours: Hours in which one core of each shard's machine builds its index; 0 where the engine does.
        daily_hours: Hours of one machine for a day's changes.
        assumptions: What was assumed, in sentences.
    """

    store: str
    why: str
    tiers: tuple[Tier, ...]
    p95: float
    floor: float | None
    drivers: dict[str, float]
    embed_hours: float
    build_hours: float
    daily_hours: float
    assumptions: tuple[str, ...]


def plan(demand: Demand, machine: Machine, known: Constants) -> Plan:
    """Machines for a demand.

    Raises:
        SettingsError: It cannot be met: the bound on the time is below what one photo takes to see and judge.
    """
    _require_possible(demand, machine, known)
    memory = demand.photos * _resident(demand, known) + machine.cores * known.bytes.process
    if memory <= FILLED * machine.memory:
        tier, floor = _whole(demand, machine, known, memory)
        if tier.machines <= COPIES:
            why = (
                f"{shown(demand.photos)} photos need {shown_bytes(memory)} of memory, within {FILLED:.0%} of one "
                f"machine's {shown_bytes(machine.memory)}: no cluster is needed"
            )
            return _planned("embedded", why, demand, machine, known, (tier,), floor)
        why = (
            f"one machine could hold the photos, but {tier.machines} copies of a store are more to keep than a cluster"
        )
    else:
        why = (
            f"{shown(demand.photos)} photos need {shown_bytes(memory)} of memory, more than {FILLED:.0%} of one "
            f"machine's {shown_bytes(machine.memory)}"
        )
    return _planned("milvus", why, demand, machine, known, *_split(demand, machine, known))


def _require_possible(demand: Demand, machine: Machine, known: Constants) -> None:
    if machine.cores < 1 or machine.memory < 4e9:
        raise SettingsError(f"{machine.cores} cores and {shown_bytes(machine.memory)}: give at least 1 core and 4 GB")
    if demand.dim < 1 or not 0 <= demand.daily <= 1 or demand.spare < 0:
        raise SettingsError(
            f"dim {demand.dim}, daily {demand.daily:g}, spare {demand.spare}: give dim ≥ 1, daily in [0, 1], spare ≥ 0"
        )
    alone = known.work.see + known.work.judge
    if demand.p95 <= alone:
        raise SettingsError(
            f"p95 {demand.p95:g} ms cannot be kept: to see and judge one photo takes {alone:.3g} ms of a core with "
            f"{known.model}; allow more time, or a smaller model"
        )


def _resident(demand: Demand, known: Constants) -> float:
    """Bytes of memory for one photo in the embedded store: what a search may touch must not come from a disk."""
    return 4 * demand.dim + known.bytes.base


def _stored(demand: Demand, known: Constants) -> float:
    """Bytes on the disk for one photo: the database with the vector once more, and the index."""
    row = known.bytes.row + known.bytes.evidence + (known.bytes.thumbnail if demand.thumbnails else 0)
    return row + 4 * demand.dim + _resident(demand, known)


def _whole(demand: Demand, machine: Machine, known: Constants, memory: float) -> tuple[Tier, float | None]:
    """Machines that each hold the whole store and do everything."""
    work = known.work
    found = known.search.ms(demand.photos, demand.dim)
    service = Service(work.see + work.judge + found, work.see_p99 + work.judge + found * known.search.tail)
    (machines,), floor = fewest(((service, 1, 0.0),), qps=demand.qps, p95=demand.p95, cores=machine.cores)
    machines += demand.spare
    latency = simulate(service, shards=1, replicas=machines, cores=machine.cores, qps=demand.qps)
    disk = GROWTH * demand.photos * _stored(demand, known)
    return Tier("sees, searches and judges; holds the whole store", machines, 1, memory, disk, latency), floor


def _split(demand: Demand, machine: Machine, known: Constants) -> tuple[tuple[Tier, Tier], float | None]:
    """Machines that see and judge, and Milvus's query nodes behind them, half of the time for each part's own work."""
    work, engine = known.work, known.milvus
    seeing = Service(work.see + work.judge, work.see_p99 + work.judge)
    each = engine.bytes * demand.dim / engine.dim
    shards = math.ceil(demand.photos * each / (FILLED * machine.memory))
    # A graph's search visits a number of vectors that grows with the logarithm of how many there are.
    ms = engine.ms * demand.dim / engine.dim * math.log(max(2.0, demand.photos / shards)) / math.log(engine.photos)
    finding = Service(ms, ms * engine.tail)
    wait = NETWORK + engine.wait
    parts = ((seeing, 1, NETWORK + MERGE), (finding, shards, wait))
    (fronts, replicas), floor = fewest(parts, qps=demand.qps, p95=demand.p95, cores=machine.cores)
    fronts, replicas = fronts + demand.spare, replicas + demand.spare
    front = simulate(seeing, shards=1, replicas=fronts, cores=machine.cores, qps=demand.qps)
    query = simulate(finding, shards=shards, replicas=replicas, cores=machine.cores, qps=demand.qps, network=wait)
    part = demand.photos / shards
    tiers = (
        Tier("sees and judges; keeps nothing", fronts, 1, machine.cores * known.bytes.process, 10e9, front),
        Tier(
            "Milvus query nodes", shards * replicas, shards, part * each, GROWTH * part * _stored(demand, known), query
        ),
    )
    return tiers, floor


def _planned(
    store: str,
    why: str,
    demand: Demand,
    machine: Machine,
    known: Constants,
    tiers: tuple[Tier, ...],
    floor: float | None,
) -> Plan:
    work = known.work
    shards = tiers[-1].shards
    if store == "embedded":
        find, build = known.search.ms(demand.photos, demand.dim), demand.photos * work.build / 3.6e6
    else:
        # The cores that all shards together keep busy with one query.
        find, build = tiers[-1].latency.load * tiers[-1].machines * machine.cores * 1_000 / demand.qps, 0.0
    busy = {"seeing photos": work.see, "judging": work.judge, f"searching {shards} shard{'s' * (shards > 1)}": find}
    cores = machine.cores * sum(tier.machines for tier in tiers)
    extra = NETWORK + MERGE if store == "milvus" else 0.0  # between the tiers
    return Plan(
        store=store,
        why=why,
        tiers=tiers,
        p95=sum(tier.latency.p95 for tier in tiers) + extra,
        floor=floor,
        drivers=dict(sorted(((name, ms * demand.qps / 1_000) for name, ms in busy.items()), key=lambda one: -one[1])),
        embed_hours=demand.photos * work.index / 3.6e6 / cores,
        build_hours=build,
        daily_hours=demand.daily * demand.photos * max(work.index / machine.cores / 3.6e6, 1 / known.upserts / 3_600),
        assumptions=_assumptions(store, demand, known),
    )


def _assumptions(store: str, demand: Demand, known: Constants) -> tuple[str, ...]:
    measured = known.measured
    common = (
        f"a core is one of {measured.machine}, measured on {measured.date}; the model is {known.model}",
        "queries arrive at random (Poisson), work takes log-normal times, whoever comes first is served first",
        f"{FILLED:.0%} of the memory may be filled; the disk has twice the room, because rebuilding goes on beside",
        f"searching takes as long as the photos to the power {known.search.exponent:.2f} and the floats say; beyond "
        f"{shown(max(known.search.photos))} photos of {known.search.dim} floats nothing was measured for this",
        f"{demand.spare} machine{'s' * (demand.spare != 1)} of each kind may fail",
    )
    if store == "embedded":
        return (*common, "every machine holds a copy of the store, brought up to date by indexing the feed itself")
    return (
        *common,
        f"Milvus was measured as one process with {shown(known.milvus.photos)} photos; its search grows with the "
        "logarithm of the photos of a shard; a real cluster's coordinators, message queue and object store come on top",
        f"{NETWORK:g} ms between machines, and the slowest shard makes the answer wait",
    )

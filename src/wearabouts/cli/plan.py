"""`plan`: what machines a shop of some size needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wearabouts.cli.options import JsonOption
from wearabouts.cli.terminal import say, show_json, show_table, tell

if TYPE_CHECKING:
    from wearabouts.capacity import Demand, Plan


def plan(
    photos: Annotated[str, typer.Option(help="Photos in the shop, such as 400k or 100M.")] = "400k",
    qps: Annotated[str, typer.Option(help="Photo queries a second at the busiest time.")] = "10",
    p95: Annotated[str, typer.Option(help="Time within which 95 of 100 are answered, such as 50ms.")] = "100ms",
    dim: Annotated[int, typer.Option(min=1, help="Floats a vector.")] = 256,
    cores: Annotated[int, typer.Option(min=1, help="Cores of one machine.")] = 16,
    memory: Annotated[str, typer.Option(help="Memory of one machine, such as 64GB.")] = "64GB",
    daily: Annotated[float, typer.Option(min=0, max=1, help="Share of the photos that changes each day.")] = 0.01,
    spare: Annotated[int, typer.Option(min=0, help="Machines of each kind that may fail.")] = 1,
    thumbnails: Annotated[bool, typer.Option(help="Store small copies of the photos.")] = True,
    json: JsonOption = False,
) -> None:
    """Say what machines a number of photos and queries needs, from measured costs and a simulation of the waiting."""
    from wearabouts.capacity import Demand, Machine, constants, quantities
    from wearabouts.capacity import plan as planned
    from wearabouts.types import as_dict

    demand = Demand(
        photos=quantities.count(photos),
        qps=quantities.quantity(qps, quantities.COUNTS, "rate", "500"),
        p95=quantities.milliseconds(p95),
        dim=dim,
        thumbnails=thumbnails,
        daily=daily,
        spare=spare,
    )
    machine = Machine(cores, quantities.size(memory))
    found = planned(demand, machine, constants())
    if json:
        show_json(as_dict({"demand": as_dict(demand), "machine": as_dict(machine), "plan": as_dict(found)}))
    else:
        _show(demand, found)


def _show(demand: Demand, found: Plan) -> None:
    from wearabouts.capacity.quantities import shown, shown_bytes

    tell(f"store: {found.store}", style="bold")
    say(f"{found.why}.")
    rows = [
        (
            tier.purpose,
            tier.machines,
            tier.shards,
            shown_bytes(tier.memory),
            shown_bytes(tier.disk),
            f"{tier.latency.load:.0%}",
            f"{tier.latency.p50:.1f}",
            f"{tier.latency.p95:.1f}",
            f"{tier.latency.p99:.1f}",
        )
        for tier in found.tiers
    ]
    heads = ("machines for", "count", "shards", "memory each", "disk each", "load", "p50 ms", "p95 ms", "p99 ms")
    show_table(
        f"{shown(demand.photos)} photos, {shown(demand.qps)} queries a second", heads, rows, numbers=tuple(range(1, 9))
    )
    show_table(
        "cores busy at the busiest time",
        ("with", "cores"),
        [(a, f"{b:.2f}") for a, b in found.drivers.items()],
        numbers=(1,),
    )
    say(f"95 of 100 answered within {found.p95:.1f} ms, {demand.p95:g} ms asked for")
    if found.floor is not None:
        tell(
            f"{demand.p95:g} ms cannot be kept by more machines: without waiting it is {found.floor:.1f} ms; take a "
            "smaller model, one look a photo, or fewer and smaller shards",
            style="yellow",
        )
    say(
        f"embedding every photo once: {found.embed_hours:.3g} hours on all of these machines; "
        f"a day's changes: {found.daily_hours:.2g} hours of one"
        + (f"; building the index: {found.build_hours:.2g} hours of one core" if found.build_hours else "")
    )
    say("assumed:")
    for line in found.assumptions:
        say(f"  {line}")

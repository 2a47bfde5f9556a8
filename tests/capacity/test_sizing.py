"""Plans: the arithmetic by hand, and the directions in which they must move."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from wearabouts.capacity import Demand, Machine, constants, plan
from wearabouts.capacity.constants import Constants
from wearabouts.cli import main
from wearabouts.errors import SettingsError

KNOWN = Constants.model_validate(
    {
        "measured": {"date": "2026-01-02", "commit": "", "machine": "a test", "versions": {}},
        "model": "made up",
        "work": {"index": 36, "see": 20, "see_p99": 30, "judge": 5, "build": 0.36},
        "search": {
            "photos": [10_000, 1_000_000],
            "p50": [0.1, 1],
            "p95": [0.2, 2],
            "dim": 100,
            "exponent": 0.5,
            "at_million": 1,
            "tail": 2,
        },
        "bytes": {"row": 1_000, "evidence": 500, "thumbnail": 10_000, "base": 100, "process": 1e8},
        "upserts": 1_000,
        "milvus": {"photos": 100_000, "dim": 100, "ms": 2, "wait": 3, "tail": 2, "bytes": 1_000},
    }
)
SHOP = Demand(photos=1_000_000, qps=10, p95=100, dim=100)
MACHINE = Machine(cores=10, memory=10e9)


def test_a_shop_that_fits_in_one_machine_gets_the_embedded_store_and_its_sums_are_right() -> None:
    found = plan(SHOP, MACHINE, KNOWN)
    (tier,) = found.tiers
    assert found.store == "embedded"
    assert tier.memory == 1e6 * (4 * 100 + 100) + 10 * 1e8
    # Vector in the database and in the index, the index's row, facts, evidence and thumbnail; twice for rebuilding.
    assert tier.disk == 2 * 1e6 * (400 + 400 + 100 + 1_000 + 500 + 10_000)
    assert tier.machines == 2  # one suffices, one may fail
    assert found.drivers["seeing photos"] == pytest.approx(0.2)
    assert found.drivers["judging"] == pytest.approx(0.05)
    assert found.drivers["searching 1 shard"] == pytest.approx(0.01)
    assert list(found.drivers) == ["seeing photos", "judging", "searching 1 shard"]
    assert found.embed_hours == pytest.approx(1e6 * 0.036 / 3_600 / 20)
    assert found.build_hours == pytest.approx(0.1)
    assert found.p95 == tier.latency.p95
    assert 26 < found.p95 < 45
    bare = plan(replace(SHOP, thumbnails=False), MACHINE, KNOWN)
    assert tier.disk - bare.tiers[0].disk == 2 * 1e6 * 10_000


def test_what_does_not_fit_is_split_over_milvus() -> None:
    found = plan(replace(SHOP, photos=100_000_000), MACHINE, KNOWN)
    front, query = found.tiers
    assert found.store == "milvus"
    assert "75%" in found.why
    assert query.shards == 14  # 100 GB over 7.5 GB
    assert query.memory <= 0.75 * MACHINE.memory
    assert query.machines % query.shards == 0
    assert query.machines // query.shards >= 2
    assert front.machines >= 2
    # Added up: no less than the 95th percentile of the sum, by which the machines were chosen.
    assert found.p95 == pytest.approx(front.latency.p95 + query.latency.p95 + 1.2)
    assert found.p95 <= 105
    assert query.latency.p50 > 4 + 2  # the way there and back, ticks, and the work itself


@pytest.mark.parametrize("photos", [1_000_000, 100_000_000])
def test_more_queries_need_no_fewer_machines_and_less_time_no_fewer_either(photos: int) -> None:
    demand = replace(SHOP, photos=photos)
    machines = [sum(t.machines for t in plan(replace(demand, qps=q), MACHINE, KNOWN).tiers) for q in (10, 300, 2_000)]
    assert machines == sorted(machines)
    assert machines[0] < machines[-1]
    slow, quick = (plan(replace(demand, qps=700, p95=bound), MACHINE, KNOWN) for bound in (200, 60))
    assert sum(t.machines for t in quick.tiers) >= sum(t.machines for t in slow.tiers)


def test_a_bound_that_no_number_of_machines_keeps_is_said_with_what_it_takes() -> None:
    found = plan(replace(SHOP, photos=10**8, p95=30), MACHINE, KNOWN)
    assert found.floor is not None
    assert 30 < found.floor <= found.p95
    assert plan(replace(SHOP, photos=10**8), MACHINE, KNOWN).floor is None


def test_too_many_copies_make_it_a_cluster() -> None:
    found = plan(replace(SHOP, qps=5_000), MACHINE, KNOWN)
    assert found.store == "milvus"
    assert "copies" in found.why


@pytest.mark.parametrize(
    ("demand", "machine", "words"),
    [
        (replace(SHOP, p95=24), MACHINE, "25 ms of a core"),
        (replace(SHOP, dim=0), MACHINE, "dim"),
        (replace(SHOP, daily=2), MACHINE, "daily"),
        (SHOP, Machine(cores=0), "at least 1 core"),
    ],
)
def test_what_cannot_be_met_is_refused_with_the_reason(demand: Demand, machine: Machine, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        plan(demand, machine, KNOWN)


def test_the_measured_constants_are_complete_and_searching_grows() -> None:
    known = constants()
    assert 0 < known.search.exponent < 1.2
    assert known.search.ms(1e7, 256) > known.search.ms(1e6, 256) > known.search.ms(1e6, 128)
    assert known.work.see <= known.work.see_p99


def test_the_command_shows_a_plan_and_gives_it_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plan", "--photos", "100M", "--qps", "500", "--p95", "150ms"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "Milvus query nodes" in told
    assert "assumed:" in told
    assert main([*words, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["demand"]["photos"] == 100_000_000
    assert facts["plan"]["store"] == "milvus"
    assert main(["plan", "--p95", "1 fortnight"]) == 2
    assert "50ms" in capsys.readouterr().err

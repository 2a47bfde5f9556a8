"""The simulation against what queueing theory knows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wearabouts.capacity import Service, simulate
from wearabouts.capacity.fanout import fewest
from wearabouts.errors import SettingsError

STEADY = Service(10, 10)


def erlang_c(cores: int, load: float) -> float:
    """Chance to wait at c cores (Erlang 1917), of work that takes exponential times."""
    offered = load * cores
    last = offered**cores / math.factorial(cores) / (1 - load)
    return last / (sum(offered**n / math.factorial(n) for n in range(cores)) + last)


def test_a_core_that_always_takes_ten_ms_is_a_queue_of_pollaczek_and_khinchine() -> None:
    # M/D/1: the mean wait is load / (1 - load) / 2 services; the median query of a quiet core does not wait.
    quiet = simulate(STEADY, shards=1, replicas=1, cores=1, qps=1, queries=2_000)
    assert quiet.p50 == pytest.approx(10)
    assert quiet.load == pytest.approx(0.01)
    busy = simulate(STEADY, shards=1, replicas=1, cores=1, qps=70, queries=40_000)
    assert busy.load == pytest.approx(0.7)
    # Of M/D/1 at load .7 the median stay is 1.78 services: the waiting law of Erlang (1909), summed by hand.
    assert busy.p50 == pytest.approx(10 * (1 + _median_wait(0.7)), rel=0.06)


def _median_wait(load: float) -> float:
    """M/D/1, Erlang 1909: P(wait ≤ t) = (1 - load) Σ_k (-load (t - k))^k / k! · e^(load (t - k)), t in services."""

    def share(t: float) -> float:
        terms = ((-load * (t - k)) ** k / math.factorial(k) * math.exp(load * (t - k)) for k in range(int(t) + 1))
        return (1 - load) * sum(terms)

    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if share(middle) < 0.5 else (low, middle)
    return low


def test_the_slowest_of_many_shards_is_the_largest_of_many_draws() -> None:
    # Without waiting, the median of the largest of 100 log-normal times lies at the normal law's .5^(1/100) point.
    service = Service(5, 15)
    alone = simulate(service, shards=100, replicas=1, cores=64, qps=1, queries=4_000)
    z = 2.4624  # the normal law's 0.99309
    assert alone.p50 == pytest.approx(5 * math.exp(service.sigma * z), rel=0.03)
    one = simulate(service, shards=1, replicas=1, cores=64, qps=1, queries=4_000)
    assert one.p50 == pytest.approx(5, rel=0.05)
    assert one.p99 == pytest.approx(15, rel=0.15)


def test_waiting_is_rarer_with_more_cores_as_erlang_says() -> None:
    # Exact only for exponential work; a deterministic one waits less, and less the more cores there are.
    waits = [simulate(STEADY, shards=1, replicas=1, cores=c, qps=80 * c, queries=20_000) for c in (1, 4, 16)]
    assert waits[0].p95 > waits[1].p95 > waits[2].p95
    assert erlang_c(16, 0.8) < erlang_c(4, 0.8) < erlang_c(1, 0.8)


def test_cores_that_cannot_keep_up_never_answer() -> None:
    swamped = simulate(STEADY, shards=1, replicas=1, cores=2, qps=250)
    assert swamped.p50 == swamped.p99 == np.inf
    assert swamped.load == pytest.approx(1.25)


def test_the_network_is_added_and_the_same_seed_gives_the_same_answer() -> None:
    first, second = (simulate(STEADY, shards=3, replicas=2, cores=2, qps=50, network=n) for n in (0.0, 2.5))
    assert second.p95 == pytest.approx(first.p95 + 2.5)
    assert simulate(STEADY, shards=3, replicas=2, cores=2, qps=50) == first


def test_the_fewest_replicas_keep_the_bound_and_one_fewer_does_not() -> None:
    service = Service(20, 40)
    (count,), floor = fewest(((service, 4, 0.0),), qps=400, p95=60, cores=4)
    assert floor is None
    found, fewer = (simulate(service, shards=4, replicas=n, cores=4, qps=400) for n in (count, count - 1))
    assert found.p95 <= 60
    assert found.load <= 0.7
    assert fewer.p95 > 60 or fewer.load > 0.7


def test_two_tiers_one_after_the_other_keep_the_bound_together() -> None:
    first, second = Service(20, 30), Service(5, 20)
    counts, floor = fewest(((first, 1, 1.0), (second, 10, 2.0)), qps=400, p95=60, cores=4)
    assert floor is None
    alone = [
        simulate(each, shards=n, replicas=count, cores=4, qps=400, network=way)
        for each, n, count, way in ((first, 1, counts[0], 1.0), (second, 10, counts[1], 2.0))
    ]
    assert max(each.p50 for each in alone) < 60
    assert sum(each.p50 for each in alone) <= 60


def test_a_bound_below_the_work_itself_is_told_with_what_it_takes() -> None:
    (count,), floor = fewest(((Service(20, 40), 50, 0.0),), qps=10, p95=25, cores=4)
    assert count == 1
    assert floor is not None
    assert 40 < floor < 60  # the slowest of fifty


@pytest.mark.parametrize("wrong", [{"shards": 0}, {"cores": 0}, {"qps": 0.0}])
def test_what_cannot_be_meant_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="at least 1"):
        simulate(STEADY, **({"shards": 1, "replicas": 1, "cores": 1, "qps": 1.0} | wrong))
    with pytest.raises(SettingsError, match="p50"):
        Service(5, 4)
    with pytest.raises(SettingsError, match="share"):
        Service(5, 6, rare=2)


def test_a_stall_that_is_rare_on_one_shard_is_common_on_a_hundred_and_asking_again_hides_it() -> None:
    service = Service(5, 8, rare=0.002, stall=200)
    common = {"replicas": 2, "cores": 8, "qps": 20, "queries": 6_000}
    one = simulate(service, shards=1, **common)
    many = simulate(service, shards=100, **common)
    mended = simulate(service, shards=100, again=20, **common)
    assert one.p95 < 10
    assert many.p95 > 200  # 1 - .998^100 = 18 % of the queries meet one
    assert mended.p95 < 40
    assert mended.p99 < many.p99
    assert service.mean == pytest.approx(Service(5, 8).mean + 0.4)


def test_asking_again_never_makes_a_quiet_shop_slower() -> None:
    service = Service(5, 15)
    common = {"shards": 20, "replicas": 2, "cores": 8, "qps": 10, "queries": 3_000}
    assert simulate(service, again=10, **common).p99 < simulate(service, **common).p99

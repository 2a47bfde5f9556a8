"""Who works on photos: threads, processes, or both in turn give the same store, and a death costs a photo at most."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from crews import KILLING, STOPPING, Deadly, Steady, indexed, same, shop
from pictures import saved, scene
from wearabouts import bundles
from wearabouts.embedding import pool
from wearabouts.embedding.crew import Crew, Threads
from wearabouts.embedding.making import Made, Maker, Order
from wearabouts.embedding.pool import Growing, Processes
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import BundleError, SettingsError
from wearabouts.fetch import Fetcher


def test_processes_write_what_threads_write_bit_for_bit(tmp_path: Path) -> None:
    products = shop(tmp_path, 37)
    Path(products[5].photos[0].uri).write_bytes(b"not a picture")
    Path(products[7].photos[0].uri).unlink()
    encoder = Steady()
    plain, expected = indexed(tmp_path / "threads", products, encoder, processes=0)
    assert (plain.products, plain.embedded, plain.reused, plain.faults.counts["photo"]) == (35, 34, 1, 2)
    summary, records = indexed(tmp_path / "processes", products, encoder, processes=2, batch=4)
    assert (summary.products, summary.embedded, summary.reused) == (35, 34, 1)
    assert sorted(fault.reason for fault in summary.faults.kept) == sorted(f.reason for f in plain.faults.kept)
    assert same(records, expected)


def test_the_shipped_model_gives_the_same_bits_in_any_process_and_any_batch(tmp_path: Path) -> None:
    products = shop(tmp_path, 7)
    encoder = OnnxEncoder(bundles.load("mini"))
    _, expected = indexed(tmp_path / "threads", products, encoder, processes=0)
    assert all(record.photos[0].beside for record in expected)
    _, records = indexed(tmp_path / "one", products, encoder, processes=1, batch=4)
    assert same(records, expected)
    _, alone = indexed(tmp_path / "alone", products, encoder, processes=0, batch=1)
    assert same(alone, expected)


def test_a_large_job_grows_processes_and_a_small_one_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    products = shop(tmp_path, 120)
    grown: list[Processes] = []

    class Watched(Processes):
        def start(self) -> None:
            super().start()
            grown.append(self)

    class Waiting(Growing):
        """Waits for the processes, so that some photos are surely made by each."""

        def submit(self, orders: Sequence[Order]) -> object:
            future = super().submit(orders)
            if self._starting is not None:
                self._starting.join()
            return future

    monkeypatch.setattr(pool, "Processes", Watched)
    monkeypatch.setattr("wearabouts.embedding.Growing", partial(Waiting, few=40))
    monkeypatch.setattr("wearabouts.embedding.cores", lambda: 2)
    encoder = Steady()
    _, few = indexed(tmp_path / "few", products[:40], encoder)
    assert grown == []
    encoder.calls.clear()
    _, records = indexed(tmp_path / "many", products, encoder)
    assert len(grown) == 1
    here = sum(encoder.calls)
    assert 40 <= here < 119  # the others were made elsewhere
    assert same(records[:40], few)
    _, expected = indexed(tmp_path / "plain", products, Steady(), processes=0)
    assert same(records, expected)


def test_an_encoder_that_cannot_travel_stays_with_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Local(Steady):
        """Of a function, which pickle cannot name."""

    monkeypatch.setattr("wearabouts.embedding.Growing", partial(Growing, few=5))
    monkeypatch.setattr("wearabouts.embedding.cores", lambda: 2)
    products = shop(tmp_path, 20)
    summary, _ = indexed(tmp_path / "store", products, Local(), batch=4)
    assert summary.products == 20
    with pytest.raises(SettingsError, match="cannot be sent to another process"):
        indexed(tmp_path / "asked", products, Local(), processes=1)


def test_a_photo_that_kills_its_process_costs_itself_alone(tmp_path: Path) -> None:
    products = shop(tmp_path, 12)
    Path(products[6].photos[0].uri).write_bytes(saved(np.full((30, 30, 3), KILLING, np.uint8)))
    summary, records = indexed(tmp_path / "store", products, Deadly(), processes=1, batch=6)
    assert [record.product.id for record in records] == [f"p{n:03}" for n in range(12) if n != 6]
    assert (summary.embedded, summary.reused, summary.faults.counts["photo"]) == (10, 1, 1)
    reasons = [fault.reason for fault in summary.faults.kept]
    assert any("006.png" in reason and "died twice" in reason and "SIGKILL" in reason for reason in reasons)
    _, expected = indexed(tmp_path / "plain", [*products[:6], *products[7:]], Steady(), processes=0)
    assert same(records, expected)


def test_a_process_that_dies_for_once_costs_nothing(tmp_path: Path) -> None:
    products = shop(tmp_path, 9)
    Path(products[4].photos[0].uri).write_bytes(saved(np.full((30, 30, 3), KILLING, np.uint8)))
    encoder = Deadly(once=tmp_path / "died")
    summary, _ = indexed(tmp_path / "store", products, encoder, processes=1, batch=6)
    assert (tmp_path / "died").exists()
    assert (summary.products, len(summary.faults)) == (9, 0)


def test_an_error_of_the_encoder_comes_back_from_a_process_as_itself(tmp_path: Path) -> None:
    products = shop(tmp_path, 4)
    Path(products[1].photos[0].uri).write_bytes(saved(np.full((30, 30, 3), STOPPING, np.uint8)))
    with pytest.raises(BundleError, match="gives nothing"):
        indexed(tmp_path / "store", products, Deadly(), processes=1)


def orders(count: int) -> list[Order]:
    return [Order(f"{n}.png", saved(scene(30, 40, n)), None, True, True) for n in range(count)]


@pytest.mark.parametrize("kind", ["threads", "processes", "growing"])
def test_every_crew_answers_every_order_in_its_place(kind: str) -> None:
    encoder, fetcher = Steady(), Fetcher()
    threads = Threads(Maker(encoder), fetcher, decoding=2)
    crews: dict[str, Crew] = {
        "threads": threads,
        "processes": Processes(encoder, fetcher, processes=1),
        "growing": Growing(threads, encoder, fetcher, processes=1, few=0),
    }
    crew = crews[kind]
    before = threading.active_count()
    asked = orders(5)
    asked[3] = Order("bad.png", b"bad", None, True, True)
    asked[4] = Order("small.png", asked[0].data, None, True, True, encode=False)
    try:
        made: list[Made] = crew.submit(asked).result()
    finally:
        for each in crews.values():
            each.close()
    wanted = Maker(Steady()).make(asked)
    assert [(each.problem, each.thumbnail) for each in made] == [(each.problem, each.thumbnail) for each in wanted]
    assert [each.seen is not None for each in made] == [True, True, True, False, False]
    for row in range(3):
        assert np.array_equal(made[row].seen.vector, wanted[row].seen.vector)
    assert "bad.png" in made[3].problem
    assert threading.active_count() <= before
    fetcher.close()


def test_closing_ends_processes_in_the_middle_of_their_work() -> None:
    crew = Processes(Steady(), Fetcher(), processes=1)
    crew.start()
    (pid,) = crew.pids
    asked = orders(300)
    waiting = [crew.submit(asked) for _ in range(3)]
    crew.close()
    assert all(future.cancelled() or future.exception() is not None for future in waiting)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_master_that_is_killed_takes_its_processes_along() -> None:
    script = textwrap.dedent("""
        import time
        from fakes import TinyEncoder
        from wearabouts.embedding.pool import Processes
        from wearabouts.fetch import Fetcher
        crew = Processes(TinyEncoder(), Fetcher(), processes=1)
        crew.start()
        print(*crew.pids, flush=True)
        time.sleep(60)
    """)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment) as master:
        assert master.stdout is not None
        pid = int(master.stdout.readline())
        os.kill(pid, 0)
        master.kill()
    until = time.monotonic() + 20
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    """Whether a process works still; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False

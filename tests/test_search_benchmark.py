"""The benchmarks of searching and serving run, in miniature, and measure what they say: recall, filters, waiting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = [str(ROOT / "benchmarks" / name) for name in ("search", "serve", "")] + [str(ROOT / "docs")]
PARTS = ["curves", "filters", "updates", "growth", "large"]


def ran(script: str, *words: str) -> None:
    unset = {name: value for name, value in os.environ.items() if name not in ("WEARABOUTS_DATA", "WEARABOUTS_MILVUS")}
    done = subprocess.run(
        [sys.executable, str(ROOT / script), *words],
        capture_output=True,
        text=True,
        timeout=300,
        env={**unset, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "WEARABOUTS_PEERS": "/nowhere/python"},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    for folder in reversed(FOLDERS):
        monkeypatch.syspath_prepend(folder)
    import contenders
    import curves
    import ground
    import load
    import search_goals
    import talk

    return SimpleNamespace(
        contenders=contenders, curves=curves, ground=ground, load=load, goals=search_goals, talk=talk
    )


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    given = ["--quick", "--work", str(folder / "work"), "--out", str(folder)]
    ran("benchmarks/search/run.py", *given, *(word for part in PARTS for word in ("--part", part)))
    ran("benchmarks/serve/run.py", *given)
    ran("docs/search.py", "--from", str(folder / "search-quick.json"), "--out", str(folder / "docs"))
    return folder


def test_ours_is_measured_against_every_vector_and_an_engine_that_is_not_there_is_a_row_that_says_so(
    quick: Path,
) -> None:
    run = json.loads((quick / "search-quick.json").read_text("utf-8"))
    assert list(run["parts"]) == PARTS
    rows = {row["name"]: row for row in run["parts"]["curves"]["found"][0]["rows"]}
    for name in ("wearabouts", "wearabouts, bare index"):
        assert all(point["recall@20"] == 1 for point in rows[name]["points"])  # so few are all compared
    absent = [row for row in rows.values() if row["name"] not in ("wearabouts", "wearabouts, bare index")]
    assert len(absent) >= 9
    assert all("not installed" in row["error"] for row in absent)


def test_filters_updates_and_starts_are_measured(quick: Path) -> None:
    parts = json.loads((quick / "search-quick.json").read_text("utf-8"))["parts"]
    filters = {row["name"]: row for row in parts["filters"]["found"]["rows"]}
    cases = filters["wearabouts"]["cases"]
    assert {(case["kind"], case["kept"]) for case in cases} == {
        ("none", 1.0),
        *((kind, share) for kind in ("random", "aligned", "opposed") for share in (0.5, 0.01)),
    }
    assert all(case["recall@10"] == 1 and case["too few"] == 0 for case in cases)
    updates = parts["updates"]["found"]
    assert [(row["who"], row["when"]) for row in updates["rows"]] == [
        (who, when) for who in ("same process", "another process") for when in ("idle", "writes")
    ]
    assert updates["photos after"] > updates["count"]
    assert updates["rebuild"]["longest"] >= updates["rebuild"]["p50"] > 0
    for row in (*parts["growth"]["found"], *parts["large"]["found"]):
        assert row["recall@10"] == 1
        assert 0 < row["warm"]["open"] < row["warm"]["start"]
        assert row["disk a vector"] > 4 * row["dim"]


def test_curves_of_one_size_alone_leave_those_of_the_others(modules: SimpleNamespace) -> None:
    old = [{"dim": dim, "count": 9, "date": "old"} for dim in (256, 512)]
    new = [{"dim": 512, "count": 9, "date": "new"}]
    assert modules.curves.with_others(new, old) == [old[0], new[0]]
    assert modules.curves.with_others(new, []) == new


def test_requests_over_http_are_answered_with_ten_products(quick: Path) -> None:
    run = json.loads((quick / "serve-quick.json").read_text("utf-8"))
    assert [row["who"] for row in run["rows"]] == ["wearabouts", "wearabouts, box given"]
    for row in run["rows"]:
        assert row["products"] == 10
        assert row["rates"][0]["failed"] == 0


def test_the_pages_say_that_it_was_a_check_and_have_pictures_and_no_path_of_this_machine(quick: Path) -> None:
    for name in ("search-quick.json", "serve-quick.json", "docs/search.md", "docs/search.zh.md"):
        text = (quick / name).read_text("utf-8")
        assert not any(place in text for place in (str(ROOT), str(quick), tempfile.gettempdir(), str(Path.home())))
    page = (quick / "docs/search.md").read_text("utf-8")
    assert "A check that the benchmark works" in page
    assert page.count("\n## ") == (quick / "docs/search.zh.md").read_text("utf-8").count("\n## ")
    pictures = sorted((quick / "docs/images").glob("*.svg"))
    assert len(pictures) == 8
    for picture in pictures:
        assert ElementTree.fromstring(picture.read_text("utf-8")).tag.endswith("svg")
        assert f"images/{picture.name}" in page + (quick / "docs/search.zh.md").read_text("utf-8")


def test_the_committed_pages_are_what_the_committed_figures_say() -> None:
    ran("docs/search.py", "--check")


def test_right_answers_are_those_of_a_plain_comparison_and_recall_counts_ties(modules: SimpleNamespace) -> None:
    rng = np.random.default_rng(3)
    matrix = rng.standard_normal((60_000, 8)).astype(np.float32)
    matrix[7] = matrix[40_000]
    queries = np.concatenate([matrix[7:8], rng.standard_normal((3, 8)).astype(np.float32)])
    keep = np.arange(len(matrix)) % 3 == 1
    for mask in (None, keep):
        found = modules.ground.nearest(matrix, queries, 5, mask)
        similar = queries @ matrix.T
        if mask is not None:
            similar[:, ~mask] = -9
        assert np.allclose(np.sort(similar)[:, ::-1][:, :5], found.scores)
        assert np.allclose(np.take_along_axis(similar, found.rows, 1), found.scores)
    few = modules.ground.nearest(matrix, queries, 5, np.arange(len(matrix)) < 2)
    assert np.count_nonzero(few.rows >= 0, axis=1).tolist() == [2] * 4
    truth = modules.ground.Truth(np.array([[7, 1, 2]]), np.array([[1.0, 0.5, 0.2]], np.float32))
    unit = np.zeros((3, 2), np.float32)
    unit[:, 0] = [1.0, 0.5, 0.2]
    matrix = np.zeros((9, 2), np.float32)
    matrix[[7, 1, 2, 3]] = [[1, 0], [0.5, 0], [0.2, 0], [0.5, 0]]
    asked = np.array([[1.0, 0.0]], np.float32)
    assert modules.ground.recall([[7, 3]], truth, matrix, asked, 2) == [1.0]  # row 3 is as near as row 1
    assert modules.ground.recall([[7, 4]], truth, matrix, asked, 2) == [0.5]
    assert modules.ground.recall([[7, 7]], truth, matrix, asked, 2) == [0.5]
    assert modules.ground.recall([[-1, 2]], truth, matrix, asked, 2) == [0.0]


def test_filter_columns_keep_the_shares_they_say(quick: Path, modules: SimpleNamespace) -> None:
    ground = modules.ground.Ground(quick / "work", 20, print, quick=True)
    dim, count = 256, 1_200
    columns, matrix = ground.columns(dim, count), np.load(ground.vectors(dim, count))
    centre = ground.centres(dim)[0][0]
    for share, most in ((0.001, 1), (0.1, 3), (0.5, 4)):
        for name in ("lot", "near0", "far0"):
            assert np.count_nonzero(columns[name] <= most) == max(round(share * count), 1)
        similar = matrix @ centre
        assert similar[columns["near0"] <= most].min() >= similar[columns["near0"] > most].max()
        assert similar[columns["far0"] <= most].max() <= similar[columns["far0"] > most].min()
    queries = ground.queries(dim)
    assert np.allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-5)
    assert (queries @ matrix.T).max() < 0.9999  # no query is a copy


@pytest.mark.parametrize(
    "engine, words",
    [("os:abort", "ended"), ("signal:pause", "was not done"), ("nowhere:Engine", "ModuleNotFoundError")],
)
def test_an_engine_that_crashes_hangs_or_is_not_there_costs_nothing_else(
    tmp_path: Path, modules: SimpleNamespace, engine: str, words: str
) -> None:
    worker = modules.talk.Worker(Path(sys.executable), engine, tmp_path / "log", 1)
    try:
        with pytest.raises(modules.talk.EngineLostError, match=words):
            worker.ask("open", 5.0 if engine != "signal:pause" else 1.0, folder=str(tmp_path), given={}, core=None)
    finally:
        worker.stop()


@contextmanager
def _server(seconds: float) -> Iterator[str]:
    """A server that answers one request after the other, each after some time."""
    turn = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with turn:
                time.sleep(seconds)
            self.send_response(200 if b"JPEG" in body else 400)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/search?k=10"
        finally:
            server.shutdown()
            thread.join()


def test_the_load_generator_charges_a_slow_server_for_those_who_came_meanwhile(modules: SimpleNamespace) -> None:
    with _server(0.05) as url:
        outcome = modules.load.loaded(url, [b"JPEG"], rate=100.0, seconds=0.3, seed=1)
    assert outcome.failed == 0
    # Thirty requests within 0.3 s and an answer every 0.05 s: the last waits for those before it.
    assert len(outcome.laps) == 30
    assert max(outcome.laps) >= 1_000
    with _server(0.0) as url:
        refused = modules.load.loaded(url, [b"PNG"], rate=100.0, seconds=0.1, seed=1)
    assert refused.failed == len(refused.laps) == 10


def test_goals_are_read_off_the_figures(modules: SimpleNamespace) -> None:
    import tomllib

    words = tomllib.loads((ROOT / "docs/search.toml").read_text("utf-8"))["en"]

    def point(p50: float, recall: float) -> dict[str, Any]:
        return {"p50": p50, "recall@20": recall, "recall@10": recall}

    curve = {
        "dim": 256,
        "count": 400_000,
        "rows": [
            {"name": "wearabouts", "points": [point(2.0, 0.9995)]},
            {"name": "faiss Flat", "points": [point(25.0, 1.0)]},
            {"name": "other", "points": [point(0.5, 0.99), point(1.0, 0.9991)]},
        ],
    }
    told = {"parts": {"curves": {"found": [curve]}}}
    table, best = modules.goals.goals(told, words)
    assert table.splitlines()[2].endswith("| recall@20 0.9995, p50 2 ms, 12.5 × faiss Flat | yes |")
    assert "other 1 ms; wearabouts 2 ms; faiss Flat 25 ms" in best
    curve["rows"][0]["points"][0]["recall@20"] = 0.9985
    assert "**no**" in next(iter(modules.goals.goals(told, words)))

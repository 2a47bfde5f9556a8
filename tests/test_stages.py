"""The table of the stages: figures right by hand, intervals that hold what they should, a page that says just that."""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from fakes import TinyGarmentEncoder, TinyJudge, tiny_calibration
from wearabouts.evaluation.systems import Second

ROOT = Path(__file__).parents[1]
STAGES = ROOT / "benchmarks" / "stages"
MODULES = ("worlds", "weighing", "summing", "trained", "run", "measure")


class FourSignals(TinyJudge):
    """The cosine four times: as it is, turned round, as noise, and summed with the first."""

    signals = ("similarity", "pair", "own", "local")

    def __init__(self, encoder: TinyGarmentEncoder, seed: int) -> None:
        super().__init__(encoder)
        self.hash, self._noise = f"four-{seed}", np.random.default_rng(seed)

    def weigh(self, query, shop, category=None):
        cosine = super().weigh(query, shop, category)
        noise = self._noise.normal(size=cosine.shape)
        return np.concatenate([cosine, -cosine, noise, 5 * cosine], axis=1).astype(np.float32)

    def logits(self, signals):
        return (20 * (signals[:, 0] - 0.9)).astype(np.float32)


@pytest.fixture(scope="module")
def stages() -> Iterator[SimpleNamespace]:
    """The benchmark's modules, which are scripts that lie beside each other."""
    before = list(sys.path)
    sys.path[:0] = [str(STAGES), str(STAGES.parent)]
    held = {name: sys.modules.pop(name, None) for name in MODULES}
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    sys.path[:] = before
    for name, module in held.items():
        sys.modules.pop(name, None)
        if module is not None:
            sys.modules[name] = module


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stages_page", ROOT / "docs" / "stages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def content(stages, tmp_path_factory):
    """Two seeds of a judge whose rows can be foretold, on a tiny drawn shop."""
    root = tmp_path_factory.mktemp("stages")
    encoder = TinyGarmentEncoder()
    opened = [(encoder, Second(FourSignals(encoder, seed), tiny_calibration(f"four-{seed}"))) for seed in range(2)]
    first = stages.run.measured(root, opened, None, stages.worlds.TINY, quick=True)
    again = stages.run.measured(root, opened, None, stages.worlds.TINY, quick=True)
    assert json.dumps(first["worlds"]) == json.dumps(again["worlds"])  # measured once, then read again
    return first


def rows_of(content, world="drawn"):
    return {row["name"]: row for row in next(one for one in content["worlds"] if one["name"] == world)["rows"]}


def test_every_row_is_there_and_says_what_its_signal_must(content):
    rows = rows_of(content)
    assert list(rows) == [
        "stage one",
        "logistic on similarity",
        "pair network",
        "pair network, per category",
        "local",
        "fused",
    ]
    one, around, noise, same, fused = (rows[name]["figures"] for name in list(rows) if name != "logistic on similarity")
    for name in ("R@1", "R@10", "mAP"):
        # what orders as the cosine does is no other order, and what turns it round is one
        assert fused[name] == same[name] == one[name] == rows["logistic on similarity"]["figures"][name]
    assert around["mAP"]["value"] < one["mAP"]["value"]
    assert rows["local"]["ahead"]["R@1"]["value"] == 0
    assert rows["local"]["ahead"]["R@1"]["outcome"] == "open"
    assert noise["mAP"]["seeds"][0] != noise["mAP"]["seeds"][1]
    assert one["mAP"]["seeds"][0] == one["mAP"]["seeds"][1]
    # curves of one order and one spread are one calibration, whatever unit the signal had
    assert rows["local"]["figures"]["ECE"]["value"] == pytest.approx(one["ECE"]["value"], abs=1e-3)
    assert "shipped ECE" in rows["fused"]
    assert rows["stage one"]["ms"] <= rows["fused"]["ms"]


def test_the_shortlist_bounds_what_can_come_first(content):
    for row in rows_of(content).values():
        assert row["figures"]["R@1"]["value"] <= content["within"]["drawn"]
    assert content["judged"] == TinyJudge.shortlist
    assert content["galleries"]["drawn"]["gallery"] == 12


def figures(hits, probability=None):
    hits = np.asarray(hits, float)
    given = np.full(len(hits), 0.5) if probability is None else np.asarray(probability, float)
    return {"R@1": hits, "R@10": hits, "mAP": hits, "probability": given, "hit": hits}


def two_rows(stages, ours, theirs, items=None, resamples=400):
    """Seeds of one row beside stage one."""
    found = [
        {"drawn": {"stage one": figures(b), "logistic on similarity": figures(b), "fused": figures(a)}}
        for a, b in zip(ours, theirs, strict=True)
    ]
    groups = {"drawn": items or [str(n) for n in range(len(ours[0]))]}
    (world,) = stages.summing.summed(found, groups, resamples)
    return {row["name"]: row for row in world["rows"]}["fused"]


def test_better_worse_and_open(stages):
    none, half, all_ = np.zeros(40), np.tile([0.0, 1.0], 20), np.ones(40)
    better = two_rows(stages, [all_, all_, half], [none, none, none])["ahead"]["R@1"]
    assert better["outcome"] == "better"
    assert better["value"] == pytest.approx(2.5 / 3, abs=1e-3)
    assert (better["gained"], better["lost"]) == (pytest.approx(2.5 / 3, abs=1e-3), 0)
    assert two_rows(stages, [none, none], [all_, half])["ahead"]["R@1"]["outcome"] == "worse"
    # one seed that disagrees leaves it open, however many items agree
    assert two_rows(stages, [all_, all_, none], [half, half, half])["ahead"]["R@1"]["outcome"] == "open"
    # and so does a single item, however many queries it has
    assert two_rows(stages, [all_], [none], ["one"] * 40)["ahead"]["R@1"]["outcome"] == "open"


def test_an_interval_is_wider_for_seeds_that_differ(stages):
    random = np.random.default_rng(4)
    hits = (random.random(400) < 0.5).astype(float)
    alike = two_rows(stages, [hits, hits, hits], [hits, hits, hits])["figures"]["R@1"]
    apart = two_rows(stages, [hits, np.ones(400), np.zeros(400)], [hits, hits, hits])["figures"]["R@1"]
    assert apart["high"] - apart["low"] > 3 * (alike["high"] - alike["low"])
    # without a difference between seeds it is the interval of a share: ± 1.96 √(p q / n)
    assert alike["high"] - alike["low"] == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 400), rel=0.15)


def test_skill_and_error_of_a_forecaster_who_is_right(stages):
    random = np.random.default_rng(5)
    chance = random.beta(0.5, 0.5, 1_500)
    hit = (random.random(1_500) < chance).astype(float)
    found = [{"drawn": {name: figures(hit, chance) for name in ("stage one", "fused")}}]
    found[0]["drawn"]["logistic on similarity"] = figures(hit, np.full(1_500, hit.mean()))
    (world,) = stages.summing.summed(found, {"drawn": [str(n) for n in range(1_500)]}, 300)
    fused = {row["name"]: row for row in world["rows"]}["fused"]
    assert fused["figures"]["skill"]["value"] == pytest.approx(0.5, abs=0.06)
    assert fused["skill ahead"]["value"] == pytest.approx(fused["figures"]["skill"]["value"], abs=1e-3)
    assert fused["skill ahead"]["outcome"] == "better"
    assert fused["figures"]["ECE"]["value"] <= fused["floor"]["high"]
    assert fused["figures"]["ECE"]["low"] <= fused["figures"]["ECE"]["value"] <= fused["figures"]["ECE"]["high"]


def test_real_photographs_count_together(stages):
    worlds = {
        name: {row: figures(hits) for row in ("stage one", "logistic on similarity", "fused")}
        for name, hits in (("grocery", [1, 1]), ("back view", [0, 0, 0]), ("detail", [1]))
    }
    groups = {"grocery": ["a", "a"], "back view": ["a", "b", "c"], "detail": ["a"]}
    told = {world["name"]: world for world in stages.summing.summed([worlds], groups, 20)}
    assert (told["real"]["queries"], told["real"]["items"]) == (6, 5)  # an item of one gallery is none of another
    assert told["real"]["rows"][0]["figures"]["R@1"]["value"] == 0.5


def test_the_page_says_what_was_measured(writer, content):
    for words in writer.PAGES.values():
        text = writer.page(content, words)
        assert words["quick"] in text
        assert words["row"]["local"] in text
        assert "{" not in text.replace("\\{", "")
        value = rows_of(content)["stage one"]["figures"]["R@1"]["value"]
        assert f"{value:.3f} (" in text
        assert f"{value:.1%}" in text


def test_verdicts_on_the_page_follow_the_figures(writer, content):
    words, told = writer.PAGES["stages.md"], json.loads(json.dumps(content))
    fused = rows_of(told)["fused"]
    fused["ahead"]["R@1"] |= {"value": 0.1, "low": 0.05, "high": 0.15, "outcome": "better"}
    fused["figures"]["ECE"] = {"value": 0.02, "low": 0.0, "high": 0.025, "seeds": [0.02]}
    text = writer.page(told, words)
    assert "+10.0 points (+5.0 to +15.0). That is **better**." in text
    assert "Asked for is at most 0.03: **reached**." in text
    fused["ahead"]["R@1"]["outcome"] = "worse"
    fused["figures"]["ECE"]["value"] = 0.031
    text = writer.page(told, words)
    assert "That is **worse**." in text
    assert "Asked for is at most 0.03: **missed**." in text


def test_the_page_says_why_real_photographs_gain_nothing_where_that_is_known(writer, content):
    words, told = writer.PAGES["stages.md"], json.loads(json.dumps(content))
    told["worlds"].append({**json.loads(json.dumps(told["worlds"][0])), "name": "real"})
    real, drawn = rows_of(told, "real"), rows_of(told)
    for row in (*real.values(), *drawn.values()):
        row.get("ahead", {"R@1": {}})["R@1"]["outcome"] = "open"
    assert "Why it is not better" not in writer.page(told, words)  # nothing is known of why
    real["local"]["ahead"]["R@1"] |= {"outcome": "worse", "value": -0.3}
    assert "alone, local (−30.0) put fewer first" in writer.page(told, words)
    drawn["local"]["ahead"]["R@1"]["outcome"] = "worse"  # bad everywhere: that is not it
    assert "Why it is not better" not in writer.page(told, words)
    drawn["local"]["ahead"]["R@1"]["outcome"] = "open"
    real["fused"]["ahead"]["R@1"]["outcome"] = "better"
    assert "Why it is not better" not in writer.page(told, words)


def test_a_goal_is_reached_with_certainty_where_the_whole_interval_is(writer):
    assert writer.reached({"value": 0.02, "high": 0.03}, 0.03) == "reached"
    assert writer.reached({"value": 0.02, "high": 0.04}, 0.03) == "probably"
    assert writer.reached({"value": 0.031, "high": 0.04}, 0.03) == "missed"


def test_both_languages_say_the_same_things(writer):
    english, chinese = writer.PAGES.values()
    assert english.keys() == chinese.keys()
    for key, value in english.items():
        if isinstance(value, dict):
            assert value.keys() == chinese[key].keys()


def test_the_pages_are_up_to_date():
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/stages.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_missing_seed_is_trained_by_the_recipe_with_its_number(stages, tmp_path, monkeypatch):
    calls = []

    def wearabouts(*words):
        calls.append(words)
        if words[0] == "export":
            folder = Path(words[-1])
            folder.mkdir(parents=True)
            (folder / "card.json").write_text("{}")

    monkeypatch.setattr(stages.trained, "_wearabouts", wearabouts)
    recipe = ROOT / "recipes" / "verifier.toml"
    given = tmp_path / "given"
    (given / "kept").mkdir(parents=True)
    told = []

    def ask():
        return stages.trained.folders(
            tmp_path / "runs", 3, [given], recipe, Path("runs/other"), tmp_path / "data", told.append
        )

    runs = tmp_path / "runs"
    assert ask() == [runs / "given-0", *(runs / f"verifier-{seed}" / "bundle" for seed in (1, 2))]
    assert [words[0] for words in calls] == ["export", *["train", "export"] * 2]
    text = Path(calls[3][1]).read_text("utf-8")
    assert "\nseed = 2\n" in text
    assert 'start = "runs/other"' in text
    # what is kept of the photos is that of the first run
    assert (runs / "verifier-2" / "kept").resolve() == (given / "kept").resolve()
    calls.clear()
    ask()
    assert not calls
    # a bundle stands for itself, and so does a run that was exported
    shutil.copytree(runs / "given-0", given / "bundle")
    assert ask()[0] == given / "bundle"
    assert stages.trained.folders(runs, 1, [given / "bundle"], recipe, None, tmp_path, told.append) == [
        given / "bundle"
    ]
    assert not calls

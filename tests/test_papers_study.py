"""The study of the papers: its plan can be trained, its figures are right by hand, its page says what they say."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "benchmarks" / "papers"
MODULES = ("variants", "shops", "readings", "one", "run", "summary", "measure")
pytest.importorskip("torch")


@pytest.fixture(scope="module")
def study() -> Iterator[SimpleNamespace]:
    """The study's modules, which are scripts that lie beside each other."""
    before = list(sys.path)
    sys.path[:0] = [str(STUDY), str(STUDY.parent)]
    held = {name: sys.modules.pop(name, None) for name in MODULES}
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    sys.path[:] = before
    for name, module in held.items():
        sys.modules.pop(name, None)
        if module is not None:
            sys.modules[name] = module


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("study_page", ROOT / "docs" / "study.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_variant_is_a_recipe_that_departs_from_its_own_as_told(study):
    from wearabouts.training.recipe import parse

    plan = study.variants
    everything = {**plan.VARIANTS, "trunk": plan.SHARED, "untrained": plan.UNTRAINED}
    assert len(plan.VARIANTS) <= 14
    said = {}
    for name, variant in everything.items():
        content = tomllib.loads(study.run.recipe(Path("runs/papers"), name, 2, variant, plan.FULL))
        recipe = parse(content)
        assert (recipe.name, recipe.seed) == (name, 2)
        plain = recipe.model_dump(mode="json")
        for key, value in {**plan.COMMON, **variant.changes}.items():
            found = plain
            for part in key.split("."):
                found = found[part]
            assert found == value, (name, key)
        assert bool(plain["network"]["start"]) == variant.start
        said[name] = json.dumps({**plain, "name": ""}, sort_keys=True)
    assert len(set(said.values())) == len(said)  # no two are the same training


def test_claims_and_readings_name_what_there_is(study):
    plan = study.variants
    for reading in plan.READINGS.values():
        assert reading.run in {*plan.VARIANTS, "trunk", "untrained", "mini", "generic", "histogram"}
    for claim in plan.CLAIMS.values():
        assert claim.first in plan.READINGS
        assert claim.second in plan.READINGS
        assert claim.figure in (*study.summary.BY_QUERY, *study.summary.BY_PHOTO)
    assert {reading.run for reading in plan.READINGS.values()} >= set(plan.VARIANTS)


@pytest.mark.parametrize("minutes, count", [(45, 420), (90, 840), (4.5, 42)])
def test_a_budget_scales_the_steps(study, minutes, count):
    size = replace(study.variants.FULL, steps=minutes / study.variants.MINUTES)
    text = study.run.recipe(Path("x"), "fashionnet", 0, study.variants.VARIANTS["fashionnet"], size)
    assert tomllib.loads(text)["steps"]["count"] == count


def of_photos(study, product, street, garment, color=None):
    count = len(product)
    words = {name: np.array(["same"] * count) for name in study.variants.ATTRIBUTES}
    words |= {"garment": np.array(garment)} | ({"color": np.array(color)} if color else {})
    return study.shops.Tested(
        photos=tuple(np.zeros((4, 4, 3), np.uint8) for _ in range(count)),
        product=np.array(product),
        street=np.array(street, np.bool_),
        labels=words,
        landmarks=np.zeros((count, 8, 3)),
    )


def at(*degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return np.stack((np.cos(angle), np.sin(angle)), axis=1).astype(np.float32)


def test_a_search_by_hand_over_the_shop_and_in_the_category(study):
    # Shop: dress 0 at 0°, skirt 1 at 20°, dress 2 at 90°. The customer's photo of dress 0 is at 30°: skirt 1 is
    # nearest, then dress 0; among dresses it is first. That of dress 2 is at 10°: last of three, last of two.
    test = of_photos(
        study,
        [0, 1, 2, 0, 2],
        [False, False, False, True, True],
        ["dress", "skirt", "dress", "dress", "dress"],
        ["red", "red", "blue", "red", "blue"],
    )
    found = study.readings.searched(at(0, 20, 90, 30, 10), test)
    assert found["R@1"].tolist() == [0, 0]
    assert found["R@10"].tolist() == [1, 1]
    assert found["mAP"].tolist() == pytest.approx([1 / 2, 1 / 3])
    assert found["in-category R@1"].tolist() == [1, 0]
    assert found["in-category mAP"].tolist() == pytest.approx([1, 1 / 2])
    # Of six labels the skirt shares 5 with a red dress, the blue dress 5, and all with itself.
    gain = {6: 1.0, 5: 2 ** (5 / 6) - 1, 4: 2 ** (4 / 6) - 1}
    discount = 1 / np.log2([2, 3, 4])
    came = np.array([gain[5], gain[6], gain[5]]) @ discount
    best = np.array([gain[6], gain[5], gain[5]]) @ discount
    assert found["NDCG@20"][0] == pytest.approx(came / best)


def test_a_linear_classifier_reads_what_is_in_the_vector_and_not_what_is_not(study):
    rng = np.random.default_rng(0)
    color = rng.choice(["red", "blue"], 60)
    test = of_photos(study, [*range(60)], [True] * 60, ["dress"] * 60, color.tolist())
    told = np.where(color == "red", 1.0, -1.0)[:, None]
    known = study.readings.linear(np.hstack((told, rng.normal(size=(60, 3)))).astype(np.float32), test)
    assert known["linear labels"].mean() == pytest.approx(1)
    blind = study.readings.linear(rng.normal(size=(60, 4)).astype(np.float32), test)["linear labels"]
    assert 5 / 6 + 0.2 / 6 < blind.mean() < 5 / 6 + 0.8 / 6  # the five labels that are always the same, and luck


def test_landmarks_are_measured_where_they_can_be_seen(study):
    test = of_photos(study, [0, 1], [True, False], ["dress"] * 2)
    test.landmarks[0, 0], test.landmarks[0, 1] = (0.5, 0.5, 1), (0.1, 0.1, 0)
    found = np.zeros((2, 8, 3), np.float32)
    found[0, 0], found[0, 1] = (0.8, 0.9, 1), (0.9, 0.9, 1)
    figures = study.readings.landmarks(found, test)
    assert figures["NE sums"].tolist() == pytest.approx([0.5, 0])
    assert figures["NE counts"].tolist() == [1, 0]
    assert study.readings.landmarks(None, test) == {}


def seeds(*means: float, queries: int = 200) -> dict[int, dict[str, np.ndarray]]:
    """Figures of some seeds: so many of the queries right, a query a product."""
    found = {}
    for seed, mean in enumerate(means):
        right = (np.random.default_rng(9).permutation(queries) < round(mean * queries)).astype(float)
        found[seed] = {"R@20": right, "product": np.arange(queries), "street": np.ones(queries, np.bool_)}
    return found


@pytest.mark.parametrize(
    "first, second, outcome",
    [
        ((0.7, 0.72, 0.71), (0.5, 0.52, 0.49), "holds"),
        ((0.5, 0.52, 0.49), (0.7, 0.72, 0.71), "contradicted"),
        ((0.5, 0.52, 0.49), (0.5, 0.52, 0.49), "open"),
        ((0.505, 0.5, 0.5), (0.5, 0.5, 0.5), "open"),  # too small to tell from noise
        ((0.9, 0.9, 0.5), (0.5, 0.5, 0.56), "open"),  # a seed says otherwise
    ],
)
def test_a_claim_is_judged_by_its_interval_and_every_seed(study, first, second, outcome):
    claim = study.variants.Claim("darn", "a", "b", "R@20")
    told = study.summary.compared(seeds(*first), seeds(*second), claim)
    assert told["outcome"] == outcome
    assert told["difference"] == pytest.approx(np.mean(first) - np.mean(second), abs=1e-4)
    assert told["seeds"] == pytest.approx([a - b for a, b in zip(first, second, strict=True)], abs=1e-4)
    assert told["low"] <= told["difference"] <= told["high"]


def test_the_pages_are_those_of_the_results(writer, capsys):
    assert writer.main(["--check"]) == 0, capsys.readouterr().out


def test_both_languages_have_every_word_for_every_claim(writer, study):
    english, chinese = (writer.WORDS[name] for name in ("en", "zh"))

    def shape(words: dict) -> dict:
        return {key: shape(value) if isinstance(value, dict) else None for key, value in words.items()}

    assert shape(english) == shape(chinese)
    assert set(english["claim"]) == set(study.variants.CLAIMS)
    for one, other in ((english, chinese), *((english[key], chinese[key]) for key in ("sentence",))):
        for key, text in one.items():
            if isinstance(text, str):
                assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", other[key])), key
    assert writer.MINUTES == study.variants.MINUTES


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A miniature study of two variants, all in one process."""
    folder = tmp_path_factory.mktemp("study")
    begun(folder)
    return folder


def begun(folder: Path) -> str:
    words = ["--tiny", "--jobs", "0", "--only", "wtbi", "--only", "stylenet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    environment.pop("WEARABOUTS_DATA", None)
    done = subprocess.run(
        [sys.executable, str(STUDY / "run.py"), *words, "--folder", str(folder), "--out", str(folder / "papers.json")],
        capture_output=True,
        text=True,
        timeout=600,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    return done.stdout


def test_a_miniature_study_measures_and_a_second_start_trains_nothing(ran):
    first = json.loads((ran / "papers.json").read_text("utf-8"))
    found = {reading["name"]: reading for reading in first["readings"]}
    own = {"wtbi-cosine", "wtbi-independent", "wtbi-specific", "stylenet"}
    assert set(found) == own | {"trunk", "untrained", "mini", "histogram"}
    assert first["claims"][0]["name"] == "learned-similarity"
    assert first["quick"] is True
    assert first["failed"] == {}
    assert list(first["absent"]) == ["generic"]
    assert first["gpu"]["readings"] == {}
    assert str(ROOT) not in json.dumps(first)
    assert str(ran) not in json.dumps(first)
    for reading in found.values():
        figures = reading["figures"]
        assert 0 <= figures["R@1"]["value"] <= figures["R@10"]["value"] <= figures["R@20"]["value"] <= 1
        assert figures["R@1"]["value"] <= figures["in-category R@1"]["value"]
        assert figures["R@1"]["low"] <= figures["R@1"]["value"] <= figures["R@1"]["high"]
    assert found["mini"]["figures"]["mAP"]["value"] > found["untrained"]["figures"]["mAP"]["value"]
    assert found["wtbi-cosine"]["cost"]["parameters"] > 100_000
    assert "begins" not in begun(ran)
    again = json.loads((ran / "papers.json").read_text("utf-8"))
    assert again["readings"] == first["readings"]
    assert again["claims"] == first["claims"]


def test_the_page_of_a_miniature_says_that_it_is_none_and_every_number_is_measured(ran, writer, tmp_path):
    assert writer.main(["--from", str(ran / "papers.json"), "--out", str(tmp_path)]) == 0
    study = json.loads((ran / "papers.json").read_text("utf-8"))
    english, chinese = ((tmp_path / name).read_text("utf-8") for name in ("study.md", "study.zh.md"))
    assert "not a measurement" in english
    assert "不是测量" in chinese
    for page in (english, chinese):
        for reading in study["readings"]:
            assert f"`{reading['name']}`" in page
            assert f"{reading['figures']['mAP']['value']:.3f} (" in page
        assert page.count("| `") > 15
        assert not re.search(r"{\w+}", page)


@pytest.mark.parametrize("outcome, said, sign", [("holds", "so it is here", 1), ("contradicted", "other way", -1)])
def test_a_verdict_in_words_has_the_figures_sign(writer, outcome, said, sign):
    claim = {"paper": "darn", "name": "two-towers", "figure": "R@20", "outcome": outcome, "seeds": []}
    claim |= {"difference": sign * 0.034, "low": sign * 0.034 - 0.02, "high": sign * 0.034 + 0.02}
    told = writer._sentence(claim, writer.WORDS["en"])
    assert said in told
    assert "3.4 points (1.4 to 5.4)" in told or "3.4 points (5.4 to 1.4)" in told
    claim |= {"outcome": "open", "low": -0.01, "high": 0.078, "difference": 0.034}
    assert "+3.4 points (−1.0 to +7.8)" in writer._sentence(claim, writer.WORDS["en"])

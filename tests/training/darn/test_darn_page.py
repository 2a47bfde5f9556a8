"""The page on DARN and the second of the three questions: their code runs, their figures are what is measured."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
import torch
from torch.nn import functional as F

from walkthrough import blocks
from wearabouts.training.recipe import load

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs/papers" / name for name in ("darn.md", "darn.zh.md")]
SCRIPT = ROOT / "benchmarks/questions/darn.py"
RESULT = "question-labels.json"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_python_runs(page: Path) -> None:
    code = [block.code for block in blocks(page) if block.language == "python"]
    assert len(code) == 2
    exec("\n".join(code), {"__name__": "page"})  # the page is ours


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_named_files_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert len(targets) > 8
    assert [target for target in targets if not (page.parent / target).exists()] == []
    assert [path for path in re.findall(r"`(tests/[\w/]+\.py)`", text) if not (ROOT / path).is_file()] == []
    for name, path in re.findall(r"\[`([\w.]+)`\]\(([^)]+\.py)\)", text):
        assert f"def {name.split('.')[-1]}(" in (page.parent / path).read_text("utf-8")


def test_both_languages_have_the_same_blocks() -> None:
    english, chinese = ([block.bare() for block in blocks(page)] for page in PAGES)
    assert english == chinese


def test_its_commands_name_a_recipe_that_there_is() -> None:
    (shell,) = [block.code for block in blocks(PAGES[0]) if block.language == "sh"]
    recipe = load(ROOT / re.findall(r"recipes/[\w-]+\.toml", shell)[0])
    assert f"runs/{recipe.name}" in shell


def test_the_picture_says_in_words_what_it_shows() -> None:
    picture = ElementTree.fromstring((ROOT / "docs/papers/darn.svg").read_text("utf-8"))
    title = picture.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert "shop tower" in (title.text or "")


@pytest.fixture(scope="module")
def question() -> ModuleType:
    spec = spec_from_file_location("question_labels", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_form_makes_of_a_hidden_label_what_it_says(question: ModuleType) -> None:
    sizes, labels = [3, 2], torch.tensor([[2, 0], [1, -1]])
    one_hot = torch.tensor([[0, 0, 1, 1, 0], [0, 1, 0, 0, 0]]).float()
    assert torch.equal(question.many_hot(labels, sizes), one_hot)
    for form, loss in question.FORMS.items():
        outputs = 7 if form == "tree, unknown is a value" else 5
        z = torch.randn(2, outputs, generator=torch.Generator().manual_seed(1)).requires_grad_()
        loss(z, labels, sizes).backward()
        hidden = z.grad[1, -2:] if outputs == 5 else z.grad[1, -3:]
        if form in ("tree", "sigmoids"):
            assert not hidden.any()
        else:
            assert hidden.abs().min() > 0
    z = torch.randn(2, 5)
    expected = F.binary_cross_entropy_with_logits(z, one_hot)
    assert torch.isclose(question.unknown_is_no(z, labels, sizes), expected)
    known = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]).bool()
    expected = F.binary_cross_entropy_with_logits(z[known], one_hot[known])
    assert torch.isclose(question.sigmoids(z, labels, sizes), expected)
    shared = -(z.log_softmax(1)[0, [2, 3]].mean() + z.log_softmax(1)[1, 1]) / 2
    assert torch.isclose(question.one_softmax(z, labels, sizes), shared)


def test_the_question_is_measured_as_the_page_says(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, str(SCRIPT), "--quick", "--out", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    quick = json.loads((tmp_path / RESULT).read_text("utf-8"))
    kept = json.loads((ROOT / "benchmarks/results" / RESULT).read_text("utf-8"))
    assert [(row["known"], row["form"]) for row in quick["rows"]] == [
        (row["known"], row["form"]) for row in kept["rows"]
    ]
    mean = {(row["known"], row["form"]): row["accuracy"]["mean"] for row in kept["rows"]}
    for known in (0.5, 0.2, 0.1):
        masked = min(mean[known, "tree"], mean[known, "sigmoids"])
        assert masked > max(mean[known, form] for form in ("sigmoids, unknown is no", "tree, unknown is a value"))
        assert masked > mean[known, "one softmax"]
    whole = [mean[1.0, form] for form in ("tree", "sigmoids", "sigmoids, unknown is no", "one softmax")]
    assert max(whole) - min(whole) < 0.01
    assert kept["cpu_seconds"] < 90

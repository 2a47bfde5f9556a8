"""The page of a run: every figure of the log arrives, nothing from outside is loaded; TensorBoard gets the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from lxml import html as lxml_html

from training.loop.tiny import TinyTask, net, recipe
from wearabouts.training.loop import fit
from wearabouts.training.loop.recipe import Steps
from wearabouts.training.reporting import renew_page, write_page
from wearabouts.training.run import Run

torch.set_num_threads(1)

# The smallest picture there is: one grey pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c6368000000820081dd436af40000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    run = Run(folder, recipe(rate=0.123))
    (folder / "preview.png").write_bytes(PIXEL)
    made = net()
    fit(TinyTask(made), Steps(count=4, validate_every=2), run, "warming <up>")
    figures = {1: 0.25, 2: 0.75, 3: 0.5}
    fit(TinyTask(made, figures=figures), Steps(count=30, validate_every=2, patience=1), run, "joint")
    write_page(run)
    return run


def test_page_shows_each_phase_the_recipe_and_the_photos_and_loads_nothing(run: Run) -> None:
    page = lxml_html.fromstring((run.folder / "report.html").read_text())
    assert page.xpath("//section/h2/text()")[:2] == ["warming <up>", "joint"]
    assert not page.xpath("//script | //link | //iframe")
    sources = page.xpath("//@src")
    assert len(sources) == 1
    assert sources[0].startswith("data:image/png;base64,")
    joint = page.xpath("//section[h2='joint']")[0]
    heads = joint.xpath(".//thead//th/text()")
    assert heads == ["on held-out photos", "after 2", "after 4", "after 6"]
    row = joint.xpath(".//tbody/tr")[0]
    assert row.xpath("./td/text()") == ["0.250", "0.750", "0.500"]
    assert row.xpath("./td[contains(@class, 'marked')]/text()") == ["0.750"]
    titles = joint.xpath(".//figcaption/b/text()")
    assert titles == [
        "Loss and its terms",
        "Held-out photos",
        "Length of the gradient",
        "Rate",
        "Seconds since the start",
    ]
    assert {"loss", "classes", "pairs"} <= set(joint.xpath(".//*[local-name()='svg']//*[local-name()='text']/text()"))
    told = page.text_content()
    assert "Joint: 6 steps" in told
    assert "the weights after 4 kept; on held-out photos accuracy 0.750" in told
    assert page.xpath("//tr[th='steps.rate']/td/text()") == ["0.123"]


def test_a_run_under_way_has_a_page_too(tmp_path: Path) -> None:
    run = Run(tmp_path, recipe())
    assert write_page(run) is None
    run.log(3, {"loss": 0.5, "classes": 0.25})
    path = write_page(run)
    assert path is not None
    assert "Training: 3 steps in 0 s so far" in path.read_text()


def test_tensorboard_reads_the_same_figures(run: Run) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.folder / "tensorboard" / "joint"))
    events.Reload()
    lines = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    lines = [line for line in lines if line["phase"] == "joint"]
    losses = {line["step"]: line["loss"] for line in lines if "loss" in line}
    assert {each.step: pytest.approx(each.value) for each in events.Scalars("training/loss")} == losses
    checked = {line["step"]: line["validation"]["accuracy"] for line in lines if "validation" in line}
    assert {each.step: pytest.approx(each.value) for each in events.Scalars("validation/accuracy")} == checked


def test_without_tensorboard_nothing_is_missing_but_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    said = recipe(count=2)
    assert fit(TinyTask(net()), said.steps, Run(tmp_path, said))["steps"] == 2
    assert (tmp_path / "log.jsonl").is_file()
    assert not (tmp_path / "tensorboard").exists()


def test_while_training_goes_on_the_page_is_renewed_once_a_minute(tmp_path: Path) -> None:
    run = Run(tmp_path, recipe())
    run.log(3, {"loss": 0.5})
    renew_page(run)
    assert not (tmp_path / "report.html").exists()
    run.clock.shown -= 61
    renew_page(run.part("joint"))
    assert (tmp_path / "report.html").is_file()
    (tmp_path / "report.html").unlink()
    renew_page(run)
    assert not (tmp_path / "report.html").exists()

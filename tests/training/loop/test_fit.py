"""The loop: what it learns, what it keeps, and where it stops."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from training.loop.tiny import TinyTask, net, recipe, weights
from wearabouts.training.loop import fit
from wearabouts.training.run import Run

torch.set_num_threads(1)


def test_it_learns_and_says_so(tmp_path: Path) -> None:
    told = recipe(count=120, rate=0.05, checkpoint=50)
    task = TinyTask(net(), size=40)
    made = fit(task, told.steps, Run(tmp_path, told))
    assert made["steps"] == 120
    assert made["validation"]["accuracy"] >= 0.8
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    terms = [line for line in lines if "classes" in line]
    assert terms[-1]["classes"] < 0.7 * terms[0]["classes"]
    assert terms[-1]["step"] == 120
    assert {"rate", "loss", "classes", "pairs", "gradient"} <= set(terms[0])
    saved, held = weights(tmp_path), task.net.state_dict()
    assert saved.keys() == held.keys()
    assert all(torch.equal(saved[name], held[name]) for name in saved)
    assert not list(tmp_path.glob("[0-9]*.safetensors"))

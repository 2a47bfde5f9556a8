"""`evaluate` from its words to its report: against another run, and with a look for leaks."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from fakes import TinyEncoder
from wearabouts import evaluation
from wearabouts.cli import main
from wearabouts.errors import EvaluationError

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """CIFAR-10 in folders, three pictures of each class to learn from and two to test; one of these is a copy."""
    folder = tmp_path_factory.mktemp("cifar")
    generator = np.random.default_rng(0)
    for split, count in (("train", 3), ("test", 2)):
        for n, name in enumerate(CLASSES):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = generator.integers(0, 60, (32, 32, 3)) + np.array([20 * n, 190 - 20 * n, 9 * n])
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / split / name / f"{number:04d}.png")
    shutil.copy(folder / "train" / "cat" / "0001.png", folder / "test" / "cat" / "0000.png")
    return folder


def test_a_run_again_is_noise_beside_the_first_and_the_leak_is_found(pictures, tmp_path, capsys):
    words = ["evaluate", "cifar10-2", "--data", str(pictures), "--model", "histogram"]
    assert main([*words, "--out", str(tmp_path / "first")]) == 0
    first = tmp_path / "first" / "report.json"
    assert main([*words, "--out", str(tmp_path / "again"), "--compare", str(first), "--leaks"]) == 0
    shown = capsys.readouterr().out
    assert "this difference is noise" in shown
    plain = json.loads((tmp_path / "again" / "report.json").read_text())
    titles = [section["title"] for section in plain["sections"]]
    assert titles[1] == "Against the other run"
    assert titles[-1] == "Does the test know the answers already?"
    found = {row["name"]: row["cells"]["found"] for row in plain["sections"][-1]["tables"][0]["rows"]}
    assert found["tested photos that are learnt from, byte for byte"] == 1
    assert plain["provenance"]["compared with"].startswith(str(first))
    page = (tmp_path / "again" / "report.html").read_text()
    assert page.count("this difference is noise") == len(plain["sections"][1]["tables"][0]["rows"]) > 1
    assert "The same file is learnt from and tested (1 of 1 shown)" in page


def test_a_better_run_is_called_better(pictures, tmp_path):
    """The same queries answered by an encoder that sees, after one that draws its vectors by lot."""

    class Blind(TinyEncoder):
        name, hash = "blind", "blind-1"

        def vectors_of(self, photos):
            rows = [np.random.default_rng(int(photo.sum())).standard_normal(self.dim) for photo in photos]
            return np.array([row / np.linalg.norm(row) for row in rows], np.float32)

    evaluation.main("cifar10-2", model=Blind(), data=pictures, out=tmp_path)
    report = evaluation.main("cifar10-2", model=TinyEncoder(), data=pictures, compare=tmp_path / "report.json")
    cells = {row.name: row.cells for row in report.sections[1].tables[0].rows}
    assert cells["mAP"]["in words"] == "this run is better"
    assert cells["mAP"]["queries"] == 20


def test_what_cannot_be_compared_is_told_before_anything_is_measured(tmp_path):
    (tmp_path / "old.json").write_text("{}")
    encoder = TinyEncoder()
    with pytest.raises(EvaluationError, match="no report of format"):
        evaluation.main("cifar10-2", model=encoder, data=tmp_path, compare=tmp_path / "old.json")
    with pytest.raises(EvaluationError, match="photographs has none"):
        evaluation.main("photographs", model=encoder, data=tmp_path, leaks=True)
    assert encoder.calls == []

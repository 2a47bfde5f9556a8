"""The house stands as docs/architecture.md draws it: floors, the torch wall, sizes and names."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "wearabouts"
MODULES = sorted(SOURCE.rglob("*.py"))


def test_every_floor_imports_only_floors_below_it():
    pytest.importorskip("importlinter")
    words = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--no-cache",
    ]
    done = subprocess.run(
        words,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kept, 0 broken" in done.stdout


@pytest.mark.parametrize("module", MODULES, ids=[str(path.relative_to(SOURCE)) for path in MODULES])
def test_modules_and_functions_stay_readable(module):
    text = module.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    assert not {"utils", "common", "helpers", "base"} & {module.stem, module.parent.name}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            start = node.body[0].end_lineno if ast.get_docstring(node) and len(node.body) > 1 else node.lineno
            length = (node.end_lineno or 0) - (start or 0) + 1
            assert length <= 50, f"{node.name} has {length} lines"


SHOP_WITHOUT_TORCH = """
import sys


class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "accelerate", "kornia", "transformers", "safetensors", "onnx"}:
            raise ImportError(f"{name} is behind the wall")


sys.meta_path.insert(0, Wall())
from pathlib import Path

import numpy as np
from fakes import TinyGarmentEncoder
from PIL import Image

folder = Path(sys.argv[1])
generator = np.random.default_rng(5)
for name in ("a", "b", "c", "d"):
    (folder / "feed" / name).mkdir(parents=True)
    base = generator.integers(30, 220, 3)
    for view in ("front", "back"):
        pixels = np.clip(base + generator.integers(-9, 9, (90, 60, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "feed" / name / f"{view}.png")

from wearabouts.embedding import index
from wearabouts.evaluation import main as evaluate
from wearabouts.readers import open_catalog
from wearabouts.search import Searcher
from wearabouts.server import ServerSettings, create_app
from wearabouts.stores import open_store

encoder = TinyGarmentEncoder()
catalog = open_catalog(folder / "feed")
store = open_store(folder / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
summary = index(catalog, encoder, store)
answer = Searcher(encoder, store).search((folder / "feed" / "b" / "back.png").read_bytes(), 2)
app = create_app(Searcher(encoder, store), store, ServerSettings())
report = evaluate(str(folder / "feed"), model=encoder)
import wearabouts.cli, wearabouts.demo
assert "torch" not in sys.modules
print(summary.embedded, answer.matches[0].product["id"], bool(app.routes), bool(report.sections))
"""


def test_the_shop_half_runs_where_torch_cannot_be_imported(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT / "tests")))}
    done = subprocess.run(
        [sys.executable, "-c", SHOP_WITHOUT_TORCH, str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["8", "b", "True", "True"]

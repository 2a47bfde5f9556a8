"""Bundles: whole or refused, with one clear line; hashes that change when vectors would."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from wearabouts import bundles
from wearabouts.bundles import Card, Graph, Preprocessing
from wearabouts.errors import BundleError

GRAPH = b"not a real graph, but bytes with a hash"


def _card(**fields) -> Card:
    entry = Graph(file="encoder.onnx", sha256=hashlib.sha256(GRAPH).hexdigest())
    given = {"name": "t", "preprocessing": Preprocessing(size=64), "graphs": {"shop": entry, "street": entry}, "dim": 8}
    return Card(**{**given, **fields})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bundles.write(tmp_path / "b", _card(), {"encoder.onnx": GRAPH})
    return tmp_path / "b"


def test_what_is_written_is_loaded(folder: Path) -> None:
    bundle = bundles.load(folder)
    assert bundle.card == _card()
    assert bundle.graphs["shop"] == bundle.graphs["street"] == GRAPH


def test_the_hash_changes_with_the_vectors_and_with_nothing_else() -> None:
    base = _card().encoder_hash()
    other = Graph(file="encoder.onnx", sha256="0" * 64)
    street_only = {"shop": _card().graphs["shop"], "street": other}
    assert _card(description="x", figures={"a": 1}, licence="MIT").encoder_hash() == base
    assert _card(graphs=street_only).encoder_hash() == base
    assert _card(graphs={"shop": other, "street": other}).encoder_hash() != base
    assert _card(preprocessing=Preprocessing(size=96)).encoder_hash() != base
    assert _card(dim=9).encoder_hash() != base


def _edit(folder: Path, **changes) -> None:
    path = folder / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / "card.json").unlink(), "no card.json"),
        (lambda f: (f / "card.json").write_text("{"), "no card this version reads"),
        (lambda f: (f / "card.json").write_bytes(b" " * (bundles.MAX_CARD + 1)), "at most"),
        (lambda f: (f / "encoder.onnx").unlink(), "not a file"),
        (lambda f: (f / "encoder.onnx").write_bytes(GRAPH[:-1]), "damaged"),
        (lambda f: _edit(f, format=2), "format"),
        (lambda f: _edit(f, colour="x"), "colour"),
        (lambda f: _edit(f, dim=0), "dim"),
        (lambda f: _edit(f, graphs={"shop": {"file": "../../etc/passwd.onnx", "sha256": "0" * 64}}), "graphs"),
        (lambda f: _edit(f, graphs={"shop": json.loads((f / "card.json").read_text())["graphs"]["shop"]}), "street"),
    ],
)
def test_damage_is_one_clear_line(folder: Path, damage, said: str) -> None:
    damage(folder)
    with pytest.raises(BundleError, match=said) as caught:
        bundles.load(folder)
    assert "\n" not in str(caught.value)


def test_a_linked_graph_is_refused(folder: Path) -> None:
    (folder / "elsewhere").write_bytes(GRAPH)
    (folder / "encoder.onnx").unlink()
    (folder / "encoder.onnx").symlink_to(folder / "elsewhere")
    with pytest.raises(BundleError, match="not a file"):
        bundles.load(folder)


KEY, PLACE = b"\x0a\x08location", b"\x12\x0b/etc/passwd"


# Written is key, then path; protobuf reads them in any order, and lengths of more bytes than they need.
@pytest.mark.parametrize("entry", [KEY + PLACE, PLACE + KEY, PLACE + b"\x0a\x88\x00location"])
def test_a_graph_that_reads_other_files_is_refused(tmp_path: Path, entry: bytes) -> None:
    pytest.importorskip("onnx", reason="the extra train is not installed")
    from onnx import ModelProto, TensorProto, helper

    def field(tag: int, body: bytes) -> bytes:
        return bytes([tag, len(body)]) + body

    out = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["vector"])], "g", [], [out])
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    weight_bytes = weight.SerializeToString() + field(0x6A, entry)  # external_data
    content = helper.make_model(graph).SerializeToString() + field(0x3A, field(0x2A, weight_bytes))  # graph.initializer
    (read,) = ModelProto.FromString(content).graph.initializer
    assert (read.external_data[0].key, read.external_data[0].value) == ("location", "/etc/passwd")
    side = Graph(file="e.onnx", sha256=hashlib.sha256(content).hexdigest())
    bundles.write(tmp_path / "b", _card(graphs={"shop": side, "street": side}), {"e.onnx": content})
    with pytest.raises(BundleError, match="other files"):
        bundles.load(tmp_path / "b")


@pytest.mark.parametrize(("given", "said"), [("minni", "did you mean 'mini'"), ("a/b", "no bundle at")])
def test_an_unknown_name_says_what_there_is(given: str, said: str) -> None:
    with pytest.raises(BundleError, match=said):
        bundles.load(given)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 500), (333, 77), (64, 64), (1200, 900)])
def test_a_photo_is_fitted_whole_and_centred_on_white(height: int, width: int) -> None:
    photo = np.zeros((height, width, 3), np.uint8)
    fitted = Preprocessing(size=64).apply(photo)
    assert fitted.shape == (64, 64, 3)
    dark = (fitted < 128).all(2)
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    assert max(len(rows), len(columns)) == 64
    assert (
        abs(
            (len(rows) / len(columns))
            - max(1, round(height * 64 / max(height, width))) / max(1, round(width * 64 / max(height, width)))
        )
        < 1e-9
    )
    assert abs(rows[0] - (63 - rows[-1])) <= 1
    assert abs(columns[0] - (63 - columns[-1])) <= 1

"""`index --halves`, end to end: a bundle with a pair network, its halves in the store, and a model that has none."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import pytest

from pictures import saved
from wearabouts import bundles
from wearabouts.cli import main
from wearabouts.stores import open_store
from wearabouts.verifiers import PairVerifier
from wearabouts.verifiers.evidence import unpacked_halves

HIDDEN = 12
FLOAT = onnx.TensorProto.FLOAT


def graph(inputs: dict[str, int], output: str, nodes: list[tuple[str, list[str], str]], width: int) -> bytes:
    """A small network by its nodes; names in capitals are random weights."""
    generator = np.random.default_rng(5)
    shapes = {"S": (inputs.get("street", 0), HIDDEN), "H": (inputs.get("shop", 0), HIDDEN), "O": (HIDDEN, width)}
    used = {name for _, names, _ in nodes for name in names if name in shapes}
    weights = [
        onnx.numpy_helper.from_array(generator.standard_normal(shapes[name]).astype(np.float32), name) for name in used
    ]
    return onnx.helper.make_model(
        onnx.helper.make_graph(
            [onnx.helper.make_node(kind, names, [made]) for kind, names, made in nodes],
            output,
            [onnx.helper.make_tensor_value_info(name, FLOAT, [None, size]) for name, size in inputs.items()],
            [onnx.helper.make_tensor_value_info(output, FLOAT, [None, width])],
            weights,
        ),
        ir_version=10,
        opset_imports=[onnx.helper.make_opsetid("", 17)],
    ).SerializeToString()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped encoder with a pair network of random weights, in two parts."""
    shipped = bundles.load("mini")
    folder = tmp_path_factory.mktemp("bundles") / "paired"
    shutil.copytree(shipped.folder, folder)
    dim = shipped.card.dim
    first = graph({"shop": dim}, "half", [("MatMul", ["shop", "H"], "half")], HIDDEN)
    rest = [
        ("MatMul", ["street", "S"], "mine"),
        ("Add", ["mine", "half"], "both"),
        ("Relu", ["both"], "bent"),
        ("MatMul", ["bent", "O"], "odds"),
        ("Sigmoid", ["odds"], "probability"),
    ]
    second = graph({"street": dim, "half": HIDDEN}, "probability", rest, 2)
    verifier = bundles.Verifier(
        file="pairs.onnx",
        sha256=sha256(second).hexdigest(),
        categories=("dress",),
        halves=bundles.Graph(file="halves.onnx", sha256=sha256(first).hexdigest()),
        encoder=shipped.card.encoder_hash(),
    )
    files = {"pairs.onnx": second, "halves.onnx": first}
    bundles.write_parts(folder, files, verifier=verifier, local=None, judge=None, calibration=None)
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 255, (50, 40, 3), np.uint8)
        (folder / f"{number}.png").write_bytes(saved(pixels))
    return folder


def test_halves_are_the_networks_own_and_come_later_too(
    model: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "store"
    words = ["index", str(photos), "--store", str(folder), "--model", str(model), "--json"]
    assert main(words) == 0
    plain = open_store(folder)
    assert set(plain.describe()["beside"]) == {"evidence"}
    plain.close()
    capsys.readouterr()
    assert main([*words, "--halves"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["embedded"], summary["unchanged"]) == (0, 4)

    pairs = PairVerifier(bundles.load(model), threads=1)
    store = open_store(folder)
    ids = [photo for product in store.products() for photo in store.known(product)]
    kept = unpacked_halves(store.beside(ids, pairs.half_kind), pairs.hidden)
    expected = pairs.half(store.vectors(ids))
    np.testing.assert_allclose(kept, expected, rtol=2e-3, atol=1e-4)
    street, shop = store.vectors(ids[:1])[0], store.vectors(ids)
    judged = pairs.probability(street, shop)
    np.testing.assert_allclose(pairs.probability(street, shop, halves=kept), judged, atol=2e-3)
    assert np.ptp(judged) > 0
    assert store.describe()["beside"][pairs.half_kind] == {"photos": 4, "bytes": 4 * 2 * pairs.hidden}
    store.close()


def test_a_model_without_a_pair_network_says_so(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["index", str(photos), "--store", str(tmp_path / "store"), "--model", "histogram", "--halves"]
    assert main(words) != 0
    assert "--halves needs a model with a pair network, and histogram" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "store").exists()

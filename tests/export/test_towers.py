"""Bundles of two towers, with a pairwise network, and in whole numbers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wearabouts import bundles, export
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import BundleError
from wearabouts.export.quantised import attends, quantise, twin

SIZE, DIM = 32, 12


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Tower(nn.Module):
    """Two convolutions, and what they see at each place as the vector."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Conv2d(3, 16, 3, 2, 1)
        self.second = nn.Conv2d(16, 16, 3, 2, 1)
        self.last = nn.Linear(16 * 64, DIM)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        x = pixels.permute(0, 3, 1, 2).float() / 255 - 0.5
        x = F.relu(self.second(F.relu(self.first(x))))
        marks = torch.sigmoid(x.mean((2, 3)))[:, :8, None].expand(-1, 8, 3)
        return F.normalize(self.last(x.flatten(1)), dim=1), marks


class Pairs(nn.Module):
    def __init__(self, categories: int) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.street, self.shop = nn.Linear(DIM, 24), nn.Linear(DIM, 24)
        self.out = nn.Linear(24, 1 + categories)

    def forward(self, street: Tensor, shop: Tensor) -> Tensor:
        return torch.sigmoid(self.out(F.relu(self.street(street) + self.shop(shop))))


def _photos(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


@pytest.fixture(scope="module")
def towers() -> dict[str, Tower]:
    return {"street": Tower(0), "shop": Tower(1)}


@pytest.fixture(scope="module")
def verifier() -> Pairs:
    return Pairs(2)


def _probe(count: int) -> export.Probe:
    shop = _photos(count, 5)
    noise = np.random.default_rng(6).integers(-9, 10, shop.shape)
    street = np.clip(shop + noise, 0, 255).astype(np.uint8)
    return export.Probe({"street": street, "shop": shop}, {side: np.arange(count) for side in ("street", "shop")})


@pytest.fixture(scope="module")
def folder(towers, verifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("towers") / "bundle"
    export.write_bundle(
        folder,
        towers,
        list(_photos(6)),
        verifier=verifier,
        categories=("dress", "shoe"),
        name="towers",
        preprocessing=bundles.Preprocessing(size=SIZE),
        dim=DIM,
        landmarks=True,
    )
    return folder


def test_each_side_has_its_graph(folder: Path, towers) -> None:
    bundle = bundles.load(folder)
    assert bundle.graphs["street"] != bundle.graphs["shop"]
    encoder = OnnxEncoder(bundle, threads=1)
    photos = _photos(4, 2)
    for side, tower in towers.items():
        with torch.inference_mode():
            vectors, marks = tower(torch.from_numpy(photos))
        found = encoder.encode(list(photos), side)
        assert np.abs(found.vectors - vectors.numpy()).max() < 0.01
        assert np.abs(found.landmarks - marks.numpy()).max() < 0.01


def test_the_street_graph_alone_leaves_stored_vectors_valid(folder: Path) -> None:
    card = bundles.load(folder).card
    other = card.model_copy(update={"graphs": {**card.graphs, "street": card.graphs["shop"]}})
    assert other.encoder_hash() == card.encoder_hash()


def test_the_verifier_says_what_pytorch_says(folder: Path, verifier: Pairs) -> None:
    bundle = bundles.load(folder)
    assert bundle.card.verifier is not None
    assert bundle.card.verifier.categories == ("dress", "shoe")
    assert bundle.card.parity["verifier_difference"] < 0.01
    vectors = OnnxEncoder(bundle, threads=1).encode(list(_photos(5, 3))).vectors
    session = ort.InferenceSession(bundle.verifier, providers=["CPUExecutionProvider"])
    probability = session.run(["probability"], {"street": vectors[:2], "shop": vectors[3:]})[0]
    with torch.inference_mode():
        expected = verifier(torch.from_numpy(vectors[:2]), torch.from_numpy(vectors[3:])).numpy()
    assert probability.shape == (2, 3)
    assert np.abs(probability - expected).max() < 0.01


def test_a_damaged_verifier_is_refused(folder: Path, tmp_path: Path) -> None:
    bundle = bundles.load(folder)
    files = {graph.file: bundle.graphs[side] for side, graph in bundle.card.graphs.items()}
    bundles.write(tmp_path / "b", bundle.card, {**files, "verifier.onnx": bundle.verifier[:-1]})
    with pytest.raises(BundleError, match=r"verifier\.onnx is damaged"):
        bundles.load(tmp_path / "b")


def test_a_verifier_of_other_categories_is_refused(towers, verifier: Pairs, tmp_path: Path) -> None:
    card = {"name": "t", "preprocessing": bundles.Preprocessing(size=SIZE), "dim": DIM, "landmarks": True}
    with pytest.raises(BundleError, match="3 columns for 1 categories"):
        export.write_bundle(tmp_path / "b", towers, list(_photos(2)), verifier=verifier, categories=("dress",), **card)


def test_the_twin_in_whole_numbers_finds_the_same(folder: Path, tmp_path: Path, towers) -> None:
    probe = _probe(40)
    card = {"name": "plain", "preprocessing": bundles.Preprocessing(size=SIZE), "dim": DIM, "landmarks": True}
    figures = export.write_bundle(tmp_path / "b", towers["shop"], list(_photos(6)), probe=probe, int8=True, **card)
    assert figures["probe_queries"] == 40
    assert figures["recall_before"] == figures["recall_after"] == 1
    assert 0.98 < figures["int8"]["mean_cosine"] < 1
    assert figures["int8"]["recall_after"] > 0.9
    plain, small = (bundles.load(path) for path in (tmp_path / "b", twin(tmp_path / "b")))
    assert plain.card.graphs["street"] == plain.card.graphs["shop"]
    assert small.card.name == "plain-int8"
    assert small.card.stored == "int8"
    assert small.hash != plain.hash
    assert small.card.parity["recall_before"] == 1
    assert small.card.parity["int8"]["photos"] == 86
    assert small.card.parity["int8"]["graph_bytes"]["after"] == len(small.graphs["shop"])
    kinds = [node.op_type for node in onnx.load_from_string(small.graphs["shop"]).graph.node]
    assert kinds.count("DequantizeLinear") >= 6
    photos = list(_photos(5, 9))
    ours, theirs = (OnnxEncoder(bundle, threads=1).encode(photos) for bundle in (plain, small))
    assert (ours.vectors * theirs.vectors).sum(1).min() > 0.98


def test_both_towers_and_the_verifier_are_in_the_twin(folder: Path) -> None:
    quantise(folder, list(_photos(24)), None)
    small = bundles.load(twin(folder))
    assert small.graphs["street"] != small.graphs["shop"]
    assert small.verifier == bundles.load(folder).verifier
    assert hashlib.sha256(small.verifier).hexdigest() == small.card.verifier.sha256
    assert small.card.verifier.encoder == small.hash != bundles.load(folder).hash


def test_matrices_on_top_of_few_convolutions_are_a_transformer() -> None:
    weight = onnx.numpy_helper.from_array(np.zeros((2, 2), np.float32), "w")

    def graph(*kinds: str):
        nodes = [onnx.helper.make_node(kind, ["x", "w"], [f"y{n}"]) for n, kind in enumerate(kinds)]
        return onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [], [], [weight]))

    assert attends(graph("Conv", "MatMul", "MatMul"))
    assert not attends(graph("Conv", "Conv", "Conv", "MatMul", "Gemm"))


def test_a_network_that_whole_numbers_break_is_refused(tmp_path: Path) -> None:
    loud = Tower(0)  # one channel of ten thousand times the others' range, which nothing looks at
    with torch.no_grad():
        loud.first.weight[0] *= 1e4
        loud.second.weight[:, 0] = 0
    card = {"name": "t", "preprocessing": bundles.Preprocessing(size=SIZE), "dim": DIM, "landmarks": True}
    export.write_bundle(tmp_path / "b", loud, list(_photos(4)), **card)
    with pytest.raises(BundleError, match="export lost too much"):
        quantise(tmp_path / "b", list(_photos(24)))
    assert not twin(tmp_path / "b").exists()

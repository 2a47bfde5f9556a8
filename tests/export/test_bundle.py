"""Export: the graph says what PyTorch says, weights are stored in half, and a bad graph is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from wearabouts import bundles, export
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import BundleError, SettingsError
from wearabouts.export.mini import ServedMini
from wearabouts.garments import ATTRIBUTES, GARMENTS
from wearabouts.models.mini import Mini

SIZE = 64


@pytest.fixture(scope="module")
def served() -> ServedMini:
    torch.manual_seed(0)
    sizes = {name: len(values) for name, values in ATTRIBUTES.items()}
    return ServedMini(Mini(len(GARMENTS), sizes, identity_dim=24, garment_dim=8, photo_dim=8))


def _photos(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 255, SIZE).astype(np.uint8)
    base = np.stack(np.meshgrid(ramp, ramp), -1)
    return [
        np.dstack((base, np.full((SIZE, SIZE), rng.integers(256), np.uint8)))[:: rng.choice([-1, 1])]
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def folder(served: ServedMini, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    figures = export.write_bundle(
        folder,
        served,
        _photos(6),
        name="tiny",
        preprocessing=bundles.Preprocessing(size=SIZE),
        dim=40,
        garments=GARMENTS,
        attributes=ATTRIBUTES,
        saliency=True,
    )
    assert figures["least_cosine"] >= export.MIN_COSINE
    return folder


def test_the_bundle_says_what_pytorch_says(served: ServedMini, folder: Path) -> None:
    photos = _photos(5)
    encoding = OnnxEncoder(bundles.load(folder), threads=1).encode(photos, "street")
    with torch.inference_mode():
        vector, garment, *attributes, saliency = served(torch.from_numpy(np.stack(photos)))
    assert np.abs(encoding.vectors - vector.numpy()).max() < 0.01  # half-precision weights
    assert np.allclose(np.linalg.norm(encoding.vectors, axis=1), 1, atol=1e-4)
    assert np.abs(encoding.garments - garment.numpy()).max() < 0.02
    assert np.abs(encoding.saliency - saliency.numpy()).max() < 0.02
    assert list(encoding.attributes) == list(ATTRIBUTES)
    for (name, values), expected in zip(encoding.attributes.items(), attributes, strict=True):
        assert values.shape == (5, len(ATTRIBUTES[name]))
        assert np.allclose(values.sum(1), 1, atol=1e-4)
        assert np.abs(values - expected.numpy()).max() < 0.02


def test_a_batch_says_what_single_photos_say(folder: Path) -> None:
    encoder = OnnxEncoder(bundles.load(folder), threads=1)
    photos = _photos(5)
    together = encoder.encode(photos).vectors
    alone = np.concatenate([encoder.encode([photo]).vectors for photo in photos])
    assert np.abs(together - alone).max() < 1e-5


def test_no_photos_give_no_vectors(folder: Path) -> None:
    encoding = OnnxEncoder(bundles.load(folder), threads=1).encode([])
    assert encoding.vectors.shape == (0, 40)


def test_weights_are_stored_in_half(served: ServedMini, folder: Path) -> None:
    parameters = sum(parameter.numel() for parameter in served.parameters())
    size = (folder / "encoder.onnx").stat().st_size
    assert 2 * parameters < size < 2.2 * parameters + 400_000


def test_a_graph_that_says_something_else_is_refused(served: ServedMini, folder: Path) -> None:
    torch.manual_seed(5)
    sizes = {name: len(values) for name, values in ATTRIBUTES.items()}
    other = ServedMini(Mini(len(GARMENTS), sizes, identity_dim=24, garment_dim=8, photo_dim=8))
    with pytest.raises(BundleError, match="export lost too much"):
        export.parity(other, bundles.load(folder).graphs["shop"], _photos(4))


def test_a_card_that_promises_more_than_the_graph_gives_is_refused(folder: Path, tmp_path: Path) -> None:
    bundle = bundles.load(folder)
    more = bundle.card.model_copy(update={"attributes": {**bundle.card.attributes, "mood": ("calm", "loud")}})
    bundles.write(tmp_path / "b", more, {"encoder.onnx": bundle.graphs["shop"]})
    with pytest.raises(BundleError, match=r"lacks attribute\.mood"):
        OnnxEncoder(bundles.load(tmp_path / "b"))


def test_bytes_that_are_no_graph_are_one_error(folder: Path, tmp_path: Path) -> None:
    import hashlib

    bundle = bundles.load(folder)
    for content in (b"", b"\x08\x07 nonsense", bundle.graphs["shop"][:5000]):
        entry = bundles.Graph(file="encoder.onnx", sha256=hashlib.sha256(content).hexdigest())
        card = bundle.card.model_copy(update={"graphs": {"shop": entry, "street": entry}})
        bundles.write(tmp_path / "b", card, {"encoder.onnx": content})
        with pytest.raises(BundleError, match="cannot be run"):
            OnnxEncoder(bundles.load(tmp_path / "b"))


def test_a_graph_tells_nothing_about_the_machine_that_made_it(folder: Path) -> None:
    content = bundles.load(folder).graphs["shop"]
    for word in (str(Path(__file__).parents[2]).encode(), b"stack_trace", b"site-packages", b".py"):
        assert word not in content


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no finished run"):
        export.main_export(tmp_path, tmp_path / "out")

"""The second stage's graphs: what was trained, in parts; a whole bundle whose judge speaks; and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import judged
from wearabouts import bundles, export
from wearabouts.calibration import Calibration
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import BundleError
from wearabouts.export.bundle import output_names
from wearabouts.export.judging import Stage, local_part, pair_part, regions_difference, staged
from wearabouts.models import wtbi
from wearabouts.verifiers import Judge
from wearabouts.verifiers.evidence import packed, seen, unpacked

SIZE = 32


class Served(nn.Module):
    """Sixteen cells' mean colours: a vector, two garments, regions of four cells."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.vector, self.garment = nn.Linear(48, judged.DIM), nn.Linear(48, 2)
        self.region = nn.Linear(12, judged.WIDTH)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """(N, S, S, 3) uint8 → vector, garment, regions."""
        cells = nn.functional.avg_pool2d(pixels.permute(0, 3, 1, 2).float() / 255 - 0.5, SIZE // 4)
        flat = cells.flatten(1)
        blocks = nn.functional.pixel_unshuffle(cells, 2).flatten(2).transpose(1, 2)
        regions = (self.region(blocks).tanh() * 127).round().to(torch.int8)
        return nn.functional.normalize(self.vector(flat), dim=1), self.garment(flat).softmax(1), regions


def photos(count: int, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE, 3)).astype(np.uint8))


CARD = {
    "name": "whole",
    "preprocessing": bundles.Preprocessing(size=SIZE),
    "dim": judged.DIM,
    "garments": ("dresses", "tops"),
    "regions": bundles.Regions(count=judged.REGIONS, dim=judged.WIDTH),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    figures = export.write_bundle(
        folder,
        Served().eval(),
        photos(4),
        verifier=judged.pair_network(),
        categories=judged.CATEGORIES,
        local=judged.local_network(),
        judge=bundles.Judge(weights=judged.WEIGHTS),
        calibration=Calibration(verifier="", calibrated_on="nothing yet"),
        **CARD,
    )
    assert figures["verifier_difference"] <= 1e-5
    assert figures["local_difference"] <= 1e-5
    assert figures["regions_difference"] <= 1
    return folder


def test_a_bundle_has_its_whole_second_stage_stamped(folder: Path) -> None:
    bundle = bundles.load(folder)
    card = bundle.card
    assert set(bundle.beside()) == {"verifier.onnx", "halves.onnx", "local.onnx"}
    assert card.verifier.encoder == bundle.hash
    assert card.calibration.verifier == card.judge_hash()
    assert card.parity["verifier_difference"] <= 1e-5


def test_a_photo_is_judged_the_same_from_the_store_as_from_the_lens(folder: Path) -> None:
    """Photo → evidence → bytes → evidence → log-odds, against the trained networks on the trained encoder."""
    bundle = bundles.load(folder)
    encoder, judge = OnnxEncoder(bundle, threads=1), Judge(bundle, threads=1)
    query, shop = seen(encoder.encode(photos(1, 1), "street")), seen(encoder.encode(photos(5, 2)))
    kept = unpacked(shop.vectors, packed(shop), judge.layout)
    signals = judge.weigh(query, kept, "tops")
    assert np.array_equal(signals, judge.weigh(query, shop, "tops"))
    with torch.inference_mode():
        a, b = (Served().eval()(torch.from_numpy(np.stack(taken))) for taken in (photos(1, 1), photos(5, 2)))
        pair = judged.pair_network().logits(a[0].expand(5, -1), b[0], None)
        local = judged.local_network()(a[2].expand(5, -1, -1), b[2])
    by_name = dict(zip(judge.signals, signals.T, strict=True))
    assert np.allclose(by_name["pair"], (pair[:, 1] - pair[:, 0]).numpy(), atol=0.01)  # half-precision weights
    assert np.allclose(by_name["local"], local.numpy(), atol=0.05)  # and a step of a region


def test_outputs_stand_in_the_order_the_encoder_asks_for() -> None:
    fields = {"garments": ("a",), "attributes": {"x": ("y",)}, "saliency": True, "landmarks": True, "bits": 8}
    assert output_names({**fields, "regions": CARD["regions"]}) == [
        "vector",
        "garment",
        "attribute.x",
        "saliency",
        "landmarks",
        "regions",
        "code",
    ]


def test_a_pair_network_alone_is_split_as_well() -> None:
    torch.manual_seed(0)
    net = judged.halved(wtbi.PairNetwork(judged.DIM, (8, 5)))
    part = pair_part(net, judged.unit(4, judged.DIM), ())
    assert set(part.files) == {"halves.onnx", "verifier.onnx"}
    assert part.difference <= 1e-5


def test_copies_with_first_layers_of_their_own_stay_in_one_piece() -> None:
    whole = judged.bundle(pairs="all")
    assert whole.card.verifier.halves is None
    assert whole.halves is None


class Drifts(wtbi.PairNetwork):
    """A network that says something else each time."""

    told = 0.0

    def finish(self, street: Tensor, half: Tensor) -> Tensor:
        Drifts.told += 0.3
        return super().finish(street, half) * 0 + Drifts.told


class Silent(nn.Module):
    """Log-odds that are no number."""

    def forward(self, street: Tensor, shop: Tensor) -> Tensor:
        return (street.float() * shop.float()).sum((1, 2)) * float("nan")


def test_graphs_that_say_something_else_are_refused() -> None:
    vectors = judged.unit(3, judged.DIM)
    with pytest.raises(BundleError, match="a verifier's probability is off by"):
        pair_part(Drifts(judged.DIM, (8, 5)), vectors, ())
    with pytest.raises(BundleError, match="log-odds of regions is off by nan"):
        local_part(Silent(), judged.seen(3).regions)
    with pytest.raises(BundleError, match="gives 4 columns for 1 categories"):
        pair_part(judged.pair_network(), vectors, ("dresses",))
    with pytest.raises(BundleError, match="a region's number is off by 255"):
        regions_difference(np.full((1, 4, 3), 127, np.int8), np.full((1, 4, 3), -128, np.int8))


def test_a_local_verifier_needs_regions() -> None:
    card = judged.bundle().card
    with pytest.raises(BundleError, match="nothing to compare: give the card regions too"):
        staged(card, Stage(local=judged.local_network()), None, judged.seen(3).regions)

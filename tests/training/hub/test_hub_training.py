"""A published tower fine-tuned: where it begins, what interpolation gives, and the way from recipe to search."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from hub import towers
from wearabouts import bundles
from wearabouts.errors import BundleError, CatalogError, SettingsError
from wearabouts.models.hub import HubTower, interpolated
from wearabouts.training import main_train
from wearabouts.training.hub import BEGINNING, build
from wearabouts.training.hub.recipe import Network
from wearabouts.training.hub.towers import open_start
from wearabouts.training.recipe import load

RECIPE = """
name = "hub-tiny"
model = "hub"
[data]
reader = "drawn"
split = ""
held_out = {held_out}
category = ""
[augment]
crop = 0
turn = 0
mirror = 0
light = 0
blur = 0
erase = 0
jpeg = 0
[network]
start = "{start}"
dim = {dim}
interpolate = {share}
[batch]
products = 6
photos = {photos}
[steps]
count = {count}
rate = 3e-3
"""
DEFAULTS = {"share": 0.5, "count": 6, "dim": 8, "held_out": 0.25, "photos": 4}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SigLIP as its publisher uploads it: both towers in one file of safetensors."""
    pytest.importorskip("transformers")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("start") / "siglip"
    towers.siglip_weights(folder)
    return folder


def trained(folder: Path, shop: Path, start: Path, **settings: float) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.format(**{**DEFAULTS, **settings}, start=start))
    return main_train(recipe, shop, folder / "run")


class Fixed(nn.Module):
    """A tower that gives what it is told, as a state a place."""

    def forward(self, pixel_values: torch.Tensor) -> dict[str, torch.Tensor]:
        flat = pixel_values.flatten(2)
        return {"map": pixel_values, "states": flat.transpose(1, 2), "vector": flat.mean(2)}


def test_bytes_are_prepared_and_pooled_as_told() -> None:
    photo = torch.rand(2, 3, 4, 4)
    scale, shift = (0.1, 0.2, 0.3), (-1.0, 0.5, 0.0)
    wanted = photo * 255 * torch.tensor(scale).reshape(1, 3, 1, 1) + torch.tensor(shift).reshape(1, 3, 1, 1)
    for output, pooled, truth in (
        ("map", "", wanted.mean((2, 3))),
        ("states", "first", wanted[:, :, 0, 0]),
        ("states", "mean", wanted.mean((2, 3))),
        ("vector", "", wanted.mean((2, 3))),
    ):
        net = HubTower(Fixed(), scale, shift, output=output, pooled=pooled, features=3)
        torch.testing.assert_close(net.features(photo), truth)
        torch.testing.assert_close(net(photo), truth / truth.norm(dim=1, keepdim=True))


def test_the_projection_begins_as_principal_axes() -> None:
    net = HubTower(Fixed(), (1, 1, 1), (0, 0, 0), output="vector", pooled="", features=6, dim=3)
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(50, 3)) @ rng.normal(size=(3, 6))  # photos of three directions in six
    net.begin(torch.from_numpy(plane))
    weight = net.projection.weight.detach().numpy()
    np.testing.assert_allclose(weight @ weight.T, np.eye(3), atol=1e-5)
    unit = plane / np.linalg.norm(plane, axis=1, keepdims=True)
    np.testing.assert_allclose((unit @ weight.T) @ (unit @ weight.T).T, unit @ unit.T, atol=1e-5)  # cosines stay


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_interpolation_is_the_formula(share: float) -> None:
    start = {"w": torch.randn(3, 2), "count": torch.tensor(4)}
    tuned = {"w": torch.randn(3, 2), "count": torch.tensor(9)}
    found = interpolated(start, tuned, share)
    torch.testing.assert_close(found["w"], (1 - share) * start["w"] + share * tuned["w"])
    assert found["count"] == 9
    with pytest.raises(ValueError, match="different networks"):
        interpolated(start, {"w": torch.randn(2, 2), "count": torch.tensor(1)}, share)


def test_a_run_learns_and_serves_what_lies_between_start_and_end(
    drawn_small: Path, start: Path, tmp_path: Path
) -> None:
    run = trained(tmp_path, drawn_small, start, share=0.25)
    told = json.loads((run / "run.json").read_text())
    beginning, tuned, served = (
        load_file(run / name) for name in (BEGINNING, "tuning/weights.safetensors", "weights.safetensors")
    )
    assert any((beginning[name] != tuned[name]).any() for name in tuned if name.startswith("tower."))
    for name, value in served.items():
        torch.testing.assert_close(value, 0.75 * beginning[name] + 0.25 * tuned[name], rtol=1e-5, atol=1e-6)
    assert set(told["held_out"]) == {"start", "tuned", "served"}
    assert told["start"]["licence"] == "apache-2.0"
    # done once more, nothing is interpolated twice
    again = trained(tmp_path, drawn_small, start, share=0.25)
    assert all((load_file(again / "weights.safetensors")[name] == served[name]).all() for name in served)


def test_twelve_products_are_learned_by_heart(drawn_small: Path, start: Path, tmp_path: Path) -> None:
    # with one photo a side, the loss can reach 0; with two, a photo has two that are right, and log 2 is left
    run = trained(tmp_path, drawn_small, start, count=150, held_out=0.0, dim=32, share=1.0, photos=2)
    told = json.loads((run / "run.json").read_text())
    assert told["phases"]["tuning"]["loss"]["sides"] < 0.1
    assert told["held_out"] == {"start": {}, "tuned": {}, "served": {}}


def test_at_the_start_the_network_says_what_transformers_says(start: Path) -> None:
    from transformers import SiglipVisionModel
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    opened = open_start(Network(start=str(start)))
    net = build(opened.told, 32, 0, opened.tower).eval()
    photos = [np.random.default_rng(n).integers(0, 256, (40, 30 + n, 3), np.uint8) for n in range(3)]
    fit = bundles.Preprocessing.model_validate(opened.told["preprocessing"]).apply
    fitted = torch.from_numpy(np.stack([fit(photo) for photo in photos])).permute(0, 3, 1, 2).float() / 255
    values = SiglipImageProcessorPil.from_pretrained(start)(photos, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        theirs = SiglipVisionModel.from_pretrained(start).eval()(values).pooler_output
        torch.testing.assert_close(net(fitted), theirs / theirs.norm(dim=1, keepdim=True), rtol=1e-4, atol=1e-5)


def copied(start: Path, folder: Path) -> Path:
    shutil.copytree(start, folder)
    return folder


def test_a_start_that_cannot_be_is_one_clear_line(drawn_small: Path, start: Path, tmp_path: Path) -> None:
    pickled = copied(start, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(BundleError, match="other formats are not opened"):
        trained(tmp_path / "a", drawn_small, pickled)
    other = copied(start, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    config["vision_config"]["num_hidden_layers"] = 3
    (other / "config.json").write_text(json.dumps(config))
    with pytest.raises(BundleError, match="weights of the photo tower are not in"):
        trained(tmp_path / "b", drawn_small, other)
    closed = copied(start, tmp_path / "closed")
    (closed / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    with pytest.raises(SettingsError, match="accept-licence"):
        trained(tmp_path / "c", drawn_small, closed)
    with pytest.raises(SettingsError, match="dim = 64"):
        trained(tmp_path / "d", drawn_small, start, dim=64)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not JSON"),
        (b"[]", "a JSON object is wanted"),
        (b'{"weight_map": ["a"]}', "has no weight_map"),
        (b'{"weight_map": {"a": "w.bin"}}', "only safetensors are opened"),
        (b'{"weight_map": {"a": "../w.safetensors"}}', "has no file"),
    ],
)
def test_a_damaged_list_of_weights_is_one_clear_line(start: Path, tmp_path: Path, content: bytes, said: str) -> None:
    damaged = copied(start, tmp_path / "damaged")
    (damaged / "model.safetensors").unlink()
    (damaged / "model.safetensors.index.json").write_bytes(content)
    with pytest.raises(BundleError, match=said):
        open_start(Network(start=str(damaged)))


def test_code_of_a_repository_is_never_run(drawn_small: Path, start: Path, tmp_path: Path) -> None:
    armed = copied(start, tmp_path / "armed")
    config = json.loads((armed / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "own.Config", "AutoModel": "own.Model"}
    (armed / "config.json").write_text(json.dumps(config))
    (armed / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    trained(tmp_path / "a", drawn_small, armed, count=1)
    assert not (tmp_path / "ran").exists()
    config["model_type"] = "unheard"
    (armed / "config.json").write_text(json.dumps(config))
    with pytest.raises(BundleError, match="cannot load it as 'unheard'"):
        trained(tmp_path / "b", drawn_small, armed, count=1)
    assert not (tmp_path / "ran").exists()


def test_sides_need_products_with_both(drawn_small: Path, start: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    text = RECIPE.format(**DEFAULTS, start=start).replace('reader = "drawn"', 'reader = "folder"')
    shop = tmp_path / "shop" / "one"
    shop.mkdir(parents=True)
    for n, photo in enumerate(sorted(drawn_small.glob("photos/*/front.jpg"))[:4]):
        shutil.copy(photo, shop / f"{n}.jpg")
    recipe.write_text(text)
    with pytest.raises(CatalogError, match="both street and shop"):
        main_train(recipe, tmp_path / "shop", tmp_path / "run")


@pytest.mark.parametrize("name", ["hub-siglip2", "hub-small"])
def test_the_recipes_can_be_read(name: str) -> None:
    assert load(Path(__file__).parents[3] / "recipes" / f"{name}.toml").model == "hub"

"""DARN trained on a drawn shop of twelve products: its phases, a kill, what is left out by a switch."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from miniatures import darn as miniature
from wearabouts.errors import CatalogError, SettingsError
from wearabouts.models.darn import PAPER
from wearabouts.readers.datasets.darn import GROUPS
from wearabouts.training import SUMMARY, main_train
from wearabouts.training.darn import build, sampled
from wearabouts.training.darn.heads import heads, labels
from wearabouts.training.darn.recipe import DarnRecipe
from wearabouts.training.darn.task import Attributes, Learning, looked_at, measured
from wearabouts.training.data import supervision
from wearabouts.training.data.supervision import Supervision, Vocabulary
from wearabouts.training.recipe import load, parse
from wearabouts.training.run import Run

ROOT = Path(__file__).parents[3]
TINY: dict[str, Any] = {
    "name": "darn-tiny",
    "model": "darn",
    "data": {"reader": "drawn", "split": "", "held_out": 0.25, "attributes": ["color", "pattern"]},
    "augment": dict.fromkeys(("crop", "turn", "mirror", "light", "blur", "erase", "jpeg"), 0.0),
    "network": {"size": 32, "fc": 24, "branch": 8, "pca": 12},
    "batch": {"each": 8, "products": 6, "photos": 4},
    "pretraining": {"count": 20, "rate": 4e-3, "checkpoint": 6},
    "joint": {"count": 10, "rate": 2e-3, "checkpoint": 4},
}


class StoppedError(Exception):
    """What a killed process would be to its run."""


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def changed(**sections: Any) -> dict[str, Any]:
    """The tiny recipe with some keys of some tables changed."""
    return {**TINY, **{name: {**TINY.get(name, {}), **keys} for name, keys in sections.items()}}


def written(content: dict[str, Any], path: Path) -> Path:
    """A recipe as TOML: tables of plain values are all it has."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in content.items() if not isinstance(value, dict)]
    for name, table in content.items():
        if isinstance(table, dict):
            lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def run(drawn_small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("darn")
    return main_train(written(TINY, folder / "tiny.toml"), drawn_small, folder / "run")


@pytest.fixture(scope="module")
def rows(drawn_small: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Supervision, Supervision]:
    recipe = parse(TINY)
    assert isinstance(recipe, DarnRecipe)
    return supervision.read(recipe.data, drawn_small, 32, Run(tmp_path_factory.mktemp("rows"), recipe))


def test_both_recipes_are_ones_and_the_papers_has_its_branches() -> None:
    paper, small = (load(ROOT / "recipes" / f"{name}.toml") for name in ("darn", "darn-small"))
    assert isinstance(paper, DarnRecipe)
    assert isinstance(small, DarnRecipe)
    assert list(paper.data.attributes) == list(PAPER) == list(GROUPS)
    assert PAPER == GROUPS
    assert not paper.data.category
    assert (paper.network.trunk, paper.network.towers, paper.network.fc) == ("nin", 2, 4096)
    assert paper.losses.margin == 0.3
    assert (small.network.trunk, small.network.size) == ("small", 64)


def test_it_learns(run: Path) -> None:
    told = json.loads((run / SUMMARY).read_text())
    assert list(told["phases"]) == ["pretraining", "joint"]
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    costs = [line["attributes"] for line in log if line.get("phase") == "pretraining" and "attributes" in line]
    assert costs[-1] < 0.9 * costs[0]
    assert set(told["phases"]["joint"]["loss"]) == {"attributes", "ranking"}
    assert told["photos"] == 36
    # Three products: by chance one street photo in three finds its own
    assert told["held_out"]["mAP"] > 0.5
    assert {"R@1", "category", "color", "pattern", "accuracy"} <= told["held_out"].keys()
    assert told["dim"] == 12


def test_the_run_keeps_the_components_of_its_own_features(run: Path, rows: tuple[Supervision, Supervision]) -> None:
    learned, held = rows
    recipe, weights = parse(TINY), load_file(run / "weights.safetensors")
    net = build(recipe, learned.vocabulary, 12).eval()
    net.load_state_dict(weights)
    features, street = looked_at(net, learned, sampled(learned, 0))[0], learned.street[sampled(learned, 0)]
    means = np.stack([features[street].mean(0), features[~street].mean(0)])
    assert np.allclose(weights["mean"], means, atol=1e-5)
    reduced = (features - np.where(street[:, None], *means)) @ weights["basis"].numpy().T
    assert np.all(np.diff((reduced**2).sum(0)) <= 1e-9)
    told = json.loads((run / SUMMARY).read_text())["held_out"]
    assert measured(net, held, reduced=True) == pytest.approx(told)


def test_a_killed_run_goes_on_to_the_same_weights(run: Path, drawn_small: Path, tmp_path: Path) -> None:
    def stop_at(phase: str, step: int):
        def told(what: str, done: int, total: int) -> None:
            if what == phase and done == step:
                raise StoppedError

        return told

    recipe = written(TINY, tmp_path / "tiny.toml")
    for phase, step in (("pretraining", 8), ("joint", 7)):
        with pytest.raises(StoppedError):
            main_train(recipe, drawn_small, tmp_path / "run", progress=stop_at(phase, step))
    main_train(recipe, drawn_small, tmp_path / "run")
    first, second = (load_file(folder / "weights.safetensors") for folder in (run, tmp_path / "run"))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_first_phase_sees_each_photo_of_a_side_once_an_epoch(rows: tuple[Supervision, Supervision]) -> None:
    learned, held = rows
    recipe = parse(changed(batch={"each": 6}))
    task = Attributes(build(recipe, learned.vocabulary, 0), recipe, learned, held)
    batches = [task.batch(step) for step in range(6)]
    for batch in batches:
        assert learned.street[batch].sum() == 6
        assert len(batch) == 12
    for side in (True, False):
        epochs = np.concatenate([batch[learned.street[batch] == side] for batch in batches]).reshape(2, 18)
        for epoch in epochs:
            assert sorted(epoch) == sorted(np.flatnonzero(learned.street == side))
        assert epochs[0].tolist() != epochs[1].tolist()


def test_the_joint_phase_has_street_and_shop_photos_of_its_products(rows: tuple[Supervision, Supervision]) -> None:
    learned, held = rows
    recipe = parse(TINY)
    batch = Learning(build(recipe, learned.vocabulary, 0), recipe, learned, held).batch(3)
    assert len(batch) == 24
    products = learned.product[batch].reshape(6, 4)
    assert len(np.unique(products)) == 6
    assert np.all(products == products[:, :1])
    assert np.all(learned.street[batch].reshape(6, 4).sum(1) == 2)


@pytest.mark.parametrize("mining", ["random", "semi-hard", "hardest"])
def test_both_losses_teach_both_towers(rows: tuple[Supervision, Supervision], mining: str) -> None:
    learned, held = rows
    recipe = parse(changed(losses={"mining": mining, "ranking": 2.0, "margin": 1.0}))
    torch.manual_seed(0)
    net = build(recipe, learned.vocabulary, 0)
    task = Learning(net, recipe, learned, held)
    batch = task.batch(0)
    terms = task.losses(task.see(batch, 0), batch, 0)
    assert set(terms) == {"attributes", "ranking"}
    for term, learns in (("ranking", "trunk.below.0.conv.weight"), ("attributes", "branches.0.0.weight")):
        net.zero_grad()
        terms[term].backward(retain_graph=True)
        for side in ("street", "shop"):
            assert bool(dict(net.tower(side).named_parameters())[learns].grad.any())


def test_a_weight_halves_its_term(rows: tuple[Supervision, Supervision]) -> None:
    learned, held = rows
    found = []
    for weight in (1.0, 0.5):
        recipe = parse(changed(losses={"ranking": weight, "attributes": weight}))
        torch.manual_seed(0)
        task = Learning(build(recipe, learned.vocabulary, 0), recipe, learned, held)
        batch = task.batch(0)
        found.append({name: float(term.detach()) for name, term in task.losses(task.see(batch, 0), batch, 0).items()})
    assert found[1] == pytest.approx({name: value / 2 for name, value in found[0].items()})


@pytest.mark.parametrize(
    ("sections", "phases", "terms"),
    [
        ({"network": {"towers": 1}}, ["pretraining", "joint"], {"attributes", "ranking"}),
        ({"network": {"features": "fc1", "pca": 0}}, ["pretraining", "joint"], {"attributes", "ranking"}),
        ({"losses": {"ranking": 0.0}}, ["pretraining", "joint"], {"attributes"}),
        ({"losses": {"attributes": 0.0}}, ["joint"], {"ranking"}),
    ],
    ids=["one tower", "FC1 alone", "no ranking", "no attributes"],
)
def test_each_idea_can_be_left_out(sections, phases, terms, drawn_small: Path, tmp_path: Path) -> None:
    content = changed(**{"pretraining": {"count": 1}, "joint": {"count": 1}} | sections)
    folder = main_train(written(content, tmp_path / "r.toml"), drawn_small, tmp_path / "run")
    told = json.loads((folder / SUMMARY).read_text())
    assert list(told["phases"]) == phases
    assert set(told["phases"]["joint"]["loss"]) == terms
    names = {name.split(".")[1] for name in load_file(folder / "weights.safetensors") if name.startswith("towers.")}
    assert names == ({"shop"} if sections.get("network", {}).get("towers") == 1 else {"shop", "street"})
    assert told["dim"] == (24 if "features" in sections.get("network", {}) else 12)
    assert ("accuracy" in told["held_out"]) == ("attributes" in terms)


def test_branches_are_the_classes_and_then_the_attributes(rows: tuple[Supervision, Supervision]) -> None:
    learned, _ = rows
    found = heads(learned.vocabulary)
    assert list(found) == ["garment", "color", "pattern"]
    table = labels(learned)
    assert table.shape == (36, 3)
    assert torch.equal(table[:, 0], torch.from_numpy(learned.category))
    assert torch.equal(table[:, 1:], torch.from_numpy(learned.attributes))
    assert list(heads(Vocabulary((), False, {"category": ("a",)}, ()))) == ["category"]
    assert list(heads(Vocabulary(("coat",), False, {"color": ("red",)}, ()))) == ["category", "color"]
    with pytest.raises(SettingsError, match="garment"):
        heads(Vocabulary(("coat",), True, {"garment": ("coat",)}, ()))


def test_the_papers_recipe_reads_its_dataset(tmp_path: Path) -> None:
    """On a miniature in the reader's layout, with a small network and few steps; all else as the recipe has it."""
    content = tomllib.loads((ROOT / "recipes" / "darn.toml").read_text("utf-8"))
    content["network"] |= {"trunk": "small", "size": 64, "fc": 24, "branch": 8}
    content["batch"] |= {"each": 4, "products": 4}
    for phase in ("pretraining", "joint"):
        content[phase] |= {"count": 2, "rate": 1e-3, "precision": "bf16"}
    data = miniature.write(tmp_path / "data")
    folder = main_train(written(content, tmp_path / "darn.toml"), data, tmp_path / "run")
    told = json.loads((folder / SUMMARY).read_text())
    assert told["photos"] == 6 * 3  # of the training half: a street photo and two shop photos each
    assert told["lost"] == 0
    values = told["vocabulary"]["attributes"]
    assert list(values) == list(PAPER)
    assert all(1 < len(values[name]) <= size for name, size in PAPER.items())
    # Of the split val; values that no training item has are unknown, so not every attribute has a figure.
    assert {"R@1", "mAP", "length", "accuracy"} <= told["held_out"].keys()
    assert told["phases"]["joint"]["loss"].keys() == {"attributes", "ranking"}


@pytest.mark.parametrize(
    ("sections", "error", "says"),
    [
        ({"losses": {"ranking": 0.0, "attributes": 0.0}}, SettingsError, "nothing is learned"),
        ({"data": {"split": "gallery"}}, CatalogError, "no street photos"),
        ({"data": {"category": "", "attributes": []}}, CatalogError, "no labels"),
        ({"network": {"fc": 8192, "branch": 4, "pca": 0}}, SettingsError, "pca"),
    ],
)
def test_what_cannot_be_learned_is_told_before_it_begins(
    sections, error, says: str, drawn_small: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=says):
        main_train(written(changed(**sections), tmp_path / "r.toml"), drawn_small, tmp_path / "run")

"""What each phase learns: twenty products by heart, copies each by itself, and only where there is enough."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from training.wtbi.worlds import supervision
from wearabouts.errors import SettingsError
from wearabouts.training.data.recipe import Augment
from wearabouts.training.loop import fit
from wearabouts.training.loop.recipe import Steps
from wearabouts.training.run import Run
from wearabouts.training.wtbi import build
from wearabouts.training.wtbi.comparing import build_verifier, compare
from wearabouts.training.wtbi.features import features
from wearabouts.training.wtbi.mining import Deck, mine, shortlist
from wearabouts.training.wtbi.recipe import Classifier, Network, Pairs, Tuning, WtbiRecipe
from wearabouts.training.wtbi.tasks import Classifying, Pairing

pytestmark = pytest.mark.usefixtures("no_pages")

STILL = Augment(crop=0, turn=0, mirror=0, light=0, blur=0, erase=0, jpeg=0)
QUICK = Steps(count=4, rate=1e-3)


def recipe(**more) -> WtbiRecipe:
    more = {
        "network": Network(width=8, size=32, dim=32, dropout=0),
        "classifier": Classifier(products=20, photos=4, attribute_weight=1),
        "augment": STILL,
        "pairs": Pairs(hidden=(32, 16), batch=128, steps=QUICK),
        "tuning": Tuning(least=5, steps=QUICK),
        **more,
    }
    return WtbiRecipe(name="tiny", **more)


@pytest.fixture(scope="module")
def world():
    return supervision()


def learn(made: WtbiRecipe, world, folder: Path):
    """A classifier that has not learned anything, and its features."""
    net = build(made, world.vocabulary).eval()
    return net, features(net, world, (1.0,), Run(folder, made), "learned")


def mined(seen, k: int = 1000):
    lists = shortlist(seen.street, seen.shop, seen.street_category, seen.shop_category, k)
    return mine(lists, seen.street_product, seen.shop_product, seen.street_category)


def test_twenty_products_are_learned_by_heart(world, tmp_path: Path) -> None:
    """Category and pairs: both losses go to nearly nothing, and every street photo finds its product."""
    made = recipe(
        pairs=Pairs(hidden=(64, 32), batch=128, steps=Steps(count=200, rate=1e-2)),
        tuning=Tuning(least=5, steps=Steps(count=40, rate=2e-3)),
    )
    run = Run(tmp_path, made)
    net = build(made, world.vocabulary)
    told = fit(Classifying(made, net, world, world, run.device), Steps(count=60, rate=5e-3), run, "classifier")
    assert told["loss"]["category"] < 0.01
    assert told["loss"]["print"] < 0.01
    assert told["validation"]["accuracy"] == 1
    verifier, told = compare(made, net, world, world, run)
    assert told["independent"]["loss"]["pairs"] < 0.02
    assert told["specific"]["loss"]["pairs"] < 0.02
    assert told["held_out"]["specific"]["R@1"] == 1
    assert verifier.own == (0, 1, 2, 3)
    assert told["pairs"]["street_photos"] == 40
    assert sum(told["pairs"]["positives"].values()) == 80


def test_copies_trained_together_are_trained_each_by_itself(world, tmp_path: Path) -> None:
    made = recipe()
    _, seen = learn(made, world, tmp_path)
    pairs = mined(seen)
    ends = {}
    start = build_verifier(made, world.vocabulary, [0, 2]).state_dict()
    for name, own in (("together", [0, 2]), ("alone", [2])):
        net = build_verifier(made, world.vocabulary, own)
        net.load_state_dict({key: start[key] for key in net.state_dict()})
        net.independent.requires_grad_(False)
        task = Pairing(made, net, seen, pairs, {n: Deck(pairs, pairs.of(n)) for n in own}, 32, None)
        fit(task, QUICK, Run(tmp_path / name, made), "specific")
        ends[name] = net.state_dict()
        moved = [key for key, value in net.state_dict().items() if not torch.equal(value, start[key])]
        assert moved
        assert all(key.startswith("copies.") for key in moved)
    for key, value in ends["alone"].items():
        assert torch.allclose(value, ends["together"][key], atol=1e-6), key


def test_a_step_holds_each_categorys_pairs_and_its_own_network_judges_them(world, tmp_path: Path) -> None:
    made = recipe()
    _, seen = learn(made, world, tmp_path)
    pairs = mined(seen)
    net = build_verifier(made, world.vocabulary, [1, 3])
    task = Pairing(made, net, seen, pairs, {n: Deck(pairs, pairs.of(n)) for n in (1, 3)}, 16, None)
    rows = task.batch(5)
    assert np.bincount(pairs.category[rows]).tolist() == [0, 16, 0, 16]
    logits = task.see(rows, 5)["logits"]
    for n in (0, 20):
        row = rows[n]
        street, shop = (
            torch.from_numpy(np.array(part[[at[row]]]))
            for part, at in ((seen.street, pairs.street), (seen.shop, pairs.shop))
        )
        assert torch.allclose(logits[n], net.logits(street, shop, int(pairs.category[row]))[0], atol=1e-5)
    loss = task.losses({"logits": logits}, rows, 5)["pairs"]
    right = torch.from_numpy(pairs.same[rows])
    costs = -logits.log_softmax(1)[torch.arange(len(rows)), right]
    of = torch.from_numpy(pairs.category[rows])
    assert torch.allclose(loss, costs[of == 1].mean() + costs[of == 3].mean(), atol=1e-5)


def test_unknown_labels_teach_the_classifier_nothing(world, tmp_path: Path) -> None:
    made = recipe()
    net = build(made, world.vocabulary)
    unknown = world.taken(np.arange(8))
    unknown.category[:] = -1
    task = Classifying(made, net, unknown, unknown, torch.device("cpu"))
    rows = np.arange(8)
    unknown.attributes[:] = -1
    loss = sum(task.losses(task.see(rows, 0), rows, 0).values())
    assert float(loss.detach()) == 0
    loss.backward()
    assert all(float(each.grad.abs().max()) == 0 for each in net.parameters() if each.grad is not None)
    with torch.no_grad():
        assert task.validate() == {}


def test_categories_with_few_pairs_keep_the_independent_network(world, tmp_path: Path) -> None:
    few = world.taken(np.flatnonzero((world.category != 1) | (world.product < 8)))  # products 1 and 5 are left of it
    made = recipe(tuning=Tuning(least=15, steps=QUICK))
    verifier, told = compare(made, build(made, world.vocabulary), few, few, Run(tmp_path, made))
    assert told["pairs"]["positives"]["b"] == 8
    assert told["own"] == [0, 2, 3]
    street = torch.rand(3, 32)
    assert torch.equal(verifier(street, street.flip(0))[:, 2], verifier(street, street.flip(0))[:, 0])
    none, told = compare(
        recipe(tuning=Tuning(least=999)), build(made, world.vocabulary), few, few, Run(tmp_path / "none", made)
    )
    assert told["own"] == []
    assert "least" in told["specific"]["why"]
    assert none.own == ()


def test_the_independent_network_learns_from_the_categories_named(world, tmp_path: Path) -> None:
    made = recipe(pairs=Pairs(hidden=(8, 8), learned=("c",), method="independent", steps=QUICK))
    drawn = []

    class Watched(Deck):
        def __init__(self, pairs, places):
            drawn.append(set(pairs.category[places]))
            super().__init__(pairs, places)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wearabouts.training.wtbi.comparing.Deck", Watched)
        compare(made, build(made, world.vocabulary), world, world, Run(tmp_path, made))
    assert drawn == [{2}]


def test_no_pairs_says_what_to_change(world, tmp_path: Path) -> None:
    alone = world.taken(np.flatnonzero(world.product < 4))  # one product a category: nothing to tell apart
    made = recipe()
    with pytest.raises(SettingsError, match="shortlist"):
        compare(made, build(made, world.vocabulary), alone, alone, Run(tmp_path, made))

"""What FashionNet learns from at each step: turns, truth or prediction, which losses, and twenty products by heart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from wearabouts import metrics
from wearabouts.errors import SettingsError
from wearabouts.training.data.supervision import Supervision, Vocabulary
from wearabouts.training.fashionnet.building import begin, build, check
from wearabouts.training.fashionnet.recipe import FashionNetRecipe
from wearabouts.training.fashionnet.task import FashionNetTask
from wearabouts.training.loop import fit
from wearabouts.training.losses import tags
from wearabouts.training.recipe import parse
from wearabouts.training.run import Run

WORDS = Vocabulary(("dress", "jeans"), True, {"color": ("blue", "red")}, ("style:boho", "style:chic", "fabric:denim"))
STILL = dict.fromkeys(("crop", "turn", "mirror", "light", "blur", "erase", "jpeg"), 0.0)
SIZES = {
    "width": 6,
    "size": 32,
    "pose": 48,
    "whole": 64,
    "local": 48,
    "fused": 64,
    "window": 4,
    "pooled": 2,
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def recipe(**tables: dict[str, object]) -> FashionNetRecipe:
    content: dict[str, object] = {"name": "x", "model": "fashionnet", "augment": STILL}
    content["network"] = SIZES | tables.pop("network", {})
    read = parse(content | tables)
    assert isinstance(read, FashionNetRecipe)
    return read


def world(products: int = 20, seed: int = 0) -> Supervision:
    """Products with one street and one shop photo; colours of four patches tell them apart, a white spot is the hem."""
    rng = np.random.default_rng(seed)
    count = 2 * products
    product = np.repeat(np.arange(products), 2)
    pixels = np.repeat(rng.integers(40, 200, (products, 2, 2, 3)), 2, axis=0).repeat(16, axis=1).repeat(16, axis=2)
    marks = np.zeros((count, 8, 3), np.float32)
    marks[..., 2] = rng.random((count, 8)) > 0.5
    marks[..., :2] = rng.random((count, 8, 2))
    for photo in range(count):
        for x, y, seen in marks[photo]:
            if seen:
                pixels[photo, int(30 * y) : int(30 * y) + 2, int(30 * x) : int(30 * x) + 2] = 255
    return Supervision(
        pixels=pixels.astype(np.uint8),
        product=product.astype(np.int64),
        street=np.arange(count) % 2 == 0,
        category=(product % 2).astype(np.int64),
        attributes=(product // 2 % 2).astype(np.int64)[:, None],
        tags=np.where((product[:, None] >> np.arange(3)) & 1, 1, -1).astype(np.int8),
        landmarks=marks,
        vocabulary=WORDS,
    )


def task(read: FashionNetRecipe, learned: Supervision, held: Supervision | None = None) -> FashionNetTask:
    torch.manual_seed(0)
    net = build(read, learned.vocabulary)
    if len(net.tag_lead):
        net.tag_lead.copy_(tags.rarity(torch.from_numpy(learned.tags)).log())
    nothing = learned.taken(np.zeros(0, np.int64))
    return FashionNetTask(net, read, learned, held if held is not None else nothing, torch.device("cpu"))


def terms(one: FashionNetTask, step: int = 0) -> dict[str, float]:
    one.net.eval()
    rows = one.batch(step)
    with torch.no_grad():
        return {name: float(value) for name, value in one.losses(one.see(rows, step), rows, step).items()}


def test_turns_begin_with_the_pose_and_alternate() -> None:
    one = task(recipe(turns={"steps": 10, "favour": 5}), world())
    assert [one.favours(step) for step in (0, 9, 10, 19, 20)] == [(0.2, 1), (0.2, 1), (1, 0.2), (1, 0.2), (0.2, 1)]
    # The same batch in either turn: every loss of recognition gains what every loss of the pose loses.
    rows = one.batch(0)
    one.net.eval()
    with torch.no_grad():
        seen = one.see(rows, 0)
        first, second = one.losses(seen, rows, 0), one.losses(seen, rows, 10)
    assert first.keys() == {"landmarks", "visibility", "category", "attributes", "tags", "triplet"}
    ratios = {name: float(second[name] / first[name]) for name in first}
    assert ratios == pytest.approx({name: 0.2 if name in ("landmarks", "visibility") else 5 for name in first})
    together = task(recipe(turns={"favour": 1}), world())
    assert {together.favours(step) for step in range(100)} == {(1.0, 1.0)}


def test_truth_is_pooled_at_first_and_predictions_afterwards() -> None:
    one = task(recipe(turns={"truth": 0.25}, steps={"count": 200}), world())
    assert [one.pools_truth(step) for step in (0, 49, 50, 199)] == [True, True, False, False]
    rows = one.batch(0)
    one.net.eval()
    with torch.no_grad():
        early, late = one.see(rows, 0)["vector"], one.see(rows, 199)["vector"]
        pixels = torch.from_numpy(one.learned.pixels[rows]).permute(0, 3, 1, 2).float() / 255
        predicted = one.net(pixels).vector
    assert torch.allclose(late, predicted, atol=1e-6)
    assert not torch.allclose(early, late, atol=1e-3)
    always = task(recipe(network={"pooling": "truth"}, steps={"count": 200}), world())
    assert always.pools_truth(199)


@pytest.mark.parametrize("name", ["landmarks", "visibility", "category", "attributes", "tags", "triplet"])
def test_a_loss_of_weight_zero_is_left_out_and_the_others_stay(name: str) -> None:
    every, without = terms(task(recipe(), world())), terms(task(recipe(losses={name: 0}), world()))
    assert without.keys() == every.keys() - {name}
    doubled = terms(task(recipe(losses={name: 2 * getattr(recipe().losses, name)}), world()))
    assert doubled[name] == pytest.approx(2 * every[name], rel=1e-5)


def test_a_batch_seen_in_shares_gives_the_same_losses_and_gradients() -> None:
    """What several processes do: each sees its share, the losses are of all; batch statistics are left alone."""
    learned = world()
    learned.landmarks[3] = np.nan
    one = task(recipe(), learned)
    one.net.eval()
    rows = one.batch(0)
    found = []
    for shares in ([rows], np.array_split(rows, 3)):
        parts = [one.see(share, 0) for share in shares]
        seen = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        terms = one.losses(seen, rows, 0)
        one.net.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()
        gradients = {name: each.grad.clone() for name, each in one.net.named_parameters() if each.grad is not None}
        found.append(({name: term.item() for name, term in terms.items()}, gradients))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4)
    assert found[0][1].keys() == found[1][1].keys()
    assert all(torch.allclose(value, found[1][1][name], atol=1e-4) for name, value in found[0][1].items())


def test_without_pooling_and_pose_losses_there_is_no_pose_branch() -> None:
    bare = task(recipe(network={"pooling": "none"}, losses={"landmarks": 0, "visibility": 0}), world())
    assert bare.net.pose is None
    assert bare.favours(0) == (1.0, 0.0)
    assert terms(bare).keys() == {"category", "attributes", "tags", "triplet"}
    joint = task(recipe(network={"pooling": "none"}), world())
    assert joint.net.pose is not None
    assert joint.net.fc6_local is None


def test_triplets_go_across_the_sides_where_there_are_both() -> None:
    learned = world()
    across, within = (task(recipe(losses={"across": across}), learned) for across in (True, False))
    assert terms(across)["triplet"] != terms(within)["triplet"]
    shop_only = learned.taken(np.flatnonzero(~learned.street))
    assert terms(task(recipe(), shop_only))["triplet"] == 0  # one photo a product: nothing to be near to


def test_what_cannot_be_trained_says_what_to_change() -> None:
    learned = world()
    unmarked = Supervision(**{**learned.__dict__, "landmarks": np.full_like(learned.landmarks, np.nan)})
    with pytest.raises(SettingsError, match="pooling = 'none'"):
        check(recipe(), unmarked)
    check(recipe(network={"pooling": "none"}), unmarked)
    off = dict.fromkeys(("landmarks", "visibility", "category", "attributes", "tags", "triplet"), 0)
    with pytest.raises(SettingsError, match="no loss is left"):
        check(recipe(losses=off), learned)
    with pytest.raises(SettingsError, match="width"):
        check(recipe(network={"trunk": "vgg16"}), learned)
    with pytest.raises(SettingsError, match=r"\[network\] window 6 is no multiple"):
        recipe(network={"window": 6, "pooled": 4})
    with pytest.raises(SettingsError, match="style: an attribute or tags"):
        recipe(data={"attributes": ["style"], "tags": ["style"]})


def test_the_pose_branch_begins_with_the_trunks_weights(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    torch.manual_seed(1)
    other = build(recipe(), WORDS)
    save_file(other.state_dict(), tmp_path / "weights.safetensors")
    read = recipe(network={"start": str(tmp_path / "weights.safetensors")})
    torch.manual_seed(2)
    net = build(read, WORDS)
    begin(net, read)
    started = dict(net.trunk.state_dict())
    assert all(torch.equal(value, started[name]) for name, value in other.trunk.state_dict().items())
    assert net.pose is not None
    pose = net.pose.conv5.state_dict()
    assert all(torch.equal(pose[name], started[f"above.{name}"]) for name in pose)


def test_it_learns_twenty_products_by_heart(tmp_path: Path) -> None:
    """Every loss ends near zero, with predicted landmarks feeding the pooling from the middle on."""
    steps = {"count": 160, "rate": 5e-3, "weight_decay": 0.0, "warm_up": 0.1, "checkpoint": 160, "average": 0.9}
    read = recipe(steps=steps, batch={"photos": 40, "each": 2}, turns={"steps": 20, "truth": 0.5})
    learned = world()
    one = task(read, learned, learned)
    before = terms(one)
    told = fit(one, read.steps, Run(tmp_path, read))
    after = terms(one, step=steps["count"])  # a turn of the pose, as step 0
    assert after.keys() == before.keys()
    assert sum(after.values()) < 0.05 * sum(before.values())
    figures = told["validation"]
    assert figures["R@1"] == 1
    assert figures["category"] == figures["attributes"] == 1
    assert figures["tags top-5"] == 1
    assert figures["NE"] < 0.08


def test_validation_is_what_the_metrics_say_of_served_outputs() -> None:
    learned = world()
    one = task(recipe(), learned, learned.taken(np.arange(10)))
    one.net.eval()
    figures = one.validate()
    held = one.held
    with torch.no_grad():
        seen = one.net(torch.from_numpy(held.pixels).permute(0, 3, 1, 2).float() / 255)
    visible = held.landmarks[..., 2] > 0
    error = metrics.landmark_error(seen.places.numpy(), held.landmarks[..., :2], visible)
    assert figures["NE"] == pytest.approx(error.value, rel=1e-4)
    right = seen.category.argmax(1).numpy() == held.category
    assert figures["category"] == pytest.approx(right.mean())
    off = np.hypot(*np.moveaxis(seen.places.numpy() - held.landmarks[..., :2], 2, 0))
    assert figures["landmarks within 0.1"] == pytest.approx((off < 0.1)[visible].mean())


@pytest.mark.parametrize(
    ("off", "watched"),
    [
        ((), "R@1"),
        (("triplet",), "category"),
        (("triplet", "category"), "attributes"),
        (("triplet", "category", "attributes"), "tags top-5"),
        (("triplet", "category", "attributes", "tags"), "landmarks within 0.1"),
    ],
)
def test_what_is_watched_is_something_that_is_learned_and_measured(off: tuple[str, ...], watched: str) -> None:
    learned = world(6)
    one = task(recipe(losses=dict.fromkeys(off, 0)), learned, learned)
    one.net.eval()
    assert one.watched == watched
    assert watched in one.validate()

"""What the two phases of StyleNet learn, how held-out photos are measured, and twenty products learned by heart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from wearabouts.errors import SettingsError
from wearabouts.models.stylenet import StyleNet
from wearabouts.training.data.supervision import Supervision, Vocabulary
from wearabouts.training.loop import fit
from wearabouts.training.losses.ratio import ratio, two_way
from wearabouts.training.recipe import load, parse
from wearabouts.training.run import Run
from wearabouts.training.stylenet import places
from wearabouts.training.stylenet.measuring import Held
from wearabouts.training.stylenet.recipe import StylenetRecipe
from wearabouts.training.stylenet.task import Classifying, Lesson, Ranking
from wearabouts.training.stylenet.triplets import Triplets

RECIPES = Path(__file__).parents[3] / "recipes"
WORDS = Vocabulary((), False, {}, ("kind:a", "kind:b", "kind:c", "mark:x", "mark:y"))


def recipe(**learning: object) -> StylenetRecipe:
    made = parse(
        {
            "name": "tiny",
            "model": "stylenet",
            "data": {"tags": ["kind", "mark"]},
            "network": {"trunk": "small", "size": 32, "dim": 16},
            "tags": {"compared": ["kind"], "classified": ["mark", "kind"]},
            "learning": {"photos": 10, "triplets": 8, **learning},
        }
    )
    assert isinstance(made, StylenetRecipe)
    return made


def products(count: int, seed: int) -> Supervision:
    """Two photos, one of each side, of `count` products: a colour and stripes one way or the other tell their tags."""
    rng = np.random.default_rng(seed)
    kind, mark = np.repeat(np.arange(count) % 3, 2), np.repeat(np.arange(count) % 2, 2)
    pixels = rng.integers(90, 110, (2 * count, 32, 32, 3), dtype=np.uint8)
    pixels[np.arange(2 * count), :, :, kind] += 80
    for row, marked in enumerate(mark):
        np.swapaxes(pixels[row], 0, marked)[::4] += 60
    tags = np.full((2 * count, 5), -1, np.int8)
    tags[np.arange(2 * count), kind] = 1
    tags[np.arange(2 * count), 3 + mark] = 1
    nothing = np.zeros((2 * count, 0), np.int64)
    return Supervision(
        pixels,
        np.repeat(np.arange(count), 2),
        np.arange(2 * count) % 2 == 0,
        np.full(2 * count, -1),
        nothing,
        tags,
        np.full((2 * count, 8, 3), np.nan, np.float32),
        WORDS,
    )


def lesson(made: StylenetRecipe, photos: Supervision) -> Lesson:
    compared, classified = places(WORDS, made.tags.compared), places(WORDS, made.tags.classified)
    return Lesson(made, photos, Held(photos, compared, classified, similar=0.75), classified)


def net_of(made: StylenetRecipe) -> StyleNet:
    torch.manual_seed(0)
    return StyleNet("small", made.network.size, made.network.dim, 5)


def test_groups_of_tags_are_found_in_the_order_they_are_named() -> None:
    assert places(WORDS, ("mark", "kind")).tolist() == [3, 4, 0, 1, 2]
    assert places(WORDS, ("kind",)).tolist() == [0, 1, 2]
    assert places(WORDS, ()).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("joint", [True, False])
def test_the_second_phase_is_the_ranking_and_a_hundredth_of_the_dissimilar_photos_tags(joint: bool) -> None:
    made, photos = recipe(joint=joint), products(9, seed=0)
    net = net_of(made)
    task = Ranking(net, lesson(made, photos), Triplets(photos.tags[:, :3]))
    rows = task.batch(3)
    assert rows.shape == (24,)
    anchor, similar, dissimilar = photos.tags[rows][:, :3].argmax(1).reshape(3, 8)
    assert (anchor == similar).all()
    assert (anchor != dissimilar).all()
    net.eval()
    with torch.no_grad():
        seen = task.see(rows, 3)["features"]
        terms = task.losses({"features": seen}, rows, 3)
        expected = {"ranking": ratio(seen[:8], seen[8:16], seen[16:])}
        if joint:
            tags = torch.from_numpy(photos.tags[rows[16:]][:, [3, 4, 0, 1, 2]])
            expected["tags"] = 0.01 * two_way(net.head(seen[16:]), tags)
    assert terms.keys() == expected.keys()
    assert all(torch.allclose(terms[name], expected[name]) for name in terms)
    assert [task.batch(3).tolist(), task.batch(4).tolist() == rows.tolist()] == [rows.tolist(), False]


def test_ranking_alone_leaves_the_head_as_it_was() -> None:
    made, photos = recipe(joint=False), products(9, seed=0)
    net = net_of(made)
    task = Ranking(net, lesson(made, photos), Triplets(photos.tags[:, :3]))
    rows = task.batch(0)
    sum(task.losses(task.see(rows, 0), rows, 0).values()).backward()
    assert all(parameter.grad is None for parameter in net.head.parameters())
    assert all(parameter.grad is not None for parameter in net.trunk.parameters())


def test_rare_tags_weigh_more_up_to_what_the_recipe_allows() -> None:
    photos = products(9, seed=0)
    photos.tags[:, 3] = -1
    photos.tags[0, 3] = 1  # one of eighteen
    photos.tags[1:, 4], photos.tags[0, 4] = 1, 0
    base = recipe()
    for most, expected in ((1.0, [1, 1, 1, 1, 1]), (4.0, [4, 1, 2, 2, 2]), (100.0, [17, 1, 2, 2, 2])):
        made = base.model_copy(update={"tags": base.tags.model_copy(update={"yes": most})})
        assert lesson(made, photos).yes().tolist() == pytest.approx(expected)


class Stated(torch.nn.Module):
    """A stand-in for a trained network: features are read off the photos, and are the head's scores."""

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.project = torch.nn.Linear(1, 1)
        self.features = features

    def forward(self, photos: Tensor) -> Tensor:
        return self.features[(photos[:, 0, 0, 0] * 255).round().long()]

    def head(self, features: Tensor) -> Tensor:
        return torch.stack([torch.zeros_like(features), features], 2)


def test_held_out_photos_are_found_by_cosine_and_by_distance_each_by_its_own_rule() -> None:
    photos = products(12, seed=1)
    photos.pixels[:, 0, 0, 0] = np.arange(24)
    generator = torch.Generator().manual_seed(3)
    features = torch.randn(24, 5, generator=generator) * torch.rand(24, 1, generator=generator) * 4
    held = Held(photos, np.arange(3), np.arange(5), similar=0.75)
    found = held.found(Stated(features))
    numbers = features.double().numpy()
    unit = numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
    for suffix, nearness in (
        ("", unit @ unit.T),
        (" by distance", -np.linalg.norm(numbers[:, None] - numbers[None], axis=2)),
    ):
        style, hits = [], []
        for row in range(24):
            order = [at for at in np.argsort(-nearness[row]) if at != row]
            right = [photos.tags[at, :3].tolist() == photos.tags[row, :3].tolist() for at in order]
            places_right = np.flatnonzero(right) + 1
            style.append(np.mean(np.arange(1, len(places_right) + 1) / places_right))
            if photos.street[row]:
                first = next(at for at in order if not photos.street[at])
                hits.append(photos.product[first] == photos.product[row])
        assert found[f"style{suffix}"] == pytest.approx(np.mean(style), abs=1e-6)
        assert found[f"R@1{suffix}"] == pytest.approx(np.mean(hits))
    assert found["style"] != found["style by distance"]


def test_tags_are_measured_by_the_mean_of_their_average_precision() -> None:
    photos = products(3, seed=1)
    photos.pixels[:, 0, 0, 0] = np.arange(6)
    photos.tags[:, 4] = 1  # all have it: nothing to tell
    photos.tags[:, 3] = [1, -1, 0, -1, 1, -1]  # one is not known
    features = torch.zeros(6, 5)
    features[:, :3] = torch.from_numpy(photos.tags[:, :3]).float()  # always right: 1 each
    # Of those known, the first and the fourth have it: (1 + 2/4) / 2
    features[:, 3] = torch.tensor([5.0, 4.0, 9.0, 3.0, 2.0, 1.0])
    held = Held(photos, np.arange(3), np.arange(5), similar=0.75)
    assert held.tags(Stated(features)) == {"tags": pytest.approx((3 + 0.75) / 4)}


def test_where_nothing_is_held_out_nothing_is_measured() -> None:
    photos = products(3, seed=1).taken(np.zeros(0, np.int64))
    held = Held(photos, np.arange(3), np.arange(5), similar=0.75)
    net = net_of(recipe()).eval()
    assert held.found(net) == held.tags(net) == {}


def test_twenty_products_are_learned_by_heart(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    steps = {"optimizer": "adamw", "rate": 1e-2, "schedule": "cosine"}
    made = recipe(photos=20, triplets=16).model_copy(
        update={
            "classification": StylenetRecipe.model_fields["classification"].default.model_copy(
                update={**steps, "count": 60}
            ),
            "ranking": StylenetRecipe.model_fields["ranking"].default.model_copy(update={**steps, "count": 40}),
        }
    )
    photos = products(20, seed=2)
    net, learning = net_of(made), lesson(made, photos)
    run = Run(tmp_path, made)
    told = fit(Classifying(net, learning), made.classification, run, "classification")
    assert told["loss"]["tags"] < 0.02
    assert told["validation"]["tags"] > 0.99
    net.new_head()
    told = fit(Ranking(net, learning, Triplets(photos.tags[:, :3])), made.ranking, run, "ranking")
    assert told["loss"]["ranking"] < 1e-3
    assert told["validation"]["style"] > 0.99


def test_the_papers_recipe_is_the_papers() -> None:
    read = load(RECIPES / "stylenet-fashion144k.toml")
    assert isinstance(read, StylenetRecipe)
    assert (read.network.trunk, read.network.size, read.network.dim) == ("stylenet", 384, 128)
    assert (read.triplets.similar, read.triplets.dissimilar, read.learning.alpha) == (0.75, 0.01, 0.01)
    assert (read.learning.photos, read.learning.triplets, read.learning.joint) == (32, 16, True)
    assert not any(read.augment.model_dump().values())
    for steps in (read.classification, read.ranking):
        assert (steps.optimizer, steps.rate, steps.schedule, steps.weight_decay) == ("adadelta", 1, "constant", 0)
    assert isinstance(load(RECIPES / "stylenet-small.toml"), StylenetRecipe)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data": {"tags": []}}, r"\[data\] tags is empty"),
        ({"tags": {"compared": ["kinds"]}}, r"\[tags\] compared names kinds; \[data\] tags has kind, mark"),
        ({"tags": {"classified": ["shape"]}}, "classified names shape"),
        ({"network": {"size": 200}}, "multiple of 192"),
        ({"triplets": {"similar": 1.0}}, "triplets.similar = 1.0"),
        ({"ranking": {"steps": 3}}, "unknown key"),
    ],
)
def test_recipes_that_cannot_be_meant_are_refused(change: dict[str, object], said: str) -> None:
    content = {"name": "tiny", "model": "stylenet", "data": {"tags": ["kind", "mark"]}} | change
    with pytest.raises(SettingsError, match=said):
        parse(content)

"""Recipes: what is unknown is refused with the nearest known word."""

from __future__ import annotations

from pathlib import Path

import pytest

from wearabouts.errors import SettingsError
from wearabouts.training.mini.recipe import MiniRecipe
from wearabouts.training.recipe import MODELS, Recipe, load, part

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_of_the_project_loads_under_its_own_name(path: Path) -> None:
    assert load(path).name == path.stem


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "a"\n[steps]\nrat = 1.0', "did you mean 'rate'"),
        ('name = "a"\nsed = 1', "did you mean 'seed'"),
        ('name = "a"\n[network]\nsize = 200', "network.size"),
        ('name = "A b"', "name"),
        ("name = ", "not TOML"),
        ("seed = 1", "name"),
        ('name = "a"\nmodel = "residul"', "did you mean 'residual'"),
        ('name = "a"\nmodel = 7', "model"),
        ('name = "a"\nmodel = "residual"\n[data]\nspilt = "train"', "did you mean 'split'"),
        ('name = "a"\nmodel = "residual"\n[losses]\nkind = 1.0', "losses"),
        ('name = "a"\nmodel = "fashionnet"\n[steps]\nvalidate = 5', "did you mean 'validate_every'"),
        ('name = "a"\nmodel = "fashionnet"\n[steps]\nschedule = "cosin"', "steps.schedule = 'cosin': .*'cosine'"),
        ('name = "a"\nmodel = "fashionnet"\n[steps]\ncount = 0', "steps.count = 0"),
        ('name = "a"\nmodel = "wtbi"\n[pairs.steps]\ncuont = 5', r"did you mean 'count'. \(in \[pairs.steps\]\)"),
        ('name = "a"\nmodel = "fashionnet"\n[steps.rates]\ntrunk = "fast"', "steps.rates.trunk = 'fast'"),
        ('name = "a"\nmodel = "fashionnet"\n[network]\nwindow = 3\npooled = 2', "window 3 is no multiple of pooled 2"),
        ('name = "a"\nmodel = "fashionnet"\n[data]\ntags = ["x"]\nattributes = ["x"]', "^.*r.toml: x: an attribute"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "r.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_recipe_names_those_there_are() -> None:
    with pytest.raises(SettingsError, match="no recipe at"):
        load(Path("nowhere.toml"))


def test_defaults_make_a_whole_recipe() -> None:
    recipe = MiniRecipe(name="x")
    assert sum(recipe.network.served.model_dump().values()) + recipe.network.garment_dim == 256


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_its_three_parts(model: str) -> None:
    parts = MODELS[model]
    schema = part(parts.recipe)
    assert issubclass(schema, Recipe)
    assert schema.model_fields["model"].default == model
    assert callable(part(parts.train))
    assert callable(part(parts.export))


def test_a_recipe_without_a_model_is_minis(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text('name = "x"')
    assert isinstance(load(path), MiniRecipe)

"""A recipe: everything a training run needs besides the data, in one TOML file that refuses what it does not know.

Its key `model` says which network is trained, and with that which further keys there are: each model has a schema of
its own beside the code that trains it.
"""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wearabouts.errors import SettingsError, unknown


class Model(NamedTuple):
    """Where the parts of a trainable model are, each as ``module:attribute``, imported only when asked for.

    Attributes:
        recipe: Its schema, a subclass of `Recipe`; needs no torch.
        train: ``train(recipe, data, run)``, see `wearabouts.training.main_train`.
        export: ``export(finished, folder)``, see `wearabouts.export.main_export`.
        shared: Whether several processes can train it together, which the loop of `wearabouts.training.loop` can.
    """

    recipe: str
    train: str
    export: str
    shared: bool = True


MODELS: dict[str, Model] = {
    "mini": Model(
        "wearabouts.training.mini.recipe:MiniRecipe",
        "wearabouts.training.mini:train",
        "wearabouts.export.mini:export",
        shared=False,
    ),
    "darn": Model(
        "wearabouts.training.darn.recipe:DarnRecipe",
        "wearabouts.training.darn:train",
        "wearabouts.export.darn:export",
    ),
    "fashionnet": Model(
        "wearabouts.training.fashionnet.recipe:FashionNetRecipe",
        "wearabouts.training.fashionnet:train",
        "wearabouts.export.fashionnet:export",
    ),
    "head": Model(
        "wearabouts.training.head.recipe:HeadRecipe",
        "wearabouts.training.head:train",
        "wearabouts.export.head:export",
    ),
    "hub": Model(
        "wearabouts.training.hub.recipe:HubRecipe",
        "wearabouts.training.hub:train",
        "wearabouts.export.hub:export",
    ),
    "residual": Model(
        "wearabouts.training.residual.recipe:ResidualRecipe",
        "wearabouts.training.residual:train",
        "wearabouts.export.residual:export",
        shared=False,
    ),
    "stylenet": Model(
        "wearabouts.training.stylenet.recipe:StylenetRecipe",
        "wearabouts.training.stylenet:train",
        "wearabouts.export.stylenet:export",
    ),
    "verifier": Model(
        "wearabouts.training.verifier.recipe:VerifierRecipe",
        "wearabouts.training.verifier:train",
        "wearabouts.export.verifier:export",
        shared=False,
    ),
    "wtbi": Model(
        "wearabouts.training.wtbi.recipe:WtbiRecipe",
        "wearabouts.training.wtbi:train",
        "wearabouts.export.wtbi:export",
    ),
}


class Section(BaseModel):
    """One table of a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Recipe(BaseModel):
    """One training run: what every model's recipe has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    model: str
    seed: int = Field(default=0, ge=0)


def load(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        SettingsError: No such file, not TOML, an unknown model or key (the nearest known one is named) or a value out
            of range.
    """
    if not path.is_file():
        near = sorted(str(file) for file in Path("recipes").glob("*.toml"))
        raise SettingsError(f"no recipe at {path}; there are: {', '.join(near) or 'none in ./recipes'}")
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error
    try:
        return parse(content)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error


def parse(content: dict[str, Any]) -> Recipe:
    """The recipe that a dict holds, as its model's schema has it.

    Raises:
        SettingsError: An unknown model or key, or a value out of range.
    """
    model = str(content.get("model", "mini"))
    if model not in MODELS:
        raise SettingsError(unknown("model", model, MODELS))
    schema: type[Recipe] = part(MODELS[model].recipe)
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        raise SettingsError(_first(error, schema)) from error


def part(name: str) -> Any:
    """Import what a ``module:attribute`` names."""
    module, attribute = name.split(":")
    return getattr(import_module(module), attribute)


def _first(error: ValidationError, schema: Any) -> str:
    fault = error.errors(include_url=False)[0]
    if not fault["loc"]:  # what a recipe says is amiss between its tables
        return fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "value_error":  # said by a schema's own check, which knows what is wrong better than we do
        where = ".".join(str(part) for part in fault["loc"])
        return (f"[{where}] " if where else "") + fault["msg"].removeprefix("Value error, ")
    *above, last = (str(part) for part in fault["loc"])
    if fault["type"] != "extra_forbidden":
        return f"{'.'.join([*above, last])} = {fault['input']!r}: {fault['msg']}"
    for name in above:
        schema = schema.model_fields[name].annotation
    return unknown("key", last, schema.model_fields) + (f" (in [{'.'.join(above)}])" if above else "")

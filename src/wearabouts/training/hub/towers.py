"""Photo towers of `transformers`: by the files of a repository, or from what a run wrote down of them.

No code of a repository is run (`trust_remote_code` is off, and what its settings say of own classes is not read), and
weights are read from safetensors alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from wearabouts.bundles import Preprocessing
from wearabouts.errors import BundleError, SettingsError
from wearabouts.hub import Repository, open_repository
from wearabouts.hub.layouts import Family, family
from wearabouts.hub.licences import licence_of
from wearabouts.hub.photos import photo_rule
from wearabouts.hub.repository import MAX_JSON, read_json
from wearabouts.training.hub.recipe import Network

# A model of words and photos → the class of its photo tower; any other type is one tower.
CLASSES = {
    "clip": "CLIPVisionModelWithProjection",
    "siglip": "SiglipVisionModel",
}
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
MAX_WEIGHTS = 8 * 2**30
MOST_PIXELS = 1024  # a side of a photo


class Start(NamedTuple):
    """Where training starts.

    Attributes:
        tower: With its weights.
        told: What rebuilds it, and where it came from; plain data for `run.json`.
    """

    tower: nn.Module
    told: dict[str, Any]


def open_start(network: Network) -> Start:
    """Fetch and load the tower that a recipe names.

    Raises:
        SettingsError: The extra ``tune`` is missing, or the licence must be accepted by name.
        FetchError: The hub has no such repository, or does not answer.
        BundleError: The repository has no such model, or no weights as safetensors that fit it.
    """
    repository = open_repository(network.start, revision=network.revision)
    licence = licence_of(repository, network.accept_licence)
    config = read_json(repository, "config.json")
    kind, rule = family(config), photo_rule(repository)
    tower = _loaded(repository, config)
    output = _output(tower, kind, repository.name)
    return Start(
        tower,
        {
            "repository": repository.name,
            "revision": repository.revision,
            "commit": repository.commit,
            "licence": licence.name,
            "licence_accepted": licence.accepted,
            "class": type(tower).__name__,
            "config": _plain(tower),
            "preprocessing": rule.preprocessing.model_dump(),
            "scale": list(rule.scale),
            "shift": list(rule.shift),
            "output": output,
            "pooled": kind.pooled,
        },
    )


def rebuilt(told: Mapping[str, Any]) -> tuple[nn.Module, Preprocessing]:
    """The tower that a run wrote down, weights as they come, and how its photos are fitted."""
    transformers = _transformers()
    made = getattr(transformers, told["class"])
    config = made.config_class.from_dict(dict(told["config"]))
    tower: nn.Module = made(config)
    return tower, Preprocessing.model_validate(told["preprocessing"])


def _loaded(repository: Repository, config: Mapping[str, Any]) -> nn.Module:
    transformers = _transformers()
    kind = str(config.get("model_type"))
    folder = _fetched(repository)
    try:
        known = transformers.CONFIG_MAPPING[kind]
        own = known.from_dict({key: value for key, value in config.items() if key != "auto_map"})
        if kind in CLASSES:
            made, own = getattr(transformers, CLASSES[kind]), own.vision_config
        else:
            made = transformers.AutoModel
        with _quiet(transformers):
            tower, told = made.from_pretrained(
                folder,
                config=own,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
                dtype="float32",
            )
    except Exception as error:  # the library raises whatever its parts raise
        raise BundleError(
            f"{repository.name}: transformers cannot load it as {kind!r}: {' '.join(str(error).split())[:200]}"
        ) from error
    amiss = sorted(told["missing_keys"]) + sorted(str(key) for key in told["mismatched_keys"])
    if amiss:
        raise BundleError(
            f"{repository.name}: {len(amiss)} weights of the photo tower are not in {WEIGHTS} (such as {amiss[0]!r}); "
            "give a repository in the layout of transformers"
        )
    loaded: nn.Module = tower
    return loaded


def _fetched(repository: Repository) -> Path:
    """The folder with settings and weights."""
    if WEIGHTS in repository.files:
        return repository.fetch(WEIGHTS, MAX_WEIGHTS).parent
    if INDEX not in repository.files:
        raise BundleError(f"{repository.name} has no {WEIGHTS}; weights in other formats are not opened")
    shards = read_json(repository, INDEX).get("weight_map")
    if not isinstance(shards, dict):
        raise BundleError(f"{repository.name}: {INDEX} has no weight_map, which says where each weight is")
    for name in sorted(set(map(str, shards.values()))):
        if not name.endswith(".safetensors"):
            raise BundleError(f"{repository.name}: {INDEX} names {name[:80]!r}; only safetensors are opened")
        repository.fetch(name, MAX_WEIGHTS)
    return repository.fetch(INDEX, MAX_JSON).parent


def _output(tower: nn.Module, kind: Family, name: str) -> str:
    """The output that becomes the vector: the first of the family's that this tower has."""
    import torch

    size = getattr(tower.config, "image_size", 224)
    side = size if isinstance(size, int) else 224
    if not 0 < side <= MOST_PIXELS:
        raise BundleError(f"{name} wants photos of {side:,} pixels a side; 1 to {MOST_PIXELS:,} are given here")
    with torch.inference_mode():
        found = tower.eval()(pixel_values=torch.zeros(1, 3, side, side))
    for output in (*kind.photo, *kind.alone, "pooler_output"):
        if found.get(output) is not None:
            return output
    raise BundleError(f"{name} gives {', '.join(found.keys())}, none of which is known to be a photo's vector")


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Without its announcements: the text tower's weights are left out on purpose, what is amiss we say ourselves."""
    logging = transformers.utils.logging
    before, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bar:
            logging.enable_progress_bar()


def _plain(tower: nn.Module) -> dict[str, Any]:
    config: Any = tower.config
    plain: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    return plain


def _transformers() -> Any:
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"fine-tuning needs {error.name}, which is not installed: pip install 'wearabouts[tune]'"
        ) from error
    return transformers

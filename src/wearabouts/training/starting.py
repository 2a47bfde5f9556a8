"""A trunk that starts from an earlier run's weights, so that several trainings share one start."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from wearabouts.errors import SettingsError
from wearabouts.models.trunks import Trunk

PREFIX = "trunk."


def start(trunk: Trunk, path: str) -> None:
    """Give a trunk the weights that a file holds under ``trunk.``; an empty path leaves it as it is.

    Args:
        trunk: Changed in place.
        path: A safetensors file, such as ``weights.safetensors`` of a run with the same trunk.

    Raises:
        SettingsError: No such file, or one with another trunk's weights.
    """
    if not path:
        return
    try:
        found = load_file(Path(path))
    except (OSError, SafetensorError) as error:
        raise SettingsError(f"[network] start = {path!r} cannot be read ({error}); give a safetensors file") from error
    weights = {name.removeprefix(PREFIX): value for name, value in found.items() if name.startswith(PREFIX)}
    own = trunk.state_dict()
    amiss = [name for name, value in own.items() if name not in weights or weights[name].shape != value.shape]
    if amiss or len(weights) != len(own):
        raise SettingsError(
            f"[network] start = {path!r} holds another trunk ({len(weights)} of {len(own)} tensors, {len(amiss)} amiss"
            f"{': ' + amiss[0] if amiss else ''}); give weights of a run with the same trunk and width"
        )
    trunk.load_state_dict(weights)

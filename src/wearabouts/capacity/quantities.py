"""Numbers as people write them: ``100M`` photos, ``50ms``, ``64GB``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from wearabouts.errors import SettingsError

_WRITTEN: Final = re.compile(
    r"\s*(?P<figure>[0-9][0-9_,]*(?:\.[0-9]+)?(?:e[0-9]{1,2})?)\s*(?P<unit>[a-z]*)\s*", re.IGNORECASE
)
COUNTS: Final[Mapping[str, float]] = {"": 1, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9}
TIMES: Final[Mapping[str, float]] = {"ms": 1, "s": 1e3, "": 1}  # in milliseconds
BYTES: Final[Mapping[str, float]] = {
    "": 1,
    **{name: 1e3**power for power, name in enumerate(("b", "kb", "mb", "gb", "tb"))},
    **{name: 1024**power for power, name in enumerate(("kib", "mib", "gib", "tib"), 1)},
}


def quantity(text: str, units: Mapping[str, float], kind: str, example: str) -> float:
    """Read a number with its unit.

    Args:
        text: Such as ``100M``; commas and underscores between digits do not count.
        units: Unit in lower case → factor.
        kind: What it is, in the words of an error.
        example: One that would be right.

    Raises:
        SettingsError: It cannot be read, or is not above 0.
    """
    match = _WRITTEN.fullmatch(text)
    factor = units.get(match["unit"].lower()) if match else None
    value = float(re.sub(r"[_,]", "", match["figure"])) * factor if match and factor else 0.0
    if not 0 < value < float("inf"):
        known = ", ".join(unit for unit in units if unit)
        raise SettingsError(f"{text!r} is no {kind}; write a number above 0 with one of {known}, such as {example}")
    return value


def count(text: str) -> int:
    """Such as ``250k`` or ``1.5M``: how many."""
    return max(1, round(quantity(text, COUNTS, "count", "100M")))


def milliseconds(text: str) -> float:
    """Such as ``50ms`` or ``0.2s``."""
    return quantity(text, TIMES, "time", "50ms")


def size(text: str) -> float:
    """Such as ``64GB`` or ``512MiB``, in bytes."""
    return quantity(text, BYTES, "size", "64GB")


def shown(value: float) -> str:
    """A count in few characters: ``12.5k``, ``100M``."""
    for factor, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g}{letter}"
    return f"{value:.3g}"


def shown_bytes(value: float) -> str:
    """Bytes in few characters, in powers of a thousand."""
    for factor, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= factor:
            return f"{value / factor:.3g} {name}"
    return f"{value:.3g} B"

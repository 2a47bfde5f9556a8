"""Settings: frozen dataclasses with sane defaults, filled from a TOML file in which every key is known or refused.

Each part of the house keeps its own dataclass; `sections` fills any of them from the tables of one file:

    [search]
    soft_mass = 0.9

    [server]
    port = 8080
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from wearabouts.errors import SettingsError, unknown

MAX_BYTES = 1_000_000  # of a settings file; more is some other file given by mistake

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How a search is answered.

    Attributes:
        max_results: Most products one answer may hold.
        widening: The shortlist starts at this many photos for each product asked for, and doubles.
        soft_mass: Soft restriction keeps the fewest garments that hold this probability together, in (0, 1].
        certain: What the model sees counts as seen from this probability on, in [0, 1].
        salient_cover: An automatic crop that covers this part of the photo or more is not tried, in (0, 1].
    """

    max_results: int = 1_000
    widening: int = 4
    soft_mass: float = 0.95
    certain: float = 0.5
    salient_cover: float = 0.85

    def __post_init__(self) -> None:
        if self.max_results < 1 or self.widening < 1:
            raise SettingsError(f"max_results {self.max_results} and widening {self.widening} must be 1 or more")
        for name in ("soft_mass", "certain", "salient_cover"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise SettingsError(f"{name} {value} is not allowed; give a number from 0 to 1")


def read(path: str | Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        SettingsError: No such file, too large, or not TOML.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(
            f"settings file {path} cannot be read ({error.strerror}); give an existing TOML file"
        ) from None
    if len(data) > MAX_BYTES:
        raise SettingsError(f"settings file {path} is over {MAX_BYTES} bytes; give a TOML file of settings")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {path} is not TOML: {error}; correct that line") from None


def build(kind: type[T], given: Mapping[str, Any], where: str = "settings") -> T:
    """Make a settings dataclass from plain values; what is left out keeps its default.

    Args:
        kind: A dataclass.
        given: Field name → value as TOML or JSON gives it.
        where: Where the values come from, for the message.

    Raises:
        SettingsError: A key the dataclass does not have, or a value of another type or out of range.
    """
    from pydantic import TypeAdapter, ValidationError

    names = [field.name for field in fields(kind) if field.init]  # type: ignore[arg-type]  # any dataclass will do
    for key in given:
        if key not in names:
            raise SettingsError(f"{where}: {unknown('key', key, names)}")
    try:
        return TypeAdapter(kind).validate_python(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{where}: {place} = {first['input']!r} is not allowed; {first['msg']}") from None
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from None


def sections(path: str | Path, kinds: Mapping[str, type[Any]]) -> dict[str, Any]:
    """Fill several settings dataclasses from the tables of one TOML file.

    Args:
        path: The file.
        kinds: Table name → dataclass. A table that is missing gives the defaults.

    Returns:
        Table name → filled dataclass, one for each of `kinds`.

    Raises:
        SettingsError: An unknown table or key, or a value that is not allowed.
    """
    tables = read(path)
    for name, table in tables.items():
        if name not in kinds:
            raise SettingsError(f"{path}: {unknown('table', name, kinds)}")
        if not isinstance(table, dict):
            raise SettingsError(f"{path}: {name} = {table!r} is not allowed; write a table [{name}] with keys below it")
    return {name: build(kind, tables.get(name, {}), f"{path} [{name}]") for name, kind in kinds.items()}

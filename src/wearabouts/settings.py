"""Settings: values with sane defaults, filled from a TOML file in which every table and key is known or refused.

Each part of the house keeps its own settings class; one file has a table for each:

    [search]
    soft_mass = 0.9

    [server]
    port = 8080
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from wearabouts.errors import SettingsError, unknown

MAX_BYTES = 1_000_000  # of a settings file; more is some other file given by mistake
MOST_JUDGED = 1_000
# Half right is a coin's precision; to tell one wrong in more than a thousand takes more labels than shops have.
LEAST_PRECISION, MOST_PRECISION = 0.5, 0.999

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
        judged: Products that the second stage judges, at most 1,000; None for what the model's card says, 0 for none:
            then there is no second stage.
        budget_ms: Milliseconds that the second stage may take, above 0: it then judges only as many of these products
            as it has been seen to manage. None for no bound.
        precision: Of the answers that say *same item*, the share that is to be right, from 0.5 to 0.999.
        carried_share: How many of the items that people ask for the shop carries, in (0, 1]. 1 says that it carries
            them all: then no answer is *not carried*. None for the share that the calibration was made for.
        tail_share: A product that is less likely the item than this share of the first one's probability is left out
            unless asked for, in [0, 1].
    """

    max_results: int = 1_000
    widening: int = 4
    soft_mass: float = 0.95
    certain: float = 0.5
    salient_cover: float = 0.85
    judged: int | None = None
    budget_ms: float | None = None
    precision: float = 0.95
    carried_share: float | None = None
    tail_share: float = 0.02

    def __post_init__(self) -> None:
        if self.max_results < 1 or self.widening < 1:
            raise SettingsError(f"max_results {self.max_results} and widening {self.widening} must be 1 or more")
        for name in ("soft_mass", "certain", "salient_cover", "tail_share"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise SettingsError(f"{name} {value} is not allowed; give a number from 0 to 1")
        if self.judged is not None and not 0 <= self.judged <= MOST_JUDGED:
            raise SettingsError(f"judged {self.judged} is not allowed; give 0 to {MOST_JUDGED}, or leave it out")
        if self.budget_ms is not None and not 0 < self.budget_ms < math.inf:
            raise SettingsError(f"budget_ms {self.budget_ms} is not allowed; give a number above 0, or leave it out")
        if not LEAST_PRECISION <= self.precision <= MOST_PRECISION:
            raise SettingsError(
                f"precision {self.precision} is not allowed; give a number from {LEAST_PRECISION} to {MOST_PRECISION}"
            )
        if self.carried_share is not None and not 0 < self.carried_share <= 1:
            raise SettingsError(f"carried_share {self.carried_share} is not allowed; give a number above 0, at most 1")


def read(path: str | Path, tables: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read the tables of a TOML file.

    Args:
        path: The file.
        tables: The tables it may have.

    Returns:
        Table name → its keys and values, for those the file has.

    Raises:
        SettingsError: No such file, too large, not TOML, or something outside the known tables.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"settings {path} cannot be read ({error.strerror}); give an existing TOML file") from None
    if len(data) > MAX_BYTES:
        raise SettingsError(f"settings {path} is over {MAX_BYTES} bytes; give a TOML file of settings")
    try:
        found = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"settings {path} is not TOML: {error}; correct that line") from None
    for name, table in found.items():
        if name not in tables:
            raise SettingsError(f"settings {path}: {unknown('table', name, tables)}")
        if not isinstance(table, dict):
            raise SettingsError(f"settings {path}: {name} = {table!r} is not a table; write [{name}] and keys below it")
    return found


def build(kind: type[T], given: Mapping[str, Any], where: str) -> T:
    """Make a settings class from plain values; what is left out keeps its default.

    Args:
        kind: A dataclass or a pydantic model.
        given: Field name → value as TOML or JSON gives it.
        where: Where the values come from, for the message.

    Raises:
        SettingsError: A key the class does not have, or a value of another type or out of range.
    """
    from pydantic import TypeAdapter, ValidationError

    names = tuple(getattr(kind, "__annotations__", {}))
    for key in given:
        if key not in names:
            raise SettingsError(f"{where}: {unknown('key', key, names)}")
    try:
        return TypeAdapter(kind).validate_python(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{where}: {place} = {first['input']!r} is not allowed; {first['msg']}") from None
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from None

"""What one core and one photo cost, as measured: ``constants.json``, written by ``benchmarks/capacity.py``."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wearabouts.errors import SettingsError

FILE: Final = "constants.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measured(_Frozen):
    """Where and when: figures of another machine are another machine's."""

    date: str
    commit: str
    machine: str
    versions: dict[str, str]


class Work(_Frozen):
    """Milliseconds of one core.

    Attributes:
        index: To fetch from a disk, decode, encode and write one shop photo.
        see: To decode and encode one query photo.
        see_p99: The same, 99 of a hundred.
        judge: To judge a shortlist; 0 for an answer without verdict.
        build: To build the index, for one photo.
    """

    index: float = Field(gt=0)
    see: float = Field(gt=0)
    see_p99: float = Field(gt=0)
    judge: float = Field(ge=0)
    build: float = Field(gt=0)


class Search(_Frozen):
    """Milliseconds of one core for one search among a million photos of `dim` floats, and how they grow.

    Attributes:
        photos: The sizes measured.
        p50: At each of them.
        p95: At each of them.
        dim: Floats a vector.
        exponent: Time grows as the number of photos to this power (least squares over the sizes, on logarithms).
        at_million: Milliseconds at a million photos by that line.
        tail: p99 over p50 at the largest size, by a log-normal law through p50 and p95.
    """

    photos: tuple[int, ...]
    p50: tuple[float, ...]
    p95: tuple[float, ...]
    dim: int = Field(gt=0)
    exponent: float
    at_million: float = Field(gt=0)
    tail: float = Field(ge=1)

    def ms(self, photos: float, dim: int) -> float:
        """p50 for other sizes: a straight line through the logarithms, proportional to the floats."""
        return float(self.at_million * (photos / 1e6) ** self.exponent * dim / self.dim)


class Bytes(_Frozen):
    """Bytes for one photo.

    Attributes:
        row: In the database, without vector, thumbnail and evidence.
        evidence: In the database, what the second stage keeps of it.
        thumbnail: In the database.
        base: In the mapped index beside the vector.
        process: Of a serving process before the first photo.
    """

    row: float = Field(gt=0)
    evidence: float = Field(ge=0)
    thumbnail: float = Field(ge=0)
    base: float = Field(gt=0)
    process: float = Field(gt=0)


class Engine(_Frozen):
    """The Milvus server, measured as one process on one machine.

    Attributes:
        photos: In it when it was measured.
        dim: Floats a vector.
        ms: Milliseconds of its cores for one search.
        wait: Milliseconds that a search takes beyond that: the way there and back, and ticks that are waited for.
        tail: p99 over p50 of a whole search.
        bytes: Resident bytes that one more photo takes, at least what its vector, links and facts are by arithmetic.
    """

    photos: int = Field(gt=0)
    dim: int = Field(gt=0)
    ms: float = Field(gt=0)
    wait: float = Field(ge=0)
    tail: float = Field(ge=1)
    bytes: float = Field(gt=0)


class Constants(_Frozen):
    """All of it."""

    measured: Measured
    model: str
    work: Work
    search: Search
    bytes: Bytes
    upserts: float = Field(gt=0, description="photos that one writer acknowledges a second")
    milvus: Engine


@lru_cache(maxsize=1)
def constants() -> Constants:
    """What was measured for this release.

    Raises:
        SettingsError: The file of the package is damaged.
    """
    try:
        return Constants.model_validate_json(files(__package__).joinpath(FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise SettingsError(f"the package's {FILE} cannot be read ({type(error).__name__}); install it again") from None

"""What travels between the one who writes the store and the workers of a cluster, and what lies in a shard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from wearabouts.embedding.making import Made, Order
from wearabouts.types import Box

# made: embedded now; same: its bytes are those it is known by; unreached: not to be fetched; lost: its worker died
Kind = Literal["made", "same", "unreached", "lost"]


@dataclass(frozen=True, slots=True)
class Key:
    """Which view of which photo: its address, and the part of it that is embedded."""

    uri: str
    crop: Box | None

    @property
    def part(self) -> str:
        """The crop as text: the same numbers give the same text, and empty is the whole photo."""
        box = self.crop
        return "" if box is None else f"{box.left!r},{box.top!r},{box.width!r},{box.height!r}"


@dataclass(frozen=True, slots=True)
class Known:
    """By what a photo is known that need not be made again while its bytes are these."""

    digest: str
    validators: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Want:
    """A photo to be made.

    Attributes:
        key: What is wanted.
        place: Where a worker finds it: the address, or an absolute path.
        whole: See `making.Order`.
        thumbnail: Whether a small copy is wanted.
        known: What is there already, or None.
    """

    key: Key
    place: str
    whole: bool
    thumbnail: bool
    known: Known | None = None

    def order(self, data: bytes) -> Order:
        """The order for its bytes."""
        return Order(self.key.uri, data, self.key.crop, self.whole, self.thumbnail)


@dataclass(frozen=True, slots=True)
class Row:
    """What became of a want.

    Attributes:
        key: Of the want.
        kind: How it went.
        digest: SHA-256 of the bytes, hex; empty where they could not be had.
        validators: For the next conditional request.
        made: What was made, or that the photo cannot be read; None unless `kind` is ``made``.
        problem: Why it could not be had, or empty.
    """

    key: Key
    kind: Kind
    digest: str = ""
    validators: Mapping[str, str] = field(default_factory=dict)
    made: Made | None = None
    problem: str = ""

"""The shop's half of a pair network's first layer, kept beside each photo where that is asked for.

A half depends on the photo's vector alone. So it is computed from what is stored as well as from what was just
embedded: a store that has none gets them all without a photo being fetched or embedded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from wearabouts.errors import SettingsError
from wearabouts.stores import PhotoRecord, ProductRecord
from wearabouts.types import Floats
from wearabouts.verifiers.evidence import HALF, packed_halves


class Halves(Protocol):
    """What can make halves: `wearabouts.verifiers.PairVerifier`, or any other."""

    @property
    def half_kind(self) -> str | None:
        """Under which the store keeps them; another network's have another kind. None for a network in one piece."""
        ...

    def half(self, shop: Floats) -> Floats:
        """(N, D) float32 unit vectors to (N, H) float32."""
        ...


class Halver:
    """Completes records with what one network wants.

    Args:
        halves: The network.

    Raises:
        SettingsError: It is in one piece.
    """

    def __init__(self, halves: Halves) -> None:
        if halves.half_kind is None:
            raise SettingsError(
                "the pair network is in one piece and has no halves to keep; export it split, or index without halves"
            )
        self.halves, self.kind = halves, halves.half_kind

    def lacks(self, record: PhotoRecord) -> bool:
        """Whether this network's half of the photo is not there."""
        return self.kind not in record.beside

    def completed(self, records: Sequence[ProductRecord]) -> list[ProductRecord]:
        """The records with halves for all photos, computed together; other networks' halves are dropped."""
        photos = [photo for record in records for photo in record.photos if self.lacks(photo)]
        if not photos:
            return list(records)
        values = packed_halves(self.halves.half(np.stack([photo.vector for photo in photos])))
        value_of = {photo.photo.id: value for photo, value in zip(photos, values, strict=True)}
        return [
            replace(record, photos=tuple(self._filled(photo, value_of.get(photo.photo.id)) for photo in record.photos))
            for record in records
        ]

    def _filled(self, photo: PhotoRecord, value: bytes | None) -> PhotoRecord:
        if value is None:
            return photo
        others = {kind: each for kind, each in photo.beside.items() if not kind.startswith(HALF)}
        return replace(photo, beside={**others, self.kind: value})

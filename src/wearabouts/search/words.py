"""A query in words: alone, or beside a photo that it changes."""

from __future__ import annotations

from typing import cast

import numpy as np

from wearabouts.encoders import Encoder, TextEncoder
from wearabouts.errors import QueryError
from wearabouts.types import Floats

SHOWN = 60  # characters of a text that an error repeats
LEAST = 1e-6  # length below which a sum says nothing: the two parts point in opposite directions


def reads_text(encoder: Encoder) -> bool:
    """Whether an encoder has a text tower."""
    return bool(getattr(encoder, "reads_text", False))


def text_vector(encoder: Encoder, text: str) -> Floats:
    """What a text says, as a vector among those of photos.

    Args:
        encoder: The store's.
        text: Words of a person.

    Returns:
        (D,) float32 of length 1.

    Raises:
        QueryError: The encoder reads no text, or not this one.
    """
    if not reads_text(encoder):
        raise QueryError(
            f"text {text[:SHOWN]!r} cannot be searched with: the model {encoder.name} reads photos only; search with a "
            "photo, or index with a model that has a text tower (`wearabouts pull` gets one)"
        )
    if not text.strip():
        raise QueryError("the text is empty; say what to look for, such as 'red floral dress'")
    vector: Floats = cast(TextEncoder, encoder).encode_text([text])[0]
    return vector


def mixed(photo: Floats, text: Floats, weight: float) -> Floats:
    """A photo and a text as one query: of the unit vectors p and t, the direction of their weighted sum.

        q = ((1 - w) p + w t) / ||(1 - w) p + w t||

    At w = 0 the photo alone is searched with, at w = 1 the text alone, at w = .5 a product counts for its similarity to
    both alike: q·g is proportional to (1 - w) p·g + w t·g.

    Args:
        photo: (D,) of length 1.
        text: (D,) of length 1.
        weight: w in [0, 1].

    Returns:
        (D,) float32 of length 1; the photo's where the sum has no direction.

    Raises:
        QueryError: The weight is no such number.
    """
    if not 0 <= weight <= 1:
        raise QueryError(f"text weight {weight:g} is not allowed; give a number from 0 (photo only) to 1 (text only)")
    total = (1 - weight) * photo + weight * text
    length = float(np.linalg.norm(total))
    if length < LEAST:
        return photo
    query: Floats = (total / length).astype(np.float32)
    return query

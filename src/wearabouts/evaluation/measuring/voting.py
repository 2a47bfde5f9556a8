"""How likely each label is: what a model's own heads say, or what the nearest labelled photos vote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from wearabouts.encoders import Encoder
from wearabouts.evaluation.ranking import DECIMALS
from wearabouts.metrics import Integers
from wearabouts.types import Encoding, Floats

_BLOCK = 20_000_000  # similarities held at a time
_VOTES = 64  # photos that are voted on at a time


def head(encoder: Encoder, name: str, labels: Sequence[str]) -> tuple[str, list[int]] | None:
    """The head of an encoder that knows all of some labels.

    Args:
        encoder: Its garments and attributes are looked at.
        name: An attribute of this name is looked at first, then the garments.
        labels: What it has to know; case, and blanks beside underscores, make no difference.

    Returns:
        The head's name (empty for garments) and the column of each label, or None.
    """
    heads = [(name, encoder.attributes[name])] if name in encoder.attributes else []
    for title, classes in (*heads, ("", encoder.garments)):
        place = {_plain(each): column for column, each in enumerate(classes)}
        if labels and all(_plain(label) in place for label in labels):
            return title, [place[_plain(label)] for label in labels]
    return None


def said(encoding: Encoding, found: tuple[str, list[int]]) -> Floats:
    """(N, L) float32 probabilities of labels, from the head and columns that `head` found."""
    title, columns = found
    values = encoding.attributes[title] if title else encoding.garments
    if values is None:
        raise AssertionError("a head that the encoder promised is missing")
    return values[:, columns]


def nearest(queries: Floats, gallery: Floats, count: int) -> tuple[Integers, Floats]:
    """The most similar gallery vectors of each query.

    Args:
        queries: (Q, D) float32 unit vectors.
        gallery: (N, D) float32 unit vectors in order of id; ties keep it.
        count: How many; at most N are given.

    Returns:
        (Q, count) places, best first, and (Q, count) similarities.
    """
    count = min(count, len(gallery))
    places = np.empty((len(queries), count), np.int64)
    similar = np.empty((len(queries), count), np.float32)
    size = max(1, _BLOCK // max(1, len(gallery)))
    for start in range(0, len(queries), size):
        rows = slice(start, start + size)
        found = np.round(queries[rows] @ gallery.T, DECIMALS)
        # The worst that may belong, and then all that are as good: the order of id decides among them.
        floor = -np.partition(-found, count - 1, axis=1)[:, count - 1]
        for row, (similarity, least) in enumerate(zip(found, floor, strict=True), start):
            able = np.flatnonzero(similarity >= least)
            order = able[np.argsort(-similarity[able], kind="stable")][:count]
            places[row], similar[row] = order, similarity[order]
    return places, similar


def voted(places: Integers, similar: Floats, marks: npt.NDArray[np.bool_]) -> Floats:
    """Add up what neighbours say.

    Args:
        places: (Q, k) who votes.
        similar: (Q, k) the weight of each; below 0 counts nothing.
        marks: (N, L) which labels each has.

    Returns:
        (Q, L) float32 sums of weights.
    """
    scores = np.empty((len(places), marks.shape[1]), np.float32)
    weights = np.maximum(similar, 0)
    for start in range(0, len(places), _VOTES):
        rows = slice(start, start + _VOTES)
        scores[rows] = np.einsum("qk,qkl->ql", weights[rows], marks[places[rows]].astype(np.float32))
    return scores


def marked(names: Sequence[Sequence[str]], labels: Sequence[str]) -> npt.NDArray[np.bool_]:
    """(N, L) which of the labels each of N photos has."""
    column: Mapping[str, int] = {label: place for place, label in enumerate(labels)}
    marks = np.zeros((len(names), len(labels)), bool)
    for row, mine in zip(marks, names, strict=True):
        row[[column[name] for name in mine if name in column]] = True
    return marks


def _plain(label: str) -> str:
    return label.casefold().replace("_", " ").replace("-", " ")

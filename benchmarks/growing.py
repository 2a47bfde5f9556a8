"""Many vectors from some: mixtures of near neighbours, and how many directions a set of vectors has at each of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wearabouts.types import Floats

NEIGHBOURS = 10
AT_ONCE = 20_000
MIXED = 0.5  # of Dirichlet's parameters: below 1, a mixture is mostly one or two of its neighbours

Integers = npt.NDArray[np.int64]


def grown(base: Floats, count: int, seed: int) -> tuple[Floats, Integers]:
    """Unit vectors between real ones: each a random mixture of one and its ten nearest.

    Real vectors lie on thin, uneven sheets; mixtures of neighbours stay near them, while random directions would all be
    equally far from every query.

    Args:
        base: (N, D) unit vectors of real photos, N above `NEIGHBOURS`.
        count: How many.
        seed: Of the mixtures.

    Returns:
        (count, D) float32 of length 1, and (count,) int64, the base row each was grown from.
    """
    rng = np.random.default_rng(seed)
    near = np.concatenate([nearest(base[start : start + 1024], base)[0] for start in range(0, len(base), 1024)])
    centre = rng.integers(len(base), size=count)
    vectors = np.empty((count, base.shape[1]), np.float32)
    for start in range(0, count, AT_ONCE):
        part = centre[start : start + AT_ONCE]
        corners = near[part]  # itself comes first
        weights = rng.dirichlet([MIXED] * corners.shape[1], size=len(part)).astype(np.float32)
        mixed = np.einsum("nk,nkd->nd", weights, base[corners])
        vectors[start : start + AT_ONCE] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return vectors, centre


def nearest(asked: Floats, base: Floats, count: int = NEIGHBOURS + 1) -> tuple[Integers, Floats]:
    """Rows of the `count` nearest, nearest first, and their distances.

    Args:
        asked: (Q, D) unit vectors.
        base: (N, D) unit vectors.
        count: Below N.
    """
    similarity = asked @ base.T
    rows = np.argpartition(-similarity, count, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(similarity, rows, 1), axis=1, kind="stable")
    rows = np.take_along_axis(rows, order, 1)
    # Taken from the vectors themselves: of near rows, 2 - 2 cos has few digits left.
    distances = np.linalg.norm(base[rows].astype(np.float64) - asked[:, None], axis=2)
    return rows.astype(np.int64), distances.astype(np.float32)


def dimension(asked: Floats, base: Floats, neighbours: int = NEIGHBOURS) -> dict[str, float]:
    """How many directions vectors have around some points, by two estimators.

    ``two_nn``: Facco, d'Errico, Rodriguez, Laio, *Estimating the intrinsic dimension of datasets by a minimal
    neighborhood information*, 2017, in its maximum-likelihood form N / Σ log(r2 / r1). ``likelihood``: Levina and
    Bickel, *Maximum likelihood estimation of intrinsic dimension*, 2004, with MacKay and Ghahramani's mean of inverses.

    Args:
        asked: (Q, D) points, none of which is in `base`, or equal to a row of it.
        base: (N, D) vectors.
        neighbours: Of Levina and Bickel, at least 3.
    """
    parts = [nearest(asked[start : start + 64], base, neighbours)[1] for start in range(0, len(asked), 64)]
    return estimates(np.concatenate(parts))


def estimates(distances: npt.NDArray[np.floating]) -> dict[str, float]:
    """The two estimates from the distances of points to their nearest rows.

    Args:
        distances: (Q, n), rising in each row, n at least 3.
    """
    distance = np.maximum(distances, 1e-6).astype(np.float64)
    second = np.log(distance[:, 1] / distance[:, 0])
    inverse = np.log(distance[:, -1:] / distance[:, :-1]).sum(1) / (distance.shape[1] - 2)
    return {"two_nn": round(float(1 / second.mean()), 1), "likelihood": round(float(1 / inverse.mean()), 1)}

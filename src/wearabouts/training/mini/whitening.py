"""A start for the identity block: principal components of generic features, partly whitened."""

from __future__ import annotations

import numpy as np

from wearabouts.types import Floats


def whitening(features: Floats, dim: int, power: float = 0.25, centring: float = 1.0) -> tuple[Floats, Floats]:
    """A linear map y = W x + b whose outputs are decorrelated and partly evened out.

    Args:
        features: (N, P) float32, N > dim.
        dim: Outputs.
        power: 0 keeps the variances, 0.5 makes them all one. Full whitening lifts noise as high as signal.
        centring: Share of the mean that is taken away.

    Returns:
        W (dim, P) and b (dim,), scaled so that outputs have length one on average.

    Source: Jégou & Chum, *Negative evidences and co-occurrences in image retrieval*, ECCV 2012.
    """
    mean = features.mean(0)
    covariance = np.cov((features - mean).T.astype(np.float64))
    values, vectors = np.linalg.eigh(covariance)
    order = np.argsort(-values)[:dim]
    weight = (vectors[:, order] / np.maximum(values[order], 1e-10) ** power).T
    bias = -weight @ (mean * centring)
    length = np.linalg.norm(features @ weight.T + bias, axis=1).mean()
    return (weight / length).astype(np.float32), (bias / length).astype(np.float32)

"""How good an answer is: figures per query, photo or pair, and the honest width of their mean.

`retrieval` reads the ranks of right answers, `labels` classes, attributes and landmarks, `verification` scores and
probabilities of pairs, `forecasts` how sure one may be of these, `open_set` queries some of which have no answer, and
`statistics` turns figures into means with intervals and tells a difference from noise.
Figures come one float a query wherever a mean is meant, so that means, intervals and paired comparisons can all be
taken afterwards, over queries or over groups of them. Each docstring gives its formula, where it comes from, and which
other definitions go by the same name.
"""

from __future__ import annotations

from wearabouts.metrics.forecasts import calibration_error_interval, calibration_floor
from wearabouts.metrics.labels import (
    AttributeRecall,
    LandmarkError,
    attribute_recall,
    landmark_error,
    top_k_accuracy,
)
from wearabouts.metrics.open_set import (
    AcceptPoint,
    DetectionErrors,
    SaidCurve,
    detection_area,
    detection_errors,
    false_accepts_at,
    said_curve,
)
from wearabouts.metrics.retrieval import (
    Doubles,
    Integers,
    average_precision,
    average_precision_at,
    average_precision_r,
    binary_ndcg,
    cmc,
    first_hit,
    hit_rate,
    ndcg,
    precision,
    r_precision,
    recall,
    reciprocal_rank,
    relevant_ranks,
)
from wearabouts.metrics.statistics import (
    LEVEL,
    RESAMPLES,
    SEED,
    SIGNIFICANT,
    Difference,
    Estimate,
    bootstrap,
    bootstrap_ratio,
    by_category,
    errors_removed,
    macro_mean,
    paired_difference,
    verdict,
)
from wearabouts.metrics.verification import (
    OperatingPoint,
    Reliability,
    brier,
    brier_skill,
    calibration_error,
    fnmr_at_fmr,
    reliability,
)

__all__ = [
    "LEVEL",
    "RESAMPLES",
    "SEED",
    "SIGNIFICANT",
    "AcceptPoint",
    "AttributeRecall",
    "DetectionErrors",
    "Difference",
    "Doubles",
    "Estimate",
    "Integers",
    "LandmarkError",
    "OperatingPoint",
    "Reliability",
    "SaidCurve",
    "attribute_recall",
    "average_precision",
    "average_precision_at",
    "average_precision_r",
    "binary_ndcg",
    "bootstrap",
    "bootstrap_ratio",
    "brier",
    "brier_skill",
    "by_category",
    "calibration_error",
    "calibration_error_interval",
    "calibration_floor",
    "cmc",
    "detection_area",
    "detection_errors",
    "errors_removed",
    "false_accepts_at",
    "first_hit",
    "fnmr_at_fmr",
    "hit_rate",
    "landmark_error",
    "macro_mean",
    "ndcg",
    "paired_difference",
    "precision",
    "r_precision",
    "recall",
    "reciprocal_rank",
    "relevant_ranks",
    "reliability",
    "said_curve",
    "top_k_accuracy",
    "verdict",
]

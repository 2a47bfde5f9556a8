"""Two photos compared with one another, with no store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wearabouts.calibration import Calibration
from wearabouts.encoders import Encoder
from wearabouts.errors import BundleError
from wearabouts.looks import Viewer, shared
from wearabouts.search.clock import Clock
from wearabouts.settings import SearchSettings
from wearabouts.types import Box, Comparison
from wearabouts.verifiers import Verifier

Opening = tuple[bytes, Box | None]


@dataclass(frozen=True, slots=True)
class PairJudge:
    """Who says how likely two photos show the same item."""

    verifier: Verifier
    calibration: Calibration


def compare_photos(
    encoder: Encoder,
    first: Opening,
    second: Opening,
    *,
    verifier: Verifier | None = None,
    calibration: Calibration | None = None,
    settings: SearchSettings | None = None,
) -> Comparison:
    """The same as `Searcher.compare`, without a store: two photos, each with the part of it that counts or None.

    Raises:
        BundleError: The verifier is of another encoder, or the calibration of another verifier.
    """
    if verifier is not None and verifier.encoder_hash != encoder.hash:
        raise BundleError(
            f"the verifier {verifier.name} compares what encoder {verifier.encoder_hash} sees, this is {encoder.name} "
            f"{encoder.hash}; use both of one bundle"
        )
    if verifier is None or calibration is None:  # log-odds alone are no probability
        return compared(Viewer(encoder, settings or SearchSettings()), first, second)
    if calibration.verifier != verifier.hash:
        raise BundleError(
            f"the calibration was fitted on the verifier {calibration.verifier[:12]}, this is {verifier.name} "
            f"{verifier.hash[:12]}; export the model again"
        )
    return compared(Viewer(encoder, settings or SearchSettings()), first, second, PairJudge(verifier, calibration))


def compared(viewer: Viewer, first: Opening, second: Opening, judge: PairJudge | None = None) -> Comparison:
    """Compare two photos as a viewer sees them.

    The similarity is that of two customers' photos. A judge was trained on a customer's photo and a shop's: to it the
    first is the customer's, the second the shop's.
    """
    clock = Clock()
    opened = viewer.open(*first), viewer.open(*second)
    clock.lap("decode")
    one, other = viewer.pair(*opened)
    clock.lap("encode")
    probability = None
    if judge is not None and one.evidence is not None:
        shop = viewer.as_shop(*opened[1], other)
        signals = judge.verifier.weigh(one.evidence, shop, one.garment)
        probability = judge.calibration.of_pair(float(judge.verifier.logits(signals)[0]))
        clock.lap("verify")
    agrees, differs = shared(one.attributes, other.attributes)
    return Comparison(
        similarity=float(np.clip(one.vector @ other.vector, -1, 1)),
        garments=(one.garment, other.garment),
        agrees=agrees,
        differs=differs,
        timings=clock.total(),
        probability=probability,
        calibrated_on="" if judge is None else judge.calibration.calibrated_on,
    )

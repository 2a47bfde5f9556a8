"""A searcher with all that its model can do: the second stage too, where the bundle has one."""

from __future__ import annotations

from wearabouts.calibration import Calibration
from wearabouts.encoders import Encoder, OnnxEncoder
from wearabouts.search.searcher import Searcher
from wearabouts.settings import SearchSettings
from wearabouts.stores import Store
from wearabouts.verifiers import Verifier, open_judge


def second_stage(encoder: Encoder) -> tuple[Verifier | None, Calibration | None]:
    """The verifier and the calibration of an encoder's bundle; None for what there is not.

    Raises:
        BundleError: It has a verifier that cannot be run.
    """
    if not isinstance(encoder, OnnxEncoder):
        return None, None
    # A shortlist is a millisecond's work: to wake a second thread for it, and wait for it, takes longer than it saves.
    return open_judge(encoder.bundle, threads=1), encoder.card.calibration


def open_searcher(encoder: Encoder, store: Store, *, settings: SearchSettings | None = None) -> Searcher:
    """A searcher that verifies where the encoder's bundle has what it takes and the settings do not forbid it.

    Args:
        encoder: The encoder whose vectors fill the store.
        store: An open store.
        settings: How to answer; with ``judged`` 0 no verifier is opened. None for the defaults.

    Raises:
        StoreError: The store was filled by another encoder.
        BundleError: The bundle's verifier cannot be run.
    """
    if settings is not None and settings.judged == 0:
        return Searcher(encoder, store, settings=settings)
    verifier, calibration = second_stage(encoder)
    return Searcher(encoder, store, settings=settings, verifier=verifier, calibration=calibration)

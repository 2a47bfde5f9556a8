"""Do a card's parts belong together: a verifier to its encoder, a judge to its signals, a calibration to its judge?

Mixed up, they would still run and give probabilities, all of them wrong: so they are refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable

from wearabouts.bundles.card import SIGNALS, Card
from wearabouts.errors import BundleError, unknown

SHOWN = 9  # characters of a hash that tell a person which one it is


def check(card: Card) -> None:
    """Refuse a card whose second stage is not one.

    Raises:
        BundleError: A verifier of another encoder, a judge that weighs what the bundle cannot tell, or a calibration of
            another judge.
    """
    encoder, pair = card.encoder_hash(), card.verifier
    if pair is not None and pair.encoder and pair.encoder != encoder:
        raise BundleError(
            f"the verifier of {card.name!r} belongs to encoder {pair.encoder[:SHOWN]}…, this one is "
            f"{encoder[:SHOWN]}…; export it again for this one"
        )
    if card.local is not None and card.regions is None:
        raise BundleError(
            f"the card of {card.name!r} has a verifier of regions, but no regions; export the model again with both"
        )
    if card.judge is not None:
        _check_signals(card, (*card.judge.weights, *card.judge.sure))
    given = card.calibration
    if given is not None and (card.judge is None or given.verifier != card.judge_hash()):
        mine = f"this one's is {card.judge_hash()[:SHOWN]}…" if card.judge else "this one has none"
        raise BundleError(
            f"the calibration of {card.name!r} belongs to judge {given.verifier[:SHOWN] or 'of no name'}…, {mine}; "
            "calibrate again, or take it off the card"
        )


def signals(card: Card) -> tuple[str, ...]:
    """The signals that a bundle with this card can give, in the order of `SIGNALS`."""
    there = {
        "similarity": True,
        "pair": card.verifier is not None,
        "own": card.verifier is not None,
        "local": card.local is not None and card.regions is not None,
        "agreement": bool(card.garments or card.attributes),
    }
    return tuple(name for name in SIGNALS if there[name])


def rebound(card: Card) -> Card:
    """The same card, its second stage said to belong to the encoder as it is now.

    For who has just changed the encoder's graph and has seen that the vectors are the same; a calibration comes along.
    """
    if card.verifier is not None and card.verifier.encoder:
        pair = card.verifier.model_copy(update={"encoder": card.encoder_hash()})
        card = card.model_copy(update={"verifier": pair})
    if card.calibration is None:
        return card
    return card.model_copy(update={"calibration": card.calibration.model_copy(update={"verifier": card.judge_hash()})})


def _check_signals(card: Card, weights: Iterable[str]) -> None:
    can = signals(card)
    for name in weights:
        if name not in SIGNALS:
            raise BundleError(f"export {card.name!r} again, its judge weighs an {unknown('signal', name, SIGNALS)}")
        if name not in can:
            raise BundleError(
                f"the judge of {card.name!r} weighs {name!r}, which the bundle cannot give (it gives "
                f"{', '.join(can)}); export the model again with its verifier, or with a judge of those"
            )

"""A shop's own labels to a calibration of its own: its photos are searched, curves fitted, and the gain is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wearabouts import answers, metrics
from wearabouts.calibrating.asking import Progress, questions, shortlists_of
from wearabouts.calibrating.learning import Gain, gains
from wearabouts.calibration import Calibration, Shortlist, fit
from wearabouts.catalog import Faults
from wearabouts.errors import BundleError, CatalogError, SettingsError
from wearabouts.search import Searcher
from wearabouts.search.curves import NOTE
from wearabouts.search.verifying import StageTwo
from wearabouts.stores import Store

__all__ = ["FEWEST", "Calibrated", "Gain", "calibrate", "forget", "keep"]

FEWEST = 20  # labelled photos; with fewer there is nothing that could be measured honestly


@dataclass(frozen=True)
class Calibrated:
    """A shop's own curves, and what they are worth.

    Attributes:
        calibration: Fitted with all labels.
        gains: Of all together, then category by category.
        shown: Photos of which the right product is known.
        beyond: Of these, photos whose product is not among those judged.
        ruled_out: Photos of which only wrong products are known.
        silent: Photos whose labels are all of products that are not among those judged: they tell nothing.
        faults: Rows, products and photos that could not be used.
    """

    calibration: Calibration
    gains: tuple[Gain, ...]
    shown: int
    beyond: int
    ruled_out: int
    silent: int
    faults: Faults

    @property
    def worse(self) -> bool:
        """Whether photos of other items were surely explained better before."""
        gain = self.gains[0].gain
        return gain is not None and metrics.verdict(gain) == "worse"


def calibrate(
    searcher: Searcher, labels: Path, *, share: float | None = None, progress: Progress | None = None
) -> Calibrated:
    """Fit a shop's own curves, starting from the model's.

    Args:
        searcher: Over the shop's store, with the model's second stage.
        labels: A file as docs/labels.md says; its photos lie beside or below it.
        share: How many of the shop's queries have their item in the shop, in (0, 1); labels cannot tell. None: as many
            as the model's calibration takes.
        progress: Told how many photos are searched, of how many.

    Raises:
        SettingsError: A share out of range.
        BundleError: The model has no second stage.
        CatalogError: The file cannot be read, or fewer than `FEWEST` photos tell anything.
        StoreError: The store does not keep what the second stage needs.
    """
    if share is not None and not 0 < share < 1:
        raise SettingsError(f"share {share:g} is not allowed; give a number above 0 and below 1, such as 0.9")
    second = second_stage(searcher)
    faults = Faults()
    said = answers.read(labels, "", faults)
    known = set(searcher.store.products())
    said.check(known, str(labels), faults, holder="store")
    asked = questions(said, known)
    needed = f"{FEWEST} are needed: label more photos, with products that this store holds"
    if len(asked) < FEWEST:
        raise CatalogError(
            f"{labels} labels {len(asked)} photos with products of this store ({len(faults):,} faults in it); {needed}"
        )
    every = shortlists_of(searcher, asked, faults, progress)
    shortlists = [one for one in every if one.tells]
    if len(shortlists) < FEWEST:
        raise CatalogError(
            f"{labels}: {len(every)} of {len(asked)} photos could be searched, and {len(shortlists)} of them tell "
            f"something: a no is of use only for a product that the second stage looks at; {needed}"
        )
    shipped = second.curves.shipped
    shown = sum(one.carried is True for one in shortlists)
    calibration = fit(
        shortlists,
        verifier=second.verifier.hash,
        calibrated_on=_words(len(shortlists), shown, shipped),
        prior=shipped,
        own_labels=True,
        share=share,
    )
    return Calibrated(
        calibration,
        gains(shortlists, shipped),
        shown,
        sum(_lies_beyond(one) for one in shortlists),
        len(shortlists) - shown,
        len(every) - len(shortlists),
        faults,
    )


def second_stage(searcher: Searcher) -> StageTwo:
    """The searcher's.

    Raises:
        BundleError: It has none.
    """
    second = searcher.stage_two
    if second is None:
        raise BundleError(
            f"{searcher.encoder.name!r} has no second stage, so there are no probabilities to calibrate; use a model "
            "with a verifier, such as mini"
        )
    return second


def keep(store: Store, calibrated: Calibrated) -> None:
    """Let a store's answers go by it, from now on."""
    store.write_note(NOTE, calibrated.calibration.model_dump(mode="json"))


def forget(store: Store) -> bool:
    """Let a store's answers go by the model's own again; whether there was anything to forget."""
    there = store.note(NOTE) is not None
    if there:
        store.write_note(NOTE, None)
    return there


def _lies_beyond(one: Shortlist) -> bool:
    return one.carried is True and one.same is None


def _words(photos: int, shown: int, shipped: Calibration | None) -> str:
    start = f", starting from the model's own ({shipped.calibrated_on})" if shipped and shipped.calibrated_on else ""
    return f"{photos:,} labelled photos of this shop, {shown:,} of them with their product{start}"

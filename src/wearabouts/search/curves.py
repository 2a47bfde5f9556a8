"""Which calibration a search goes by: the shop's own, where it has one that fits, else the model's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from wearabouts.calibration import Calibration
from wearabouts.errors import BundleError
from wearabouts.stores import Store
from wearabouts.verifiers import Verifier

NOTE = "calibration"  # under which a store keeps the shop's own


@dataclass(frozen=True, slots=True)
class Chosen:
    """A calibration, or None where there is none, and what the person should know about the choice."""

    calibration: Calibration | None
    notes: tuple[str, ...] = ()


class Curves:
    """Chooses anew for each search, so that labels count from the moment on at which they are fitted.

    Args:
        store: Whose note `NOTE` is the shop's own calibration.
        verifier: Whose log-odds a calibration must read.
        shipped: The model's calibration, or None.

    Raises:
        BundleError: The model's calibration reads another verifier's log-odds.
    """

    def __init__(self, store: Store, verifier: Verifier, shipped: Calibration | None) -> None:
        if shipped is not None and shipped.verifier != verifier.hash:
            raise BundleError(
                f"the calibration was fitted on the verifier {shipped.verifier[:12]}, this is {verifier.name} "
                f"{verifier.hash[:12]}; export the model again"
            )
        self._store, self._verifier, self._shipped = store, verifier, shipped
        # The note as last read and what came of it, replaced as one: threads never see a half of it.
        self._last: tuple[Mapping[str, Any] | None, Chosen] = (None, Chosen(shipped))

    @property
    def shipped(self) -> Calibration | None:
        """The model's, whatever the shop has of its own."""
        return self._shipped

    def current(self) -> Chosen:
        """The calibration as of now."""
        facts = self._store.note(NOTE)
        last, chosen = self._last
        if facts != last:
            chosen = self._chosen(facts)
            self._last = (facts, chosen)
        return chosen

    def _chosen(self, facts: Mapping[str, Any] | None) -> Chosen:
        if facts is None:
            return Chosen(self._shipped)
        again = "run `wearabouts calibrate` with the labels again, or with --forget"
        try:
            own = Calibration.model_validate(facts)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            return Chosen(
                self._shipped, (f"the shop's own calibration cannot be read ({where}: {first['msg']}); {again}",)
            )
        if own.verifier != self._verifier.hash:
            words = f"the shop's own calibration is of another model ({own.verifier[:12]}) and does not count; {again}"
            return Chosen(self._shipped, (words,))
        return Chosen(own)

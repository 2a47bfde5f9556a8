"""Everything that can go wrong, in one tree.

    WearaboutsError
    ├── SettingsError      a setting, option or recipe that cannot be meant
    ├── CatalogError       a feed, folder or table that cannot be read at all
    ├── ImageError         bytes that are not a picture we accept
    ├── FetchError         an address that could not, or may not, be fetched
    ├── BundleError        a model bundle that is missing, damaged or of another kind
    ├── StoreError         a store that is missing, damaged, locked or filled by another encoder
    ├── QueryError         a search that cannot be answered as asked
    └── EvaluationError    an evaluation whose data cannot give the figure asked for

A message says what was given, what is allowed, and what to do. The command line prints it as one line and exits 2;
the server maps each class to one status code. Faults of single rows or photos are not raised but collected
(`wearabouts.catalog.Faults`): one bad row never costs the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class WearaboutsError(Exception):
    """Base of every error this project raises on purpose."""


class SettingsError(WearaboutsError):
    """A setting, option or recipe that cannot be meant."""


class CatalogError(WearaboutsError):
    """A feed, folder or table that cannot be read at all."""


class ImageError(WearaboutsError):
    """Bytes that are not a picture we accept."""


class FetchError(WearaboutsError):
    """An address that could not, or may not, be fetched.

    Attributes:
        passing: Whether the same address may be fetched later: its host was busy, slow or out of reach.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


class BundleError(WearaboutsError):
    """A model bundle that is missing, damaged or of another kind."""


class StoreError(WearaboutsError):
    """A store that is missing, damaged, locked or filled by another encoder."""


class QueryError(WearaboutsError):
    """A search that cannot be answered as asked."""


class EvaluationError(WearaboutsError):
    """An evaluation whose data cannot give the figure asked for."""


def unknown(kind: str, given: str, known: Iterable[str]) -> str:
    """Word the commonest fault: a name that is not one of the known ones.

    Args:
        kind: What the name names, such as ``reader``.
        given: The name as given.
        known: The names that would have been right.

    Returns:
        A sentence with the given name, the known ones and the nearest of them.
    """
    names = sorted(known)
    near = get_close_matches(given, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {kind} {given!r}; known: {', '.join(names) or 'none'}{hint}"

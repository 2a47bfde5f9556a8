"""What a worker of a cluster does: reach photos, compare them with what is known, make what is new.

Nothing here knows of Ray: it is the same work wherever a cluster's tasks run.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version

from wearabouts.embedding.cluster.rows import Row, Want
from wearabouts.embedding.making import SHOWN_URI, Maker
from wearabouts.embedding.photos import Fetches
from wearabouts.embedding.worker import unpacked
from wearabouts.errors import FetchError, SettingsError
from wearabouts.fetch import Fetcher, FetchSettings
from wearabouts.fetch.terms import scheme_of

BATCH = 16
REACHING = 4  # threads that fetch while the processor encodes
DECIDING = ("wearabouts", "onnxruntime", "pillow", "numpy")  # other versions of these may give other bits


@dataclass(frozen=True, slots=True)
class Team:
    """What all workers of a run share.

    Attributes:
        run: Told apart from every other run's.
        encoder_hash: Of the encoder they are sent.
        settings: How they fetch.
        versions: Of the packages that decide about a vector's bits, where the store is written.
    """

    run: str
    encoder_hash: str
    settings: FetchSettings
    versions: tuple[tuple[str, str], ...]


def versions() -> tuple[tuple[str, str], ...]:
    """Of the packages that decide about a vector's bits, here."""

    def of(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:  # run from a folder of sources
            return "unknown"

    return tuple((package, of(package)) for package in DECIDING)


class Hand:
    """One worker: its encoder is loaded once.

    Args:
        recipe: The encoder (`worker.packed`).
        team: What all share.

    Raises:
        SettingsError: This machine's packages are not those of the machine that writes the store.
    """

    def __init__(self, recipe: bytes, team: Team) -> None:
        here = versions()
        differ = [
            f"{name} {mine} instead of {its}"
            for (name, mine), (_, its) in zip(here, team.versions, strict=True)
            if mine != its
        ]
        if differ:
            raise SettingsError(
                f"node {platform.node()} has {', '.join(differ)}, so its vectors may differ; "
                "install the same versions on all nodes"
            )
        self.maker, self.fetcher = Maker(unpacked(recipe)), Fetcher(team.settings)
        if self.maker.encoder.hash != team.encoder_hash:
            raise SettingsError(f"node {platform.node()} built another encoder than it was sent; install it anew")

    def answer(self, wants: Sequence[Want]) -> list[Row]:
        """One row a want, in order."""
        return answered(wants, self.maker, self.fetcher)


@dataclass(frozen=True, slots=True)
class _Got:
    """A want after its photo was reached: settled, or its bytes."""

    row: Row
    data: bytes | None = None


def answered(wants: Sequence[Want], maker: Maker, fetcher: Fetches) -> list[Row]:
    """One row a want, in order; while a batch is encoded the next one is fetched."""
    rows: list[Row] = []
    with ThreadPoolExecutor(REACHING) as pool:
        for batch in _ahead(wants, lambda want: pool.submit(_reached, want, fetcher)):
            new = [(want, got) for want, got in batch if got.data is not None]
            made = maker.make([want.order(got.data or b"") for want, got in new])
            rows_of = {want.key: replace(got.row, made=each) for (want, got), each in zip(new, made, strict=True)}
            rows += [rows_of.get(want.key, got.row) for want, got in batch]
    return rows


def _ahead(wants: Sequence[Want], reach: Callable[[Want], Future[_Got]]) -> Iterator[list[tuple[Want, _Got]]]:
    """Batches whose photos were reached, each while the one before it is worked on."""
    waiting: list[tuple[Want, Future[_Got]]] = []
    for start in range(0, len(wants), BATCH):
        coming = [(want, reach(want)) for want in wants[start : start + BATCH]]
        if waiting:
            yield [(want, future.result()) for want, future in waiting]
        waiting = coming
    if waiting:
        yield [(want, future.result()) for want, future in waiting]


def _reached(want: Want, fetcher: Fetches) -> _Got:
    known = want.known
    try:
        fetched = fetcher.fetch(want.place, root=None, validators=known.validators if known is not None else {})
    except FetchError as error:
        on = "" if scheme_of(want.key.uri) in ("http", "https") else f" (on node {platform.node()})"
        return _Got(Row(want.key, "unreached", problem=f"{error}{on}"))
    if fetched.data is None:
        if known is None:
            return _Got(Row(want.key, "unreached", problem=f"{want.key.uri[:SHOWN_URI]}: came without bytes"))
        return _Got(Row(want.key, "same", known.digest, {**known.validators, **fetched.validators}))
    digest = hashlib.sha256(fetched.data).hexdigest()
    if known is not None and known.digest == digest:
        return _Got(Row(want.key, "same", digest, dict(fetched.validators)))
    return _Got(Row(want.key, "made", digest, dict(fetched.validators)), fetched.data)

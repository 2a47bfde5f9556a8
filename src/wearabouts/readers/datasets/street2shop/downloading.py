"""Fetching the photos of Street2Shop: politely, each checked before it is kept, dead addresses remembered.

Most addresses are older than ten years. A photo is kept as it came, under the suffix of what it really is, once it has
been decoded; a page that says "not found" with status 200 is no picture and so is dead too. What failed stands in
``failures.jsonl`` beside the photos: dead addresses are not asked again unless told to, others (a host that did not
answer, say) are asked again on the next run.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from wearabouts.catalog import Faults
from wearabouts.errors import CatalogError, FetchError, ImageError
from wearabouts.fetch import Fetcher, FetchSettings
from wearabouts.images import decode
from wearabouts.readers.datasets.street2shop import flat, pairs
from wearabouts.readers.datasets.street2shop.photos import FAILURES, Pictures, addresses, failures, list_of

WORKERS = 16
AHEAD = 8 * WORKERS  # photos handed out and not yet settled
ALIKE = 10  # times that the same bytes come before they are told of
PATIENCE = 8  # failures in a row after which a host that does not answer is left alone for this run
CHECKED_SIDE = 256  # pixels: decoding a JPEG at a reduced size still reads all of it
_SUFFIX = {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "WEBP": ".webp", "BMP": ".bmp", "AVIF": ".avif"}


@dataclass(frozen=True, slots=True)
class Downloads:
    """What a download did.

    Attributes:
        wanted: Photos that the annotations name.
        present: Of these, already there before.
        fetched: Fetched now, and whole.
        dead: Addresses that are gone, now or in an earlier run.
        failed: Not fetched in a way that may pass: run again later.
        unlisted: Without an address in photos.txt.
        alike: Of those fetched now, how many came as one of a few pictures that came `ALIKE` times or more: what some
            hosts send in place of a photo that is gone.
    """

    wanted: int
    present: int
    fetched: int
    dead: int
    failed: int
    unlisted: int
    alike: int = 0

    def __str__(self) -> str:
        there = self.present + self.fetched
        alike = f"; came as the same few pictures, look at these: {self.alike:,}" if self.alike else ""
        return (
            f"{there:,} of {self.wanted:,} photos are there ({self.fetched:,} fetched now); dead: {self.dead:,}; "
            f"failed, to be asked for again: {self.failed:,}; without an address: {self.unlisted:,}{alike}"
        )


@dataclass(frozen=True, slots=True)
class _Failure:
    reason: str
    dead: bool


def fetch_missing(
    root: Path,
    *,
    category: str = "",
    images: str | Path | None = None,
    retry: bool = False,
    fetcher: Fetcher | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Downloads:
    """See `wearabouts.readers.datasets.street2shop.download`."""
    home = root if root.is_dir() else root.parent
    listed = list_of(home)
    wanted = _wanted(root, category)
    pictures = Pictures(home, images)
    missing = {photo for photo in wanted if photo not in pictures}
    dead = {photo for photo, (final, _) in failures(pictures.folder).items() if final and photo in missing}
    asked = missing if retry else missing - dead
    given = ((photo, address) for photo, address in addresses(listed, Faults(limit=0)) if photo in asked)
    with ExitStack() as opened:
        door = fetcher or opened.enter_context(Fetcher(FetchSettings()))
        pictures.folder.mkdir(parents=True, exist_ok=True)
        _compact(pictures)
        file = opened.enter_context((pictures.folder / FAILURES).open("a", encoding="utf-8"))
        run = _Run(door, pictures.folder, file, len(asked), progress)
        run.all(given)
    counts = run.counts
    return Downloads(
        wanted=len(wanted),
        present=len(wanted) - len(missing),
        fetched=counts["fetched"],
        dead=counts["dead"] + (0 if retry else len(dead)),
        failed=counts["failed"],
        unlisted=len(asked) - counts.total(),
        alike=sum(times for times in run.digests.values() if times >= ALIKE),
    )


def _wanted(root: Path, category: str) -> set[int]:
    files = pairs.find(root)
    load = flat.load if files.flat else pairs.load
    wanted: set[int] = set()
    for name in files.chosen(category):
        wanted.update(load(files, name, Faults(limit=0)).photos())
    return wanted


def _compact(pictures: Pictures) -> None:
    """One line a photo that is still missing: runs add lines, and photos that came later need none."""
    kept = {photo: told for photo, told in failures(pictures.folder).items() if photo not in pictures}
    path = pictures.folder / FAILURES
    if path.exists():
        _write(path, "".join(_line(photo, reason, dead) for photo, (dead, reason) in kept.items()).encode())


def _line(photo: int, reason: str, dead: bool) -> str:
    return json.dumps({"photo": photo, "dead": dead, "reason": reason[:1_000]}) + "\n"


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, also when two runs write at once."""
    passing = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        passing.write_bytes(data)
        passing.replace(path)
    except OSError as problem:
        raise CatalogError(
            f"{path} cannot be written ({problem.strerror}); free space or check its rights"
        ) from problem
    finally:
        passing.unlink(missing_ok=True)


class _Run:
    """One walk over the photos to fetch; only the caller's thread writes the list of failures."""

    def __init__(
        self,
        fetcher: Fetcher,
        folder: Path,
        file: IO[str],
        total: int,
        progress: Callable[[str, int, int | None], None] | None,
    ) -> None:
        self.fetcher, self.folder, self.file, self.total, self.progress = fetcher, folder, file, total, progress
        self.counts: Counter[str] = Counter()
        self.digests: Counter[bytes] = Counter()  # of the bytes that were kept
        self._lock = threading.Lock()
        self._silent: Counter[str] = Counter()  # host → failures in a row that may pass

    def all(self, given: Iterator[tuple[int, str]]) -> None:
        """Fetch each; stopped in the middle, what has come stays."""
        running: dict[Future[_Failure | None], int] = {}
        pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="wearabouts-download")
        try:
            for photo, address in given:
                running[pool.submit(self._one, photo, address, _host(address))] = photo
                if len(running) >= AHEAD:
                    self._collect(running)
            while running:
                self._collect(running)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _collect(self, running: dict[Future[_Failure | None], int]) -> None:
        for done in wait(running, return_when=FIRST_COMPLETED).done:
            self._settle(running.pop(done), done.result())

    def _settle(self, photo: int, failure: _Failure | None) -> None:
        if failure is None:
            self.counts["fetched"] += 1
        else:
            self.counts["dead" if failure.dead else "failed"] += 1
            self.file.write(_line(photo, failure.reason, failure.dead))
            self.file.flush()
        if self.progress is not None:
            self.progress("downloading", self.counts.total(), self.total)

    def _one(self, photo: int, address: str, host: str) -> _Failure | None:
        with self._lock:
            if self._silent[host] >= PATIENCE:
                return _Failure(f"host {host} did not answer {PATIENCE} times in a row", dead=False)
        failure = self._fetched(photo, address)
        with self._lock:
            self._silent[host] = self._silent[host] + 1 if failure is not None and not failure.dead else 0
        return failure

    def _fetched(self, photo: int, address: str) -> _Failure | None:
        if not address.lower().startswith(("http://", "https://")):
            return _Failure(f"{address[:200]!r} is no http(s) address", dead=True)
        try:
            data = self.fetcher.fetch(address).data or b""
            picture = decode(data, target=CHECKED_SIDE)
        except FetchError as problem:
            return _Failure(str(problem), dead=not problem.passing)
        except ImageError as problem:
            return _Failure(f"{address[:200]} is no whole picture: {problem}", dead=True)
        if picture.format not in _SUFFIX:
            return _Failure(f"{address[:200]} is {picture.format}; allowed: {', '.join(_SUFFIX)}", dead=True)
        _write(self.folder / f"{photo:09d}{_SUFFIX[picture.format]}", data)
        with self._lock:
            self.digests[blake2b(data, digest_size=8).digest()] += 1
        return None


def _host(address: str) -> str:
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""

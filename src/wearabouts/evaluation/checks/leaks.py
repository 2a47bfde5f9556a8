"""Does the test know the answers already? Items and photos that stand on both sides of a division of a catalog."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np

from wearabouts.catalog import Catalog, Photo
from wearabouts.encoders import Encoder
from wearabouts.errors import EvaluationError, FetchError, ImageError
from wearabouts.evaluation.checks import copies
from wearabouts.evaluation.checks.copies import Octets
from wearabouts.evaluation.systems import BATCH, THUMBNAIL, Progress, decode_side
from wearabouts.fetch import Fetcher, FetchSettings
from wearabouts.images import decode
from wearabouts.metrics import Integers
from wearabouts.report import Failure, Picture, Row, Section, Strip, Table
from wearabouts.types import Floats, Pixels

Kind = Literal["item", "copy", "near copy", "query copy", "query near copy"]
LEARNT = ("train", "val")
KEPT = 200  # pairs of a kind that are kept; all are counted
SHOWN = 8  # pairs of a kind that are shown
BLOCK = 50_000  # photos of each side whose vectors are in memory at a time: 26 MB a side at 128 numbers
WORDS: dict[Kind, tuple[str, str]] = {
    "item": ("tested items that are also learnt from", "An item of the test is learnt from"),
    "copy": ("tested photos that are learnt from, byte for byte", "The same file is learnt from and tested"),
    "near copy": ("tested photos with a near copy that is learnt from", "Nearly the same photo is learnt from"),
    "query copy": ("query photos that are searched, byte for byte", "The query itself is searched"),
    "query near copy": ("query photos with a near copy that is searched", "Nearly the query itself is searched"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A photo and where it stands."""

    photo: str
    product: str
    split: str
    uri: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A tested photo or a query, and the photo on the other side that it has something in common with."""

    kind: Kind
    tested: Place
    other: Place
    similarity: float


@dataclass(frozen=True, slots=True)
class Leaks:
    """What stands on both sides.

    Attributes:
        counts: Kind → how many tested items, tested photos or queries are concerned.
        of: Kind → of how many.
        pairs: At most `KEPT` of each kind, the most alike first.
        learnt: How many photos of the splits train and val could be read.
        tested: How many of the others.
        unread: Photos that could not be read and were not compared.
    """

    counts: Mapping[Kind, int]
    of: Mapping[Kind, int]
    pairs: tuple[Pair, ...]
    learnt: int
    tested: int
    unread: int


def find(catalog: Catalog, encoder: Encoder, *, progress: Progress | None = None) -> Leaks:
    """Compare what is learnt from with what is tested, and queries with what they search.

    Every photo is read, seen whole and from one side, so that copies look alike. Vectors wait on disk and are compared
    block by block: memory grows by the names of the photos only.

    Args:
        catalog: Photos of the splits train and val are learnt from, all others tested; photos of split query, and
            street photos that are not of split gallery, are queries.
        encoder: Finds near copies (`wearabouts.evaluation.checks.copies`).
        progress: Told what is done, how much of it and of how much (0: not known).

    Raises:
        EvaluationError: Nothing stands on one of the sides, neither learnt and tested nor query and gallery.
    """
    with TemporaryDirectory(prefix="wearabouts-leaks-") as folder:
        seen = _Seen(Path(folder), encoder.dim)
        seen.read(catalog, encoder, progress)
        learnt = seen.rows(lambda row: seen.places[row].split in LEARNT)
        tested = seen.rows(lambda row: seen.places[row].split not in LEARNT)
        queries = seen.rows(lambda row: seen.asks[row] and seen.places[row].split not in LEARNT)
        gallery = seen.rows(lambda row: not seen.asks[row] and seen.places[row].split not in LEARNT)
        if not (len(learnt) and len(tested)) and not (len(queries) and len(gallery)):
            raise EvaluationError(
                f"{catalog.source}: no photo of split train or val beside others that could be read, nor a query "
                "beside a gallery; leaks are looked for between splits, so give a catalog that has them"
            )
        found = _Found(seen)
        found.items(tested, learnt)
        found.photos("copy", "near copy", tested, learnt, progress)
        found.photos("query copy", "query near copy", queries, gallery, progress)
        return Leaks(found.counts, found.of, tuple(found.pairs), len(learnt), len(tested), seen.unread)


def section(leaks: Leaks) -> Section:
    """The counts, and pictures of the most alike pairs of each kind."""
    rows = [
        Row(WORDS[kind][0], {"found": count, "of": leaks.of[kind], "share": f"{count / leaks.of[kind]:.2%}"})
        for kind, count in leaks.counts.items()
        if leaks.of[kind]
    ]
    strips = []
    for kind, (_, title) in WORDS.items():
        shown = [pair for pair in leaks.pairs if pair.kind == kind][:SHOWN]
        if shown:
            title = f"{title} ({len(shown)} of {leaks.counts[kind]:,} shown)"
            strips.append(Strip(title, tuple(map(_shown, shown))))
    text = (
        f"{leaks.learnt:,} photos of the splits train and val against {leaks.tested:,} others, and queries against "
        "what they search. Items are compared by id, files byte for byte (SHA-256). A near copy is the same picture "
        "saved again, resized, cut or lit a little differently: the encoder finds both alike and their pixels agree. "
        "Mirrored and grey copies are not found, and two photos of one model in one pose can pass, so look at them."
    )
    notes = (f"{leaks.unread:,} photos could not be read and were not compared.",) if leaks.unread else ()
    table = Table("", "on both sides", ("found", "of", "share"), tuple(rows))
    return Section("Does the test know the answers already?", text, (table,), notes=notes, strips=tuple(strips))


def _shown(pair: Pair) -> Failure:
    other = "learnt from" if pair.other.split in LEARNT else "searched"
    asked = "query" if pair.kind.startswith("query") else "tested"
    return Failure(
        _picture(pair.tested, f"{asked}, split {pair.tested.split or 'none'}"),
        None,
        (_picture(pair.other, f"{other}, split {pair.other.split or 'none'}"),),
        f"cosine {pair.similarity:.3f}",
    )


def _picture(place: Place, role: str) -> Picture:
    try:
        data = Fetcher(FetchSettings()).fetch(place.uri, root=None).data
        small = b"" if data is None else decode(data, target=THUMBNAIL).thumbnail(THUMBNAIL)
    except (FetchError, ImageError):
        small = b""
    return Picture(small, place.photo, role=role)


@dataclass
class _Seen:
    """Every photo that could be read: its names in memory, its vector and its signature in files."""

    folder: Path
    dim: int
    places: list[Place] = field(default_factory=list)
    asks: list[bool] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    unread: int = 0

    def read(self, catalog: Catalog, encoder: Encoder, progress: Progress | None) -> None:
        fetcher = Fetcher(FetchSettings())
        batch: list[Pixels] = []
        with (self.folder / "vectors").open("wb") as vectors, (self.folder / "signatures").open("wb") as signatures:
            for product in catalog.products():
                for photo in product.photos:
                    pixels = self._photo(fetcher, photo, product.id, decode_side(encoder))
                    if pixels is None:
                        continue
                    signatures.write(copies.signature(pixels))
                    batch.append(pixels)
                    if len(batch) == BATCH:
                        vectors.write(encoder.encode(batch, "shop").vectors.astype(np.float32).tobytes())
                        batch.clear()
                        if progress is not None:
                            progress("photos looked at for leaks", len(self.places), 0)
            if batch:
                vectors.write(encoder.encode(batch, "shop").vectors.astype(np.float32).tobytes())

    def _photo(self, fetcher: Fetcher, photo: Photo, product: str, side: int) -> Pixels | None:
        try:
            data = fetcher.fetch(photo.uri, root=None).data
            if data is None:
                raise FetchError(f"{photo.uri}: no photo came")
            pixels = decode(data, target=side).pixels
        except (FetchError, ImageError):
            self.unread += 1
            return None
        self.places.append(Place(photo.id, product, photo.split, photo.uri))
        self.asks.append(photo.split == "query" or (photo.side == "street" and photo.split != "gallery"))
        self.digests.append(hashlib.sha256(data).digest()[:16])
        return pixels

    def rows(self, wanted: Callable[[int], bool]) -> Integers:
        return np.array([row for row in range(len(self.places)) if wanted(row)], dtype=np.int64)

    @property
    def vectors(self) -> Floats:
        return np.memmap(self.folder / "vectors", np.float32, "r", shape=(len(self.places), self.dim))

    @property
    def signatures(self) -> Octets:
        return np.memmap(self.folder / "signatures", np.uint8, "r", shape=(len(self.places), copies.SIGNATURE))


@dataclass
class _Found:
    """What is found, as it is found."""

    seen: _Seen
    counts: dict[Kind, int] = field(default_factory=dict)
    of: dict[Kind, int] = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)

    def items(self, tested: Integers, learnt: Integers) -> None:
        first = {self.seen.places[row].product: int(row) for row in learnt[::-1]}
        asked = {self.seen.places[row].product: int(row) for row in tested[::-1]}
        shared = sorted(first.keys() & asked.keys())
        self._keep("item", [(asked[item], first[item], self._cosine(asked[item], first[item])) for item in shared])
        self.counts["item"], self.of["item"] = len(shared), len(asked)

    def photos(self, same: Kind, near: Kind, ours: Integers, others: Integers, progress: Progress | None) -> None:
        where: defaultdict[bytes, list[int]] = defaultdict(list)
        for row in others.tolist():
            where[self.seen.digests[row]].append(row)
        equal = [row for row in ours.tolist() if self.seen.digests[row] in where]
        self._keep(same, [(row, where[self.seen.digests[row]][0], 1.0) for row in equal])
        vectors, signatures = self.seen.vectors, self.seen.signatures
        concerned: set[int] = set()
        best: list[tuple[int, int, float]] = []
        for start in range(0, len(ours), BLOCK):
            mine = ours[start : start + BLOCK]
            for begin in range(0, len(others), BLOCK):
                theirs = others[begin : begin + BLOCK]
                blocks = copies.near_copies(vectors[mine], signatures[mine], vectors[theirs], signatures[theirs])
                for rows, columns, similarities in blocks:
                    found = zip(mine[rows].tolist(), theirs[columns].tolist(), similarities.tolist(), strict=True)
                    fresh = [each for each in found if self.seen.digests[each[0]] != self.seen.digests[each[1]]]
                    concerned.update(row for row, _, _ in fresh)
                    best = sorted(best + fresh, key=lambda each: (-each[2], each[:2]))[:KEPT]
            if progress is not None:
                progress("photos compared", min(start + BLOCK, len(ours)), len(ours))
        self._keep(near, best)
        self.counts |= {same: len(equal), near: len(concerned)}
        self.of |= {same: len(ours), near: len(ours)}

    def _keep(self, kind: Kind, found: list[tuple[int, int, float]]) -> None:
        places = self.seen.places
        self.pairs += [Pair(kind, places[ours], places[other], cosine) for ours, other, cosine in found[:KEPT]]

    def _cosine(self, first: int, second: int) -> float:
        return float(self.seen.vectors[first] @ self.seen.vectors[second])

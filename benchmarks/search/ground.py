"""Vectors of any number grown from seen ones, the right answers of every query, and the columns that filters read.

Everything follows from the seed and is kept in a work folder, so that it is made once: ten million vectors are made a
piece at a time and never lie in memory together.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from seen import FULL, QUICK, Amount, Seen, looked

import growing
from wearabouts import bundles
from wearabouts.encoders import OnnxEncoder
from wearabouts.types import Floats

Integers = npt.NDArray[np.int64]

PIECE = 100_000  # rows made at once
MIXED = 0.5  # of the gamma weights: below 1, a mixture is mostly one or two of its neighbours
BEST = 20  # right answers kept of each query
TIE = 1e-6  # similarities nearer than this are equal: single precision sums differ by as much
DIMS = {
    128: "the 128 principal directions of the 256 floats (fitted on the stored photos, not centred), length 1",
    256: "the vectors of the model",
    512: "the vector of the whole photo beside that of its middle (four fifths each way), length 1",
}
# Shares of the rows, from the one end of an order to the other, at which a column's value rises by one.
STEPS = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9)
CENTRES = 4


@dataclass(frozen=True, slots=True)
class Truth:
    """The right answers.

    Attributes:
        rows: (Q, n) int64, best first, -1 where there are fewer.
        scores: (Q, n) float32 similarities.
    """

    rows: Integers
    scores: Floats


class Ground:
    """What every part of the benchmark stands on.

    Args:
        work: The work folder.
        seed: Of everything random.
        quick: Tiny amounts.
        say: Told of progress.
    """

    def __init__(self, work: Path, seed: int, say: Callable[[str], None], *, quick: bool) -> None:
        self.work, self.seed, self.say, self.quick = work, seed, say, quick
        self.amount: Amount = QUICK if quick else FULL

    @cached_property
    def encoder(self) -> OnnxEncoder:
        """The shipped model."""
        return OnnxEncoder(bundles.load("mini"))

    @cached_property
    def seen(self) -> Seen:
        """Photos as it sees them."""
        return looked(self.work, self.encoder, self.amount, self.seed, self.say)

    @cached_property
    def _directions(self) -> Floats:
        """(256, 128) principal directions of the stored photos."""
        whole = self.seen.base[:, 0].astype(np.float64)
        return np.linalg.eigh(whole.T @ whole)[1][:, ::-1][:, :128].astype(np.float32)

    def shaped(self, looks: Floats, dim: int) -> Floats:
        """(N, dim) unit vectors of (N, 2, 256) looks, as `DIMS` says."""
        if dim == 512:
            vectors = looks.reshape(len(looks), -1)
        else:
            vectors = looks[:, 0] if dim == 256 else looks[:, 0] @ self._directions
        shaped: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.ascontiguousarray(shaped, np.float32)

    def queries(self, dim: int) -> Floats:
        """(Q, dim): photos that nothing was grown from."""
        return self.shaped(self.seen.queries, dim)

    @cached_property
    def name(self) -> str:
        """Part of every file's name: photos of another kind or number make other files."""
        kind = "real" if "real photographs" in self.seen.source else "drawn"
        return f"{kind}-{len(self.seen.base)}-{self.seed}-{self.encoder.hash[:8]}"

    def pieces(self, dim: int, count: int) -> Iterator[tuple[Floats, Integers]]:
        """(n, dim) vectors and (n,) the seen photo each was grown from, some at a time; larger ones begin alike."""
        base = self.shaped(self.seen.base, dim)
        steps = range(0, len(base), 1024)
        near = np.concatenate([growing.nearest(base[start : start + 1024], base)[0] for start in steps])
        for piece, start in enumerate(range(0, count, PIECE)):
            rng = np.random.default_rng((self.seed, 7, piece))  # the same photos and weights whatever the dim
            size = min(PIECE, count - start)
            centre = rng.integers(len(base), size=PIECE)[:size]
            weights = rng.standard_gamma(MIXED, (PIECE, near.shape[1]))[:size].astype(np.float32)
            weights /= weights.sum(axis=1, keepdims=True)
            vectors = np.empty((size, dim), np.float32)
            for first in range(0, size, 5_000):
                part = slice(first, first + 5_000)
                np.einsum("nk,nkd->nd", weights[part], base[near[centre[part]]], out=vectors[part])
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            yield vectors, centre

    def vectors(self, dim: int, count: int) -> Path:
        """The file of (count, dim) float32 to map, and beside it ``.grown`` with the photo each row was grown from."""
        path = self.work / f"vectors-{self.name}-{dim}-{count}.npy"
        if not path.is_file():
            self.say(f"growing {count:,} vectors of {dim} floats")
            draft = path.with_suffix(".draft")
            out = np.lib.format.open_memmap(draft, "w+", np.float32, (count, dim))
            grown, start = np.empty(count, np.int32), 0
            for vectors, centre in self.pieces(dim, count):
                out[start : start + len(vectors)] = vectors
                grown[start : start + len(vectors)] = centre
                start += len(vectors)
            out.flush()
            del out
            np.save(path.with_suffix(".grown.npy"), grown)
            os.replace(draft, path)
        return path

    def grown_from(self, dim: int, count: int) -> npt.NDArray[np.int32]:
        """(count,) the seen photo each row was grown from."""
        grown: npt.NDArray[np.int32] = np.load(self.vectors(dim, count).with_suffix(".grown.npy"))
        return grown

    def truth(self, dim: int, count: int) -> Truth:
        """The `BEST` nearest rows of every query, by comparing with all."""
        path = self.work / f"truth-{self.name}-{dim}-{count}.npz"
        if not path.is_file():
            self.say(f"comparing every query with {count:,} vectors of {dim} floats")
            found = nearest(np.load(self.vectors(dim, count), mmap_mode="r"), self.queries(dim), BEST)
            _saved(path, rows=found.rows, scores=found.scores)
        with np.load(path) as kept:
            return Truth(kept["rows"], kept["scores"])

    def centres(self, dim: int) -> tuple[Floats, list[Integers]]:
        """Queries far from each other, (CENTRES, dim), and for each the numbers of the queries nearest to it."""
        queries = self.queries(dim)
        chosen = [0]
        while len(chosen) < CENTRES:
            chosen.append(int(np.argmin((queries @ queries[chosen].T).max(axis=1))))
        share = max(len(queries) // (4 * CENTRES), 1)
        return queries[chosen], [np.argsort(-(queries @ queries[one]), kind="stable")[:share] for one in chosen]

    def columns(self, dim: int, count: int) -> dict[str, npt.NDArray[np.int8]]:
        """What filters read, (count,) int8 each: ``lot`` at random, ``near0`` … by similarity to a centre.

        ``lot`` and ``near`` rise from 0 to 6 at the shares of `STEPS`: ``lot <= 2`` keeps one row in a hundred;
        ``near0 <= 2`` the hundredth that is nearest to the first centre. ``far0 <= 2`` keeps the hundredth farthest.
        """
        path = self.columns_path(dim, count)
        if not path.is_file():
            self.say(f"making filter columns for {count:,} vectors")
            matrix = np.load(self.vectors(dim, count), mmap_mode="r")
            columns = {"lot": _steps(np.random.default_rng((self.seed, 8)).random(count))}
            for number, centre in enumerate(self.centres(dim)[0]):
                similar = np.concatenate([matrix[start : start + PIECE] @ centre for start in range(0, count, PIECE)])
                columns[f"near{number}"] = _steps(-similar)
                columns[f"far{number}"] = _steps(similar)
            _saved(path, **columns)
        with np.load(path) as kept:
            return {name: kept[name] for name in kept.files}

    def columns_path(self, dim: int, count: int) -> Path:
        """The file that `columns` keeps."""
        return self.work / f"columns-{self.name}-{dim}-{count}.npz"

    def plain(self, text: str) -> str:
        """A text without the work folder's place on this machine."""
        return text.replace(str(self.work), "work")

    def dimensions(self, dim: int, count: int) -> dict[str, Any]:
        """How many directions the vectors have locally, the real ones beside grown ones, by two estimators.

        The same number of rows in both, for the estimate falls with the distance between neighbours; and for the
        grown ones all rows besides.
        """
        path = self.work / f"dimensions-{self.name}-{dim}-{count}.json"
        if not path.is_file():
            self.say(f"estimating intrinsic dimensions, {dim} floats")
            base = self.shaped(self.seen.base, dim)
            rng = np.random.default_rng((self.seed, 9))
            asked = rng.permutation(len(base))[: min(500, len(base) // 4)]
            matrix = np.load(self.vectors(dim, count), mmap_mode="r")
            some = np.sort(rng.permutation(count)[: len(base)])
            alike = np.ascontiguousarray(matrix[some])
            every = np.load(self.vectors(dim, count), mmap_mode="r") if count <= 1_000_000 else alike
            told = {
                "real": _held(base, asked),
                "grown, as many": _held(alike, asked),
                "grown, all": _held(every, asked),
                "queries among the real": growing.dimension(self.queries(dim), base),
                "queries among the grown": growing.dimension(self.queries(dim)[:500], every),
                "rows": {"real": len(base), "grown": len(every)},
            }
            path.write_text(json.dumps(told), "utf-8")
        told = json.loads(path.read_text("utf-8"))
        return dict(told)


def nearest(matrix: Floats, queries: Floats, count: int, keep: npt.NDArray[np.bool_] | None = None) -> Truth:
    """The `count` best rows of each query, by comparing with all that are kept.

    Args:
        matrix: (N, D), may be mapped.
        queries: (Q, D).
        count: At most so many.
        keep: (N,) the rows allowed, or None for all.
    """
    rows = np.full((len(queries), count), -1, np.int64)
    scores = np.full((len(queries), count), -np.inf, np.float32)
    chosen = np.arange(len(matrix)) if keep is None else np.flatnonzero(keep)
    for start in range(0, len(chosen), PIECE // 4):
        part = chosen[start : start + PIECE // 4]
        some = matrix[part[0] : part[-1] + 1] if len(part) == part[-1] - part[0] + 1 else matrix[part]
        similar = queries @ np.asarray(some).T
        if similar.shape[1] > count:
            best = np.argpartition(similar, -count, axis=1)[:, -count:]
            similar, part = np.take_along_axis(similar, best, 1), part[best]
        else:
            part = np.broadcast_to(part, similar.shape)
        every_score, every_row = np.concatenate([scores, similar], 1), np.concatenate([rows, part], 1)
        order = np.argsort(-every_score, axis=1, kind="stable")[:, :count]
        rows, scores = np.take_along_axis(every_row, order, 1), np.take_along_axis(every_score, order, 1)
    return Truth(rows, scores)


def recall(found: list[list[int]], truth: Truth, matrix: Floats, queries: Floats, count: int) -> list[float]:
    """Of each query, the share of its `count` right answers that were found; ties with the last of them count as well.

    Args:
        found: Rows of each query, best first.
        truth: Of the same queries.
        matrix: (N, D).
        queries: (Q, D).
        count: 10 or 20.
    """
    shares = []
    for rows, right, score, query in zip(found, truth.rows, truth.scores, queries, strict=True):
        wanted = min(count, int(np.count_nonzero(right >= 0)))
        if not wanted:
            continue
        least, known = score[wanted - 1] - TIE, set(right[:wanted].tolist())
        given = list(dict.fromkeys(row for row in rows[:count] if row >= 0))
        others = [row for row in given if row not in known]
        hits = len(given) - len(others)
        hits += int(np.count_nonzero(np.asarray(matrix[others]) @ query >= least)) if others else 0
        shares.append(min(hits, wanted) / wanted)
    return shares


def _steps(order: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """0 for the rows that come first, rising at each of `STEPS`."""
    ranks = np.empty(len(order), np.int64)
    ranks[np.argsort(order, kind="stable")] = np.arange(len(order))
    edges = [max(round(share * len(order)), 1) for share in STEPS]
    return np.searchsorted(edges, ranks, side="right").astype(np.int8)


def _held(matrix: Floats, asked: Integers) -> dict[str, float]:
    """The dimension at some of the rows, which are left out of their own neighbours."""
    points = np.asarray(matrix[asked], np.float32)
    best = nearest(matrix, points, growing.NEIGHBOURS + 2)
    distances = []
    for row, point, rows in zip(asked.tolist(), points, best.rows, strict=True):
        others = [other for other in rows.tolist() if other != row][: growing.NEIGHBOURS + 1]
        distances.append(np.linalg.norm(np.asarray(matrix[others], np.float64) - point, axis=1))
    return growing.estimates(np.stack(distances))


def _saved(path: Path, **arrays: npt.NDArray[Any]) -> None:
    draft = path.with_suffix(".draft.npz")
    np.savez(draft, **arrays)
    os.replace(draft, path)

"""The arithmetic of a ranking: one block of queries after the other against a gallery that passes by in tiles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wearabouts.evaluation.ranking.answers import Block, Pairs, counted
from wearabouts.evaluation.ranking.shelf import Shelf, spread
from wearabouts.evaluation.ranking.tiles import Numbers, Tile, Tiles, lengths
from wearabouts.metrics import Doubles, Integers
from wearabouts.types import Floats

DECIMALS = 6  # what float32 vectors can tell
_UNIT = 10.0**DECIMALS
_CELLS = 4_000_000  # similarities of one tile, which stay near the processor
_CELL = 40  # bytes that go with one: itself, masks, copies
_ANSWER = 100  # bytes that go with a right answer while its block is counted
_STEP = 4_096  # queries of one block
_LEAST = 2**16  # bytes
_HIGH = 256  # tiles are so many queries high where the gallery does not fit in one
_LARGE = 10**9  # similarities from which single precision pays
_FEW = 4  # right answers a query up to which single precision pays
_CROWD = 32  # a tile with more than 1 / so many similarities in doubt is done in double precision whole
_ROUNDING = 2.0**-24  # of a float32


class Counter:
    """Ranks blocks of queries against one gallery within a budget of memory.

    Args:
        queries: (Q, D) vectors.
        gallery: (N, D) vectors.
        shelf: The items, in the order of ties.
        shown: How many of the nearest are kept.
        memory: Bytes to work within.
        answers: How many right answers each query to come has.

    Attributes:
        step: How many queries fit in one block.

    Raises:
        ValueError: A gallery vector holds nan.
    """

    def __init__(
        self, queries: Floats, gallery: Floats, shelf: Shelf, shown: int, memory: int, answers: Integers
    ) -> None:
        self._queries, self._shown, self._items = queries, min(shown, len(shelf)), len(shelf)
        self._tiles = Tiles(gallery, shelf)
        photos, most = self._tiles.photos, self._tiles.most
        share, width = max(_LEAST, memory) // 3, 16 * max(1, gallery.shape[1])
        cells = min(_CELLS, share // _CELL)
        wide = photos if 16 * photos <= cells else cells // _HIGH
        self._bounds = self._tiles.bounds(max(1, min(wide, share // width)))
        self._cells = max(cells, most, min(wide, share // width))
        self._chunk = max(1, share // (2 * width * most))
        self.step = max(1, min(_STEP, share // (2 * width + 100 * shown + _ANSWER * int(answers.max(initial=1)))))
        large = len(answers) * photos >= _LARGE and float(answers.mean()) <= _FEW
        self._single = large and queries.dtype == gallery.dtype == np.float32
        self._scale = 2.0 ** self._items.bit_length()
        self._longest = self._tiles.longest()
        self._buffer, self._mask = np.empty(self._cells), np.empty(self._cells, bool)

    def count(self, rows: Integers, pairs: Pairs, hidden: Pairs | None) -> tuple[list[Integers], Integers, Doubles]:
        """Rank some queries.

        Args:
            rows: (B,) which queries, rising.
            pairs: Right answers: row of the block, rising, and item.
            hidden: What does not compete: row of the block, and position of the photo on the shelf.

        Returns:
            Rising ranks per query, (B, shown) gallery indices of the nearest (-1: none), and their similarities.

        Raises:
            ValueError: A vector holds nan, or is too long for its similarities to be told apart.
        """
        narrow = self._queries[rows[0] : rows[-1] + 1] if len(rows) == rows[-1] + 1 - rows[0] else self._queries[rows]
        block = Block(np.asarray(narrow), pairs, hidden, self._shown, self._tiles.photos)
        doubts = self._doubts(block)
        if self._single:
            block.keys, _ = self._exact(block, block.rows, block.items)
            block.settle(slice(0, len(rows)))
        elif len(self._bounds) > 1:
            for tile in (self._tiles.tile(*bounds) for bounds in self._bounds):
                for part in self._parts(block, tile):
                    self._pick(block, self._keys(block, part, tile), part, tile)
            block.settle(slice(0, len(rows)))
        for tile in (self._tiles.tile(*bounds) for bounds in self._bounds):
            for part in self._parts(block, tile):
                if self._single and self._sifted(block, part, tile, doubts[part]):
                    continue
                keys = self._keys(block, part, tile)
                if not self._single and len(self._bounds) == 1:
                    self._pick(block, keys, part, tile)
                    block.settle(part)
                self._weigh(block, keys, part, tile)
        return block.ranks(), *self._nearest(block)

    def _doubts(self, block: Block) -> Doubles:
        """(B,) how far a similarity in single precision may be from the one in double, and half a unit.

        Whatever the order of its sum, a product of D floats is off by at most γ·‖q‖·‖g‖ with γ = Du / (1 - Du), u the
        rounding of a float (Higham, Accuracy and Stability of Numerical Algorithms, 3.1).
        """
        norms = lengths(block.vectors)
        reach = float(np.max(norms, initial=0.0)) * self._longest
        if np.isnan(reach) or (reach * _UNIT + 2) * self._scale > 2.0**53:
            raise ValueError(f"vectors must be of unit length, without nan; similarities reach {reach:g}")
        spread_of_sums = block.vectors.shape[1] * _ROUNDING
        off = spread_of_sums / (1 - spread_of_sums) * norms * self._longest
        return np.asarray(off * 1.001 + 0.501 / _UNIT)

    def _parts(self, block: Block, tile: Tile) -> list[slice]:
        """The rows of a block, so many at a time as fit in the buffer beside a tile."""
        high = max(1, self._cells // max(1, len(tile.vectors)))
        count = len(block.vectors)
        return [slice(start, min(start + high, count)) for start in range(0, count, high)]

    def _similarity(self, block: Block, rows: slice, tile: Tile, dtype: npt.DTypeLike) -> Numbers:
        """(rows, items) similarities of the items' best photos; in units of the last decimal where in double."""
        vectors = tile.vectors.astype(dtype, copy=False)
        queries = (block.vectors if dtype == np.float64 else block.narrow)[rows]
        shape = (len(queries), len(vectors))
        found: Numbers = self._buffer.view(dtype)[: shape[0] * shape[1]].reshape(shape)
        if tile.starts is not None:
            # Photos of an item as rows: taking the best along columns is some fifty times as fast as along rows.
            found = found.reshape(shape[::-1]).T
        np.matmul(queries, vectors.T, out=found) if tile.starts is None else np.matmul(vectors, queries.T, out=found.T)
        if dtype == np.float64:
            np.multiply(found, _UNIT, out=found)
            np.rint(found, out=found)
        block.conceal(found, rows, tile)
        if tile.starts is None:
            return found
        return np.ascontiguousarray(np.maximum.reduceat(found.T, tile.starts, axis=0).T)

    def _keys(self, block: Block, rows: slice, tile: Tile) -> Doubles:
        keys = self._similarity(block, rows, tile, np.float64).astype(np.float64, copy=False)
        np.multiply(keys, self._scale, out=keys)
        np.subtract(keys, np.arange(tile.first, tile.last, dtype=np.float64), out=keys)
        return keys

    def _pick(self, block: Block, keys: Doubles, rows: slice, tile: Tile) -> None:
        which, row, column = block.answers(rows, tile)
        block.keys[which] = keys[row, column]

    def _weigh(self, block: Block, keys: Doubles, rows: slice, tile: Tile) -> None:
        """Nearest and counts from a tile of keys."""
        if self._shown:
            floor = block.best[rows, -1]
            if keys.shape[1] > self._shown and np.isneginf(floor).any():
                floor = np.maximum(floor, np.nextafter(_last_of(keys, self._shown), -np.inf))
            row, column = _places(np.greater(keys, floor[:, None], out=self._flags(keys)))
            block.offer(row + rows.start, keys[row, column])
        _, row, column = block.answers(rows, tile)
        keys[row, column] = -np.inf  # right answers are counted among themselves, by the keys they have
        block.weigh(keys, rows)

    def _sifted(self, block: Block, rows: slice, tile: Tile, doubts: Doubles) -> bool:
        """Nearest and counts from single precision; False, and nothing done, where too much lies in doubt."""
        similarity = self._similarity(block, rows, tile, np.float32)
        crowd = max(similarity.shape[1], similarity.size // _CROWD)
        near_row, near_column = np.zeros((2, 0), np.int64)
        if self._shown:
            floor = self._whole(block.best[rows, -1]) / _UNIT - doubts
            if similarity.shape[1] > self._shown and np.isneginf(floor).any():
                floor = np.maximum(floor, _last_of(similarity, self._shown) - 2 * doubts)
            flags = np.greater_equal(similarity, _below(floor)[:, None], out=self._flags(similarity))
            if np.count_nonzero(flags) > crowd:
                return False
            near_row, near_column = _places(flags)
        _, row, column = block.answers(rows, tile)
        similarity[row, column] = -np.inf
        ahead: list[Pairs] = []
        for place in range(block.slots(rows)):
            having, which = block.slot(rows, place)
            part = similarity if len(having) == len(similarity) else similarity[having]
            counts = self._ahead(block, part, having + rows.start, which, tile, crowd, doubts[having])
            if counts is None:
                return False
            ahead.append((which, counts))
        keys, _ = self._exact(block, near_row + rows.start, near_column + tile.first)
        block.offer(near_row + rows.start, keys)
        for which, counts in ahead:
            block.ahead[which] += counts
        return True

    def _ahead(
        self,
        block: Block,
        similarity: Numbers,
        rows: Integers,
        which: Integers,
        tile: Tile,
        crowd: int,
        doubts: Doubles,
    ) -> Integers | None:
        """(R,) how many items of a tile stand ahead of these right answers; None where too many lie in doubt."""
        keys = block.keys[which]
        middle = np.where(np.isneginf(keys), np.inf, self._whole(keys) / _UNIT)
        high, low = _above(middle + doubts)[:, None], _below(middle - doubts)[:, None]
        sure = counted(np.greater(similarity, high, out=self._flags(similarity)))
        most = counted(np.greater_equal(similarity, low, out=self._flags(similarity)))
        if int((most - sure).sum()) > crowd:
            return None
        open_rows = np.flatnonzero(most > sure)
        part = similarity[open_rows]
        row, column = _places((part >= low[open_rows]) & (part <= high[open_rows]))
        row = open_rows[row]
        exact, _ = self._exact(block, rows[row], column + tile.first)
        ahead = np.bincount(row[exact > keys[row]], minlength=len(rows))
        return np.asarray(sure + ahead, dtype=np.int64)

    def _exact(self, block: Block, rows: Integers, items: Integers) -> tuple[Doubles, Integers]:
        """(P,) key of each pair of row and item in double precision, and the position of the item's best photo."""
        keys, best = np.empty(len(rows)), np.empty(len(rows), np.int64)
        for start in range(0, len(rows), self._chunk):
            part = slice(start, start + self._chunk)
            first, last = self._tiles.of_items(items[part])
            pair, positions = spread(first, last)
            who = rows[part][pair]
            vectors = self._tiles.vectors(positions).astype(np.float64)
            found = np.rint(np.einsum("ij,ij->i", block.vectors[who], vectors) * _UNIT)
            hidden = block.concealed(who, positions)
            if hidden is not None:
                found[hidden] = -np.inf
            begin = np.cumsum(last - first) - (last - first)
            top = np.maximum.reduceat(found, begin)
            winners = np.flatnonzero(found == top[pair])
            best[part] = positions[winners[np.unique(pair[winners], return_index=True)[1]]]
            keys[part] = top * self._scale - items[part]
        return keys, best

    def _nearest(self, block: Block) -> tuple[Integers, Doubles]:
        """Gallery indices and similarities of the best keys."""
        whole = self._whole(block.best)
        row, column = np.nonzero(block.best > -np.inf)
        items = (whole[row, column] * self._scale - block.best[row, column]).astype(np.int64)
        positions = np.full(block.best.shape, -1, np.int64)
        positions[row, column] = self._exact(block, row, items)[1] if self._tiles.most > 1 else items
        return self._tiles.indices(positions), whole / _UNIT

    def _whole(self, keys: Doubles) -> Doubles:
        """The similarities of keys, in units of the last decimal."""
        return np.ceil(keys / self._scale)

    def _flags(self, like: Numbers) -> npt.NDArray[np.bool_]:
        return self._mask[: like.size].reshape(like.shape)


def _places(mask: npt.NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """Rows and columns of what is true; where that is little, far faster than `numpy.nonzero` of two dimensions."""
    row, column = np.divmod(np.flatnonzero(mask), max(1, mask.shape[1]))
    return row, column


def _last_of(values: Numbers, count: int) -> Doubles:
    """The count-th largest of each row."""
    return np.partition(values, values.shape[1] - count, axis=1)[:, values.shape[1] - count].astype(np.float64)


def _above(values: Doubles) -> npt.NDArray[np.float32]:
    return np.nextafter(values.astype(np.float32), np.float32(np.inf))


def _below(values: Doubles) -> npt.NDArray[np.float32]:
    return np.nextafter(values.astype(np.float32), np.float32(-np.inf))

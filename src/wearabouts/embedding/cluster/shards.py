"""A folder of shards: what a cluster made of photos, as Parquet files that anybody can read.

A shard is written under another name, synced and renamed; only then a line of the manifest names it, with its digest.
So whatever is in the manifest is whole, and what a kill left behind is not in it. Files from elsewhere are data: every
one is compared with its digest and its columns are checked before a row is believed; nothing is unpickled.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import os
import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from wearabouts.embedding.cluster.rows import Key, Row
from wearabouts.embedding.making import Made, Seen
from wearabouts.errors import StoreError
from wearabouts.stores.records import UNIT
from wearabouts.types import Box

FORMAT = 1
MANIFEST = "manifest.jsonl"
PART = ".part"
HELD = 8  # shards kept in memory: a run that goes on meets them in the order they were written
MAX_SHARD = 1 << 30  # bytes
MAX_LINE = 1 << 20  # bytes of the manifest's


@dataclass(frozen=True, slots=True)
class Shard:
    """One finished file, as the manifest names it."""

    file: str
    rows: int
    sha256: str
    keys: str  # base64 of a number a row: a run that goes on finds its rows without opening any file


class Shards:
    """The shards of one encoder; rows are found by address and view, and believed by the digest of the photo's bytes.

    Args:
        folder: Where they lie; made where it is not there.
        encoder_hash: Of the encoder.
        dim: Floats per vector.

    Raises:
        StoreError: The folder holds another encoder's shards, or something else, or cannot be written.
    """

    def __init__(self, folder: Path, encoder_hash: str, dim: int) -> None:
        self.folder, self.dim = folder, dim
        self.damaged: list[str] = []
        self._header = {"format": FORMAT, "encoder": encoder_hash, "dim": dim}
        self._frames: OrderedDict[int, pl.DataFrame | None] = OrderedDict()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.shards = self._opened()
        except OSError as error:
            raise StoreError(f"shards cannot be kept in {folder} ({error.strerror}); give another --shards") from error
        self._keys, self._places = self._indexed()

    def __len__(self) -> int:
        return sum(shard.rows for shard in self.shards)

    def find(self, key: Key) -> Row | None:
        """The row of a photo from an earlier run, or None; shards written since this was opened are not looked at."""
        number = _numbers([key])[0]
        start, stop = np.searchsorted(self._keys, number, "left"), np.searchsorted(self._keys, number, "right")
        for place in range(int(stop) - 1, int(start) - 1, -1):  # of two, the later one
            shard, row = (int(each) for each in self._places[place])
            frame = self._frame(shard)
            if frame is not None and row < frame.height:
                found = _row(frame.row(row, named=True))
                if found.key == key:
                    return found
        return None

    def append(self, rows: Sequence[Row]) -> int:
        """Write a shard; once this returns it survives whatever happens. Returns its number, for `read`."""
        number = len(self.shards)
        out = io.BytesIO()
        _frame(rows, self.dim).write_parquet(out, compression="uncompressed")  # thumbnails are JPEG, vectors noise
        data = out.getvalue()
        sha256 = hashlib.sha256(data).hexdigest()
        keys = base64.b64encode(_numbers([row.key for row in rows]).tobytes()).decode("ascii")
        shard = Shard(f"shard-{number:08d}-{sha256[:8]}.parquet", len(rows), sha256, keys)
        try:
            part = self.folder / (shard.file + PART)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.rename(self.folder / shard.file)
            self._sync_folder()
            self._append_line(asdict(shard))
        except OSError as error:
            raise StoreError(
                f"a shard cannot be written to {self.folder} ({error.strerror}); make room and run again: "
                "finished shards are kept"
            ) from error
        self.shards.append(shard)
        return number

    def read(self, number: int) -> list[Row]:
        """All rows of a shard.

        Raises:
            StoreError: It is damaged.
        """
        frame = self._frame(number)
        if frame is None:
            raise StoreError(f"shard {self.folder / self.shards[number].file} is damaged; run again to make it anew")
        return [_row(row) for row in frame.iter_rows(named=True)]

    def _opened(self) -> list[Shard]:
        """The manifest's shards, after clearing away what is in none; a manifest that was cut short ends earlier."""
        path = self.folder / MANIFEST
        if not path.exists():
            if any(self.folder.iterdir()):
                raise StoreError(f"{self.folder} holds other files than shards; give an empty folder as --shards")
            self._append_line(self._header)
            return []
        lines = list(self._lines(path))
        if not lines or lines[0] != self._header:
            raise StoreError(
                f"{self.folder} holds shards of {lines[0] if lines else 'nothing known'}, wanted are {self._header}; "
                "give another folder as --shards, or remove it"
            )
        shards = [Shard(**line) for line in lines[1:] if _sound(line)]
        named = {shard.file for shard in shards}
        for file in self.folder.glob("shard-*.parquet*"):
            if file.name not in named:
                file.unlink()
        return shards

    def _lines(self, path: Path) -> Iterator[dict[str, Any]]:
        """The manifest's lines that can be read; a last one that a kill cut short is cut off."""
        with path.open("r+b") as file:
            good = 0
            while line := file.readline(MAX_LINE):
                if not line.endswith(b"\n"):
                    file.truncate(good)
                    break
                good += len(line)
                with suppress(ValueError):
                    value = json.loads(line)
                    if isinstance(value, dict):
                        yield value

    def _append_line(self, value: dict[str, Any]) -> None:
        with (self.folder / MANIFEST).open("ab") as file:
            file.write(json.dumps(value, sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._sync_folder()

    def _sync_folder(self) -> None:
        if os.name == "posix":
            descriptor = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _indexed(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Sorted numbers of all keys, and the shard and row of each: 16 bytes a photo."""
        keys = [np.zeros(0, np.int64)]
        places = [np.zeros((0, 2), np.int32)]
        for number, shard in enumerate(self.shards):
            keys.append(np.frombuffer(base64.b64decode(shard.keys), np.int64))
            rows = np.arange(shard.rows, dtype=np.int32)
            places.append(np.stack([np.full_like(rows, number), rows], axis=1))
        numbers = np.concatenate(keys)
        order = np.argsort(numbers, kind="stable")
        return numbers[order], np.concatenate(places)[order]

    def _frame(self, number: int) -> pl.DataFrame | None:
        """A shard's rows; None where the file is damaged, which is remembered once."""
        if number not in self._frames:
            self._frames[number] = self._loaded(self.shards[number])
            if len(self._frames) > HELD:
                self._frames.popitem(last=False)
        self._frames.move_to_end(number)
        return self._frames[number]

    def _loaded(self, shard: Shard) -> pl.DataFrame | None:
        with suppress(OSError, ValueError, TypeError, RecursionError, pl.exceptions.PolarsError):
            path = self.folder / shard.file
            data = path.read_bytes() if path.stat().st_size <= MAX_SHARD else b""
            if hashlib.sha256(data).hexdigest() == shard.sha256:
                frame = pl.read_parquet(io.BytesIO(data))
                if frame.schema == _schema(self.dim) and frame.height == shard.rows and _holds(frame):
                    return frame
        if shard.file not in self.damaged:
            self.damaged.append(shard.file)
        return None


def _schema(dim: int) -> pl.Schema:
    return pl.Schema(
        {
            "uri": pl.String(),
            "part": pl.String(),
            "digest": pl.String(),
            "validators": pl.String(),
            "thumbnail": pl.Binary(),
            "vector": pl.Array(pl.Float32, dim),
            "garment": pl.String(),
            "seen": pl.String(),
            "evidence": pl.Binary(),
        }
    )


def _holds(frame: pl.DataFrame) -> bool:
    """Whether every row can be read, and its vector be stored."""
    if any(frame.null_count().row(0)):
        return False
    for part, *packed in frame.select("part", "validators", "seen").iter_rows():
        facts = [json.loads(text) for text in packed]
        if not all(isinstance(each, dict) and all(isinstance(text, str) for text in each.values()) for each in facts):
            return False
        _crop(part)
    lengths = np.linalg.norm(frame["vector"].to_numpy().astype(np.float64), axis=1)
    return bool((np.abs(lengths - 1) <= UNIT).all())


def _frame(rows: Sequence[Row], dim: int) -> pl.DataFrame:
    seen = [row.made.seen for row in rows if row.made is not None and row.made.seen is not None]
    vectors = np.stack([each.vector for each in seen])
    return pl.DataFrame(
        {
            "uri": [row.key.uri for row in rows],
            "part": [row.key.part for row in rows],
            "digest": [row.digest for row in rows],
            "validators": [json.dumps(dict(row.validators)) for row in rows],
            "thumbnail": [row.made.thumbnail for row in rows if row.made is not None],
            "vector": vectors,
            "garment": [each.garment for each in seen],
            "seen": [json.dumps(dict(each.seen)) for each in seen],
            "evidence": [each.evidence for each in seen],
        },
        schema=_schema(dim),
    )


def _row(values: dict[str, Any]) -> Row:
    vector = np.array(values["vector"], np.float32)
    seen = Seen(vector, values["garment"], json.loads(values["seen"]), values["evidence"])
    validators = json.loads(values["validators"])
    return Row(
        Key(values["uri"], _crop(values["part"])),
        "made",
        values["digest"],
        validators,
        Made("", values["thumbnail"], seen),
    )


def _crop(part: str) -> Box | None:
    return Box(*(float(number) for number in part.split(","))) if part else None


def _numbers(keys: Sequence[Key]) -> npt.NDArray[np.int64]:
    """A number a key; two keys may share one."""
    hashed = (hashlib.blake2b(f"{key.part} {key.uri}".encode("utf-8", "replace"), digest_size=8) for key in keys)
    return np.frombuffer(b"".join(each.digest() for each in hashed), np.int64)


def _sound(line: dict[str, Any]) -> bool:
    """Whether a line of the manifest names a shard that could be."""
    if set(line) != {"file", "rows", "sha256", "keys"} or type(line["rows"]) is not int:
        return False
    texts = (line["file"], line["sha256"], line["keys"])
    if not all(isinstance(text, str) for text in texts) or not re.fullmatch(
        r"shard-\d{8}-[0-9a-f]{8}\.parquet", texts[0]
    ):
        return False
    try:
        return len(base64.b64decode(line["keys"], validate=True)) == 8 * line["rows"]
    except binascii.Error:
        return False

"""Photos fitted for training, decoded once: bytes in a file below the run's folder, mapped into memory.

A run that was killed goes on decoding where it stopped; one that is started again decodes nothing. The file's name
follows from what was asked for and from the sizes and times of the photos' own files, so that other data is other
bytes.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from math import ceil, floor
from pathlib import Path

import numpy as np

from wearabouts.bundles import Preprocessing
from wearabouts.catalog import Fault, Faults, Photo
from wearabouts.errors import CatalogError, FetchError, ImageError
from wearabouts.fetch import Fetcher
from wearabouts.images import Picture, decode
from wearabouts.training import Progress
from wearabouts.types import LANDMARK_SLOTS, Box, Floats, Pixels

EDITION = 1  # goes up whenever the same photo would be fitted otherwise
MARGIN = 0.08  # of the box's width and height, on each side: a person never frames to the pixel
AT_ONCE = 64  # photos between two words of progress
THREADS = 2
THERE, LOST = 1, 2  # how far a photo is; 0: not yet looked at
SLOTS = len(LANDMARK_SLOTS)


@dataclass(frozen=True)
class Fitted:
    """What became of the photos asked for.

    Attributes:
        pixels: (K, S, S, 3) uint8, the photos that could be read, in order; a file mapped into memory, which is never
            written through it.
        landmarks: (K, 8, 3) float32: x, y as fractions of the square, and 1 where visible; nan where not annotated.
        kept: (N,) bool, which of the photos asked for they are.
    """

    pixels: Pixels
    landmarks: Floats
    kept: np.ndarray


def fitted(
    photos: Sequence[Photo], size: int | Preprocessing, *, crop: bool, folder: Path, faults: Faults, progress: Progress
) -> Fitted:
    """Read, cut and fit photos, or find them where they were fitted before.

    Args:
        photos: Which.
        size: Side of the square in pixels, or how another's network wants its photos.
        crop: Whether street photos are cut to their box.
        folder: Where the bytes are kept.
        faults: Where photos that cannot be read go; one that was lost stays lost until `folder` is deleted.
        progress: Called with what is being done, how much is done, and of how much.

    Raises:
        CatalogError: There is no room, or not one photo could be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fit = size if isinstance(size, Preprocessing) else Preprocessing(size=size)
    size, name = fit.size, _name(photos, fit, crop)
    shapes = {"pixels": (size, size, 3), "landmarks": (SLOTS, 3), "state": ()}
    with _alone(folder / f"{name}.lock"):
        _room(folder, name, len(photos) * size * size * 3)
        pixels, landmarks, state = (
            _mapped(folder / f"{name}.{part}", "r+", (len(photos), *shape)) for part, shape in shapes.items()
        )
        done = int(np.count_nonzero(state))
        place = int(np.count_nonzero(state == THERE))
        fetcher = Fetcher()

        def one(photo: Photo) -> tuple[Pixels, Floats] | Exception:
            try:
                return look(photo, fetcher, fit, crop=crop)
            except (FetchError, ImageError) as error:
                return error

        with ThreadPoolExecutor(THREADS) as pool:
            for number, seen in enumerate(_eagerly(pool, one, photos[done:]), done):
                if isinstance(seen, Exception):
                    faults.add(Fault(photos[number].uri, number + 1, "photo", str(seen), "photo"))
                    state[number] = LOST
                else:
                    pixels[place], landmarks[place] = seen
                    place, state[number] = place + 1, THERE
                if (number + 1) % AT_ONCE == 0 or number + 1 == len(photos):
                    progress("photos", number + 1, len(photos))
        kept = np.asarray(state == THERE)
    if not place:
        why = faults.kept[-1].reason if faults.kept else f"as before; delete {folder} to try again"
        raise CatalogError(f"none of {len(photos):,} photos could be read: {why}")
    read = [_mapped(folder / f"{name}.{part}", "c", (len(photos), *shapes[part])) for part in ("pixels", "landmarks")]
    return Fitted(read[0][:place], read[1][:place], kept)


def look(photo: Photo, fetcher: Fetcher, fit: Preprocessing, *, crop: bool) -> tuple[Pixels, Floats]:
    """One photo in its square, and its landmarks there.

    Raises:
        FetchError: Its bytes cannot be had.
        ImageError: They are no picture, or its box lies outside of it.
    """
    data = fetcher.fetch(photo.uri).data
    assert data is not None  # no validators were given, so nothing is left unread as unchanged
    box = photo.box if crop and photo.side == "street" else None
    picture = decode(data, target=0 if box else 2 * fit.size)
    pixels, seen = cut(picture, box)
    left, top, across, down = fit.placed(pixels.shape[1], pixels.shape[0])
    marks = np.full((SLOTS, 3), np.nan, np.float32)
    for slot, mark in enumerate(photo.landmarks):
        x, y = (mark.x - seen.left) / seen.width, (mark.y - seen.top) / seen.height
        inside = 0 <= x <= 1 and 0 <= y <= 1
        marks[slot] = ((left + x * across) / fit.size, (top + y * down) / fit.size, float(mark.visible and inside))
    return fit.apply(pixels), marks


def cut(picture: Picture, box: Box | None) -> tuple[Pixels, Box]:
    """The part of a picture that shows a box with a margin around it, and which part of the original that is.

    Args:
        picture: Decoded, maybe smaller than the original.
        box: In pixels of the upright original; None for the whole picture.

    Raises:
        ImageError: The box lies outside the picture.
    """
    width, height = picture.size
    if box is None:
        return picture.pixels, Box(0, 0, width, height)
    inside = box.clipped(width, height)
    if inside is None:
        raise ImageError(f"box {box} covers less than a pixel of the {width}x{height} photo; give one inside it")
    rows, columns = picture.pixels.shape[:2]
    across, down = columns / width, rows / height
    aside, above = MARGIN * inside.width, MARGIN * inside.height
    left, top = max(floor((inside.left - aside) * across), 0), max(floor((inside.top - above) * down), 0)
    right = min(ceil((inside.left + inside.width + aside) * across), columns)
    bottom = min(ceil((inside.top + inside.height + above) * down), rows)
    seen = Box(left / across, top / down, (right - left) / across, (bottom - top) / down)
    return picture.pixels[top:bottom, left:right], seen


def _eagerly(
    pool: ThreadPoolExecutor, work: Callable[[Photo], tuple[Pixels, Floats] | Exception], photos: Iterable[Photo]
) -> Iterator[tuple[Pixels, Floats] | Exception]:
    """Results in order, never more than `AT_ONCE` of them waiting: a map over everything would hold every photo."""
    rest = iter(photos)
    while part := list(islice(rest, AT_ONCE)):
        yield from pool.map(work, part)


def _name(photos: Sequence[Photo], fit: Preprocessing, crop: bool) -> str:
    digest = hashlib.blake2b(repr((EDITION, fit, crop, MARGIN)).encode(), digest_size=8)
    for photo in photos:
        try:
            stat = Path(photo.uri).stat()
            file = (stat.st_size, stat.st_mtime_ns)
        except (OSError, ValueError):  # an address, or not there: fetching it will tell
            file = (0, 0)
        digest.update(repr((photo.uri, photo.side, photo.box, photo.landmarks, file)).encode())
    return digest.hexdigest()


def _room(folder: Path, name: str, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if not (folder / f"{name}.pixels").exists() and wanted > free:
        raise CatalogError(
            f"the fitted photos need {wanted / 1e9:,.1f} GB in {folder}, where {free / 1e9:,.1f} GB are free; "
            "give --out a folder with more room, or a smaller [network] size"
        )


def _mapped(path: Path, mode: str, shape: tuple[int, ...]) -> np.ndarray:
    """A file as an array; one that is not there, or of another size, begins as zeros."""
    part = path.suffix[1:]
    dtype = np.dtype(np.float32 if part == "landmarks" else np.uint8)
    if not path.is_file() or path.stat().st_size != int(np.prod(shape)) * dtype.itemsize:
        mode = "w+"
    return np.asarray(np.memmap(path, dtype, mode=mode, shape=shape))  # type: ignore[call-overload]  # mode is a str


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time: the others of a training wait, and find the photos fitted."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

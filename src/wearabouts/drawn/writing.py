"""Writing a drawn shop to a folder, so that a broken run continues where it stopped."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from PIL import Image

from wearabouts.catalog import Product
from wearabouts.drawn import manifest
from wearabouts.drawn.shop import LONG_SIDE, SHOP_VIEWS, DrawnShop
from wearabouts.drawn.templates import Part
from wearabouts.errors import CatalogError, SettingsError, unknown

MANIFEST = "products.jsonl"
QUALITY = 88
EDITION = 3  # goes up whenever the same numbers draw another photo
Job = tuple[str, int, int, Part, int, tuple[str, ...], int, int]


def write(
    folder: str | Path,
    shop: DrawnShop,
    *,
    views: Sequence[str] = SHOP_VIEWS,
    street: int = 1,
    size: int = LONG_SIDE,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> Path:
    """Write a shop's photos as JPEG and its products as JSON lines.

    Each product's line is kept beside its photos once they are all on disk; run again, only what is missing is drawn.
    The manifest comes last and whole. Another shop (seed, part, views, size) in the same folder replaces what differs.

    Args:
        folder: Made if it does not exist.
        shop: What to draw.
        views: Shop photos of each product.
        street: Street photos of each product.
        size: Height of the photos in px.
        progress: Called with (products done, products in all).
        workers: Processes that draw.

    Returns:
        Path of the manifest, ``products.jsonl``.

    Raises:
        SettingsError: An unknown view, no view at all, or fewer than one worker.
        CatalogError: The folder cannot be written.
    """
    jobs = _jobs(Path(folder), shop, tuple(views), street, size, workers)
    target = Path(folder) / MANIFEST
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lines = []
        for done, line in enumerate(_drawn(jobs, workers), 1):
            lines.append(line)
            if progress is not None:
                progress(done, len(jobs))
        _settle(target, "".join(f"{line}\n" for line in lines).encode())
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise CatalogError(
            f"{folder} cannot be written ({reason}); give a folder with room that may be written"
        ) from problem
    return target


def _jobs(folder: Path, shop: DrawnShop, views: tuple[str, ...], street: int, size: int, workers: int) -> list[Job]:
    for view in views:
        if view not in SHOP_VIEWS:
            raise SettingsError(unknown("view", view, SHOP_VIEWS))
    if street < 0 or workers < 1 or not len(views) + street:
        raise SettingsError(
            f"views {views}, street {street}, workers {workers}: give at least one photo and one worker"
        )
    every = range(len(shop))
    return [(str(folder), shop.seed, shop.products, shop.part, index, views, street, size) for index in every]


def _drawn(jobs: Sequence[Job], workers: int) -> Iterator[str]:
    if workers == 1:
        yield from map(_draw_product, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_draw_product, jobs, chunksize=4)


def _draw_product(job: Job) -> str:
    """Draw one product's photos unless they are there; its line of the manifest."""
    folder, seed, products, part, index, views, street, size = job
    shop = DrawnShop(seed, products, part)
    product = shop.product(index, views, street)
    place = Path(folder) / "photos" / product.id
    stamp = hashlib.blake2b(
        repr((EDITION, seed, part, index, views, street, size)).encode(), digest_size=12
    ).hexdigest()
    kept = place / f"{stamp}.json"
    if kept.is_file() and all((Path(folder) / photo.uri).is_file() for photo in product.photos):
        line = kept.read_text(encoding="utf-8")
        if _is_whole(line, product):
            return line
    place.mkdir(parents=True, exist_ok=True)
    photos = []
    for photo in product.photos:
        picture = shop.render(index, photo.labels["view"], size)
        buffer = io.BytesIO()
        Image.fromarray(picture.pixels).save(buffer, "JPEG", quality=QUALITY, optimize=True)
        _settle(Path(folder) / photo.uri, buffer.getvalue())
        photos.append(replace(photo, box=picture.box, landmarks=picture.landmarks))
    line = manifest.written(replace(product, photos=tuple(photos)))
    _settle(kept, line.encode())
    return line


def _is_whole(line: str, product: Product) -> bool:
    try:
        return manifest.read_line(line).id == product.id
    except ValueError:
        return False


def _settle(path: Path, data: bytes) -> None:
    """Write under another name, make sure it is on disk, give it its name."""
    waiting = path.with_name(f".{path.name}.{os.getpid()}.part")
    with waiting.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    waiting.replace(path)

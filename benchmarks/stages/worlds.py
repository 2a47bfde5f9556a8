"""What the stages are measured on, and what curves are fitted on: queries, and galleries of one photo a product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.templates import Part
from wearabouts.drawn.writing import write
from wearabouts.evaluation.tasks import photograph_tasks, read_lines
from wearabouts.readers import open_catalog
from wearabouts.types import Box, Side

# Other shops than any recipe draws: recipes count their seeds from 0.
SHOPS: dict[str, tuple[int, Part]] = {"drawn": (9_001, "test"), "drawn calibration": (9_002, "calibrate")}
DRAWN, REAL = "drawn", "real"
PHOTOGRAPHS = ("grocery", "back view", "detail")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How large everything is.

    Attributes:
        products: Of the drawn shop that is measured.
        street: Street photos of each.
        calibrate: Products of the drawn shop that curves are fitted on.
        height: Of drawn photos in pixels.
        timed: Queries that each stage is timed with.
        resamples: Of the intervals.
        workers: Processes that draw.
    """

    products: int = 1_000
    street: int = 2
    calibrate: int = 600
    height: int = 400
    timed: int = 100
    resamples: int = 2_000
    workers: int = 2


FULL = Size()
TINY = Size(products=12, street=1, calibrate=12, height=96, timed=3, resamples=50, workers=1)


@dataclass(frozen=True, slots=True)
class Shown:
    """One photo: where it lies, the part that is seen, and what it shows."""

    path: Path
    truth: str
    crop: Box | None = None


@dataclass(frozen=True, slots=True)
class World:
    """Queries against a gallery of one photo a product.

    Attributes:
        name: Of the world.
        side: Of the queries.
        queries: Who asks.
        gallery: What is searched.
    """

    name: str
    side: Side
    queries: tuple[Shown, ...]
    gallery: tuple[Shown, ...]


def measured_worlds(folder: Path, data: Path | None, size: Size, say: Say) -> list[World]:
    """The drawn shop, and where there are real photographs, those that nothing was trained on."""
    worlds = [_drawn(folder, "drawn", size.products, size.street, size, say)]
    if data is not None:
        for task in photograph_tasks(data):
            if task.protocol.name in PHOTOGRAPHS:
                queries, gallery = (
                    tuple(Shown(shot.path, shot.truth) for shot in part) for part in (task.queries, task.gallery)
                )
                worlds.append(World(task.protocol.name, task.side, queries, gallery))
    return worlds


def calibration_worlds(folder: Path, data: Path | None, size: Size, say: Say) -> list[World]:
    """Items that neither the encoder nor a verifier was trained on, and that nothing is measured on."""
    worlds = [_drawn(folder, "drawn calibration", size.calibrate, 1, size, say)]
    if data is not None:
        worlds.append(_groceries(data))
    return worlds


def _drawn(folder: Path, name: str, products: int, street: int, size: Size, say: Say) -> World:
    seed, part = SHOPS[name]
    say(f"{name}: {products:,} products of part {part}, {street} street photos each")
    where = folder / name.replace(" ", "-")
    write(
        where, DrawnShop(seed, products, part), views=("front",), street=street, size=size.height, workers=size.workers
    )
    queries, gallery = [], []
    for product in open_catalog(where, reader="drawn").products():
        for photo in product.photos:
            worn = photo.side == "street"
            (queries if worn else gallery).append(Shown(Path(photo.uri), product.id, photo.box if worn else None))
    return World(name, "street", tuple(queries), tuple(gallery))


def _groceries(data: Path) -> World:
    """Phone photos of the groceries marked for calibration, against the shop pictures of all that are not for tests."""
    root = data / "grocery"
    split = {line["item_id"]: line["split"] for line in read_lines(root / "splits.csv")}
    lines = sorted(read_lines(root / "images.csv"), key=lambda line: line["path"])
    queries, gallery = (
        tuple(
            Shown(root / line["path"], line["item_id"])
            for line in lines
            if line["role"] == role and split.get(line["item_id"]) in splits
        )
        for role, splits in (("query", ("calibrate",)), ("gallery", ("calibrate", "train")))
    )
    return World("grocery calibration", "street", queries, gallery)

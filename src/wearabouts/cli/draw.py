"""`draw`: a drawn shop as a folder of photographs, to learn from and to measure on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from wearabouts.cli.options import whole_number
from wearabouts.cli.terminal import Progress, say


def draw(
    folder: Annotated[Path, typer.Argument(help="Where the shop is kept; a broken run goes on from there.")],
    products: Annotated[int, typer.Option(parser=whole_number, metavar="NUMBER", help="How many products.")] = 500,
    part: Annotated[
        str, typer.Option(help="Whose cuts, prints, people and scenes: train, calibrate or test; no two share any.")
    ] = "train",
    street: Annotated[
        int, typer.Option(parser=whole_number, metavar="NUMBER", help="Street photos of each product.")
    ] = 2,
    size: Annotated[
        int, typer.Option(parser=whole_number, metavar="PX", help="Height of the photos in pixels, 64 to 2,000.")
    ] = 256,
    seed: Annotated[int, typer.Option(parser=whole_number, metavar="NUMBER", help="Which shop.")] = 0,
    workers: Annotated[
        int, typer.Option(parser=whole_number, metavar="NUMBER", help="Processes that draw; 0 for one a core.")
    ] = 0,
) -> None:
    """Draw a fashion shop with boxes, landmarks and labels: front, back and street photos of each product."""
    from wearabouts.drawn.shop import DrawnShop
    from wearabouts.drawn.templates import PARTS
    from wearabouts.drawn.writing import write
    from wearabouts.errors import SettingsError, unknown

    if part not in PARTS:
        raise SettingsError(unknown("part", part, PARTS))
    shop = DrawnShop(seed, products, part)
    with Progress("products") as progress:
        write(
            folder,
            shop,
            views=("front", "back"),
            street=street,
            size=size,
            progress=lambda done, total: progress.update("drawing", done, total),
            workers=workers or min(8, os.cpu_count() or 1),
        )
    say(f"{len(shop):,} products with {len(shop) * (2 + street):,} photos in {folder}")

"""`demo`: a drawn shop to try everything on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from wearabouts.cli.options import whole_number
from wearabouts.cli.terminal import Progress, say

DEFAULT_FOLDER = Path("demo-shop")


def demo(
    products: Annotated[
        int, typer.Option(parser=whole_number, metavar="NUMBER", help="Products in the drawn shop.")
    ] = 500,
    folder: Annotated[
        Path, typer.Option(help="Where shop and store are kept, for a quick second start.")
    ] = DEFAULT_FOLDER,
    port: Annotated[
        int, typer.Option(parser=whole_number, metavar="NUMBER", help="Port of the page; 0 for any free one.")
    ] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Draw a fashion shop, index it, and open its page."""
    from wearabouts.demo import prepare, serve

    with Progress("done") as progress:
        shop = prepare(folder, products=products, workers=min(8, os.cpu_count() or 1), progress=progress.update)
    say(f"{shop.products:,} products with {shop.photos:,} photos in {folder}")
    serve(
        shop, port=port, browser=not no_browser, ready=lambda url: say(f"the shop is open at {url} · stop with Ctrl+C")
    )

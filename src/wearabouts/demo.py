"""The demo: a drawn fashion shop, indexed and served with one command. What a first run made, a second one finds."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from wearabouts.bundles import load
from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.writing import write
from wearabouts.embedding import index
from wearabouts.encoders import Encoder, OnnxEncoder
from wearabouts.errors import StoreError
from wearabouts.readers import open_catalog
from wearabouts.search import open_searcher
from wearabouts.server import ServerSettings, create_app, run
from wearabouts.stores import open_store

SEED = 11  # which shop: no recipe trains on the test part, whatever the seed
VIEWS = ("front", "back")
SAMPLES = 6  # street photos offered on the page, of things the shop sells
AWAY = 2  # and of things it does not sell: of another shop
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class Demo:
    """A shop that is ready to be opened.

    Attributes:
        store: Folder of its store.
        samples: Folder of street photos, named after what they show: some of its products, and, last by name, things
            that it does not sell.
        products: How many products the store holds.
        photos: How many photos the store holds.
    """

    store: Path
    samples: Path
    products: int
    photos: int


def prepare(
    folder: str | Path,
    *,
    products: int = 500,
    encoder: Encoder | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Demo:
    """Draw the shop, index it, and put street photos beside it.

    Args:
        folder: Where it is kept.
        products: How many products to draw.
        encoder: None for the shipped one.
        workers: Processes that draw.
        progress: Called with what is being done, how much is done, and of how much.

    Raises:
        SettingsError: products cannot be meant.
        StoreError: The store there is in use.
    """
    tell: Progress = progress or (lambda what, done, total: None)
    shop = DrawnShop(SEED, products, "test")
    encoder = encoder or OnnxEncoder(load("mini"))
    root = Path(folder)
    write(
        root / "shop",
        shop,
        views=VIEWS,
        street=0,
        progress=lambda done, total: tell("drawing products", done, total),
        workers=workers,
    )
    _draw_samples(root / "samples", shop, tell)
    store = open_store(
        root / "store",
        mode="write",
        encoder_hash=encoder.hash,
        dim=encoder.dim,
        rebuild=_by_another(root / "store", encoder),
    )
    try:
        # A smaller shop than last time is meant: whatever share of products goes, it may.
        summary = index(
            open_catalog(root / "shop", reader="drawn"),
            encoder,
            store,
            prune=True,
            prune_limit=1.0,
            progress=lambda now: tell("indexing photos", now.photos, now.total),
        )
    finally:
        store.close()
    return Demo(root / "store", root / "samples", summary.products, summary.photos)


def _by_another(store: Path, encoder: Encoder) -> bool:
    """Whether another encoder, such as that of an older version, filled the demo's store: it is then made anew."""
    try:
        opened = open_store(store)
    except StoreError:  # none yet, or damaged: opening it for writing tells
        return False
    try:
        return opened.encoder_hash != encoder.hash
    finally:
        opened.close()


def _draw_samples(folder: Path, shop: DrawnShop, tell: Progress) -> None:
    """Street photos of products spread over the shop, and over another, each in a file named after its product."""
    folder.mkdir(parents=True, exist_ok=True)
    other = DrawnShop(shop.seed + 1, len(shop), "test")
    chosen = {**_spread(shop, SAMPLES), **_spread(other, AWAY)}
    for old in folder.glob("*.jpg"):
        if old.stem not in chosen:
            old.unlink()
    for done, (name, (source, number)) in enumerate(chosen.items(), 1):
        path = folder / f"{name}.jpg"
        if not path.is_file():
            half = path.with_suffix(".part")
            Image.fromarray(source.render(number, "street-0").pixels).save(half, "JPEG", quality=88)
            half.replace(path)
        tell("drawing street photos", done, len(chosen))


def _spread(shop: DrawnShop, most: int) -> dict[str, tuple[DrawnShop, int]]:
    """Product id → shop and number of so many products at even distances."""
    count = min(most, len(shop))
    numbers = [place * len(shop) // count for place in range(count)]
    return {shop.spec(number).product_id: (shop, number) for number in numbers}


def serve(
    demo: Demo,
    *,
    port: int = 0,
    browser: bool = True,
    encoder: Encoder | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a prepared shop until stopped.

    Args:
        demo: What `prepare` gave.
        port: 0 for any free one.
        browser: Open the page there.
        encoder: The one it was prepared with; None for the shipped one.
        ready: Called with the address when the page answers.

    Raises:
        SettingsError: The port cannot be bound.
    """
    encoder = encoder or OnnxEncoder(load("mini"))
    settings = ServerSettings(port=port, name="Wearabouts demo", samples_folder=demo.samples)
    store = open_store(demo.store, encoder_hash=encoder.hash)

    def answered(url: str) -> None:
        if ready is not None:
            ready(url)
        if browser:
            # A browser that is slow to start must not keep the page from answering it.
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    try:
        run(create_app(open_searcher(encoder, store), store, settings), settings, ready=answered)
    finally:
        store.close()

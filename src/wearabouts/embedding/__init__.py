"""From a catalog to a filled store: fetch, decode, encode and write, each while the others work.

Running again is cheap and safe: a photo whose bytes are stored is not embedded again, a run that was stopped anywhere
goes on where it was, and what the store has acknowledged stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wearabouts.catalog import Catalog, Faults, Product
from wearabouts.embedding.cluster import Cluster
from wearabouts.embedding.crew import Crew, Threads
from wearabouts.embedding.halves import Halver, Halves
from wearabouts.embedding.line import Line
from wearabouts.embedding.making import Maker, decode_side
from wearabouts.embedding.photos import Fetches, Loader, gives_evidence, wanted
from wearabouts.embedding.pool import MOST, Growing, Processes, cores
from wearabouts.embedding.tally import Counted, IndexProgress, IndexSummary, Tally
from wearabouts.encoders import Encoder
from wearabouts.errors import SettingsError, StoreError, WearaboutsError
from wearabouts.fetch import Fetcher, FetchSettings
from wearabouts.stores import Store

__all__ = ["Cluster", "Halves", "IndexProgress", "IndexSummary", "decode_side", "index"]

LOST_ROWS = 0.1  # a feed that loses more of its rows than this is damaged: what it lacks may well still be sold
SMALL_STORE = 20  # products up to which a run may prune any share
DELETED_AT_ONCE = 500


def index(
    catalog: Catalog,
    encoder: Encoder,
    store: Store,
    *,
    fetcher: Fetches | None = None,
    prune: bool = False,
    prune_limit: float = 0.5,
    all_photos: bool = False,
    thumbnails: bool = True,
    halves: Halves | None = None,
    progress: Callable[[IndexProgress], None] | None = None,
    workers: int | None = None,
    processes: int | None = None,
    cluster: Cluster | None = None,
    batch: int = 16,
    faults: Faults | None = None,
) -> IndexSummary:
    """Bring a store up to date with a catalog.

    What is stored with the same bytes is not embedded again, unless the store is of a release that kept less of a
    photo than the encoder says of it; changed facts of a product are written without embedding.
    A photo that cannot be had or read is a fault and costs nothing else; where it is stored from before and only cannot
    be fetched now, it stays. A product without one good photo is a fault, too, and stays as it was stored.

    Args:
        catalog: Products and their photos. Photos kept as queries and customers' photos are left out.
        encoder: Makes the vectors; photos go to its shop side.
        store: Open for writing, filled by the same encoder.
        fetcher: The door to disk and network; None for one with default settings.
        prune: Remove products that the catalog no longer has. Only after a walk to the catalog's end, and not when it
            gave no product, lost more than a tenth of its rows, or would cost a store of more than 20 products more
            than `prune_limit` of them: such a catalog is more likely broken than meant. The summary then says so.
        prune_limit: Largest share of the stored products that one run may remove, in (0, 1]; 1 for any.
        all_photos: Also index customers' photos (cropped to their box where they have one) and photos kept as queries.
        thumbnails: Store a small copy (at most 512 px) of each photo.
        halves: A pair network whose half of each photo is kept as well (float16), so that the second stage need not
            compute it; photos that lack it get it from their stored vectors. None keeps none, and leaves those there.
        progress: Called after each product, in the calling thread.
        workers: Threads that fetch, and decode where there are no processes; None for two more than there are cores,
            at most 8.
        processes: Worker processes that decode and encode, one core each; a photo that kills one costs only itself.
            0 for threads of this process alone. None for threads at first and, once more than `pool.FEW` photos were
            to be embedded, one process a core, at most 16: a small job does not wait for their start.
        cluster: A Ray cluster that fetches, decodes and encodes in place of this machine; None for this machine alone.
        batch: Photos encoded at once, at least 1.
        faults: Where faults go; None for a new list.

    Returns:
        What was done. Running the same again embeds nothing.

    Raises:
        CatalogError: The catalog could not be read to its end; what it gave before is indexed.
        StoreError: The store was filled by another encoder, or cannot be written.
        SettingsError: workers, processes, batch or prune_limit cannot be meant, the pair network is in one piece, or
            the encoder cannot travel to the processes asked for.
    """
    workers = min(8, cores() + 2) if workers is None else workers
    if workers < 1 or batch < 1 or not 0 < prune_limit <= 1 or (processes or 0) < 0:
        given = f"workers {workers}, processes {processes}, batch {batch}, prune_limit {prune_limit}"
        raise SettingsError(
            f"{given}: workers and batch must be at least 1, processes at least 0, prune_limit in (0, 1]"
        )
    if store.encoder_hash != encoder.hash:
        raise StoreError(
            f"the store was filled by encoder {store.encoder_hash}, {encoder.name} is {encoder.hash}; "
            "index with the same encoder, or rebuild the store for this one"
        )
    halver = Halver(halves) if halves is not None else None
    if cluster is not None:
        crew: Crew = cluster.crew(
            encoder, store, all_photos=all_photos, thumbnails=thumbnails, held=2 * batch + workers
        )
    else:
        crew = _hired(encoder, fetcher or Fetcher(FetchSettings()), workers, processes)
    tally = Tally(catalog.source, faults if faults is not None else Faults())
    counted = Counted(catalog, lambda product: len(wanted(product, all_photos))) if progress else None

    def told() -> None:
        if progress is not None and counted is not None:
            progress(tally.progress(counted.total))

    loader = Loader(crew, thumbnails, gives_evidence(encoder))
    walk = _Walk(catalog, tally.faults, all_photos, remember=prune)
    line = Line(
        store, crew, loader, tally, workers=workers, batch=batch, all_photos=all_photos, halver=halver, told=told
    )
    try:
        line.run(walk.products())
    finally:
        crew.close()
        if counted is not None:
            counted.stop()
    if walk.broken is not None:
        raise walk.broken
    lost_rows = tally.faults.counts["product"] - tally.lost
    pruned, refused = _prune(store, walk.seen, lost_rows, prune_limit) if prune else (0, "")
    told()
    return tally.summary(pruned, refused)


def _hired(encoder: Encoder, fetcher: Fetches, workers: int, processes: int | None) -> Crew:
    """Who works on the photos."""
    if processes:
        return Processes(encoder, fetcher, processes=processes)
    threads = Threads(Maker(encoder), fetcher, decoding=workers)
    if processes == 0 or cores() == 1:
        return threads
    return Growing(threads, encoder, fetcher, processes=min(cores(), MOST))


class _Walk:
    """One walk over a catalog; where the catalog breaks, it ends early and says why: what it gave is still indexed."""

    def __init__(self, catalog: Catalog, faults: Faults, all_photos: bool, *, remember: bool) -> None:
        self.catalog, self.faults, self.all_photos, self.remember = catalog, faults, all_photos, remember
        self.seen: set[str] = set()
        self.broken: WearaboutsError | None = None

    def products(self) -> Iterator[Product]:
        try:
            for product in self.catalog.products(self.faults):
                if self.remember and wanted(product, self.all_photos):
                    self.seen.add(product.id)
                yield product
        except WearaboutsError as error:
            self.broken = error


def _prune(store: Store, seen: set[str], lost_rows: int, limit: float) -> tuple[int, str]:
    """Delete what the catalog no longer has, or say why not."""
    stored = list(store.products())
    gone = [product_id for product_id in stored if product_id not in seen]
    if not gone:
        return 0, ""
    if not seen:
        return 0, "nothing was pruned: the catalog gave no product; check the source"
    if lost_rows > LOST_ROWS * (lost_rows + len(seen)):
        return 0, (
            f"nothing was pruned: the catalog lost {lost_rows:,} rows beside {len(seen):,} good ones, which may "
            f"be among the {len(gone):,} products to remove; mend the source and run again"
        )
    if len(stored) > SMALL_STORE and len(gone) > limit * len(stored):
        return 0, (
            f"nothing was pruned: it would remove {len(gone):,} of {len(stored):,} products, more than {limit:.0%}; "
            "check the source, or allow more"
        )
    return sum(store.delete(gone[at : at + DELETED_AT_ONCE]) for at in range(0, len(gone), DELETED_AT_ONCE)), ""

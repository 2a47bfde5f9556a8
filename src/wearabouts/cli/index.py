"""`index`: a feed, table or folder into the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wearabouts.cli.faults import show_faults, write_faults
from wearabouts.cli.options import (
    DEFAULT_STORE,
    ColumnsOption,
    FaultsOption,
    JsonOption,
    ModelOption,
    ReaderOption,
    StoreOption,
    WordsOption,
    load_encoder,
    reader_options,
    whole_number,
)
from wearabouts.cli.terminal import Progress, say, show_json

if TYPE_CHECKING:
    from wearabouts.embedding import Cluster, Halves, IndexSummary
    from wearabouts.encoders import Encoder
    from wearabouts.fetch import FetchSettings

SHARDS = Path("wearabouts-shards")  # where the store is no folder that they could lie beside


def index(
    source: Annotated[str, typer.Argument(help="Feed, table or folder.")],
    store: StoreOption = DEFAULT_STORE,
    reader: ReaderOption = None,
    model: ModelOption = "mini",
    prune: Annotated[bool, typer.Option("--prune", help="Remove products that are no longer in the source.")] = False,
    prune_limit: Annotated[float, typer.Option(help="Largest share of the store that --prune may remove.")] = 0.5,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Empty the store first, for another model.")] = False,
    all_photos: Annotated[bool, typer.Option("--all-photos", help="Also index street photos.")] = False,
    no_thumbnails: Annotated[bool, typer.Option("--no-thumbnails", help="Keep no small copies of photos.")] = False,
    halves: Annotated[
        bool,
        typer.Option("--halves", help="Also keep the pair network's half of each photo, for a faster second stage."),
    ] = False,
    columns: ColumnsOption = None,
    words: WordsOption = None,
    allow_private_addresses: Annotated[
        bool, typer.Option("--allow-private-addresses", help="Also fetch photos from this network.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            parser=whole_number,
            metavar="NUMBER",
            help="Processes that decode and encode; 0 for threads alone. By default one a core once the job is large.",
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray", metavar="ADDRESS", help="Embed on a Ray cluster: `auto`, or HOST:PORT (docs/cluster.md)."
        ),
    ] = None,
    shards: Annotated[
        Path | None,
        typer.Option("--shards", help="Folder for what the cluster made; by default STORE-shards."),
    ] = None,
    faults: FaultsOption = None,
    json: JsonOption = False,
) -> None:
    """Index a catalog. Run again, it embeds only what changed, and goes on where it was stopped."""
    from wearabouts import embedding
    from wearabouts.fetch import Fetcher, FetchSettings
    from wearabouts.readers import open_catalog
    from wearabouts.stores import open_store

    options = reader_options(columns, words, reader=reader, source=source)
    catalog = open_catalog(source, reader=reader, **options)
    for note in catalog.notes:
        say(note, err=True)
    encoder = load_encoder(model)
    network = _network(encoder) if halves else None
    fetching = FetchSettings(allow_private=allow_private_addresses)
    cluster = _cluster(ray, shards, store, fetching)
    opened = open_store(store, mode="write", encoder_hash=encoder.hash, dim=encoder.dim, rebuild=rebuild)
    try:
        with Progress("photos", quiet=json) as progress:
            summary = embedding.index(
                catalog,
                encoder,
                opened,
                fetcher=Fetcher(fetching),
                prune=prune,
                prune_limit=prune_limit,
                all_photos=all_photos,
                thumbnails=not no_thumbnails,
                halves=network,
                processes=workers,
                cluster=cluster,
                progress=lambda now: progress.update("indexing", now.photos, now.total),
            )
        with Progress("", quiet=json) as progress:
            opened.settle(lambda done: progress.update("making the index", round(100 * done), 100))
    finally:
        opened.close()
    if faults is not None:
        write_faults(summary.faults, faults)
    if json:
        show_json(_plain(summary, store))
    else:
        _show(summary, store)


def _network(encoder: Encoder) -> Halves:
    """The pair network of an encoder's bundle.

    Raises:
        SettingsError: The model is no bundle.
        BundleError: The bundle has no pair network.
    """
    from wearabouts.encoders import OnnxEncoder
    from wearabouts.errors import SettingsError
    from wearabouts.verifiers import PairVerifier

    if not isinstance(encoder, OnnxEncoder):
        raise SettingsError(
            f"--halves needs a model with a pair network, and {encoder.name} is no bundle; leave it out"
        )
    return PairVerifier(encoder.bundle)


def _cluster(ray: str | None, shards: Path | None, store: str, fetching: FetchSettings) -> Cluster | None:
    """The cluster asked for, its shards beside the store unless a folder is named.

    Raises:
        SettingsError: Shards without a cluster.
    """
    from wearabouts.embedding import Cluster
    from wearabouts.errors import SettingsError

    if ray is None:
        if shards is not None:
            raise SettingsError(f"--shards {shards} is for a cluster; give --ray auto as well, or leave it out")
        return None
    beside = SHARDS if "://" in store else Path(f"{store}-shards")
    return Cluster(ray, shards or beside, settings=fetching)


def _plain(summary: IndexSummary, store: str) -> dict[str, Any]:
    from wearabouts.types import as_dict

    faults = {"counts": summary.faults.counts, "kept": summary.faults.kept}
    plain: dict[str, Any] = as_dict({"store": str(store), **as_dict(summary), "faults": faults})
    return plain


def _show(summary: IndexSummary, store: str) -> None:
    show_faults(summary.faults)
    say(
        f"{store}: {summary.products:,} products with {summary.photos:,} photos; {summary.embedded:,} embedded, "
        f"{summary.reused:,} known from another photo, {summary.unchanged:,} unchanged, {summary.pruned:,} products "
        f"pruned; {summary.seconds:.1f} s, {summary.photos_per_second:,.0f} photos/s"
    )
    if summary.prune_refused:
        say(f"note: {summary.prune_refused} (--prune-limit)")

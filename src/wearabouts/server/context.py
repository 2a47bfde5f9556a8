"""What every route shares, and the checks that run before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from wearabouts.fetch import Fetcher, FetchSettings
from wearabouts.search import Searcher
from wearabouts.server.intake import Intake
from wearabouts.server.limits import Gate, TokenBuckets
from wearabouts.server.metrics import Metrics
from wearabouts.server.samples import Samples
from wearabouts.server.security import ThumbnailSigner, client_name, require_admin, require_search
from wearabouts.server.settings import ServerSettings
from wearabouts.stores import Store

WRITERS = 2  # more would take the cores from searches


@dataclass(frozen=True, slots=True)
class Context:
    """One server's parts.

    Attributes:
        searches: Threads for decoding and inference.
        reads: Threads for the store, so that thumbnails never wait behind searches.
        writes: Threads that decode, encode and write; what they write at the same time is committed together.
        fetches: Threads that wait for other people's servers, so that nothing else waits for those.
    """

    searcher: Searcher
    store: Store
    settings: ServerSettings
    metrics: Metrics
    intake: Intake
    searches: Gate
    reads: Gate
    writes: Gate
    fetches: Gate
    search_buckets: TokenBuckets
    read_buckets: TokenBuckets
    signer: ThumbnailSigner
    samples: Samples
    fetcher: Fetcher

    @classmethod
    def build(cls, searcher: Searcher, store: Store, settings: ServerSettings) -> Context:
        """Make the parts that follow from the settings."""
        context = cls(
            searcher=searcher,
            store=store,
            settings=settings,
            metrics=Metrics(),
            intake=Intake(settings),
            searches=Gate("search", settings.search_threads, settings.search_queue, settings.search_seconds),
            reads=Gate("read", 4, 256, settings.search_seconds),
            writes=Gate("write", WRITERS, 8, settings.search_seconds * 4),
            fetches=Gate("fetch", 4, 16, settings.search_seconds),
            search_buckets=TokenBuckets(settings.searches_per_minute),
            read_buckets=TokenBuckets(settings.reads_per_minute),
            signer=ThumbnailSigner(settings.search_keys),
            samples=Samples(settings.samples_folder),
            fetcher=Fetcher(FetchSettings()),
        )
        context.metrics.watch(lambda: context.searches.busy)
        context.metrics.watch_store(store.vitals)
        return context

    def close(self) -> None:
        """Stop the threads; what runs comes to its end."""
        for gate in (self.searches, self.reads, self.writes, self.fetches):
            gate.close()


def context(request: Request) -> Context:
    """The parts of the server that answers this request."""
    return cast(Context, request.app.state.context)


Shared = Annotated[Context, Depends(context)]


async def may_search(request: Request, shared: Shared) -> None:
    """Count a search against the client's rate, then ask for a search key: guessing keys costs tokens, too."""
    shared.search_buckets.take(client_name(request))
    require_search(request, shared.settings)


async def may_read(request: Request, shared: Shared) -> None:
    """The same for requests that cost little."""
    shared.read_buckets.take(client_name(request))
    require_search(request, shared.settings)


async def may_write(request: Request, shared: Shared) -> None:
    """The same for requests that change products."""
    shared.search_buckets.take(client_name(request))
    require_admin(request, shared.settings)


async def counted(request: Request, shared: Shared) -> None:
    """Count a request that needs no key, or checks it itself."""
    shared.read_buckets.take(client_name(request))

"""Embedding on a Ray cluster: photos → vectors as Parquet shards, and from the shards into the store.

The cluster embeds; the one process that runs the command plans, keeps the shards and writes the store, through the same
line as always. A worker or node that dies loses nothing: its task is done again elsewhere. The command itself may die,
too: run again, it takes what the finished shards hold wherever a photo's bytes are still the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from wearabouts.embedding.cluster.work import Team, versions
from wearabouts.embedding.photos import gives_evidence
from wearabouts.encoders import Encoder
from wearabouts.errors import SettingsError
from wearabouts.fetch import FetchSettings
from wearabouts.stores import Store

if TYPE_CHECKING:
    from wearabouts.embedding.cluster.crew import Remote

__all__ = ["Cluster"]

MOST_EACH = 4_096


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where and how to embed.

    Attributes:
        address: ``auto`` for the cluster this machine is in, or ``HOST:PORT``. Everybody in a Ray cluster may run code
            on all of it: it belongs into a network one trusts.
        shards: Folder for the shards. Only this machine needs to see it.
        each: Photos a task and a shard, 1 to 4,096: what a lost node costs at most, times its processors.
        settings: How workers fetch; the manners towards a host hold for each worker by itself.
    """

    address: str
    shards: Path
    each: int = 64
    settings: FetchSettings = field(default_factory=FetchSettings)

    def crew(self, encoder: Encoder, store: Store, *, all_photos: bool, thumbnails: bool, held: int) -> Remote:
        """Join the cluster for one run; see `Remote`.

        Raises:
            SettingsError: ray is not installed, no cluster is there, or the encoder cannot travel.
            StoreError: The folder holds another encoder's shards, or cannot be written.
        """
        from wearabouts.embedding.cluster.crew import Remote
        from wearabouts.embedding.cluster.job import Job
        from wearabouts.embedding.cluster.shards import Shards

        if not 1 <= self.each <= MOST_EACH:
            raise SettingsError(f"{self.each} photos a task are not allowed; give 1 to {MOST_EACH:,}")
        shards = Shards(self.shards, encoder.hash, encoder.dim)
        job = Job(self.address, encoder, Team(uuid4().hex, encoder.hash, self.settings, versions()))
        return Remote(
            job,
            shards,
            store,
            all_photos=all_photos,
            thumbnails=thumbnails,
            evidence=gives_evidence(encoder),
            each=self.each,
            held=held,
        )

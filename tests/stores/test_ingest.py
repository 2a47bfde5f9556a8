"""The same feed, in any order, with repetitions and kills, makes the same store."""

from __future__ import annotations

from torture import ingest
from torture.ground import ground

REPLAYS = 5


def test_a_feed_filled_in_any_order_with_kills_makes_one_store():
    with ground() as folder:
        outcome = ingest.batch(folder, REPLAYS)
    assert outcome.problems == []
    assert outcome.replays == REPLAYS
    assert outcome.kills >= REPLAYS
    assert len(outcome.digests) == 1
    assert outcome.written < 2.2 * REPLAYS * ingest.PRODUCTS

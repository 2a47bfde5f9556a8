"""A bit that flips or a file that is cut is found, or changes no answer and no row."""

from __future__ import annotations

from torture import flips
from torture.ground import ground

HARMS = 150


def test_every_flipped_bit_and_cut_file_is_found_or_changes_nothing():
    with ground() as folder:
        outcome = flips.batch(folder, HARMS)
    assert outcome.problems == []
    assert sum(outcome.classes.values()) == HARMS
    kinds = {kind for kind, _, _ in outcome.classes}
    assert {"store.db", "store.db-wal", "index", "acknowledged", "writer.lock", "backup: backup.db"} <= kinds
    came = {came for _, _, came in outcome.classes}
    assert {"error", "found", "harmless"} <= came
    # What derived files hold is proven before it is used; a backup, before it is restored.
    assert not any(came == "named" for kind, _, came in outcome.classes if kind == "index" or kind.startswith("backup"))

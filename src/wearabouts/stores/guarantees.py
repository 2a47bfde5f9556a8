"""What each engine guarantees, in words: docs/milvus.md shows this table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Guarantees:
    """One engine's answers.

    Attributes:
        atomic: What changes at one moment.
        own_writes: When a client's own writes show in what it reads.
        others_writes: When those of another client do.
        durable: What an acknowledged write survives.
        killed_writer: What a writer that is killed leaves.
        exact: Which searches compare with every vector.
        ties: In which order equal photos stand.
        writers: How many may write.
    """

    atomic: str
    own_writes: str
    others_writes: str
    durable: str
    killed_writer: str
    exact: str
    ties: str
    writers: str


_BY_ID: Final = "by photo id"
_OLD_OR_NEW: Final = "each product old or new; rows no reader sees, which check --repair removes after ten minutes"

GUARANTEES: Final[Mapping[str, Guarantees]] = {
    "embedded": Guarantees(
        atomic="all of a call",
        own_writes="at once",
        others_writes="within a second; at once after refresh()",
        durable="kill -9 and loss of power",
        killed_writer="all of the call, or nothing",
        exact="a small store's; any with --exact",
        ties=_BY_ID,
        writers="one; others are refused",
    ),
    "milvus": Guarantees(
        atomic="each product; all of a call up to 4 MiB of facts",
        own_writes="at once",
        others_writes="with the server's next tick (0.2 s); at once after refresh() or with consistency=strong",
        durable="kill -9 of client and server; loss of power as the server's log does (see below)",
        killed_writer=_OLD_OR_NEW,
        exact="index=flat; any with --exact",
        ties=f"{_BY_ID}, among up to 16,384 candidates; beyond them everything is read",
        writers="several; of one product the last counts",
    ),
    "milvus-lite": Guarantees(
        atomic="each product; all of a call up to 4 MiB of facts",
        own_writes="at once",
        others_writes="one process at a time",
        durable="kill -9",
        killed_writer=_OLD_OR_NEW,
        exact="index=flat, which is the default; any with --exact",
        ties=f"{_BY_ID}, as in a server",
        writers="one process",
    ),
}

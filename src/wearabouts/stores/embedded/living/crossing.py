"""What goes on while a process goes over to another base, so that none of its searches is held up by it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from wearabouts.stores.embedded.generations.generation import Base
from wearabouts.stores.embedded.generations.segment import Damaged
from wearabouts.stores.embedded.living.chores import Rests

AHEAD: Final = 2**34  # bytes of a base that are proven before it is searched
HEAVY: Final = 2**26  # bytes of vectors whose file takes long to give back
LINGER: Final = 0.2  # seconds after which no search looks at a former view any more
SHARE: Final = 0.5  # of one core
EVERY: Final = 0.15  # seconds between two looks meanwhile


def looking(look: Callable[[], object]) -> Callable[[], None]:
    """Something to call between small steps: it rests, and looks now and then what is written meanwhile."""
    rests, looked = Rests(threading.Event(), SHARE), time.monotonic()

    def between() -> None:
        nonlocal looked
        rests.take()
        if time.monotonic() - looked > EVERY:
            look()
            looked = time.monotonic()

    return between


def fault(base: Base, between: Callable[[], None]) -> str | None:
    """Prove a base before any search touches it, which would pay for that; says what is wrong with it.

    Args:
        base: Opened, and not searched yet.
        between: Called after each block; may sleep, and what it raises stops.
    """
    try:
        base.segment.scrub(between, AHEAD)
    except Damaged as damage:
        return damage.reason
    except OSError as error:
        return str(error)
    return None


def linger(base: Base | None) -> None:
    """Wait until no search looks at a former base any more: whoever lets go of it last gives back its file."""
    if base is not None and base.vectors.nbytes >= HEAVY:
        time.sleep(LINGER)

"""Tasks on a Ray cluster: sent off, watched, sent again where a node is lost, photo by photo where a worker dies.

`ray` is imported when a job begins, never before. Every answer a cluster owes is either a row or a named problem.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt

from wearabouts.embedding.cluster.rows import Row, Want
from wearabouts.embedding.cluster.work import Hand, Team
from wearabouts.embedding.making import SHOWN_URI
from wearabouts.embedding.worker import packed
from wearabouts.encoders import Encoder
from wearabouts.errors import SettingsError, WearaboutsError

TRIES = 4  # of one task: so many nodes or workers may be lost under it before its photos go one by one
EACH = 2  # tasks a processor: one in hand, and the next one at once after it
PATIENCE = 60.0  # seconds without any processor in the cluster
LOOK = 1.0  # seconds between two looks at the cluster

_hands: dict[Team, Hand] = {}  # of this worker process: one at most, for it serves one run


def _embed(recipe: npt.NDArray[np.uint8], team: Team, wants: Sequence[Want]) -> list[Row]:
    """The task. The encoder comes as an array, which Ray maps and does not copy; it is built once a run."""
    if team not in _hands:
        _hands.clear()
        _hands[team] = Hand(recipe.tobytes(), team)
    return _hands[team].answer(wants)


def _unseen(path: str) -> bool:
    return not Path(path).exists()


class Job:
    """The cluster at work for one run.

    Args:
        address: Of the cluster; ``auto`` for the one this machine is in.
        encoder: Sent to each worker process once.
        team: What all workers share.

    Raises:
        SettingsError: ray is not installed, no cluster is there, or the encoder cannot travel.
    """

    def __init__(self, address: str, encoder: Encoder, team: Team) -> None:
        recipe = packed(encoder)
        self._ray = _ray()
        self._ours = not self._ray.is_initialized()
        if self._ours:
            _connect(self._ray, address)
        self._team = team
        self._recipe = self._ray.put(np.frombuffer(recipe, np.uint8))
        self._task = self._ray.remote(num_cpus=1, max_retries=TRIES - 1)(_embed)
        self._lone = self._ray.remote(num_cpus=1, max_retries=1)(_embed)

    @property
    def most(self) -> int:
        """Tasks that may be under way at once, as the cluster is now."""
        return EACH * max(1, self._processors()) + EACH

    def check_paths(self, path: str) -> None:
        """See that every node reads the photos where this machine does.

        Raises:
            SettingsError: One does not.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        look = self._ray.remote(num_cpus=0)(_unseen)
        nodes = [node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        asked = [
            look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=True)).remote(path)
            for node in nodes
        ]
        blind = [node["NodeManagerHostname"] for node, unseen in zip(nodes, self._got(asked), strict=True) if unseen]
        if blind and Path(path).exists():
            raise SettingsError(
                f"{path[:SHOWN_URI]} is on this machine but not on node {blind[0]} of the cluster; "
                "put the photos on a folder that all nodes share, under the same path, or give http addresses"
            )

    def send(self, wants: Sequence[Want]) -> Any:
        """Have photos made; the reference is for `wait` and `rows`."""
        return self._task.remote(self._recipe, self._team, list(wants))

    def wait(self, under_way: Sequence[Any]) -> list[Any]:
        """Those of the references that are done, at least one.

        Raises:
            SettingsError: The cluster has had no processor for a minute, or is gone.
        """
        since = monotonic()
        while True:
            done, _ = self._guarded(self._ray.wait, list(under_way), num_returns=1, timeout=LOOK)
            if done:
                done, _ = self._guarded(self._ray.wait, list(under_way), num_returns=len(under_way), timeout=0)
                return list(done)
            if self._processors():
                since = monotonic()
            elif monotonic() - since > PATIENCE:
                raise SettingsError(
                    f"the cluster has had no processor for {PATIENCE:.0f} seconds; start nodes and run again: "
                    "what is finished is kept"
                )

    def rows(self, reference: Any, wants: Sequence[Want]) -> list[Row]:
        """The rows of a task that is done; where its workers died, again and photo by photo.

        Raises:
            WearaboutsError: What a worker could not do at all, such as run the encoder.
        """
        try:
            rows: list[Row] = self._guarded(self._ray.get, reference)
            return rows
        except _lost(self._ray) as error:
            if len(wants) == 1:
                return [_buried(wants[0], error)]
        singles = [self._lone.remote(self._recipe, self._team, [want]) for want in wants]
        return [self._single(single, want) for single, want in zip(singles, wants, strict=True)]

    def _single(self, reference: Any, want: Want) -> Row:
        try:
            (row,) = self._guarded(self._ray.get, reference)
            return row  # type: ignore[no-any-return]  # ray has no types for what a task gives
        except _lost(self._ray) as error:
            return _buried(want, error)

    def close(self, under_way: Sequence[Any] = ()) -> None:
        """Leave the cluster; what is under way there is dropped."""
        for reference in under_way:
            with suppress(self._ray.exceptions.RayError, ValueError, TypeError):  # it may be done, or the cluster gone
                self._ray.cancel(reference)
        if self._ours:
            self._ray.shutdown()

    def _processors(self) -> int:
        return int(self._guarded(self._ray.cluster_resources).get("CPU", 0))

    def _got(self, references: Sequence[Any]) -> list[Any]:
        return list(self._guarded(self._ray.get, list(references)))

    def _guarded(self, call: Any, *args: Any, **options: Any) -> Any:
        """A call of Ray's, its errors worded."""
        errors = self._ray.exceptions
        try:
            return call(*args, **options)
        except _lost(self._ray):
            raise
        except errors.RayTaskError as error:
            cause = getattr(error, "cause", None)
            raise cause if isinstance(cause, WearaboutsError) else error from None
        except (errors.RayError, ConnectionError) as error:
            raise SettingsError(
                f"the Ray cluster is out of reach ({type(error).__name__}: {_first(error)}); "
                "start it and run again: what is finished is kept"
            ) from error


def _ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise SettingsError(
            "indexing on a cluster needs ray, which is not installed: pip install 'wearabouts[cluster]'"
        ) from error
    return ray


def _connect(ray: Any, address: str) -> None:
    if address.startswith("ray://"):
        raise SettingsError(
            f"--ray {address} is not allowed; run on a node of the cluster, with --ray auto, or give HOST:PORT"
        )
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # ConnectionError, RuntimeError, ValueError, … by what is wrong with the address
        raise SettingsError(
            f"no Ray cluster at {address!r} ({_first(error)}); start one with `ray start --head`, or give HOST:PORT"
        ) from error


def _lost(ray: Any) -> tuple[type[Exception], ...]:
    """What is raised where a worker or its node died under a task more often than it is tried."""
    names = (
        "WorkerCrashedError", "NodeDiedError", "OutOfMemoryError", "ObjectLostError", "ObjectReconstructionFailedError",
        "LocalRayletDiedError",
    )  # fmt: skip
    return tuple(getattr(ray.exceptions, name) for name in names if hasattr(ray.exceptions, name))


def _buried(want: Want, error: Exception) -> Row:
    problem = (
        f"{want.key.uri[:SHOWN_URI]}: the worker that made it died twice ({type(error).__name__}); look at the photo"
    )
    return Row(want.key, "lost", problem=problem)


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]

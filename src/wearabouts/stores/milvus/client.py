"""The way to the server: one client, bounded waits, errors that say what to do.

The client's package is imported when a connection is made, so that nothing else pays for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from wearabouts.errors import StoreError
from wearabouts.stores.milvus.address import TOKEN, Address
from wearabouts.stores.records import AwayError as AwayError

ASKED: Final = 1_000  # keys in one question
MESSAGE: Final = 4 * 2**20  # bytes of rows in one request; servers refuse 64 MiB, message queues less
ROWS: Final = 2_000  # rows in one request
CALL: Final = 15.0  # seconds one request may take
WAITED: Final = 120.0  # seconds for which a server that answers may load a collection
PAUSES: Final = (0.05, 2.0)  # seconds before the first attempt again, and at most
# What passes by itself, of Milvus's own codes: not ready, unavailable, too many requests, not (yet) loaded,
# recovering, a channel or node that is moving.
_PASSING: Final = frozenset({1, 2, 8, 9, 101, 106, 502, 503, 504, 901, 902})
_WORDS: Final = ("unavailable", "not ready", "not loaded", "recover", "connect", "deadline", "no available", "timeout")

Row = dict[str, Any]
Result = TypeVar("Result")


class Connection:
    """One client of one server or file; threads may share it.

    Raises:
        StoreError: The package is not installed, or the server is away for longer than the address's patience.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self.package = _package(address)
        self._strong = address.consistency == "strong"
        self._seen = 0
        self._client: Any = self.call("connecting", self._connected)
        self.catch_up()

    def _connected(self, _: Any = None) -> Any:
        token = {} if self.address.lite or not self.address.token else {"token": self.address.token}
        wait = min(CALL, max(self.address.patience, 1))
        return self.package.MilvusClient(self.address.uri, timeout=wait, **token)

    def call(self, doing: str, operation: Callable[[Any], Result], *, patient: bool = True) -> Result:
        """Run something on the client, again and again while the server is away.

        Args:
            doing: What for, in the words of an error message.
            operation: Given the client. It must be harmless to repeat, where `patient`.
            patient: Whether to try again.

        Raises:
            AwayError: The server was away all the time.
            StoreError: It refused.
        """
        end = time.monotonic() + self.address.patience
        pause, most = PAUSES
        while True:
            try:
                return operation(getattr(self, "_client", None))
            except Exception as error:
                if not self._is_passing(error):
                    raise self._told(doing, error) from error
                if not patient or time.monotonic() + pause > end:
                    raise self._away(doing, error) from error
            time.sleep(pause)
            pause = min(2 * pause, most)

    def wait(self, doing: str, done: Callable[[Any], bool]) -> None:
        """Ask until something is so; a server that answers is given time.

        Raises:
            StoreError: It is not so after a while.
        """
        end = time.monotonic() + max(self.address.patience, WAITED)
        pause, most = PAUSES
        while not self.call(doing, done):
            if time.monotonic() > end:
                raise StoreError(
                    f"{self.address.text}: {doing} is not done after {WAITED:g} s; see whether the server has memory "
                    "enough, and run it again"
                )
            time.sleep(pause)
            pause = min(1.5 * pause, most)

    def _is_passing(self, error: Exception) -> bool:
        if isinstance(error, StoreError):
            return False
        code = getattr(error, "code", None)
        if code in _PASSING or not isinstance(code, int):  # gRPC's own errors have a code that is no number
            return type(error).__module__.startswith(("pymilvus", "grpc")) or isinstance(error, ConnectionError)
        return any(word in str(error).lower() for word in _WORDS)

    def _away(self, doing: str, error: Exception) -> AwayError:
        return AwayError(
            f"{self.address.text}: {doing} failed, for no Milvus server answered within {self.address.patience:g} s "
            f"({self._words(error)}); start it, or give the address of one that runs; what was acknowledged is safe"
        )

    def _told(self, doing: str, error: Exception) -> StoreError:
        if isinstance(error, StoreError):
            return error
        words = self._words(error)
        cure = "run it again, and `wearabouts check` if it comes back"
        if "auth" in words.lower() or "permission" in words.lower() or "privilege" in words.lower():
            cure = f"give user:password, or a token, in the environment as {TOKEN}"
        return StoreError(f"{self.address.text}: {doing} failed ({words}); {cure}")

    def _words(self, error: Exception) -> str:
        words = " ".join(str(getattr(error, "message", "") or error).split())
        secret = self.address.token
        return (words.replace(secret, "…") if secret else words)[:300]

    def catch_up(self) -> None:
        """Let every read from now on wait for all that was acknowledged, to this client or another, before this call.

        Whoever writes calls it afterwards.

        The server says what time it is, and reads name that time. (The client's own "session" level forgets deletions:
        servers of 2.3 tell no time for them.)
        """
        if not self.address.lite:
            # The one thing the client's front does not offer.
            self._seen = int(
                self.call("asking the time", lambda client: client._get_connection().alloc_timestamp(timeout=CALL))
            )

    def _level(self, strong: bool) -> dict[str, Any]:
        if strong or self._strong or self.address.lite:
            return {"consistency_level": "Strong"}
        return {"consistency_level": "Customized", "guarantee_timestamp": self._seen}

    def insert(self, name: str, rows: Sequence[Row]) -> None:
        """Add rows with new keys, in requests of a bearable size; never repeated, for a repeated row would be twofold.

        Raises:
            AwayError: The server did not answer; some of the rows may have been added.
        """
        for part in _requests(rows):
            self.call("writing", partial(_send, "insert", name, part), patient=False)

    def upsert(self, name: str, rows: Sequence[Row]) -> None:
        """Put rows in the place of those with their keys; all of one request show at once."""
        for part in _requests(rows):
            self.call("writing", partial(_send, "upsert", name, part))

    def delete(self, name: str, keys: Sequence[str]) -> None:
        """Remove rows by key; those of one request go at once."""
        for start in range(0, len(keys), 4 * ASKED):
            part = list(keys[start : start + 4 * ASKED])
            self.call("deleting", partial(_send, "delete", name, part))

    def query(self, name: str, expression: str, fields: Sequence[str], *, strong: bool = False) -> list[Row]:
        """All rows that an expression keeps."""
        found = self.call(
            "reading",
            lambda client: client.query(
                name, filter=expression, output_fields=list(fields), timeout=CALL, **self._level(strong)
            ),
        )
        return [dict(row) for row in found]

    def among(
        self, name: str, column: str, values: Iterable[str | int], fields: Sequence[str], *, strong: bool = False
    ) -> Iterator[Row]:
        """The rows whose column holds one of the values, which are keys or terms and need no quoting."""
        wanted = [f'"{each}"' if isinstance(each, str) else str(each) for each in dict.fromkeys(values)]
        for start in range(0, len(wanted), ASKED):
            part = ", ".join(wanted[start : start + ASKED])
            yield from self.query(name, f"{column} in [{part}]", fields, strong=strong)

    def count(self, name: str, expression: str, *, strong: bool = False) -> int:
        """How many rows an expression keeps."""
        return int(self.query(name, expression, ["count(*)"], strong=strong)[0]["count(*)"])

    def search(
        self,
        name: str,
        vector: Sequence[float],
        limit: int,
        expression: str,
        fields: Sequence[str],
        *,
        params: Mapping[str, Any],
        strong: bool = False,
    ) -> list[Row]:
        """The nearest rows the index finds, best first, each with `score`."""
        found = self.call(
            "searching",
            lambda client: client.search(
                name,
                [vector],
                filter=expression,
                limit=limit,
                output_fields=list(fields),
                search_params={"metric_type": "IP", "params": dict(params)},
                timeout=CALL,
                **self._level(strong),
            ),
        )
        return [{**hit["entity"], "score": float(hit["distance"])} for hit in found[0]]

    def version(self) -> str:
        """The server's own."""
        return str(self.call("describing the store", lambda client: client.get_server_version(timeout=CALL)))

    def close(self) -> None:
        """Let go of the server."""
        with suppress(Exception):
            self._client.close()


def _send(method: str, name: str, rows: list[Any], client: Any) -> None:
    getattr(client, method)(name, rows, timeout=CALL)


def _requests(rows: Sequence[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    size = 0
    for row in rows:
        own = sum(len(value) * 4 if isinstance(value, list) else len(str(value)) for value in row.values())
        if part and (size + own > MESSAGE or len(part) >= ROWS):
            yield part
            part, size = [], 0
        part.append(row)
        size += own
    if part:
        yield part


def _package(address: Address) -> Any:
    """The client's package, speaking only through errors.

    Raises:
        StoreError: It is not installed.
    """
    try:
        import pymilvus

        if address.lite:
            import milvus_lite  # noqa: F401 - the client looks for it only when it connects
    except ImportError as error:
        raise StoreError(
            f"{address.text} needs the package {error.name}, which is not installed; "
            "install it with: pip install 'wearabouts[cluster]'"
        ) from error
    # What it logs of each failed request is what we try again, or raise in our own words.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)
    return pymilvus

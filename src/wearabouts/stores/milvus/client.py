"""The way to the server: one client, bounded waits, errors that say what to do.

The client's package is imported when a connection is made, so that nothing else pays for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

from wearabouts.errors import StoreError
from wearabouts.stores.milvus.address import TOKEN, Address

ASKED: Final = 1_000  # keys in one question
MESSAGE: Final = 4 * 2**20  # bytes of rows in one request; servers refuse 64 MiB, message queues less
ROWS: Final = 2_000  # rows in one request
CALL: Final = 15.0  # seconds one request may take
PAUSES: Final = (0.05, 2.0)  # seconds before the first attempt again, and at most
# What passes by itself, of Milvus's own codes: not ready, unavailable, too many requests, not (yet) loaded,
# recovering, a channel or node that is moving.
_PASSING: Final = frozenset({1, 2, 8, 9, 101, 106, 502, 503, 504, 901, 902})
_WORDS: Final = ("unavailable", "not ready", "not loaded", "recover", "connect", "deadline", "no available", "timeout")

Row = dict[str, Any]
Result = TypeVar("Result")


class AwayError(StoreError):
    """The server did not answer in time; whether it did what it was asked is not known."""


class Connection:
    """One client of one server or file; threads may share it.

    Raises:
        StoreError: The package is not installed, or the server is away for longer than the address's patience.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._milvus = _package(address)
        self._strong = address.consistency == "strong"
        self._client: Any = self.call("connecting", self._connected, patient=True)

    def _connected(self, _: Any = None) -> Any:
        token = {} if self.address.lite or not self.address.token else {"token": self.address.token}
        return self._milvus.MilvusClient(self.address.uri, timeout=CALL, **token)

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

    def has(self, name: str) -> bool:
        """Whether there is such a collection."""
        return bool(self.call("looking for the store", lambda client: client.has_collection(name, timeout=CALL)))

    def create(
        self,
        name: str,
        fields: Iterable[tuple[str, str, Mapping[str, Any]]],
        index: Mapping[str, Any],
        *,
        shards: int,
        partition_key: str = "",
        partitions: int = 0,
    ) -> None:
        """Make a collection with an index on its vector, and begin to load it."""
        kinds = self._milvus.DataType
        spread = {"partition_key_field": partition_key} if partition_key else {}
        schema = self._milvus.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False, **spread)
        for field, kind, options in fields:
            given = dict(options)
            if "element_type" in given:
                given["element_type"] = kinds[given["element_type"]]
            schema.add_field(field, kinds[kind], **given)
        indexes = self._milvus.MilvusClient.prepare_index_params()
        indexes.add_index(field_name="vector", index_name="vector", **index)
        counts = {"num_partitions": partitions} if partition_key else {}

        def made(client: Any) -> None:
            if not client.has_collection(name, timeout=CALL):
                client.create_collection(
                    name, schema=schema, num_shards=shards, consistency_level="Session", timeout=CALL, **counts
                )
            client.create_index(name, indexes, sync=False, timeout=CALL)

        self.call("making the store", made)
        self.load(name)

    def drop(self, name: str) -> None:
        """Remove a collection, where there is one."""

        def dropped(client: Any) -> None:
            if client.has_collection(name, timeout=CALL):
                client.drop_collection(name, timeout=CALL)

        self.call("emptying the store", dropped)

    def load(self, name: str) -> None:
        """Ask the server to take a collection into memory; `ready` waits for it."""
        # A server answers at once and goes on by itself; a file has no such thing and is loaded when it answers.
        later = {} if self.address.lite else {"_async": True}
        self.call("loading the store", lambda client: client.load_collection(name, timeout=CALL, **later))

    def ready(self, name: str) -> None:
        """Wait until a collection is in the server's memory.

        Raises:
            AwayError: It is not, after all the address's patience.
        """
        end = time.monotonic() + max(self.address.patience, 1)
        pause, most = 0.01, 0.5
        asked = False
        while True:
            state = str(self.call("loading the store", lambda client: client.get_load_state(name, timeout=CALL)))
            if "NotLoad" in state and not asked:  # by whoever looked after the server
                self.load(name)
                asked = True
            elif "Loaded" in state:
                return
            elif time.monotonic() > end:
                raise self._away("loading the store", TimeoutError("it is still being loaded"))
            time.sleep(pause)
            pause = min(1.5 * pause, most)

    def insert(self, name: str, rows: Sequence[Row]) -> None:
        """Add rows with new keys, in requests of a bearable size; never repeated, for a repeated row would be twofold.

        Raises:
            AwayError: The server did not answer; some of the rows may have been added.
        """
        for part in _requests(rows):
            self.call("writing", lambda client, part=part: client.insert(name, part, timeout=CALL), patient=False)

    def upsert(self, name: str, rows: Sequence[Row]) -> None:
        """Put rows in the place of those with their keys; all of one request show at once."""
        for part in _requests(rows):
            self.call("writing", lambda client, part=part: client.upsert(name, part, timeout=CALL))

    def delete(self, name: str, keys: Sequence[str]) -> None:
        """Remove rows by key; those of one request go at once."""
        for start in range(0, len(keys), 4 * ASKED):
            part = list(keys[start : start + 4 * ASKED])
            self.call("deleting", lambda client, part=part: client.delete(name, ids=part, timeout=CALL))

    def query(self, name: str, expression: str, fields: Sequence[str], *, strong: bool = False) -> list[Row]:
        """All rows that an expression keeps."""
        level = "Strong" if strong or self._strong else "Session"
        found = self.call(
            "reading",
            lambda client: client.query(
                name, filter=expression, output_fields=list(fields), consistency_level=level, timeout=CALL
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
        level = "Strong" if strong or self._strong else "Session"
        found = self.call(
            "searching",
            lambda client: client.search(
                name,
                [vector],
                filter=expression,
                limit=limit,
                output_fields=list(fields),
                search_params={"metric_type": "IP", "params": dict(params)},
                consistency_level=level,
                timeout=CALL,
            ),
        )
        return [{**hit["entity"], "score": float(hit["distance"])} for hit in found[0]]

    def index(self, name: str) -> dict[str, Any]:
        """The index of a collection's vectors as the server has it."""
        found = self.call("describing the store", lambda client: client.describe_index(name, "vector", timeout=CALL))
        return dict(found or {})

    def version(self) -> str:
        """The server's own."""
        return str(self.call("describing the store", lambda client: client.get_server_version(timeout=CALL)))

    def close(self) -> None:
        """Let go of the server."""
        with suppress(Exception):
            self._client.close()


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

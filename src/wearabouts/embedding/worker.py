"""A process that decodes and encodes, spoken to through its standard streams.

Both ends are ours and of one run, so messages are pickles, each behind its length. The process keeps nothing: killed at
any time it costs what it had in hand, and it ends by itself when its master is gone.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from wearabouts.embedding.making import Made, Maker, Order
from wearabouts.encoders import Encoder, OnnxEncoder
from wearabouts.errors import SettingsError

_LENGTH = struct.Struct("<Q")
FIRST_TO_DIE = "500"  # where memory runs out, the system ends a worker rather than the one that writes the store


def packed(encoder: Encoder) -> bytes:
    """An encoder on its way to another process; a bundle goes as its files, to run on one thread there.

    Raises:
        SettingsError: It cannot travel.
    """
    try:
        if isinstance(encoder, OnnxEncoder):
            return pickle.dumps(replace(encoder.bundle, verifier=None, halves=None, local=None))
        return pickle.dumps(encoder)
    except Exception as error:  # whatever an encoder's parts raise when they are asked
        raise SettingsError(
            f"encoder {encoder.name!r} cannot be sent to another process ({error}); index without workers"
        ) from error


def unpacked(data: bytes) -> Encoder:
    """What `packed` made."""
    value = pickle.loads(data)  # noqa: S301 (from this run's own master)
    encoder: Encoder = value if hasattr(value, "encode") else OnnxEncoder(value, threads=1)
    return encoder


def send(stream: IO[bytes], value: object) -> None:
    """One message."""
    data = pickle.dumps(value, protocol=5)
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """One message.

    Raises:
        EOFError: The other end is gone.
    """
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    return pickle.loads(_exactly(stream, length))  # noqa: S301 (from the other end of our own pipe)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def answered(make: Callable[[Sequence[Order]], list[Made]], orders: Sequence[Order]) -> list[Made] | Exception:
    """The answers, or what went wrong, in a form that travels."""
    try:
        return make(orders)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 (made one line above)
        except Exception:  # an error of a library whose class does not travel
            return RuntimeError(f"{type(error).__name__}: {error}")
        return error


def serve(orders: IO[bytes], answers: IO[bytes]) -> None:
    """Take the encoder, say that it is there, and answer batches until the master is gone."""
    try:
        maker = Maker(unpacked(receive(orders)))
        send(answers, maker.encoder.hash)
        while True:
            send(answers, answered(maker.make, receive(orders)))
    except (EOFError, BrokenPipeError):
        return


def main() -> None:
    """The process."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_DIE, "ascii")
    # What a library prints must not end up between two answers.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, answers)

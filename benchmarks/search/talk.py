"""Engines in processes of their own: asked over a pipe, given a time limit, and lost without harm to the others."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
WORDS = 300  # characters kept of what a process said last


class EngineLostError(Exception):
    """The engine failed, ended or took too long; the message says which."""


class Worker:
    """One engine's process.

    Args:
        python: Its environment's interpreter.
        engine: ``module:Class`` beside this file.
        log: Where its own words go.
        threads: What it may use until it is told otherwise.
    """

    def __init__(self, python: Path, engine: str, log: Path, threads: int) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        limits = {**dict.fromkeys(names, str(threads)), "TF_CPP_MIN_LOG_LEVEL": "3", "LANCE_LOG": "error"}
        paths = {"PYTHONPATH": os.pathsep.join(str(path) for path in (REPOSITORY / "src", HERE, HERE.parent))}
        with log.open("w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                (str(python), str(HERE / "worker.py"), engine),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                env={**os.environ, **limits, **paths},
            )  # fmt: skip
        self.lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def ask(self, doing: str, limit: float, /, **words: Any) -> dict[str, Any]:
        """Have something done.

        Args:
            doing: ``build``, ``open`` or ``search``.
            limit: How many seconds it may take.
            words: What `worker` wants for it.

        Raises:
            EngineLostError: It was not done.
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"do": doing, **words}) + "\n")
            self.process.stdin.flush()
            line = self.lines.get(timeout=limit)
        except queue.Empty:
            self.stop()
            raise EngineLostError(f"{doing} was not done in {limit:.0f} s and was stopped") from None
        except OSError:
            line = None
        if line is None:
            code = self.process.wait(10)
            raise EngineLostError(f"{doing}: the process ended ({code}): {self._last()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise EngineLostError(f"{doing}: {answer['error']}")
        return answer

    def stop(self) -> None:
        """End the process."""
        if self.process.poll() is None:
            try:
                assert self.process.stdin is not None
                self.process.stdin.write('{"do": "quit"}\n')
                self.process.stdin.close()
                self.process.wait(3)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            for line in self.process.stdout:
                self.lines.put(line)
        except ValueError:  # closed by `stop`
            pass
        self.lines.put(None)

    def _last(self) -> str:
        """The end of what it said, without paths of this machine."""
        text = self.log.read_text("utf-8", errors="replace").replace(str(REPOSITORY), ".")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return (lines[-1] if lines else "it said nothing")[-WORDS:]


def interpreter(peers: bool) -> Path:
    """The peers' environment (WEARABOUTS_PEERS, or .venv-peers as make sets it up), or this one."""
    if not peers:
        return Path(sys.executable)
    given = os.environ.get("WEARABOUTS_PEERS")
    return Path(given) if given else REPOSITORY / ".venv-peers" / "bin" / "python"


def known(path: Path) -> dict[str, Any] | None:
    """What an earlier run kept, or None."""
    return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else None


def keep(path: Path, facts: Mapping[str, Any]) -> None:
    """Keep it, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(facts), "utf-8")
    os.replace(draft, path)

"""A real Milvus server for the tests: one process with all components, from the package `milvus` on PyPI.

The package lies in an environment of its own, unpacked once (`make milvus`); a server gets a temporary folder, free
ports, and is ended by its own process id:

    python tests/milvus_server.py install FOLDER     unpack the server that the running Python has installed
    python tests/milvus_server.py run FOLDER DATA    start it, print its address, end it at Ctrl+C
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
INSTALLED = Path(os.environ.get("WEARABOUTS_MILVUS_SERVER") or ROOT / ".venv-milvus" / "server")
START = 60.0  # seconds a start may take on a busy machine

# The shipped settings are for a cluster. Reads wait for the next tick of time, and components ask each other at the
# intervals below: short ones make a test that writes and reads by turns ten times as fast, and change no answer.
QUICK: Mapping[str, object] = {
    "proxy.timeTickInterval": 20,
    "rootCoord.dmlChannelNum": 4,
    "queryCoord.checkInterval": 50,
    "queryCoord.distPullInterval": 50,
    "queryCoord.checkHandoffInterval": 500,
    "dataCoord.segment.assignmentExpiration": 500,
    # How long a server that was killed is believed to be alive by the one that follows it.
    "common.session.ttl": 3,
    "log.level": "warn",
    "log.file.maxSize": 20,
}


class MilvusServer:
    """One server over one folder; it may be killed and started again over the same data."""

    def __init__(self, folder: Path, settings: Mapping[str, object] = QUICK, installed: Path = INSTALLED) -> None:
        self.folder, self.installed = folder, installed
        folder.mkdir(parents=True, exist_ok=True)
        template = (installed / "config.yaml.template").read_text("utf-8")
        names = re.findall(r"\{\{ *(\w+_port)\b", template)
        *ports, self.metrics, client, peer = _free_ports(len(names) + 3)
        self.ports = dict(zip(names, ports, strict=True), etcd_port=client)
        (folder / "etcd.yaml").write_text(_etcd(folder, client, peer), "utf-8")
        (folder / "configs").mkdir(exist_ok=True)
        (folder / "configs" / "milvus.yaml").write_text(self._configuration(template, settings), "utf-8")
        (folder / "configs" / "glog.conf").write_text((installed / "glog.conf").read_text("utf-8"), "utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Host and port, as in an address of a store."""
        return f"127.0.0.1:{self.ports['proxy_port']}"

    @property
    def pid(self) -> int:
        """The process; it has no children."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and wait until every component says it is healthy."""
        binaries = self.installed / "bin"
        environment = os.environ | {
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self.metrics),
            "MILVUS_RUN_DIR": str(self.folder / "run"),
            "LD_LIBRARY_PATH": str(binaries),
        }
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [binaries / "milvus", "run", "standalone"], cwd=self.folder, env=environment, stdout=log, stderr=log
            )
        end = time.monotonic() + START
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() > end:
                code = self._process.poll()
                self.kill()
                tail = (self.folder / "server.log").read_text("utf-8", "replace")[-2_000:]
                raise RuntimeError(f"the Milvus server did not start (exit {code}):\n{tail}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it with SIGKILL, as a power cut of the process would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/healthz", timeout=5) as answer:
                return b"OK" in answer.read()
        except OSError:
            return False

    def _configuration(self, template: str, settings: Mapping[str, object]) -> str:
        """The package's own template, filled: `{{ name(type): default }}` by name, then settings by dotted path."""
        logs, data = self.folder / "logs", self.folder / "data"
        values: dict[str, object] = {
            **self.ports,
            "etcd_log_path": logs / "etcd.log",
            "system_log_path": logs,
            "etcd_data_dir": data / "etcd",
            "local_storage_dir": data,
            "rocksmq_data_dir": data / "rocksmq",
        }
        logs.mkdir(exist_ok=True)

        def filled(found: re.Match[str]) -> str:
            return str(values.get(found["name"], (found["default"] or "").strip()))

        lines, path = [], []
        for line in re.sub(r"\{\{ *(?P<name>\w+)(\(\w+\))?(:(?P<default>[^}]*))? *\}\}", filled, template).splitlines():
            if key := re.match(r"( *)(\w+):", line):
                path = [*path[: len(key[1]) // 2], key[2]]
                if ".".join(path) in settings:
                    line = f"{key[0]} {settings['.'.join(path)]}"
            lines.append(line)
            if path == ["etcd"]:
                lines += ["  config:", f"    path: {self.folder / 'etcd.yaml'}"]
        return "\n".join(lines) + "\n"


def missing() -> str:
    """Why there is no server to start, or nothing."""
    if (INSTALLED / "bin" / "milvus").exists():
        return ""
    return "no Milvus server is installed; `make milvus` does it (Linux or macOS, and PyPI within reach)"


def install(folder: Path) -> None:
    """Unpack the server of the package `milvus` that this Python has installed."""
    import shutil

    import milvus  # type: ignore[import-not-found]  # only in the environment of its own

    data = Path(milvus.__file__).parent / "data"
    milvus._initialize_data_files(str(folder))
    for name in ("config.yaml.template", "glog.conf"):
        shutil.copy(data / name, folder / name)


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def _etcd(folder: Path, client: int, peer: int) -> str:
    """The catalog's own ports: the embedded etcd listens on its usual ones unless it has a file that says otherwise."""
    own, others = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    facts = {
        "name": "default",
        "data-dir": folder / "data" / "etcd",
        "listen-client-urls": own,
        "advertise-client-urls": own,
        "listen-peer-urls": others,
        "initial-advertise-peer-urls": others,
        "initial-cluster": f"default={others}",
    }
    return "".join(f"{name}: {value}\n" for name, value in facts.items())


def main(words: list[str]) -> None:
    """See the module."""
    match words:
        case ["install", folder]:
            install(Path(folder))
        case ["run", folder, data]:
            server = MilvusServer(Path(data).resolve(), settings={}, installed=Path(folder).resolve())
            server.start()
            print(f"milvus://{server.address}", flush=True)
            try:
                signal.pause()
            except KeyboardInterrupt:
                server.kill()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])

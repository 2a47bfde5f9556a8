"""A bundle from a folder: sizes are capped, hashes checked, graphs that point at other files refused."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from wearabouts.bundles.belonging import check
from wearabouts.bundles.card import FORMAT, Card
from wearabouts.errors import BundleError, unknown
from wearabouts.types import SIDES, Side

CARD = "card.json"
MAX_CARD = 4 * 2**20
MAX_GRAPH = 2 * 2**30
MAX_TOKENIZER = 64 * 2**20
SHIPPED = ("mini",)


@dataclass(frozen=True)
class Bundle:
    """A checked bundle: the card, and each side's graph, and those of the second stage, whose hash is the card's.

    The tower that reads words is often the larger one: it is read when it is first asked for.
    """

    card: Card
    graphs: Mapping[Side, bytes]
    verifier: bytes | None = None
    folder: Path | None = None
    halves: bytes | None = None
    local: bytes | None = None

    def read_text(self) -> tuple[bytes, bytes]:
        """The text tower's graph and its tokenizer, checked.

        Raises:
            BundleError: The model has none, or its files are damaged.
        """
        tower = self.card.text
        if tower is None or self.folder is None:
            raise BundleError(
                f"{self.card.name!r} reads no text; pull a model with a text tower, see `wearabouts pull`"
            )
        graph = _read_graph(self.folder / tower.file, tower.sha256)
        return graph, _read_hashed(self.folder / tower.tokenizer, tower.tokenizer_sha256, MAX_TOKENIZER)

    def beside(self) -> dict[str, bytes]:
        """Files other than the graphs of the sides, by name: they stay good while the vectors do."""
        pair = self.card.verifier
        given = [(pair, self.verifier), (pair and pair.halves, self.halves), (self.card.local, self.local)]
        files = {entry.file: content for entry, content in given if entry is not None and content is not None}
        if self.card.text is not None:
            files[self.card.text.file], files[self.card.text.tokenizer] = self.read_text()
        return files

    @property
    def hash(self) -> str:
        """See `Card.encoder_hash`."""
        return self.card.encoder_hash()


def load(bundle: str | Path) -> Bundle:
    """Load and check a bundle.

    Args:
        bundle: A folder, or the name of a shipped bundle (``mini``).

    Raises:
        BundleError: Nothing there, a damaged card or graph, a graph that reads other files, or a second stage that
            belongs to another model or lacks a part.
    """
    folder = _folder(bundle)
    card = read_card(folder / CARD)
    graphs: dict[Side, bytes] = {}
    read: dict[str, bytes] = {}
    for side in SIDES:
        if side not in card.graphs:
            raise BundleError(
                f"the card of {card.name!r} names no graph for side {side!r}; a bundle needs {', '.join(SIDES)}"
            )
        graph = card.graphs[side]
        if graph.file not in read:
            read[graph.file] = _read_graph(folder / graph.file, graph.sha256)
        graphs[side] = read[graph.file]
    check(card)
    pair = card.verifier
    verifier, halves, local = (
        None if entry is None else _read_graph(folder / entry.file, entry.sha256)
        for entry in (pair, pair and pair.halves, card.local)
    )
    for name in (card.text.file, card.text.tokenizer) if card.text else ():
        _require_file(folder / name)
    return Bundle(card, graphs, verifier, folder, halves, local)


def _folder(bundle: str | Path) -> Path:
    path = Path(bundle)
    if path.is_dir():
        return path
    if isinstance(bundle, str) and bundle in SHIPPED:
        return Path(str(files("wearabouts"))) / "bundled" / bundle
    if isinstance(bundle, str) and os.sep not in bundle:
        raise BundleError(f"{unknown('model', bundle, SHIPPED)}; or give the folder of a bundle")
    raise BundleError(
        f"no bundle at {bundle}: there is no such folder; give a folder with {CARD}, or one of: {', '.join(SHIPPED)}"
    )


def read_card(path: Path) -> Card:
    """A card by itself; whether its parts belong together is `belonging.check`'s to say.

    Raises:
        BundleError: Not there, too large, or not as this version writes it.
    """
    if not path.is_file():
        raise BundleError(
            f"no {CARD} in {path.parent}; a bundle is a folder with {CARD} and its graphs, made by `wearabouts export`"
        )
    if path.stat().st_size > MAX_CARD:
        raise BundleError(f"{path} has {path.stat().st_size:,} bytes; a card has at most {MAX_CARD:,}")
    try:
        return Card.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise BundleError(
            f"{path} is no card this version reads (format {FORMAT}): {where}: {first['msg']}; export the model again"
        ) from error


def _require_file(path: Path) -> None:
    if not path.is_file() or path.is_symlink():
        raise BundleError(f"the card names {path.name}, which is not a file in {path.parent}; export the model again")


def _read_hashed(path: Path, sha256: str, most: int) -> bytes:
    _require_file(path)
    if path.stat().st_size > most:
        raise BundleError(f"{path.name} has {path.stat().st_size:,} bytes; at most {most:,} are read")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise BundleError(
            f"{path.name} is damaged: its SHA-256 is {found[:9]}…, its card says {sha256[:9]}…; export the model again"
        )
    return content


def _read_graph(path: Path, sha256: str) -> bytes:
    content = _read_hashed(path, sha256, MAX_GRAPH)
    # The key of an external tensor's path, after its length in either form that protobuf reads, wherever in its entry
    # it stands: such a graph would read files of its author's choosing.
    if b"\x08location" in content or b"\x00location" in content:
        raise BundleError(f"{path.name} keeps weights in other files, which is refused; export it as one file")
    return content

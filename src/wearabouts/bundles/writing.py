"""A bundle into a folder; the card comes last, so a bundle with a card is whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wearabouts.bundles.belonging import check
from wearabouts.bundles.card import Card
from wearabouts.bundles.reading import CARD, read_card
from wearabouts.errors import BundleError


def write(folder: Path, card: Card, graphs: Mapping[str, bytes]) -> None:
    """Write a bundle; the card comes last, so a bundle with a card is whole.

    Args:
        folder: Made when missing.
        card: Must name every graph with its hash.
        graphs: File name → content.

    Raises:
        BundleError: Parts of the card do not belong together; nothing is written.
    """
    check(card)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD).unlink(missing_ok=True)
    for name, content in graphs.items():
        _write(folder / name, content)
    _write(folder / CARD, _text(card))


def write_figures(folder: Path, figures: Mapping[str, Any]) -> None:
    """Put measured figures on a bundle's card; the encoder's hash, and so every store, stays valid.

    Args:
        folder: A bundle.
        figures: What was measured, plain data.
    """
    card = read_card(folder / CARD).model_copy(update={"figures": dict(figures)})
    _write(folder / CARD, _text(card))


def write_parts(folder: Path, files: Mapping[str, bytes] | None = None, **parts: Any) -> Card:
    """Put parts on a bundle that is there, such as a judge and its calibration; vectors, and so stores, stay valid.

    The bundle is whole at every moment: a new graph never takes the name of one that the card names, and what the old
    card alone named goes last.

    Args:
        folder: A bundle.
        files: Content of the graphs that `parts` name, by file name.
        **parts: Fields of `Card` in place of those there; None takes one off.

    Returns:
        The card as written; graphs may have got other names.

    Raises:
        BundleError: A part that does not belong to this bundle, a graph without its content, or of another hash;
            nothing is written.
    """
    before = read_card(folder / CARD)
    card = Card.model_validate({**before.model_dump(), **parts})
    if card.encoder_hash() != before.encoder_hash():
        raise BundleError(f"parts of {card.name!r} would change its vectors; export the model again instead")
    given, old, taken = dict(files or {}), _graphs(before), {}
    for name, content in given.items():
        found = hashlib.sha256(content).hexdigest()
        taken[name] = name if old.get(name, found) == found else f"{Path(name).stem}-{found[:8]}{Path(name).suffix}"
    card = _renamed(card, {name: taken[name] for name in given})
    check(card)
    contents = {taken[name]: content for name, content in given.items()}
    there = old | {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    for name, sha256 in _graphs(card).items():
        if there.get(name) != sha256:
            raise BundleError(f"{name} is named on the card with SHA-256 {sha256[:9]}…; give the graph with that hash")
    for name, content in contents.items():
        _write(folder / name, content)
    _write(folder / CARD, _text(card))
    for name in old.keys() - _graphs(card).keys():
        (folder / name).unlink(missing_ok=True)
    return card


def _graphs(card: Card) -> dict[str, str]:
    """File → hash of every graph that a card names."""
    pair = card.verifier
    entries = [*card.graphs.values(), pair, pair and pair.halves, card.local, card.text]
    return {entry.file: entry.sha256 for entry in entries if entry is not None}


def _renamed(card: Card, names: Mapping[str, str]) -> Card:
    """A card whose second stage's graphs have other file names."""
    pair, local = card.verifier, card.local
    if pair is not None:
        halves = pair.halves and pair.halves.model_copy(update={"file": names.get(pair.halves.file, pair.halves.file)})
        pair = pair.model_copy(update={"file": names.get(pair.file, pair.file), "halves": halves})
    if local is not None:
        local = local.model_copy(update={"file": names.get(local.file, local.file)})
    return card.model_copy(update={"verifier": pair, "local": local})


def _text(card: Card) -> bytes:
    return (json.dumps(card.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)

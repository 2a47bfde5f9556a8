"""The rows of the model table: real photographs that no shipped model was trained on, and what is asked of them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from wearabouts.errors import EvaluationError
from wearabouts.evaluation.protocols import Protocol
from wearabouts.types import Side

Line = Mapping[str, str]
MAX_CSV_BYTES = 50_000_000  # a list of photographs is far smaller; more is some other file


@dataclass(frozen=True, slots=True)
class Shot:
    """One photograph in a task: where it is, what it answers to, and which photos are its siblings."""

    path: Path
    truth: str
    group: str
    caption: str


@dataclass(frozen=True, slots=True)
class Task:
    """One row of the table: queries, gallery (both in order of path) and the rules.

    Attributes:
        protocol: The rules.
        side: Of the queries.
        queries: Who asks.
        gallery: What is searched.
        one_item: Whether a right answer is the very same item, and not one of its kind.
    """

    protocol: Protocol
    side: Side
    queries: tuple[Shot, ...]
    gallery: tuple[Shot, ...]
    one_item: bool = True


def photograph_tasks(data: Path) -> tuple[Task, ...]:
    """The four retrieval rows, from the folder of real photographs.

    Raises:
        EvaluationError: The folder lacks a list of photographs.
    """
    return (_grocery(data), _magento(data, "back"), _magento(data, "alt1"), _clothing(data))


def _grocery(data: Path) -> Task:
    lines = read_lines(data / "grocery" / "images.csv")
    splits = {line["item_id"]: line["split"] for line in read_lines(data / "grocery" / "splits.csv")}
    shot = _shots(data / "grocery", truth="item_id", group="item_id", caption="item_name")
    return Task(
        Protocol(
            name="grocery",
            question="A phone photo in a shop: which product is it?",
            queries="Queries are the phone photos of the 12 test items, none of which was trained on.",
            gallery="The gallery is all 40 clean shop pictures, one an item.",
            hit="A hit is the shop picture of the same item.",
            groups="items, because photos of one item resemble one another",
        ),
        "street",
        shot(lines, lambda line: line["role"] == "query" and splits.get(line["item_id"]) == "test"),
        shot(lines, lambda line: line["role"] == "gallery"),
    )


def _magento(data: Path, view: str) -> Task:
    lines = read_lines(data / "magento-fashion" / "images.csv")
    shot = _shots(data / "magento-fashion", truth="item_id", group="item_id", caption="item_id")
    word = {"back": "back view", "alt1": "close detail"}[view]
    return Task(
        Protocol(
            name={"back": "back view", "alt1": "detail"}[view],
            question=f"The {word} of a garment: which front view belongs to it?",
            queries=f"Queries are the {word}s of a shop's own photographs.",
            gallery="The gallery is the front view of every style in every colour; recoloured copies of one photograph "
            "are hard distractors.",
            hit="A hit is the front view of the same style in the same colour.",
            groups="items (style and colour)",
        ),
        "shop",
        shot(lines, lambda line: line["role"] == "query" and line["view"] == view),
        shot(lines, lambda line: line["role"] == "gallery" and line["view"] == "main"),
    )


def _clothing(data: Path) -> Task:
    lines = read_lines(data / "clothing" / "images.csv")
    shot = _shots(data / "clothing", truth="label", group="sender_id", caption="label")
    return Task(
        Protocol(
            name="clothing kind",
            question="A photo of a garment at somebody's home: which others show the same kind?",
            queries="Queries are photos by 11 senders.",
            gallery="The gallery is photos by 58 other senders, so that floor and light give nothing away.",
            hit="A hit is any photo with the same label; mAP is over all of them.",
            groups="senders, because one person's photos resemble one another",
        ),
        "street",
        shot(lines, lambda line: line["role"] == "query"),
        shot(lines, lambda line: line["role"] == "gallery"),
        one_item=False,
    )


def same_pictures(data: Path, kinds: tuple[str, ...]) -> tuple[tuple[Path, Path, str], ...]:
    """Pairs of variant, upright reference and kind from the robustness folder, for the kinds asked for."""
    folder = data / "robustness"
    return tuple(
        (folder / line["path"], folder / line["upright_reference"], line["kind"])
        for line in read_lines(folder / "images.csv")
        if line["kind"] in kinds and line["upright_reference"]
    )


def read_lines(path: Path) -> list[Line]:
    """A list of photographs, header → value.

    Raises:
        EvaluationError: It is not there, too large or no CSV.
    """
    try:
        if path.stat().st_size > MAX_CSV_BYTES:
            raise EvaluationError(f"{path} has more than {MAX_CSV_BYTES:,} bytes; give the folder of photographs")
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(
            f"list of photographs {path} cannot be read ({error}); set WEARABOUTS_DATA to the folder that holds "
            "grocery, magento-fashion, clothing and robustness"
        ) from error


def _shots(
    folder: Path, *, truth: str, group: str, caption: str
) -> Callable[[list[Line], Callable[[Line], bool]], tuple[Shot, ...]]:
    def pick(lines: list[Line], wanted: Callable[[Line], bool]) -> tuple[Shot, ...]:
        shots = [Shot(folder / line["path"], line[truth], line[group], line[caption]) for line in lines if wanted(line)]
        return tuple(sorted(shots, key=lambda shot: str(shot.path)))

    return pick

"""Hipster Wars in miniature: skills.txt, and pictures in one of the two places they are found in."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from miniatures import pictures
from wearabouts.types import Box

STYLES = ("Hipster", "Goth", "Preppy", "Pinup", "Bohemian")


def hipsterwars(root: Path, *, per_style: int = 6, place: Literal["classes", "images"] = "classes") -> Path:
    """Write a tiny Hipster Wars and return its folder; ids are unique over all styles, skills fall with the line."""
    lines = []
    for index, style in enumerate(STYLES):
        for rank in range(per_style):
            number = 1_000 + index * per_style + rank
            lines.append(f"{style},{number},{30.5 - rank}")
            folder = root / "classes" / style if place == "classes" else root / "images"
            pictures.save(folder / f"{number}.jpg", pictures.street({index: Box(8, 8, 80, 96)}, seed=number))
    (root / "skills.txt").write_text("\n".join(lines) + "\n")
    return root

"""Fashion144k in miniature: photos.txt, two tables of tags with their names, and the files of indices."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from miniatures import pictures
from wearabouts.types import Box

COLOURS = ("red", "blue", "green")
GARMENTS = ("dress", "jeans", "boots")
TAGS = tuple(f"{colour.title()}-{garment.title()}" for garment in GARMENTS for colour in COLOURS)
SINGLES = tuple(word.title() for word in (*COLOURS, *GARMENTS))


def fashion144k(root: Path, *, photos: int = 20, validated: int = 4) -> Path:
    """Write a tiny Fashion144k and return its folder: photo n shows a garment with tag n % 9, every third one two."""
    lines, tags, singles = [], np.zeros((photos, len(TAGS)), np.uint8), np.zeros((photos, len(SINGLES)), np.uint8)
    for index in range(photos):
        reference = f"photos/{index:06d}.jpg"
        lines.append(reference)
        worn = {index % 9} | ({(index + 4) % 9} if index % 3 == 0 else set())
        for tag in worn:
            tags[index, tag] = singles[index, tag % 3] = singles[index, 3 + tag // 3] = 1
        pictures.save(root / reference, pictures.street({index % 9: Box(8, 8, 80, 96)}, seed=index))
    (root / "photos.txt").write_text("\n".join(lines) + "\n")
    (root / "feat").mkdir()
    np.save(root / "feat" / "feat_col.npy", tags)
    np.save(root / "feat" / "feat_sin.npy", singles)
    (root / "feat" / "colours.txt").write_text("\n".join(TAGS) + "\n")
    (root / "feat" / "singles.txt").write_text("\n".join(SINGLES) + "\n")
    np.save(root / "trainids.npy", np.arange(photos - validated))
    np.save(root / "validids.npy", np.arange(photos - validated, photos))
    return root

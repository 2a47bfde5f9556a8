"""Repeating motifs by name. A motif belongs to one part, so that no motif of `test` is ever trained on."""

from __future__ import annotations

import numpy as np
from PIL import Image

from wearabouts.drawn.templates import Part
from wearabouts.drawn.tiles import (
    Colours,
    Motif,
    blobs,
    checks,
    diamonds,
    dots,
    flowers,
    houndstooth,
    leaves,
    leopard,
    stripes,
    waves,
    zigzag,
)

# part → pattern kind → motif name → how to draw it
MOTIFS: dict[Part, dict[str, dict[str, Motif]]] = {
    "train": {
        "striped": {
            "even": stripes(((0, 0.5, 1),), False),
            "pin": stripes(((0, 0.14, 1),), True),
            "double": stripes(((0, 0.2, 1), (0.35, 0.55, 2)), False),
            "deckchair": stripes(((0, 0.5, 1),), True),
        },
        "checked": {
            "gingham": checks(((0, 0.5, 1),)),
            "windowpane": checks(((0.46, 0.54, 1),)),
            "lumber": checks(((0, 0.5, 1), (0.22, 0.28, 2))),
        },
        "dotted": {
            "polka": dots(((0.25, 0.25, 0.15, 1), (0.75, 0.75, 0.15, 1))),
            "pin_dot": dots(((0.5, 0.5, 0.12, 1),)),
        },
        "floral": {
            "daisy": flowers(
                ((0.27, 0.3, 0.2, 0), (0.76, 0.74, 0.17, 20), (0.75, 0.22, 0.1, 40), (0.24, 0.82, 0.1, 10)),
                8,
                0.16,
                False,
            ),
            "rose": flowers(((0.3, 0.3, 0.19, 12), (0.78, 0.76, 0.21, 60)), 5, 0.42, True),
            "leaves": leaves,
        },
        "other": {"camouflage": blobs(22, 0.17, 1.3, 3), "zigzag": zigzag, "diamonds": diamonds},
    },
    "calibrate": {
        "striped": {
            "sailor": stripes(((0, 0.38, 1),), False),
            "ticking": stripes(((0, 0.1, 1), (0.2, 0.26, 2), (0.34, 0.44, 1)), True),
        },
        "checked": {
            "madras": checks(((0, 0.3, 1), (0.5, 0.62, 2), (0.8, 0.86, 1))),
            "grid": checks(((0, 0.1, 1), (0.5, 0.6, 2))),
        },
        "dotted": {"bubble": dots(((0.3, 0.3, 0.2, 1), (0.78, 0.7, 0.12, 2), (0.2, 0.8, 0.08, 1)))},
        "floral": {
            "meadow": flowers(
                ((0.2, 0.22, 0.12, 0), (0.7, 0.3, 0.14, 30), (0.4, 0.72, 0.13, 50), (0.88, 0.82, 0.1, 10)),
                6,
                0.26,
                True,
            )
        },
        "other": {
            "terrazzo": blobs(26, 0.065, 1.0, 8),
            "scales": dots(((0.0, 0.0, 0.32, 1), (0.0, 0.0, 0.2, 0), (0.5, 0.5, 0.32, 1), (0.5, 0.5, 0.2, 0))),
        },
    },
    "test": {
        "striped": {
            "breton": stripes(((0, 0.28, 1),), False),
            "chalk": stripes(((0, 0.07, 1),), True),
            "regatta": stripes(((0, 0.34, 1), (0.5, 0.6, 2), (0.72, 0.78, 2)), True),
            "rugby": stripes(((0, 0.56, 1), (0.24, 0.32, 2)), False),
        },
        "checked": {
            "buffalo": checks(((0, 0.5, 1), (0.48, 0.52, 2)), 0.5),
            "tattersall": checks(((0.1, 0.17, 1), (0.6, 0.67, 2))),
            "tartan": checks(((0, 0.36, 1), (0.14, 0.2, 2), (0.62, 0.68, 2), (0.78, 0.84, 1))),
        },
        "dotted": {
            "confetti": dots(
                (
                    (0.2, 0.2, 0.08, 1),
                    (0.62, 0.1, 0.06, 2),
                    (0.85, 0.5, 0.09, 1),
                    (0.4, 0.6, 0.07, 2),
                    (0.12, 0.85, 0.06, 1),
                    (0.68, 0.85, 0.08, 2),
                )
            ),
            "coin": dots(((0.25, 0.25, 0.21, 1), (0.75, 0.75, 0.21, 1), (0.25, 0.25, 0.09, 0), (0.75, 0.75, 0.09, 0))),
        },
        "floral": {
            "tulip": flowers(((0.25, 0.28, 0.24, -90), (0.75, 0.78, 0.24, -70)), 3, 0.34, True),
            "blossom": flowers(
                (
                    (0.22, 0.25, 0.13, 0),
                    (0.66, 0.18, 0.16, 36),
                    (0.44, 0.62, 0.17, 10),
                    (0.88, 0.66, 0.12, 50),
                    (0.14, 0.8, 0.12, 24),
                ),
                5,
                0.36,
                False,
            ),
            "daisy_chain": flowers(((0.5, 0.25, 0.14, 0), (0.0, 0.75, 0.14, 18)), 10, 0.13, True),
        },
        "other": {"leopard": leopard, "houndstooth": houndstooth, "waves": waves},
    },
}


def tile(kind: str, motif: str, side: int, colours: Colours) -> Image.Image:
    """One repeat of a motif, `side` px wide.

    Args:
        kind: Pattern kind.
        motif: Name of the motif in any part.
        side: Pixels of one repeat.
        colours: Ground, second and third colour.
    """
    for kinds in MOTIFS.values():
        if motif in kinds.get(kind, {}):
            fine = int(np.clip(side * 2, 64, 320))
            drawn = kinds[kind][motif](fine, colours)
            return drawn.resize((side, side), Image.Resampling.BOX if side < fine else Image.Resampling.BILINEAR)
    raise KeyError(f"no motif {motif!r} of kind {kind!r}")

"""A bundle: a folder with `card.json` and ONNX graphs, all that a model needs and nothing that runs by itself.

The card says what goes in (size, fit, colour), what comes out (dimensions, garments, attributes), what it was made
from (data, licences, recipe, seed) and what it was measured to do. Training and serving share the card's
`Preprocessing`, so they cannot disagree.
A bundle from a stranger is data: sizes are capped, hashes checked, graphs that point at other files refused, nothing
is unpickled; and parts that belong to another encoder or to another verifier are refused by name.
"""

from __future__ import annotations

from wearabouts.bundles.belonging import check, rebound, signals
from wearabouts.bundles.card import FORMAT, SIGNALS, Card, Graph, Judge, Regions, TextTower, Verifier
from wearabouts.bundles.reading import CARD, MAX_CARD, MAX_GRAPH, MAX_TOKENIZER, SHIPPED, Bundle, load
from wearabouts.bundles.writing import write, write_figures, write_parts
from wearabouts.fitting import Preprocessing

__all__ = [
    "CARD",
    "FORMAT",
    "MAX_CARD",
    "MAX_GRAPH",
    "MAX_TOKENIZER",
    "SHIPPED",
    "SIGNALS",
    "Bundle",
    "Card",
    "Graph",
    "Judge",
    "Preprocessing",
    "Regions",
    "TextTower",
    "Verifier",
    "check",
    "load",
    "rebound",
    "signals",
    "write",
    "write_figures",
    "write_parts",
]

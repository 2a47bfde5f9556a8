"""Put the measured model table on the shipped model's card: `python docs/card.py`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from wearabouts import bundles

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "photographs.json"
BEFORE = RESULT.with_name("photographs-before.json")  # of the `mini` that was shipped before, on the same photographs
BUNDLE = ROOT / "src" / "wearabouts" / "bundled" / "mini"


def main() -> int:
    """Copy the table's rows; 1 where they are of another model."""
    report = json.loads(RESULT.read_text("utf-8"))
    card = bundles.load(BUNDLE).card
    measured = report["provenance"]["encoders"][card.name]
    if not card.encoder_hash().startswith(measured):
        sys.stderr.write(
            f"{RESULT.name} measured {measured}, the bundle is {card.encoder_hash()[:16]}; run: make table\n"
        )
        return 1
    rows = report["sections"][0]["tables"][0]["rows"]
    others = ("histogram", "generic", "best other", "difference", "errors removed")
    figures = {row["name"]: {name: row["cells"].get(name) for name in (card.name, *others)} for row in rows}
    earlier = json.loads(BEFORE.read_text("utf-8"))
    for row in earlier["sections"][0]["tables"][0]["rows"]:
        figures[row["name"]]["before"] = row["cells"].get(card.name)
    sources = {"provenance": report["provenance"], "provenance_before": earlier["provenance"]}
    bundles.write_figures(BUNDLE, {"photographs": figures, **sources})
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What export and whole numbers lose: `python benchmarks/papers/parity.py [ROOT]`, once the study has run.

Of each paper's first run: cosine and recall of the exported graphs to what was trained, as export wrote them on the
card, and of an int8 twin made of the bundle, to the bundle. Writes ``benchmarks/results/parity.json`` and the table on
the pages that lead to the papers; `--check` tells whether the pages have it.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
RESULTS = REPOSITORY / "benchmarks" / "results" / "parity.json"
PAPERS = {"wtbi": "WTBI", "darn": "DARN", "fashionnet": "FashionNet", "stylenet": "StyleNet"}
PLACE = re.compile(r"(<!-- table: parity -->\n).*?(<!-- end of table -->)", re.DOTALL)
WORDS = {
    "README.md": (
        "| model | export: least cosine | R@1 | int8: least, mean cosine | R@1 | MB |",
        "{queries} street photos of products that were not learned from; R@1 before → after. Measured {date}.",
    ),
    "README.zh.md": (
        "| 模型 | 导出：最小余弦 | R@1 | int8：最小、平均余弦 | R@1 | MB |",
        "{queries} 张街拍，商品均未学习过；R@1 为之前 → 之后。{date} 测得。",
    ),
}


def main(words: Sequence[str] | None = None) -> int:
    """Measure, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "root", type=Path, nargs="?", default=REPOSITORY / "runs" / "papers", help="folder of the study"
    )
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args(words)
    if not given.check:
        RESULTS.write_text(json.dumps(measured(given.root), indent=1) + "\n", "utf-8")
    if not RESULTS.is_file():
        return 0  # nothing has been measured, and nothing stands on the pages
    content, stale = json.loads(RESULTS.read_text("utf-8")), []
    for name, said in WORDS.items():
        page = REPOSITORY / "docs" / "papers" / name
        text = page.read_text("utf-8")
        new = PLACE.sub(lambda found, said=said: f"{found[1]}{table(content, *said)}{found[2]}", text)
        stale += [name] if new != text else []
        if not given.check:
            page.write_text(new, "utf-8")
    return 1 if given.check and stale else 0


def measured(root: Path) -> dict[str, Any]:
    """The parity of each paper's bundle and of its twin; a twin that is refused says why."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import measure
    from wearabouts import bundles
    from wearabouts.errors import BundleError
    from wearabouts.export.bundle import samples
    from wearabouts.export.gates import Probe
    from wearabouts.export.quantised import quantise

    rows: dict[str, Any] = {}
    for name in PAPERS:
        run = root / f"{name}-0"
        card = bundles.load(run / "bundle").card
        with tempfile.TemporaryDirectory() as scratch:
            copy = shutil.copytree(run / "bundle", Path(scratch) / "bundle")
            try:
                twin = quantise(copy, samples(card.preprocessing.size, seed=0), Probe.read(run))
            except BundleError as error:
                twin = {"refused": str(error)}
        rows[name] = {"export": dict(card.parity), "int8": twin}
    return {"date": measure.today(), "machine": measure.machine(), "models": rows}


def table(content: Mapping[str, Any], head: str, note: str) -> str:
    """The results as a table and a note."""
    lines = [head, "| --- | ---: | ---: | ---: | ---: | ---: |"]
    queries = set()
    for name, row in content["models"].items():
        export, int8 = row["export"], row["int8"]
        queries.add(export["probe_queries"])
        cells = [PAPERS[name], f"{export['least_cosine']:.5f}", _recall(export)]
        if "refused" in int8:
            cells += [int8["refused"], "", ""]
        else:
            sizes = [f"{size / 2**20:.2f}" for size in (int8["graph_bytes"]["before"], int8["graph_bytes"]["after"])]
            cosines = f"{int8['least_cosine']:.4f}, {int8['mean_cosine']:.4f}"
            cells += [cosines, _recall(int8), " → ".join(sizes)]
        lines.append(f"| {' | '.join(cells)} |")
    asked = ", ".join(f"{count:,}" for count in sorted(queries))
    return "\n".join([*lines, "", note.format(queries=asked, date=content["date"][:10]), ""])


def _recall(figures: Mapping[str, Any]) -> str:
    return f"{figures['recall_before']:.3f} → {figures['recall_after']:.3f}"


if __name__ == "__main__":
    sys.exit(main())

"""Write docs/protocols.md from the protocols' own values: `python docs/protocols.py [--check]`.

A protocol is one value: what it says here is what it does, and what its report says. This turns the values into a page.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wearabouts.evaluation.protocols import Rules

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "protocols.md"

HEAD = """# Protocols

<!-- Written by docs/protocols.py from the protocols' own values: change those, then run `make docs`. -->

A published protocol is one word: it knows its dataset's reader, who asks, who is searched, what is right and which
figures its paper printed.

```sh
wearabouts evaluate inshop --data ROOT --model mini --out report      # ROOT: the dataset as its authors ship it
wearabouts evaluate consumer2shop_item --data ROOT --option gallery=test+val
wearabouts evaluate cifar10-2 --data ROOT --store kept                # a second run embeds nothing
wearabouts evaluate inshop --data ROOT --limit 500                    # a sample: the report says so
```

`--option name=value` is a choice of the protocol where it has one of that name, and else an option of its
[reader](datasets.md). What is measured is what is served: photos go through the index into a store, queries through the
encoder's street side, and the ranking of all right answers is computed exactly, from the store's own vectors, in double
precision. A random 200 queries are also sent through `Searcher.search`, the way the page asks. The report holds figures
with intervals, published figures with their sources beside ours, curves, bars by category, pictures of failures and
successes, what was left out and why, and every query's own figures, so that `--compare other/report.json` can tell a
difference from noise. `--leaks` looks for photos that are both learnt from and tested.

Any catalog with item labels is measured too, without a published protocol: `wearabouts evaluate CATALOG`. Its street
photos (or its second photos) ask; figures are R@k, P@k, mAP, R-precision, MAP@R, nDCG and MRR, against the whole
gallery and within the query's kind, kind by kind and over kinds, and the share of same pairs missed at given false
match rates.
"""


def page() -> str:
    """The whole document."""
    from wearabouts.evaluation.protocols import every

    found = every()
    rows = [
        f"| [{rules.name}](#{rules.name}) | [{rules.reader}](datasets.md#{rules.reader}) | {rules.question} |"
        for rules in found
    ]
    table = "\n".join(["| protocol | reader | question |", "| --- | --- | --- |", *rows])
    return "\n".join([HEAD, table, "", figures(found), *map(section, found)])


def figures(protocols: Sequence[Rules]) -> str:
    """What the names of figures mean."""
    from wearabouts.evaluation.figures import EXPLAINED

    told = "\n".join(f"- {text}." for text in EXPLAINED.values())
    return f"## Figures\n\n{told}\n"


def section(rules: Rules) -> str:
    """One protocol: its rules line by line, and its choices."""
    lines = [f"- **{heading}.** {sentence}" for heading, sentence in rules.rules().items() if heading != "Deviations"]
    parts = [
        f"## {rules.name}\n",
        f"{rules.paper}. Reader [{rules.reader}](datasets.md#{rules.reader}).\n",
        "\n".join(lines),
    ]
    parts.append(f"- **Figures.** {', '.join(rules.figures)}.")
    if rules.beside:
        parts.append(f"- **Beside published figures.** {', '.join(rules.beside)}.")
    for option, values in rules.choices.items():
        names = [f"`{value}`" for value in values]
        parts.append(f"- **Option `{option}`.** {names[0]} (default), {', '.join(names[1:])}.")
    if rules.deviations:
        parts.append("\nWhere this differs from other definitions in use:\n")
        parts.append("\n".join(f"- {sentence}" for sentence in rules.deviations))
    return "\n".join(parts) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with ``--check`` only say whether it is out of date; 1 when it was."""
    new = page()
    if PAGE.is_file() and PAGE.read_text("utf-8") == new:
        return 0
    if "--check" in arguments:
        sys.stdout.write(f"{PAGE.name} is out of date; run: make docs\n")
        return 1
    PAGE.write_text(new, "utf-8")
    sys.stdout.write(f"{PAGE.name} brought up to date\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

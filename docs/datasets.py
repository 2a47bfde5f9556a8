"""Write docs/datasets.md from the readers themselves: `python docs/datasets.py [--check]`.

What a dataset is, where it comes from and which traps it has stands once, in its reader's docstring; its options stand
in the reader's signature, its published counts beside it. This turns them into one page.
"""

from __future__ import annotations

import inspect
import io
import re
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "datasets.md"
# Of feeds and folders tells docs/feeds.md.
DATASETS = (
    "cifar10",
    "fashion_mnist",
    "deepfashion_inshop",
    "deepfashion_consumer2shop",
    "deepfashion_attributes",
    "deepfashion_landmarks",
    "street2shop",
    "darn",
    "fashion144k",
    "hipsterwars",
    "grocery_store",
    "lookbench",
    "pairs",
)
# Told once, before the first reader that it is about: heading and module.
SHARED = {
    "deepfashion_inshop": ("DeepFashion: what the four benchmarks share", "wearabouts.readers.datasets.deepfashion")
}
PARTS = {
    "deepfashion_attributes": (("The fine annotation", "wearabouts.readers.datasets.deepfashion.fine"),),
    "street2shop": (
        ("Object proposals", "wearabouts.readers.datasets.street2shop.proposals"),
        ("Flattened tables", "wearabouts.readers.datasets.street2shop.flat"),
    ),
}

HEAD = """# Datasets

<!-- Written by docs/datasets.py from the readers' own docstrings: change those, then run `make docs`. -->

Each dataset is read as its authors ship it: unpack it, and name its reader and its folder.

```sh
wearabouts read street2shop ROOT                    # what it holds, beside what its authors say that it holds
wearabouts read street2shop ROOT --pictures         # also opens every picture and counts the broken ones
wearabouts read street2shop ROOT -o category=bags   # an option of the reader
wearabouts index ROOT --reader street2shop          # its shop photos into a store
```

`read` walks the annotations, not the pictures, and keeps nothing in memory that it does not have to. It ends with a
census: `products`, `photos`, `photos:<split>`, `products:<split>` (with a photo in it), `side:<side>`, `boxes`,
`landmarks`, `rows:<list>` where a list says how many rows it has, and `pictures:missing`. Where counts were published
they stand beside those found, and the last line says whether this is the complete published set. What could not be read
is listed with file, row and reason (`--faults FILE.csv` writes all of it) and costs nothing else. `--json` gives all of
it to programs. Published counts are not the same as a paper's: where the released files differ from the paper, the
files' counts are expected, and the section says so.

All datasets come out in one form, which protocols and training rely on: every photo has a `split` (train, val, test,
query or gallery) and a `side` (street or shop), boxes are in pixels of the upright picture, and label values are words,
several of them joined by `|`. Paths that leave the dataset's folder are refused, links included.

On a tiny Street2Shop that lacks a photo, `wearabouts read street2shop ROOT -o category=bags` ends so:
"""
DOWNLOAD = """### Downloading

`wearabouts read street2shop ROOT --download` fetches the photos that are missing, politely (few connections a host,
private addresses refused, sizes and times capped), decodes each before it is kept, and can be stopped and run again:
it goes on where it was. Addresses that are dead stand in `photos/failures.jsonl` and are not asked again, unless
`-o retry=true` says so; a host that does not answer is left alone until the next run.
"""


def page() -> str:
    """The whole document."""
    from wearabouts.readers import expected

    parts = [HEAD + "\n" + example()]
    parts.append("| reader | what it is |\n| --- | --- |\n" + "\n".join(map(_entry, DATASETS)) + "\n")
    for name in DATASETS:
        if name in SHARED:
            parts.append(section(2, *SHARED[name]))
        parts.append(section(2, name, _module(name)))
        parts.append(options(name))
        if counts := expected(name):
            rows = [f"| {what} | {count:,} |" for what, count in counts.items()]
            parts.append("\n".join(["| count | published |", "| --- | ---: |", *rows]) + "\n")
        parts += [section(3, *part) for part in PARTS.get(name, ())]
        if name == "street2shop":
            parts.append(DOWNLOAD)
    return "\n".join(parts)


def section(level: int, heading: str, module: str) -> str:
    """A heading and what a module says of itself."""
    told = markdown(inspect.getdoc(import_module(module)) or "")
    return f"{'#' * level} {heading}\n\n{told.replace('`EXPECTED`', 'the table below')}"


def _module(name: str) -> str:
    from wearabouts.readers import READERS

    return READERS[name].split(":")[0]


def _entry(name: str) -> str:
    first = (inspect.getdoc(import_module(_module(name))) or "").split("\n\n")[0]
    return f"| [{name}](#{name}) | {_cell(first)} |"


def markdown(docstring: str) -> str:
    """A docstring as Markdown: double backticks become single ones, an indented block after ``::`` becomes code."""
    done: list[str] = []
    code = False
    for block in docstring.split("\n\n"):
        if code and block.startswith("    "):
            done.append("```text\n" + textwrap.dedent(block) + "\n```")
            code = False
            continue
        code = block.endswith("::")
        done.append(_plain(block[:-1] if code else block))
    return "\n\n".join(done) + "\n"


def _plain(text: str) -> str:
    return text.replace("``", "`")


def _cell(text: str) -> str:
    return _plain(" ".join(text.split())).replace("|", "\\|")


def options(name: str) -> str:
    """A table of a reader's options; or a sentence where it has none."""
    from wearabouts.readers import READERS

    module, attribute = READERS[name].split(":")
    read = getattr(import_module(module), attribute)
    told = dict(_arguments(inspect.getdoc(read) or ""))
    lines = [
        f"| `{option.name}` | `{option.default!r}` | {_cell(told[option.name])} |"
        for option in inspect.signature(read).parameters.values()
        if option.kind is option.KEYWORD_ONLY
    ]
    return "\n".join(["| option | default | |", "| --- | --- | --- |", *lines]) + "\n" if lines else "No options.\n"


def _arguments(docstring: str) -> Iterator[tuple[str, str]]:
    """Name and meaning of each argument in a Google-style docstring."""
    section = re.search(r"^Args:\n(.*?)(?:\n\n|\Z)", docstring, re.DOTALL | re.MULTILINE)
    for entry in re.split(r"\n(?=    \w)", section[1]) if section else ():
        name, _, meaning = entry.strip().partition(":")
        yield name, meaning


def example() -> str:
    """What the command line says of a miniature."""
    sys.path.insert(0, str(ROOT / "tests"))
    from miniatures import street2shop
    from wearabouts.cli import main as wearabouts

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "ROOT"
        street2shop.write(root)
        (root / "photos" / "000000002.jpg").unlink()
        shown = io.StringIO()
        with redirect_stdout(shown):
            wearabouts(["read", "street2shop", str(root), "-o", "category=bags"])
        census = shown.getvalue().replace(str(root), "ROOT").partition("\ncensus")[2]
    lines = [line.rstrip() for line in f"census{census}".splitlines()]
    text = re.sub(r"\n{2,}", "\n\n", "\n".join(lines))
    return f"```text\n{text.strip()}\n```\n"


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

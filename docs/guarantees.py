"""Writes the table of guarantees (`wearabouts.stores.guarantees`) into docs/milvus.md and its Chinese twin."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

from wearabouts.stores.guarantees import GUARANTEES, Guarantees

DOCS = Path(__file__).parent
CHINESE = {
    "atomic": "一次性改变的是",
    "own_writes": "自己的写入何时可见",
    "others_writes": "别人的写入何时可见",
    "durable": "已确认的写入经得起",
    "killed_writer": "写入者被杀后留下",
    "exact": "精确的搜索",
    "ties": "相似度相等时的次序",
    "writers": "写入者",
}
ENGLISH = {
    "atomic": "what changes at one moment",
    "own_writes": "a client's own writes show",
    "others_writes": "those of another show",
    "durable": "an acknowledged write survives",
    "killed_writer": "a killed writer leaves",
    "exact": "exact searches",
    "ties": "equal photos stand",
    "writers": "writers",
}
MARK = "| --- | --- | --- | --- |\n"


def written(page: str, names: dict[str, str]) -> str:
    """The page with the table's rows as they are in the code."""
    start = page.index(MARK) + len(MARK)
    rows = [
        "| " + " | ".join([names[item.name], *(getattr(each, item.name) for each in GUARANTEES.values())]) + " |\n"
        for item in fields(Guarantees)
    ]
    return page[:start] + "".join(rows) + page[page.index("\n\n", start - 1) + 1 :]


def main() -> int:
    """Write both pages; with --check only say whether they are up to date."""
    stale = []
    for name, names in (("milvus.md", ENGLISH), ("milvus.zh.md", CHINESE)):
        page = (DOCS / name).read_text("utf-8")
        new = written(page, names)
        if new != page:
            stale.append(name)
            if "--check" not in sys.argv:
                (DOCS / name).write_text(new, "utf-8")
    return int("--check" in sys.argv and bool(stale))


if __name__ == "__main__":
    sys.exit(main())

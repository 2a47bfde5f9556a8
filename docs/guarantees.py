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
# What the code says of its engines, in Chinese: each of its words must be here.
SAID = {
    "all of a call": "整次调用",
    "each product; all of a call up to 4 MiB of facts": "每件商品；字段不超过 4 MiB 时整次调用",
    "at once": "立即",
    "within a second; at once after refresh()": "一秒之内；`refresh()` 之后立即",
    "with the server's next tick (0.2 s); at once after refresh() or with consistency=strong":
        "服务器的下一个时间刻度（0.2 秒）；`refresh()` 之后或 `consistency=strong` 时立即",
    "one process at a time": "同时只有一个进程",
    "kill -9 and loss of power": "`kill -9` 与断电",
    "kill -9 of client and server; loss of power as the server's log does (see below)":
        "客户端与服务器被 `kill -9`；断电则看服务器的日志（见下文）",
    "kill -9": "`kill -9`",
    "all of the call, or nothing": "整次调用，或什么也没有",
    "each product old or new; rows no reader sees, which check --repair removes after ten minutes":
        "每件商品或旧或新；还有读者看不到的行，十分钟后 `check --repair` 会清除",
    "a small store's; any with --exact": "小库的搜索；任何加了 `--exact` 的",
    "index=flat; any with --exact": "`index=flat` 时；任何加了 `--exact` 的",
    "index=flat, which is the default; any with --exact": "`index=flat` 时，这是默认；任何加了 `--exact` 的",
    "by photo id": "按照片 id",
    "by photo id, among up to 16,384 candidates; beyond them everything is read":
        "按照片 id，候选不超过 16,384 时；再多则全部读出",
    "by photo id, as in a server": "按照片 id，与服务器相同",
    "one; others are refused": "一个；其余被拒绝",
    "several; of one product the last counts": "多个；同一件商品以最后写入的为准",
    "one process": "一个进程",
}  # fmt: skip
MARK = "| --- | --- | --- | --- |\n"


def written(page: str, names: dict[str, str], said: dict[str, str] | None = None) -> str:
    """The page with the table's rows as they are in the code, or what that says translated by `said`."""
    start = page.index(MARK) + len(MARK)
    rows = []
    for item in fields(Guarantees):
        cells = [getattr(each, item.name) for each in GUARANTEES.values()]
        rows.append("| " + " | ".join([names[item.name], *(said[cell] if said else cell for cell in cells)]) + " |\n")
    return page[:start] + "".join(rows) + page[page.index("\n\n", start - 1) + 1 :]


def main() -> int:
    """Write both pages; with --check only say whether they are up to date."""
    stale = []
    for name, names, said in (("milvus.md", ENGLISH, None), ("milvus.zh.md", CHINESE, SAID)):
        page = (DOCS / name).read_text("utf-8")
        new = written(page, names, said)
        if new != page:
            stale.append(name)
            if "--check" not in sys.argv:
                (DOCS / name).write_text(new, "utf-8")
    return int("--check" in sys.argv and bool(stale))


if __name__ == "__main__":
    sys.exit(main())

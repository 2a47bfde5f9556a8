"""The table of `make torture`, in two languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

CHINESE = {
    "kill -9": "`kill -9`",
    "system calls that failed": "失败的系统调用",
    "power lost": "断电",
    "bits flipped, files cut": "翻转的比特，截断的文件",
    "feeds replayed": "重放的商品源",
}


def torture(result: Mapping[str, Any], chinese: bool) -> str:
    """How often each was done and what came of it, as Markdown."""
    faults, power, flips, ingest = result["faults"], result["power"], result["flips"], result["ingest"]
    refused, died, survived = (faults[name] for name in ("refused", "died", "survived"))
    classes: Counter[str] = Counter()
    for name, count in flips["classes"].items():
        classes[name.rpartition(" · ")[2]] += count
    kinds = ", ".join(f"{count:,} {name}" for name, count in classes.most_common())
    known = result["kills"]["acknowledged"]
    listed, apart = (result["kills"]["bases"].get(name, 0) for name in ("clustered", "apart"))
    rows = [
        (
            "kill -9",
            result["kills"]["count"],
            f"{known:,} writes had been acknowledged; {listed:,} on bases sorted into lists, "
            f"{apart:,} on bases built by a process of their own",
            f"之前已确认 {known:,} 次写入；{listed:,} 次的底库按列表排序，{apart:,} 次由单独的进程建立",
            result["kills"]["problems"],
        ),
        (
            "system calls that failed",
            faults["count"],
            f"{refused:,} refused with a typed error, {died:,} killed, {survived:,} unhurt",
            f"{refused:,} 次以明确的错误拒绝，{died:,} 次进程被杀，{survived:,} 次不受影响",
            faults["problems"],
        ),
        (
            "power lost",
            power["count"],
            f"at {power['points']:,} moments of recorded writes",
            f"在所记录写入的 {power['points']:,} 个时刻",
            power["problems"],
        ),
        ("bits flipped, files cut", flips["count"], kinds, kinds, flips["problems"]),
        (
            "feeds replayed",
            ingest["replays"],
            f"{ingest['kills']:,} kills, {ingest['again']:,} photos written again",
            f"{ingest['kills']:,} 次被杀，{ingest['again']:,} 张照片重写",
            ingest["problems"],
        ),
    ]
    heads = (
        ["", "次数", "结果", "丢失、重复或答错"]
        if chinese
        else ["", "times", "what came of it", "lost, doubled or wrong"]
    )
    lines = [heads, ["---", "---:", "---", "---:"]]
    for name, count, told, said, problems in rows:
        lines.append([CHINESE[name] if chinese else name, f"{count:,}", said if chinese else told, f"{problems:,}"])
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"{table}\n\n{_note(result, chinese)}"


def _note(result: Mapping[str, Any], chinese: bool) -> str:
    restart, machine = result["restart_ms"], result["machine"]
    where = f"{machine['processor']}, {machine['system']}, SQLite {machine['sqlite']}"
    opened = ""
    if restart:
        opened = (
            f"被杀之后再次打开：中位数 {restart['median']} ms，p99 {restart['p99']} ms，最长 {restart['max']} ms。"
            if chinese
            else f"Opened again after a kill in {restart['median']} ms at the median, {restart['p99']} ms at p99, "
            f"{restart['max']} ms at most. "
        )
    if chinese:
        return f"{opened}{result['date']} 测得，{where}。"
    return f"{opened}Measured {result['date']}, {where}."

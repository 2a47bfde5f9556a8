"""The table of `benchmarks/index/throughput.py`, in two languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ALONE, WHOLE = "the encoder alone", "whole photos, nothing stored"
CHINESE = {ALONE: "只有编码器", WHOLE: "整张照片，不存储"}


def throughput(result: Mapping[str, Any], chinese: bool) -> str:
    """Rates, and what share of both yardsticks indexing keeps, as Markdown."""
    heads = ["", "照片/秒", f"占“{CHINESE[ALONE]}”", f"占“{CHINESE[WHOLE]}”"]
    if not chinese:
        heads = ["", "photos/s", f"of {ALONE}", f"of {WHOLE}"]
    lines = [heads, ["---"] * 4]
    for name, rate in result["photos_per_second"].items():
        shares = [result["share_of"][yard].get(name) for yard in (ALONE, WHOLE)]
        shown = (CHINESE.get(name, name) if chinese else name) if name in CHINESE else f"`{name}`"
        lines.append([shown, f"{rate['median']:.0f}", *("" if each is None else f"{each:.0%}" for each in shares)])
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"{table}\n\n{_note(result, chinese)}"


def _note(result: Mapping[str, Any], chinese: bool) -> str:
    steps, (low, high) = result["milliseconds_a_photo"], result["sides"]
    decode, encode = steps["decode and small copy"], steps["fit and encode"]
    machine = f"{result['machine']['processor']}, {result['machine']['cores']}"
    rounds = len(next(iter(result["photos_per_second"].values()))["rounds"])
    loads = "/".join(f"{value:g}" for value in result["load"]["before"])
    model, photos, date = f"`{result['model']}`", f"{result['photos']:,}", result["date"][:10]
    if chinese:
        return (
            f"{photos} 张合成 JPEG，长边 {low}–{high} 像素，模型 {model}，{rounds} 轮的中位数，"
            "比例取自同一轮；进程启动和写入存储都计在内。"
            f"单线程每张照片的处理器时间：解码和缩略图 {decode:.1f} 毫秒，缩放和编码 {encode:.1f} 毫秒。"
            f"{date} 测得，{machine} 核，测前负载 {loads}。"
        )
    return (
        f"{photos} drawn JPEGs, {low} to {high} px on the longer side, model {model}, medians of "
        f"{rounds} rounds, shares taken within rounds; the start of processes and all writing count. "
        "Processor time a photo on one thread: "
        f"{decode:.1f} ms to decode and make the small copy, {encode:.1f} ms to fit and encode. "
        f"Measured {date}, {machine} cores, load average {loads} before."
    )

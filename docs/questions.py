"""The tables of `docs/questions.md`, from what `benchmarks/questions` measured; `docs/generate.py` puts them in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Result = Mapping[str, Any]

LANDMARKS_CHINESE = {
    "pooled at": "在哪里池化",
    "predicted": "预测的关键点（对外服务时）",
    "annotated": "标注的关键点",
    "of another photo": "另一张照片的关键点",
    "none can be seen": "一个也看不见（只剩全局分支）",
    "trained without": "训练时就没有局部分支",
}
LANDMARKS_NOTE = (
    "{queries} street photos of products that were not learned from look for their shop photos; mean (least–most) over "
    "{seeds} trainings of {steps} steps each. The first six rows ask the same weights, the last one a net of its own. "
    "The net's own landmarks are off by {error}. At the paper's size one thread needs {pooling} ms to pool a photo's "
    "eight landmarks, {conv} ms to make the map: {kept:,} numbers are kept of {of:,}. Moving one landmark changed "
    "{own} of its {channels} channels and {others} others; hidden, {hidden} of its values were left; {cells:g} of the "
    "{all} cells of a channel got its gradient. Measured {date}, {cpu:.0f} s of processor time, {machine}."
)
LANDMARKS_NOTE_CHINESE = (
    "{queries} 张没有学过的商品的街拍照寻找它们的商店照；{seeds} 次训练、每次 {steps} 步的平均值（最小–最大）。除"
    "最后一行是单独训练的网络外，各行询问的是同一组权重。网络自己的关键点误差为 {error}。按论文的尺寸，单线程池化"
    "一张照片的八个关键点需要 {pooling} 毫秒，得到特征图需要 {conv} 毫秒：从 {of:,} 个数中留下 {kept:,} 个。移动"
    "一个关键点改变了它自己 {channels} 个通道中的 {own} 个，其他通道 {others} 个；隐藏时，它的值剩下 {hidden} 个"
    "；一个通道的 {all} 格中有 {cells:g} 格得到它的梯度。{date} 测得，处理器时间 {cpu:.0f} 秒，{machine}。"
)


def landmarks(result: Result, chinese: bool) -> str:
    """What `benchmarks/questions/fashionnet.py` measured, as Markdown."""
    words = LANDMARKS_CHINESE if chinese else {}
    lines = [[words.get("pooled at", "pooled at"), "R@1", "mAP"], ["---"] * 3]
    for row in result["rows"]:
        way = row["way"]
        if chinese and "off by" in way:
            way = f"标注的关键点，各移动 {way.rsplit(' ', 1)[1]}"
        lines.append([words.get(way, way), *(span(row[name]) for name in ("R@1", "mAP"))])
    cost, local = result["cost"], result["locality"]
    note = (LANDMARKS_NOTE_CHINESE if chinese else LANDMARKS_NOTE).format(
        queries=result["queries"],
        seeds=result["seeds"],
        steps=result["steps"],
        error=span(result["predicted_error"], 3),
        pooling=cost["milliseconds"]["landmark pooling"],
        conv=round(cost["milliseconds"]["conv1 to conv4"]),
        kept=cost["floats_pooled"],
        of=cost["floats_of_the_map"],
        own=local["own_channels_changed_by_moving_it"],
        channels=local["channels_of_a_landmark"],
        others=local["other_channels_changed_by_moving_it"],
        hidden=local["values_left_of_it_when_hidden"],
        cells=local["cells_of_a_channel_with_gradient"],
        all=local["cells_of_a_channel"],
        date=result["date"],
        cpu=result["cpu_seconds"],
        machine=result["machine"]["processor"],
    )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{note}"


def span(value: Mapping[str, float], places: int = 2) -> str:
    """A mean and the least and most it is of."""
    return f"{value['mean']:.{places}f} ({value['least']:.{places}f}–{value['most']:.{places}f})"

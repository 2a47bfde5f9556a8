"""The table of `docs/labels.md`, from what `benchmarks/labels.py` measured; `docs/generate.py` puts it in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Result = Mapping[str, Any]

HEADS = ("customers' photos", "right", "said (true)", "likelihood gained", "Brier", "Brier removed", "ECE", "by chance")
HEADS_CHINESE = ("顾客照片", "首位正确", "所说（属实）", "增加的对数似然", "Brier", "减少的 Brier", "ECE", "by chance")
NAMES = {
    "whole": "sharp, whole (as the model was calibrated)",
    "boxes": "sharp, with boxes",
    "spoiled, boxes": "spoiled, with boxes",
}
NAMES_CHINESE = {
    "whole": "清晰，整张（与模型校准时相同）",
    "boxes": "清晰，带框",
    "spoiled, boxes": "变差，带框",
}
NOT_KEPT, NOT_KEPT_CHINESE = " (not kept)", "（未保存）"
# What may be said of conditions, in this order → the words for it.
SAYS = {
    "likelihood better": "the likelihood of what is true surely rose: {which}",
    "likelihood worse": "it surely fell: {which}",
    "Brier better": "the Brier score of first places surely fell: {which}",
    "Brier worse": "it surely rose: {which}",
    "off before": "probabilities were off by more than chance before: {which}",
    "off after": "and after: {which}",
}
SAYS_CHINESE = {
    "likelihood better": "真实情况的似然确实提高：{which}",
    "likelihood worse": "确实降低：{which}",
    "Brier better": "首位的 Brier 分数确实下降：{which}",
    "Brier worse": "确实上升：{which}",
    "off before": "校准前概率的偏差超出偶然：{which}",
    "off after": "校准后：{which}",
}
NOWHERE, NOWHERE_CHINESE = "nowhere", "无"
CONCLUSION = "**What {labels} labels do for photos of other products.** By condition, {says}."
CONCLUSION_CHINESE = "**{labels} 个标注对其他商品的照片有何作用。** 按条件：{says}。"
NOTE = (
    "A drawn shop of {products} products (part `test`, seed {seed}, photos {size} px high); labelled: {labelled} "
    "products, {street} photos each; asked: {photos} photos of {held} others, no sisters of those labelled. "
    "Each is asked with its item and without; *right* is the share of first places with it, *said* the mean "
    "probability of the first place, and in brackets how often it was the item. Before → after, 95 % intervals, items "
    "drawn as a whole, in bold where surely better; *likelihood gained* in nats a question; *by chance* after the "
    "labels. Spoiled: made {shrunk} times smaller and large again, brightness × {brightness:g}, JPEG quality "
    "{quality}. `wearabouts draw`, `index` and `calibrate` were run as commands; the photos asked were searched as "
    "`search` does, and in {answers} answers of `search` itself, before and after, no first probability was off by "
    "more than {gap:.0e} from those measured. Measured {date}, `{model}` `{hash}`, {cpu:.0f} s of processor time, "
    "{machine}, {cores} cores (`make labels`)."
)
NOTE_CHINESE = (
    "一个绘制的店，{products} 件商品（部分 `test`，种子 {seed}，照片高 {size} 像素）；标注：{labelled} 件商品，每件 "
    "{street} 张照片；询问：另外 {held} 件商品的 {photos} 张照片，其中没有已标注商品的姊妹款。每张照片带着商品与去掉"
    "商品各问一次；*首位正确* 是带着商品时的比例，*所说* 是首位的平均概率，括号内为它属实的比例。之前 → 之后，95 % "
    "置信区间，按商品整体抽样，确实更好者为粗体；*增加的对数似然* 以 nat 计，每个问题；*by chance* 为标注之后。"
    "变差：缩小到 1/{shrunk} 再放大，亮度 × {brightness:g}，JPEG 质量 {quality}。`wearabouts draw`、`index` 和 "
    "`calibrate` 作为命令运行；所问的照片按 `search` 的方式搜索，校准前后 `search` 自身的 {answers} 个回答中，首位"
    "概率与所测的相差都不超过 {gap:.0e}。{date} 测得，`{model}` `{hash}`，处理器时间 {cpu:.0f} 秒，{machine}，"
    "{cores} 核（`make labels`）。"
)


def own_labels(result: Result, chinese: bool) -> str:
    """A line a condition, what follows from them in a sentence, and how it was measured."""
    heads, names = (HEADS_CHINESE, NAMES_CHINESE) if chinese else (HEADS, NAMES)
    lines = [list(heads), ["---"] * len(heads)]
    for row in result["conditions"]:
        before, after, gain = row["before"], row["after"], row["gain"]
        kept = "" if row["kept"] else (NOT_KEPT_CHINESE if chinese else NOT_KEPT)
        lines.append(
            [
                names[row["name"]] + kept,
                f"{row['right']:.2f}",
                f"{before['mean']:.2f} → {after['mean']:.2f} ({after['came_true']:.2f})",
                _gained(gain["log_likelihood"]),
                f"{before['brier']:.3f} → {after['brier']:.3f}",
                _gained(gain["brier"]),
                f"{_spanned(before['ece'])} → {_spanned(after['ece'])}",
                f"{after['floor']['value']:.3f}",
            ]
        )
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"{table}\n\n{_conclusion(result, chinese)}\n\n{_note(result, chinese)}"


def findings(row: Mapping[str, Any]) -> set[str]:
    """Which of `SAYS` hold for a condition."""
    gains = {"likelihood": row["gain"]["log_likelihood"], "Brier": row["gain"]["brier"]}
    # An error no larger than chance alone would show has an interval that begins at 0.
    off = {f"off {when}" for when in ("before", "after") if row[when]["ece"]["low"] > 0}
    return off | {f"{name} {gain['verdict']}" for name, gain in gains.items()} & set(SAYS)


def _conclusion(result: Result, chinese: bool) -> str:
    says, names = (SAYS_CHINESE, NAMES_CHINESE) if chinese else (SAYS, NAMES)
    nowhere, join, part = (NOWHERE_CHINESE, "、", "；") if chinese else (NOWHERE, " and ", "; ")
    told = []
    for finding, words in says.items():
        which = [names[row["name"]] for row in result["conditions"] if finding in findings(row)]
        # That nothing is worse goes without saying; that nothing is better does not.
        if which or "worse" not in finding:
            told.append(words.format(which=join.join(f"*{name}*" for name in which) or nowhere))
    labels = result["conditions"][0]["labels"]
    return (CONCLUSION_CHINESE if chinese else CONCLUSION).format(labels=labels, says=part.join(told))


def _note(result: Result, chinese: bool) -> str:
    rows = result["conditions"]
    return (NOTE_CHINESE if chinese else NOTE).format(
        **{name: result[name] for name in ("products", "seed", "size", "labelled", "street", "held")},
        **result["spoiled"],
        photos=rows[0]["photos"],
        answers=sum(row["checked"]["answers"] for row in rows),
        gap=max(row["checked"]["largest_difference"] for row in rows),
        date=result["date"][:10],
        model=result["model"]["name"],
        hash=result["model"]["hash"][:8],
        cpu=result["cpu_seconds"],
        machine=result["machine"]["processor"],
        cores=result["machine"]["cores"],
    )


def _gained(value: Mapping[str, Any]) -> str:
    """A gain with its interval, bold where it is sure."""
    text = f"{value['value']:+.3f} ({value['low']:+.3f} to {value['high']:+.3f})"
    return f"**{text}**" if value["verdict"] == "better" else text


def _spanned(value: Mapping[str, float]) -> str:
    return f"{value['value']:.3f} ({value['low']:.3f}–{value['high']:.3f})"

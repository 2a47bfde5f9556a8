"""The tables of `docs/questions.md`, from what `benchmarks/questions` measured; `docs/generate.py` puts them in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Result = Mapping[str, Any]

LANDMARKS_CHINESE = {
    "pooled at": "在哪里池化",
    "predicted": "预测的关键点（对外服务时）",
    "annotated": "标注的关键点",
    "annotated places, predicted gates": "标注的位置，预测的可见性",
    "predicted places, annotated gates": "预测的位置，标注的可见性",
    "another photo's places": "另一张照片的位置，标注的可见性",
    "another photo's gates": "标注的位置，另一张照片的可见性",
    "none can be seen": "一个也看不见（只剩全局分支）",
    "trained without": "训练时就没有局部分支",
}
LANDMARKS_NOTE = (
    "{queries} street photos of products that were not learned from look for their shop photos; mean (least–most) "
    "over {seeds} trainings of {steps} steps each. All rows but the last ask the same weights, the last one a net of "
    "its own. The net's own landmarks are off by {error}, and {gates} of its gates are as annotated. At the paper's "
    "size one thread needs {pooling} ms to pool a photo's eight landmarks, {conv} ms to make the map: {kept:,} "
    "numbers are kept of {of:,}. Moving one landmark changed {own} of its {channels} channels and {others} others; "
    "hidden, {hidden} of its values were left; {cells:g} of the {all} cells of a channel got its gradient. Measured "
    "{date}, {cpu:.0f} s of processor time, {machine}."
)
LANDMARKS_NOTE_CHINESE = (
    "{queries} 张没有学过的商品的街拍照寻找它们的商店照；{seeds} 次训练、每次 {steps} 步的平均值（最小–最大）。除最后"
    "一行是单独训练的网络外，各行询问的是同一组权重。网络自己的关键点误差为 {error}，可见性与标注相同的占 {gates}。按"
    "论文的尺寸，单线程池化一张照片的八个关键点需要 {pooling} 毫秒，得到特征图需要 {conv} 毫秒：从 {of:,} 个数中留下 "
    "{kept:,} 个。移动一个关键点改变了它自己 {channels} 个通道中的 {own} 个，其他通道 {others} 个；隐藏时，它的值剩下"
    " {hidden} 个；一个通道的 {all} 格中有 {cells:g} 格得到它的梯度。{date} 测得，处理器时间 {cpu:.0f} 秒，{machine}"
    "。"
)

LABELS_CHINESE = {
    "labels known": "已知的标签",
    "tree": "属性树",
    "sigmoids": "逐值的是与否",
    "sigmoids, unknown is no": "逐值的是与否，未知当作否",
    "tree, unknown is a value": "属性树，未知单作一个取值",
    "one softmax": "所有值共用一个 softmax",
}
LABELS_NOTE = (
    "How often the likeliest value of an attribute is the right one: mean over {attributes} attributes, and over "
    "{seeds} drawings of what is hidden (least–most). Linear heads on vectors of the shipped encoder (`{encoder}`), "
    "{learned} drawn products learned from, {measured} others measured; how strongly weights decay was chosen for each "
    "form on further ones. Measured {date}, {cpu:.0f} s of processor time, {machine}."
)
LABELS_NOTE_CHINESE = (
    "属性中概率最大的值有多常是对的：{attributes} 个属性、{seeds} 次随机隐藏的平均值（最小–最大）。在随包编码器"
    "（`{encoder}`）的向量上训练线性头，学习 {learned} 个绘制的商品，在另外 {measured} 个上测量；权重衰减的强度由"
    "各种写法在别的商品上各自选定。{date} 测得，处理器时间 {cpu:.0f} 秒，{machine}。"
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
        gates=span(result["predicted_gates"]),
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


PAIRS_CHINESE = {
    "a query asks": "一次查询评判",
    "pairs": "照片对",
    "multiplications": "乘法次数",
    "small, ms": "小尺寸，毫秒",
    "paper's size, ms": "论文尺寸，毫秒",
    "every photo, first layer joined": "每张照片，第一层合并",
    "every photo, first layer split": "每张照片，第一层拆开",
    "photos of the category, split": "该品类的照片，拆开",
    "first 1,000 by cosine, split": "按余弦的前 1,000 张，拆开",
    "cosine alone": "只用余弦",
    "judged": "评判",
    "can be reached": "可达到",
    "none": "无",
    "all": "全部",
}
PAIRS_NOTE = (
    "Gallery of {gallery:,} random unit vectors, a category a tenth of it; small: {small} floats, layers of {layers}; "
    "multiplications at the paper's size. Time of one processor thread, median of {rounds}; at the paper's size that "
    "of {slice:,} photos, in proportion."
)
PAIRS_NOTE_CHINESE = (
    "图库为 {gallery:,} 个随机单位向量，一个品类占十分之一；小尺寸：{small} 个浮点数，各层 {layers}；乘法次数按论文"
    "尺寸。单个处理器线程的时间，{rounds} 次的中位数；论文尺寸由 {slice:,} 张照片的时间按比例得出。"
)
HITS_NOTE = (
    "{queries} street photos look for {products} products of a drawn shop, none of which was learned from, by the "
    "vectors of `mini`; R@1 and R@20 once the first K have been judged by a pair network, mean (least–most) of {seeds} "
    "trainings. *Can be reached* is the share whose product is among the first K by cosine. Measured {date}, "
    "{cpu:.0f} s of processor time, {machine}."
)
HITS_NOTE_CHINESE = (
    "{queries} 张街拍照片寻找绘制商店的 {products} 件没有学过的商品，用 `mini` 的向量；R@1 与 R@20 是前 K 个经成对"
    "网络评判之后的，{seeds} 次训练的平均值（最小–最大）。*可达到*是商品按余弦在前 K 个之中的比例。{date} 测得，"
    "处理器时间 {cpu:.0f} 秒，{machine}。"
)


def pairs(result: Result, chinese: bool) -> str:
    """What `benchmarks/questions/wtbi.py` measured, as Markdown: what a query costs, and what a shortlist loses."""
    words = PAIRS_CHINESE if chinese else {}
    costs = [["a query asks", "pairs", "multiplications", "small, ms", "paper's size, ms"], ["---", *["---:"] * 4]]
    for row in result["cost"]:
        numbers = [f"{row['pairs']:,}", f"{row['multiplications_paper'] / 1e6:,.0f} M"]
        costs.append([row["way"], *numbers, *(f"{row[name]:,.1f}" for name in ("ms_small", "ms_paper"))])
    hits = [["judged", "can be reached", "R@1", "R@20"], ["---", *["---:"] * 3]]
    last = len(result["hits"]["rows"]) - 1
    for place, row in enumerate(result["hits"]["rows"]):
        count = {0: "none", last: "all"}.get(place, str(row["k"]))
        bound = "" if row["bound"] is None else f"{row['bound']:.2f}"
        hits.append([count, bound, span(row["R@1"]), span(row["R@20"])])
    dim, layers = result["sizes"]["small"]
    first = (PAIRS_NOTE_CHINESE if chinese else PAIRS_NOTE).format(
        **{name: result[name] for name in ("gallery", "rounds", "slice")},
        small=dim,
        layers=", ".join(str(each) for each in layers),
    )
    second = (HITS_NOTE_CHINESE if chinese else HITS_NOTE).format(
        **{name: result[name] for name in ("products", "seeds", "date")},
        queries=result["hits"]["queries"],
        cpu=result["cpu_seconds"],
        machine=result["machine"]["processor"],
    )
    told = [[[words.get(text, text) for text in line] for line in lines] for lines in (costs, hits)]
    tables = ["\n".join("| " + " | ".join(line) + " |" for line in lines) for lines in told]
    return f"{tables[0]}\n\n{first}\n\n{tables[1]}\n\n{second}"


def span(value: Mapping[str, float], places: int = 2) -> str:
    """A mean and the least and most it is of."""
    return f"{value['mean']:.{places}f} ({value['least']:.{places}f}–{value['most']:.{places}f})"


def labels(result: Result, chinese: bool) -> str:
    """What `benchmarks/questions/darn.py` measured, as Markdown: a line a form, a column a share of known labels."""
    words = LABELS_CHINESE if chinese else {}
    shares = sorted({row["known"] for row in result["rows"]}, reverse=True)
    by_form: dict[str, dict[float, Mapping[str, float]]] = {}
    for row in result["rows"]:
        by_form.setdefault(row["form"], {})[row["known"]] = row["accuracy"]
    heads = [words.get("labels known", "labels known"), *(f"{share:.0%}" for share in shares)]
    lines = [heads, ["---"] * len(heads)]
    for form, accuracy in by_form.items():
        lines.append([words.get(form, form), *(span(accuracy[share], 3) for share in shares)])
    note = (LABELS_NOTE_CHINESE if chinese else LABELS_NOTE).format(
        learned=result["learned"],
        measured=result["measured"],
        attributes=len(result["attributes"]),
        seeds=result["seeds"],
        encoder=result["encoder"][:8],
        date=result["date"],
        cpu=result["cpu_seconds"],
        machine=result["machine"]["processor"],
    )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{note}"

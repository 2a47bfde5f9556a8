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
    "{seeds} drawings of what is hidden (least–most). Linear heads on vectors of the shipped encoder "
    "(`{encoder}`), {learned} drawn products learned from, {measured} others measured; how strongly weights "
    "decay was chosen for each form on further ones. Measured {date}, {cpu:.0f} s of processor time, {machine}."
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
    "memory": "内存",
    "ms": "毫秒",
    "ms, 2 threads": "毫秒，2 线程",
    "paper's memory": "论文尺寸：内存",
    "paper's ms": "论文尺寸：毫秒",
    "joined": "每张照片，第一层合并",
    "split": "每张照片，第一层拆开",
    "category": "该品类的照片，拆开",
    "cosine": "只用余弦",
    "first": "按余弦的前 {k:,} 张，拆开",
    "K": "K",
    "can be reached": "可达到",
    "R@1, with cosine": "R@1，加余弦",
    "R@20, with cosine": "R@20，加余弦",
    "judging, ms": "评判，毫秒",
    "halves computed": "现算一半",
    "whole query, ms": "整次查询，毫秒",
    "paper's judging, ms": "论文尺寸：评判，毫秒",
    "none": "无",
    "all": "全部",
}
PAIRS_ENGLISH = {
    "joined": "every photo, first layer joined",
    "split": "every photo, first layer split",
    "category": "photos of the kind, split",
    "cosine": "cosine alone",
    "first": "first {k:,} by cosine, split",
}
COST_NOTE = (
    "**Time on grown vectors:** {gallery:,}, each between near neighbours among the vectors of {of:,} drawn "
    "photos, asked by {asked:,} street photos that nothing was grown from. Directions around a vector by two-NN "
    "and by maximum likelihood: {real} among real ones, {few} among as many grown ones, {all} among all. Small: "
    "{small} floats, layers of {layers}, everything run as it is; the paper's size: {dim:,} floats, {wide}, "
    "random vectors, what grows with the gallery from a slice of {slice:,} in proportion. Milliseconds of "
    "processor time, one thread unless it says two, median of {rounds}; memory is what must be at hand for any "
    "query, in floats of four bytes, and for a shortlist the vectors alone. The kind is the one the model takes "
    "the query for. **R@20 on drawn photos:** see the next table. Measured {date}, {cpu:.0f} s of processor "
    "time, {machine}, {cores} cores, load {load}."
)
COST_NOTE_CHINESE = (
    "**时间来自生长的向量：** {gallery:,} 个，每个位于 {of:,} 张绘制照片的向量的近邻之间，由 {asked:,} 张没有参与"
    "生长的街拍照片查询。一个向量周围的方向数，按 two-NN 与最大似然：真实向量之间 {real}，同样多的生长向量之间 "
    "{few}，全部之间 {all}。小尺寸：{small} 个浮点数，各层 {layers}，全部照原样运行；论文尺寸：{dim:,} 个浮点数，"
    "{wide}，随机向量，随图库增长的部分由 {slice:,} 张按比例得出。处理器时间的毫秒，未注明两个线程的都是一个线程"
    "，{rounds} 次的中位数；内存是任何查询都必须备好的，按四字节浮点数，候选列表只需向量本身。品类是模型认为查询"
    "所属的品类。**R@20 来自绘制的照片：** 见下一张表。{date} 测得，处理器时间 {cpu:.0f} 秒，{machine}，{cores} "
    "核，负载 {load}。"
)
HITS_NOTE = (
    "**Accuracy on drawn photos:** {queries:,} street photos look for their product among {gallery:,} shop "
    "photos of a drawn shop, none of which was learned from, by the vectors of `mini` (`{encoder}`), kinds not "
    "given. R@1 and R@20 once the first K have been judged by a pair network that learned from shortlists of "
    "{learned:,} products of the part `train`: mean (least–most) of {seeds} trainings; *with cosine*: its "
    "log-odds and the cosine, weighed on products kept back. *Can be reached* is the share whose product is "
    "among the first K by cosine; an order within the first 20 changes R@1 alone. *Judging*: the network on K "
    "photos, halves kept or computed from the vectors, on the {whole:,} **grown** vectors of the table above. "
    "Measured {date}, {cpu:.0f} s of processor time, {machine}."
)
HITS_NOTE_CHINESE = (
    "**准确率来自绘制的照片：** {queries:,} 张街拍照片在绘制商店的 {gallery:,} 张商店照片中寻找自己的商品，没有一"
    "张学过，用 `mini`（`{encoder}`）的向量，不给品类。R@1 与 R@20 是前 K 个经成对网络评判之后的，网络学自 "
    "`train` 部分 {learned:,} 件商品的候选列表：{seeds} 次训练的平均值（最小–最大）；*加余弦*：它的对数几率与余弦"
    "，权重在留出的商品上选定。*可达到*是商品按余弦在前 K 个之中的比例；前 20 个之内的次序只改变 R@1。*评判*：网"
    "络判断 K 张照片，一半是保存的或由向量现算的，在上表的 {whole:,} 个**生长的**向量上。{date} 测得，处理器时间 "
    "{cpu:.0f} 秒，{machine}。"
)
PAIRS_SAYS = (
    "**What follows.** With K = {k} the network alone finds {best:.3f} of the products among the first 20; "
    "cosine alone finds {cosine:.3f}, the network on all {gallery:,} photos {all:.3f}, on those of the kind "
    "{kind:.3f}. Judging {k} photos takes {judging:.1f} ms where the cosine over {whole:,} takes "
    "{by_cosine:.0f}: the query takes {share:.2f} times as long as without a judge, and on every photo "
    "{split:.0f} times (split) or {joined:.0f} times (joined). Halves that are computed when needed in place of "
    "kept cost {more:.1f} ms more at K = {far:,}, {paper:.0f} ms at the paper's size."
)
PAIRS_SAYS_CHINESE = (
    "**由此可见。** K = {k} 时，仅用网络有 {best:.3f} 的商品进入前 20；只用余弦是 {cosine:.3f}，网络评判全部 "
    "{gallery:,} 张照片是 {all:.3f}，只评判该品类的照片是 {kind:.3f}。评判 {k} 张照片需要 {judging:.1f} 毫秒，而"
    "对 {whole:,} 个向量算余弦需要 {by_cosine:.0f} 毫秒：一次查询是没有评判时的 {share:.2f} 倍，评判每张照片则是 "
    "{split:.0f} 倍（拆开）或 {joined:.0f} 倍（合并）。一半在需要时现算而不保存，K = {far:,} 时多 {more:.1f} 毫秒"
    "，论文尺寸多 {paper:.0f} 毫秒。"
)
FAR = 1_000  # of the shortlists, the paper's


def pairs(result: Result, chinese: bool) -> str:
    """What `benchmarks/questions/wtbi.py` measured, as Markdown: each way at a glance, each K, and what follows."""
    tables = [_ways(result, chinese), _note(result, chinese), _shortlists(result, chinese), _hits_note(result, chinese)]
    return "\n\n".join([*tables, _says(result, chinese)])


def best_shortlist(result: Result) -> Result:
    """The row of the K with which the network alone finds most among the first 20; of equals, the shortest."""
    rows: list[Result] = result["hits"]["shortlists"][:-1]
    return max(rows, key=lambda row: (row["pair"]["R@20"]["mean"], -row["k"]))


def _told(lines: list[list[str]], words: Mapping[str, str]) -> str:
    lines = [[words.get(text, text) for text in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _one(row: Mapping[str, Any], name: str = "ms", threads: str = "1") -> float:
    """Milliseconds of the processor."""
    return float(row[name][threads]["cpu"])


def _ways(result: Result, chinese: bool) -> str:
    names = PAIRS_CHINESE if chinese else PAIRS_ENGLISH
    small, paper, hits = result["cost"]["sizes"]["small"], result["cost"]["sizes"]["paper"], result["hits"]
    found = {"joined": hits["shortlists"][-1]["pair"], "split": hits["shortlists"][-1]["pair"],
             "category": hits["category"]["pair"], "cosine": hits["cosine"]}  # fmt: skip
    heads = ["a query asks", "pairs", "memory", "ms", "ms, 2 threads", "paper's memory", "paper's ms", "R@20"]
    lines = [heads, ["---", *["---:"] * 7]]

    def line(name: str, pairs_: int, one: Result, other: Result, held: str, right: Any) -> list[str]:
        share_ = right["R@20"]["mean"] if isinstance(right["R@20"], Mapping) else right["R@20"]
        times = [f"{_one(one):,.1f}", f"{_one(one, threads='2'):,.1f}"]
        return [
            name,
            f"{pairs_:,}",
            _mega(one[held]),
            *times,
            _mega(other[held]),
            f"{_one(other):,.1f}",
            f"{share_:.3f}",
        ]

    for one, other in zip(small["rows"][:-1], paper["rows"][:-1], strict=True):
        lines.append(line(names[one["way"]], one["pairs"], one, other, "bytes", found[one["way"]]))
    right = {row["k"]: row["pair"] for row in hits["shortlists"]}
    there = {row["k"]: row for row in paper["shortlists"]}
    for row in small["shortlists"]:
        if row["k"] in {best_shortlist(result)["k"], FAR} & right.keys() & there.keys():
            name = names["first"].format(k=row["k"])
            lines.append(line(name, row["k"], row, there[row["k"]], "computed_bytes", right[row["k"]]))
    lines.append(line(names["cosine"], 0, small["rows"][-1], paper["rows"][-1], "bytes", found["cosine"]))
    return _told(lines, PAIRS_CHINESE if chinese else {})


def _mega(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def _shortlists(result: Result, chinese: bool) -> str:
    hits, sizes = result["hits"], result["cost"]["sizes"]
    small, paper = ({row["k"]: row for row in sizes[size]["shortlists"]} for size in ("small", "paper"))
    heads = ["K", "can be reached", "R@1", "R@1, with cosine", "R@20", "R@20, with cosine", "judging, ms",
             "halves computed", "whole query, ms", "paper's judging, ms", "halves computed"]  # fmt: skip
    cosine = hits["cosine"]
    level = sizes["small"]["rows"][-1]
    none = ["none", "", f"{cosine['R@1']:.3f}", "", f"{cosine['R@20']:.3f}", "", "", "", f"{_one(level):.1f}", "", ""]
    lines = [heads, ["---", *["---:"] * 10], none]
    for row in hits["shortlists"]:
        count = "all" if row is hits["shortlists"][-1] else f"{row['k']:,}"
        figures = [span(row[judge][name], 3) for name in ("R@1", "R@20") for judge in ("pair", "both")]
        one, other = small.get(row["k"]), paper.get(row["k"])
        times = [""] * 3 if one is None else [
            f"{_one(one, 'judge_ms'):.1f}", f"{_one(one, 'computed_judge_ms'):.1f}", f"{_one(one):.1f}"
        ]  # fmt: skip
        wide = [""] * 2 if other is None else [f"{_one(other, name):.1f}" for name in ("judge_ms", "computed_judge_ms")]
        lines.append([count, f"{row['bound']:.3f}", *figures, *times, *wide])
    return _told(lines, PAIRS_CHINESE if chinese else {})


def _note(result: Result, chinese: bool) -> str:
    cost, grown = result["cost"], result["cost"]["grown"]
    (small, layers), (dim, wide) = (result["sizes"][size] for size in ("small", "paper"))
    around = {name: f"{one['two_nn']:g} / {one['likelihood']:g}" for name, one in grown["dimension"].items()}
    return (COST_NOTE_CHINESE if chinese else COST_NOTE).format(
        **{name: result[name] for name in ("gallery", "slice", "rounds", "asked")},
        of=grown["from"],
        real=around["real"],
        few=around["grown, as many"],
        all=around["grown, all"],
        small=small,
        dim=dim,
        layers=", ".join(str(each) for each in layers),
        wide="-".join(str(each) for each in (2 * dim, *wide, 2)),
        date=cost["date"],
        cpu=cost["cpu_seconds"],
        machine=cost["machine"]["processor"],
        cores=cost["machine"]["cores"],
        load="/".join(f"{value:g}" for value in cost["load"]),
    )


def _hits_note(result: Result, chinese: bool) -> str:
    hits = result["hits"]
    return (HITS_NOTE_CHINESE if chinese else HITS_NOTE).format(
        **{name: hits[name] for name in ("queries", "gallery", "learned", "date")},
        seeds=result["seeds"],
        whole=result["gallery"],
        encoder=hits["encoder"][:8],
        cpu=hits["cpu_seconds"],
        machine=hits["machine"]["processor"],
    )


def _says(result: Result, chinese: bool) -> str:
    hits, best = result["hits"], best_shortlist(result)
    sizes = {size: {row["k"]: row for row in one["shortlists"]} for size, one in result["cost"]["sizes"].items()}
    ways = {row["way"]: row for row in result["cost"]["sizes"]["small"]["rows"]}
    small, far = sizes["small"][best["k"]], max(k for k in sizes["small"] if k <= FAR)
    more = {size: _one(rows[far], "computed_judge_ms") - _one(rows[far], "judge_ms") for size, rows in sizes.items()}
    alone = _one(ways["cosine"])
    return (PAIRS_SAYS_CHINESE if chinese else PAIRS_SAYS).format(
        k=best["k"],
        best=best["pair"]["R@20"]["mean"],
        cosine=hits["cosine"]["R@20"],
        gallery=hits["gallery"],
        all=hits["shortlists"][-1]["pair"]["R@20"]["mean"],
        kind=hits["category"]["pair"]["R@20"]["mean"],
        judging=_one(small, "judge_ms"),
        whole=result["gallery"],
        by_cosine=alone,
        share=_one(small) / alone,
        split=_one(ways["split"]) / alone,
        joined=_one(ways["joined"]) / alone,
        far=far,
        more=more["small"],
        paper=more["paper"],
    )


LATENCY_CHINESE = {
    "search": "搜索",
    "p50, ms": "p50，毫秒",
    "p95, ms": "p95，毫秒",
    "processor, ms": "处理器，毫秒",
    "ratio": "之比",
    "decode": "解码",
    "encode": "编码",
    "find": "查找",
    "judge": "评判",
    "fetch": "取回",
    "stage one alone": "只有第一阶段",
    "photos judged": "评判的照片",
    "vectors": "向量",
    "evidence": "读取证据",
    "unpacking": "解开",
    "pair network": "成对网络",
    "regions": "区域",
    "all signals": "全部信号与加权",
}
LATENCY_NOTE = (
    "{photos:,} photos of {products:,} products in an embedded store ({gigabytes:.1f} GB on the disk, "
    "{evidence:,} bytes of evidence a photo); **the vectors are grown** from those of {of:,} drawn photos. "
    "{queries} street photos that nothing was grown from, JPEG files of {kilobytes:.0f} kB, are searched for end "
    "to end, {rounds} times each, {found} products an answer; the ways take turns at every photo, and *ratio* is "
    "to stage one alone at the same photo: the median, and in brackets p95 to p95. Stages are medians by the "
    "clock, *judge* the whole second stage. {judge}Measured {date}, {machine}, {cores} cores, load {load}."
)
LATENCY_NOTE_CHINESE = (
    "嵌入式存储中 {products:,} 件商品的 {photos:,} 张照片（磁盘上 {gigabytes:.1f} GB，每张照片 {evidence:,} 字节"
    "证据）；**向量是生长的**，来自 {of:,} 张绘制照片。{queries} 张没有参与生长的街拍照片，{kilobytes:.0f} kB 的 "
    "JPEG 文件，端到端搜索，每张 {rounds} 次，每个回答 {found} 件商品；每张照片上各种方式轮流进行，*之比*是对同一"
    "张照片只有第一阶段的：中位数，括号内为 p95 之比。各阶段为时钟的中位数，*评判*是整个第二阶段。"
    "{judge}{date} 测得，{machine}，{cores} 核，负载 {load}。"
)
LATENCY_PARTS_NOTE = (
    "Processor milliseconds of what judging is made of, each by itself, median of {times}; the last is every signal "
    "and its weight."
)
LATENCY_PARTS_NOTE_CHINESE = "评判的组成，各自单独测量的处理器毫秒，{times} 次的中位数；最后一列是全部信号与加权。"
LATENCY_SAYS = (
    "**What follows.** Judging the card's {k} products makes a search {ratio:.2f} times as long by the clock, "
    "{cpu:.2f} times by the processor; {limit} takes most of the search, {share:.0%} of its time. Of judging "
    "{photos} photos, reading their evidence takes {evidence:.1f} ms of the processor, comparing their regions "
    "{regions:.1f}, the pair network {pair:.1f} with all halves computed"
)
LATENCY_SAYS_CHINESE = (
    "**由此可见。** 评判卡片所定的 {k} 件商品使一次搜索按时钟变为 {ratio:.2f} 倍，按处理器时间变为 {cpu:.2f} 倍；"
    "{limit}占时间最多，为 {share:.0%}。评判 {photos} 张照片时，读取证据用处理器 {evidence:.1f} 毫秒，比较区域用 "
    "{regions:.1f} 毫秒，成对网络连同现算全部一半用 {pair:.1f} 毫秒"
)
HALVES_SAY = ": to read kept halves as well would cost more than it saves, at this size."
HALVES_SAY_CHINESE = "：在这个尺寸，再读取保存的一半得不偿失。"
STAGES = {"decode": "decode", "encode": "encode", "search": "find", "verify": "judge", "fetch": "fetch"}


def latency(result: Result, chinese: bool) -> str:
    """What `benchmarks/questions/latency.py` measured, as Markdown: whole searches, and what judging is made of."""
    words = LATENCY_CHINESE if chinese else {}
    lines = [["search", "p50, ms", "p95, ms", "ratio", *STAGES.values(), "processor, ms"], ["---", *["---:"] * 9]]
    for row in result["rows"]:
        ratio = f"{row['ratio']['median']:.2f} ({row['ratio']['p95']:.2f})"
        stages = [f"{row['stages'][stage]:.1f}" for stage in STAGES]
        lines.append([row["way"], f"{row['p50']:.1f}", f"{row['p95']:.1f}", ratio, *stages, f"{row['cpu']:.1f}"])
    names = list(result["parts"][0]["ms"])
    parts = [["photos judged", *names], ["---:"] * (1 + len(names))]
    parts += [[str(row["photos"]), *(f"{row['ms'][name]:.2f}" for name in names)] for row in result["parts"]]
    note = (LATENCY_NOTE_CHINESE if chinese else LATENCY_NOTE).format(
        **{name: result[name] for name in ("photos", "products", "queries", "rounds", "found")},
        gigabytes=result["store_bytes"] / 1e9,
        evidence=result["evidence_bytes"],
        of=result["from"],
        kilobytes=result["photo_bytes"] / 1e3,
        judge=_judge(result, chinese),
        date=result["date"][:10],
        machine=result["machine"]["processor"],
        cores=result["machine"]["cores"],
        load="/".join(f"{value:g}" for value in result["load"]["before"]),
    )
    below = (LATENCY_PARTS_NOTE_CHINESE if chinese else LATENCY_PARTS_NOTE).format(times=10 * result["rounds"])
    return "\n\n".join([_told(lines, words), note, _told(parts, words), below, _latency_says(result, chinese)])


def _judge(result: Result, chinese: bool) -> str:
    """Whose word it was: the shipped model's, or a stand-in's, which takes as long and knows nothing."""
    hashes = f"`{result['encoder'][:8]}`, `{result['judge'][:8]}`"
    if result["bundle"]:
        return f"模型 {hashes}。" if chinese else f"Model {hashes}. "
    if chinese:
        return f"评判的图是同样大小、随机权重的替身（{hashes}）：花的时间一样，什么也不懂。"
    told = "The judge's graphs are stand-ins of that size with random weights"
    return f"{told} ({hashes}): they take as long and know nothing. "


def served(result: Result) -> Result:
    """The row of the K that is served: the card's, or the one measured that is next to it."""
    rows = [row for row in result["rows"] if row["judged"] and row["budget_ms"] is None]
    return min(rows, key=lambda row: abs(int(row["judged"]) - int(result["shortlist"])))


def _latency_says(result: Result, chinese: bool) -> str:
    row, alone = served(result), result["rows"][0]
    times = {stage: float(row["stages"][stage]) for stage in STAGES}
    limit = max(times, key=times.__getitem__)
    name = STAGES[limit]
    parts = next(each for each in result["parts"] if each["photos"] == result["views"] * row["judged"])
    spent = parts["ms"]
    told = (LATENCY_SAYS_CHINESE if chinese else LATENCY_SAYS).format(
        k=row["judged"],
        ratio=row["ratio"]["median"],
        cpu=row["cpu"] / alone["cpu"],
        limit=LATENCY_CHINESE[name] if chinese else f"*{name}*",
        share=times[limit] / sum(times.values()),
        photos=parts["photos"],
        evidence=spent["evidence"],
        pair=spent.get("pair network", 0.0),
        regions=spent.get("regions", 0.0),
    )
    if spent["evidence"] > spent.get("pair network", 0.0):
        return told + (HALVES_SAY_CHINESE if chinese else HALVES_SAY)
    return told + ("。" if chinese else ".")


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

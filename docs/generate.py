"""Write measured tables into the documents, so that no figure is typed: `python docs/generate.py [--check]`.

A document marks the place with two comments, `<!-- table: NAME -->` and `<!-- end of table -->`; what stands between
them is replaced by what the results in `benchmarks/results` say. Where nothing has been measured, nothing is changed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import own_labels
import throughput
import tortured

import questions

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
BEFORE = RESULTS / "photographs-before.json"
DOCUMENTS = (
    "README.md",
    "README.zh.md",
    "docs/benchmarks.md",
    "docs/cluster.md",
    "docs/cluster.zh.md",
    "docs/codes.md",
    "docs/codes.zh.md",
    "docs/labels.md",
    "docs/labels.zh.md",
    "docs/tutorials/cifar10.md",
    "docs/tutorials/cifar10.zh.md",
    "docs/questions.md",
    "docs/questions.zh.md",
    "docs/stores.md",
    "docs/stores.zh.md",
)
PLACE = re.compile(r"(<!-- table: (?P<name>[a-z0-9-]+) -->\n).*?(\n<!-- end of table -->)", re.DOTALL)
Words = Mapping[str, str]

# The report's words for the Chinese README; names of encoders and figures stay as they are.
CHINESE: Words = {
    "row": "任务",
    "grocery": "手机拍的商品 → 货架图",
    "back view": "背面照 → 正面照",
    "detail": "细节照 → 正面照",
    "clothing kind": "服装品类",
    "mini before": "之前的 mini",
    "best other": "其余方案中的最佳",
    "errors removed": "减少的错误",
    "protocol": "划分",
    "trained on": "训练",
    "highest published on it": "该划分已发表的最高值",
    "training": "{photos} 张图 × {epochs} 遍，处理器时间 {minutes} 分钟",
    "note": "95 % 置信区间，每种划分都有自己的网络，只用该划分的训练图。{date} 测得（{dataset}），模型 {hashes}。"
    "已发表的数值来自二值码和在 ImageNet 上预训练的 AlexNet，本表用浮点向量，从零训练。",
    "bytes": "字节",
    "hash head": "哈希头",
    "random hyperplanes": "随机超平面",
    "floats": "浮点向量",
    "floats alone": "仅浮点向量，精确",
    "shortlist": "候选 {count}",
    "codes cifar10": "**CIFAR-10**，{queries} 张测试图查询 {gallery} 张训练图：mAP，整个图库；"
    "其下为两阶段检索的 mAP@1000，分母为前 1000 名中找到的正确照片数。",
    "codes drawn": "**手绘商店**，`mini` 的向量，{queries} 张街拍查询 {gallery} 张商品照：mAP，整个图库；"
    "其下为两阶段检索的首位命中率。",
    "codes note": "每张照片的字节数；两阶段检索另需候选照片的向量。括号内为 95 % 置信区间。"
    "导出的图给出训练所得的码，各头中最少 {bits:.2%} 的位相同。{date} 测得，{versions}，{machine}。",
    "measured": "95 % 置信区间，{queries} 次查询。{date} 测得，模型 {hashes}。粗体：优势的区间在 0 之上且 p < 0.05。",
}
ENGLISH: Words = {
    "codes cifar10": "**CIFAR-10**, {queries} test pictures as queries against {gallery} training pictures: mAP over "
    "the whole gallery; below it mAP@1000 after two stages, divided by the right answers found among the first 1000.",
    "codes drawn": "**The drawn shop**, vectors of `mini`, {queries} street photos against {gallery} shop photos: mAP "
    "over the whole gallery; below it the share of first hits after two stages.",
    "codes note": "Bytes a photo; the second stage needs the vectors of the shortlist besides. In brackets 95 % "
    "intervals. Exported graphs give the codes that were trained: of the head that agrees least, {bits:.2%} of the "
    "bits are the same. Measured {date}, {versions}, {machine}.",
    "measured": "With 95 % intervals, {queries} queries in all. Measured {date}, encoders {hashes}. "
    "In bold: the interval of the lead lies above 0 and p below 0.05.",
    "training": "{photos} pictures × {epochs}, {minutes} minutes of processor time",
    "note": "With 95 % intervals; each split has a net of its own, trained on that split's training pictures alone. "
    "Measured {date} ({dataset}), models {hashes}. The published figures are of binary codes and an AlexNet that had "
    "learnt ImageNet before; ours are of float vectors and nets that begin with nothing.",
}
# Not shown here: the report has the differences with their intervals.
LEFT_OUT = ("difference",)


def photographs(report: Mapping[str, Any], words: Words) -> str:
    """The model table of `wearabouts evaluate photographs` as Markdown, beside the `mini` shipped before, on the same.

    Args:
        report: What its ``report.json`` holds.
        words: The report's words → those of the document's language.
    """
    table = report["sections"][0]["tables"][0]
    columns = [column for column in table["columns"] if column not in LEFT_OUT]
    before = {row["name"]: row["cells"]["mini"] for row in _before()}
    for row in table["rows"]:
        row["cells"]["mini before"] = before.get(row["name"])
    columns.insert(1, "mini before")
    lines = [[words.get("row", "row"), *(words.get(column, column) for column in columns)]]
    lines.append(["---"] * len(lines[0]))
    queries = 0
    for row in table["rows"]:
        task, _, figure = row["name"].rpartition(", ")
        cells = [cell(row["cells"].get(column)) for column in columns]
        bold = [
            f"**{text}**" if name in row["marked"] and text else text for name, text in zip(columns, cells, strict=True)
        ]
        lines.append([f"{words.get(task, task)}, {figure}", *bold])
        queries += (
            next(value["queries"] for value in row["cells"].values() if isinstance(value, dict))
            if figure == "R@1"
            else 0
        )
    source = report["provenance"]
    hashes = ", ".join(f"{name} `{value[:8]}`" for name, value in source["encoders"].items())
    note = words["measured"].format(queries=f"{queries:,}", date=source["date"][:10], hashes=hashes)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{note}"


def _before() -> Sequence[Mapping[str, Any]]:
    """Rows of the table as the `mini` shipped before was measured: what was gained, or lost, stays to be seen."""
    rows: Sequence[Mapping[str, Any]] = json.loads(BEFORE.read_text("utf-8"))["sections"][0]["tables"][0]["rows"]
    return rows


def cell(value: Any, places: int = 2) -> str:
    """One figure with its interval, as short as it is still honest."""
    if value is None:
        return ""
    if isinstance(value, dict):
        if value["low"] is None:
            return f"{value['value']:.{places}f}"
        return f"{value['value']:.{places}f} ({value['low']:.{places}f}–{value['high']:.{places}f})"
    return str(value)


def cifar10(result: Mapping[str, Any], words: Words) -> str:
    """The three published splits of CIFAR-10 as Markdown.

    Args:
        result: What `docs/cifar10.py` gathered.
        words: English words → those of the document's language.
    """
    figures = list(result["runs"][0]["figures"])
    heads = ("protocol", *figures, "trained on", "highest published on it")
    lines = [[words.get(head, head) for head in heads], ["---"] * len(heads)]
    for run in result["runs"]:
        trained = run["trained"]
        training = words["training"].format(
            photos=f"{trained['photos']:,}", epochs=trained["epochs"], minutes=round(trained["cpu_seconds"] / 60)
        )
        # A figure that nobody here has seen in its source is text, with its mark; a note after the source says that
        # the split was another, or not known to be this one.
        seen = [row for row in run["published"] if isinstance(row["cells"]["mAP"], float) and ";" not in row["note"]]
        best = max(seen, key=lambda row: float(row["cells"]["mAP"]), default=None)
        beside = f"mAP {best['cells']['mAP']:.3f}, {best['name']}" if best else ""
        shown = [cell(run["figures"][name], 3) for name in figures]
        lines.append([f"`{run['protocol']}`", *shown, training, beside])
    hashes = ", ".join(f"{run['model']} `{run['encoder'][:8]}`" for run in result["runs"])
    first = result["runs"][0]
    layout = first["dataset"].split("; ")[1]
    note = words["note"].format(date=first["date"][:10], dataset=layout, hashes=hashes)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{note}"


def ranking(run: Mapping[str, Any], words: Words) -> str:
    """What `benchmarks/ranking.py` measured, as Markdown; nothing of it is translated."""
    lines = [["case", "who", "queries x gallery", "time", "processor", "memory"], ["---"] * 6]
    for row in run["rows"]:
        size = f"{row['queries']:,} x {row['gallery']:,}"
        spent = [f"{row['seconds']:,.1f} s", f"{row['cpu_seconds']:,.1f} s", f"{row['memory_mib']:,.0f} MiB"]
        lines.append([row["case"], row["who"], size, *spent])
    whole = run["extrapolated"]
    size = f"{whole['queries']:,} x {whole['gallery']:,}"
    spent = [f"*{whole['hours']:.1f} h*", f"*{whole['cpu_hours']:.1f} h*", f"*{whole['memory_mib']:,.0f} MiB*"]
    lines.append(["*extrapolated*", "wearabouts", size, *spent])
    machine, loads = run["machine"], "/".join(f"{value:g}" for value in run["load"]["before"])
    note = (
        f"Vectors of {run['dim']} floats in memory-mapped files, a budget of {run['budget_mib']:,.0f} MiB. Memory is "
        "the most a fresh process held beyond its libraries and what is mapped from files. The last row is not "
        "measured: time of the long gallery in proportion to the queries, memory of both slices added. "
        f"Measured {run['date'][:10]}, commit `{run['commit'].get('commit', 'unknown')[:12]}`, NumPy "
        f"{run['versions']['numpy']}, {machine['processor']}, {machine['cores']} cores, load average {loads} before: "
        "on a busy machine trust the processor's seconds, of all its cores together."
    )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{note}"


def codes(run: Mapping[str, Any], words: Words) -> str:
    """What `benchmarks/codes.py` measured, as Markdown: quality by the byte, then the two stages."""
    parts = []
    for world in dict.fromkeys(row["world"] for row in run["rows"]):
        rows = [row for row in run["rows"] if row["world"] == world]
        parts.append(
            words[f"codes {world}"].format(queries=f"{rows[0]['queries']:,}", gallery=f"{rows[0]['gallery']:,}")
        )
        parts += [_by_the_byte(rows, words), _two_stages(rows, words)]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    least = min(float(one["same_bits"]) for heads in run["exported"].values() for one in heads.values())
    machine = f"{run['machine']['processor']}, {run['machine']['cores']} cores"
    parts.append(words["codes note"].format(date=run["date"][:10], versions=versions, machine=machine, bits=least))
    return "\n\n".join(parts)


def _by_the_byte(rows: Sequence[Mapping[str, Any]], words: Words) -> str:
    """The mAP of every contender, a line for each number of bytes."""
    alone = {(row["who"], row["bytes"]): row for row in rows if row["figure"] == "mAP"}
    whos = sorted(dict.fromkeys(who for who, _ in alone), key=lambda who: who == "floats")  # the others in their order
    sizes = sorted({size for _, size in alone})
    lines = [[words.get("bytes", "bytes"), *(words.get(who, who) for who in whos)], ["---"] * (len(whos) + 1)]
    lines += [[f"{size:,}", *(cell(alone.get((who, size)), 3) for who in whos)] for size in sizes]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _two_stages(rows: Sequence[Mapping[str, Any]], words: Words) -> str:
    """The first places after the second stage, a line for each number of bits."""
    staged = {(row["who"], row["bytes"], row["shortlist"]): row for row in rows if "shortlist" in row}
    shortlists = sorted({shortlist for _, _, shortlist in staged})
    figure = next(iter(staged.values()))["figure"]
    whole = next(row for row in rows if row["figure"] == figure and "shortlist" not in row)
    short = [words.get("shortlist", "shortlist of {count}").format(count=f"{count:,}") for count in shortlists]
    lines = [[figure, words.get("bytes", "bytes"), *short], ["---"] * (len(shortlists) + 2)]
    for who, size in dict.fromkeys((who, size) for who, size, _ in staged):
        cells = [cell(staged.get((who, size, count)), 3) for count in shortlists]
        lines.append([words.get(who, who), f"{size:,}", *cells])
    lines.append([words.get("floats alone", "floats alone"), f"{whole['bytes']:,}", cell(whole, 3)])
    lines[-1] += [""] * (len(shortlists) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


TABLES: dict[str, Callable[[Mapping[str, Any], Words], str]] = {
    "photographs": photographs,
    "cifar10": cifar10,
    "ranking": ranking,
    "codes": codes,
    "labels": lambda result, words: own_labels.own_labels(result, words is CHINESE),
    "torture": lambda result, words: tortured.torture(result, words is CHINESE),
    "throughput": lambda result, words: throughput.throughput(result, words is CHINESE),
    "question-labels": lambda result, words: questions.labels(result, words is CHINESE),
    "question-pairs": lambda result, words: questions.pairs(result, words is CHINESE),
    "question-latency": lambda result, words: questions.latency(result, words is CHINESE),
    "question-landmarks": lambda result, words: questions.landmarks(result, words is CHINESE),
}


def filled(text: str, words: Words, results: Path = RESULTS) -> str:
    """A document with its tables brought up to date."""

    def fill(place: re.Match[str]) -> str:
        path = results / f"{place['name']}.json"
        if not path.is_file():
            return place[0]
        return place[1] + TABLES[place["name"]](json.loads(path.read_text("utf-8")), words) + place[3]

    return PLACE.sub(fill, text)


def main(arguments: Sequence[str]) -> int:
    """Bring the documents up to date, or with ``--check`` only say which are not; 1 when some were not."""
    stale = 0
    for name in DOCUMENTS:
        path = ROOT / name
        if not path.is_file():
            continue
        old = path.read_text("utf-8")
        new = filled(old, CHINESE if ".zh." in name else ENGLISH)
        if new == old:
            continue
        if "--check" in arguments:
            stale = 1
            sys.stdout.write(f"{name} is out of date; run: make docs\n")
        else:
            path.write_text(new, "utf-8")
            sys.stdout.write(f"{name} brought up to date\n")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

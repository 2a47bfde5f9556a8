"""Write docs/papers/study.md and study.zh.md from the study's results: `python docs/study.py [--check] [--from JSON]`.

Which claims hold, which do not and by how much is read off the figures; no figure and no verdict is typed.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import paging

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "papers.json"
WORDS = tomllib.loads((ROOT / "docs" / "study.toml").read_text("utf-8"))
PAGES = {"study.md": WORDS["en"], "study.zh.md": WORDS["zh"]}
PAPERS = {"wtbi": "WTBI", "darn": "DARN", "fashionnet": "FashionNet", "stylenet": "StyleNet"}
MINUTES = 45  # what benchmarks/papers/variants.py is sized for
SEARCH = ("R@1", "R@20", "mAP", "in-category R@1", "NDCG@20", "linear labels")
LABELS = ("category", "attributes", "color", "pattern", "sleeve", "collar", "length", "NE")
FINALS = ("wtbi-specific", "darn", "fashionnet", "stylenet")
Words = Mapping[str, Any]


def page(study: Mapping[str, Any], words: Words) -> str:
    """The whole page in one language.

    Args:
        study: What `benchmarks/papers/run.py` wrote.
        words: Of `WORDS`.
    """
    parts = [f"# {words['title']}", f"<!-- {words['head']} -->", words["other"]]
    parts += [words["quick"]] if study["quick"] else []
    parts += [words["intro"], *_circumstances(study, words), *_claims(study, words), *_searched(study, words)]
    parts += [words["labels"], words["labels note"], _figures(study, words, LABELS)]
    parts += [*_cost(study, words), *_photographs(study, words), *_failed(study, words)]
    parts += [words["limits"], "\n".join(f"- {text}" for text in words["limits text"])]
    parts += [words["again"], words["again text"].format(minutes=MINUTES)]
    return "\n\n".join(parts) + "\n"


def _circumstances(study: Mapping[str, Any], words: Words) -> Iterator[str]:
    size, machine = study["size"], study["machine"]
    yield words["data"].format(**size, queries=study["queries"]["street photos"])
    yield words["made"].format(
        date=study["date"][:10],
        processor=machine["processor"],
        cores=machine["cores"],
        memory=f"{machine['memory_gib']:g}",
        **{name: study["versions"][name] for name in ("torch", "onnxruntime")},
    )


def _claims(study: Mapping[str, Any], words: Words) -> Iterator[str]:
    claims = study["claims"]
    outcomes = [claim["outcome"] for claim in claims]
    yield words["claims"]
    counts = {name: outcomes.count(name) for name in ("holds", "contradicted", "open")}
    yield words["counted"].format(all=len(claims), **counts)
    yield words["rule"]
    for paper, title in PAPERS.items():
        own = [claim for claim in claims if claim["paper"] == paper]
        if own:
            yield f"**{title}**\n\n" + "\n".join(f"- {_sentence(claim, words)}" for claim in own)
    rows = []
    for claim in claims:
        values = [f"`{claim[side]}` {_value(study, claim[side], claim['figure'])}" for side in ("first", "second")]
        seeds = ", ".join(_points(value) for value in claim["seeds"])
        difference = f"{_points(claim['difference'])} ({_points(claim['low'])} – {_points(claim['high'])})"
        said = f"{PAPERS[claim['paper']]}: {words['claim'][claim['name']]}"
        rows.append([said, claim["figure"], *values, difference, seeds, words["outcome"][claim["outcome"]]])
    yield paging.grid(words["claim head"], rows)


def _sentence(claim: Mapping[str, Any], words: Words) -> str:
    low, high, difference = claim["low"], claim["high"], claim["difference"]
    if claim["outcome"] == "contradicted":  # told as how much the other is ahead
        low, high, difference = -high, -low, -difference
    return words["sentence"][claim["outcome"]].format(
        text=words["claim"][claim["name"]],
        figure=claim["figure"],
        difference=_points(difference, sign=claim["outcome"] == "open"),
        low=_points(low, sign=claim["outcome"] == "open"),
        high=_points(high, sign=claim["outcome"] == "open"),
    )


def _searched(study: Mapping[str, Any], words: Words) -> Iterator[str]:
    yield words["readings"]
    yield words["readings note"]
    first = {row["name"]: row["figures"]["R@1"]["value"] for row in study["readings"]}
    finals = [name for name in FINALS if name in first]
    if finals and "trunk" in first:
        best = max(finals, key=lambda name: first[name])
        yield words["best"].format(best=f"`{best}`", value=f"{first[best]:.1%}", start=f"{first['trunk']:.1%}")
    yield _figures(study, words, SEARCH)


def _figures(study: Mapping[str, Any], words: Words, names: Sequence[str]) -> str:
    rows = []
    for reading in study["readings"]:
        cells = [_interval(reading["figures"].get(name)) for name in names]
        if any(cells):
            rows.append([f"`{reading['name']}`", *cells])
    return paging.grid([words["network"], *names], rows)


def _cost(study: Mapping[str, Any], words: Words) -> Iterator[str]:
    yield words["cost"]
    yield (
        words["cost note"]
        + " "
        + words["gpu"].format(reason=words["gpu reason"].get(study["gpu"]["reason"], study["gpu"]["reason"]))
    )
    rows = []
    for reading in study["readings"]:
        cost, seen = reading["cost"], study["gpu"]["readings"].get(reading["name"], "")
        parameters = f"{cost['parameters']:,}" if "parameters" in cost else ""
        if "verifier parameters" in cost and reading["method"] != "cosine":
            parameters += words["verifier"].format(count=f"{cost['verifier parameters']:,}")
        trained = cost.get("training cpu seconds")
        megabytes = f"{cost['megabytes']:.1f}" if "megabytes" in cost else ""
        spent = "" if trained is None else f"{trained:.0f}"
        rows.append([f"`{reading['name']}`", str(cost["dim"]), parameters, megabytes, f"{cost['ms']:.1f}", spent, seen])
    yield paging.grid(words["cost head"], rows)


def _photographs(study: Mapping[str, Any], words: Words) -> Iterator[str]:
    yield words["photographs"]
    found = study["photographs"]
    if not found["rows"]:
        yield words["no photographs"]
        return
    won = sum(
        all(row["cells"]["mini"]["value"] >= cell["value"] for cell in row["cells"].values()) for row in found["rows"]
    )
    yield words["photographs note"] + " " + words["ahead"].format(won=won, all=len(found["rows"]))
    rows = [[row["name"], *(_interval(row["cells"].get(name)) for name in found["columns"])] for row in found["rows"]]
    yield paging.grid([words["row"], *(f"`{name}`" for name in found["columns"])], rows)


def _failed(study: Mapping[str, Any], words: Words) -> Iterator[str]:
    missing = {**study["failed"], **study["absent"]}
    if missing:
        yield words["failed"]
        yield "\n".join(f"- `{name}`: {why}" for name, why in missing.items())


def _value(study: Mapping[str, Any], name: str, figure: str) -> str:
    found = next(row for row in study["readings"] if row["name"] == name)["figures"][figure]
    return f"{found['value']:.3f}"


def _interval(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return ""
    return f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})"


def _points(value: float, *, sign: bool = True) -> str:
    text = f"{100 * value:+.1f}" if sign else f"{100 * value:.1f}"
    return text.replace("-", "−") if float(text) else "0.0"


def main(words: Sequence[str] | None = None) -> int:
    """Write the pages, or with ``--check`` say which are out of date."""
    return paging.write(__doc__, PAGES, page, RESULTS, ROOT / "docs" / "papers", words)


if __name__ == "__main__":
    sys.exit(main())

"""The pages of searching and serving: `python docs/search.py [--check]`.

Everything is read off `benchmarks/results/search.json` and `serve.json`, which `benchmarks/search/run.py` and
`benchmarks/serve/run.py` wrote, and off the words in `search.toml`; no figure and no verdict is typed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import paging
import search_goals
import search_plot

ROOT = Path(__file__).parents[1]
WORDS = tomllib.loads((ROOT / "docs" / "search.toml").read_text("utf-8"))
PAGES = {"search.md": "en", "search.zh.md": "zh"}
Words = Mapping[str, Any]
Told = Mapping[str, Any]


def page(told: Told, words: Words, language: str) -> str:
    """The whole page in one language.

    Args:
        told: What `benchmarks/search/run.py` wrote, and under ``serve`` what `benchmarks/serve/run.py` did, or None.
        words: Of `WORDS`.
        language: Its name, for the pictures.
    """
    parts = [f"# {words['title']}", f"<!-- {words['head']} -->", words["other"]]
    parts += [words["quick"]] if told["quick"] else []
    parts += [words["intro"], words["short"], *search_goals.goals(told, words)]
    parts += [words["data"], *_data(told, words)]
    for name, section in (
        ("curves", _curves),
        ("filters", _filters),
        ("updates", _updates),
        ("growth", _growth),
        ("serve", _serve),
    ):
        parts.append(words[name])
        known = told["serve"] is not None if name == "serve" else name in told["parts"]
        parts += section(told, words, language) if known else [words["missing"]]
    parts += [words["limits"], "\n".join(f"- {line}" for line in words["limits_text"])]
    parts += [words["again"], words["again_text"], _circumstances(told, words)]
    return "\n\n".join(text.strip() for text in parts) + "\n"


def _data(told: Told, words: Words) -> Iterator[str]:
    yield words["data_text"].format(source=told["source"], seed=told["seed"])
    yield "\n".join(words["made"].format(dim=dim, how=how) for dim, how in words["how"].items())
    rows = []
    for one in told["parts"].get("curves", {}).get("found", []):
        dims = one["dimensions"]
        names = ("real", "grown, as many", "grown, all", "queries among the real", "queries among the grown")
        cells = [f"{dims[name]['two_nn']:g} · {dims[name]['likelihood']:g}" for name in names]
        rows.append([str(one["dim"]), f"{one['count']:,}", *cells])
    if rows:
        yield words["dims_text"]
        yield paging.grid(words["dims_head"], rows)


def _curves(told: Told, words: Words, language: str) -> Iterator[str]:
    budget = told["budget"]
    yield words["curves_text"].format(build=budget["build_seconds"], found=budget["found"])
    for one in told["parts"]["curves"]["found"]:
        yield words["curves_title"].format(count=f"{one['count']:,}", dim=one["dim"])
        yield search_plot.shown(words["picture_curves"], f"search-curve-{one['dim']}", language)
        rows = []
        for row in one["rows"]:
            if "points" not in row:
                rows.append([row["name"], words["failed"].format(why=row.get("error", "?")), *[""] * 5])
            for point in row.get("points", []):
                rounds = f"{number(min(point['rounds']))}–{number(max(point['rounds']))}"
                figures = [f"{point[f'recall@{k}']:.4f}" for k in (10, 20)]
                times = [number(point["p50"]), number(point["p95"])]
                rows.append([row["name"], setting(point["point"], words), *figures, *times, rounds])
        yield paging.grid(words["curves_head"], rows)
        yield from _built(one, told, words)


def _built(one: Told, told: Told, words: Words) -> Iterator[str]:
    rows = []
    for row in one["rows"]:
        if "built" not in row or "opened" not in row:
            continue
        built, opened = row["built"], row["opened"]
        version = (told["peers"] | told["versions"]).get(row["library"], "")
        held = opened["now"].get("own", 0) - opened["before"].get("own", 0)
        rows.append(
            [row["name"], version, number(built["seconds"]), number(built["cpu"]), number(built["disk"] / 2**20),
             number(held), number(opened["seconds"])]
        )  # fmt: skip
    if rows:
        threads = max(row["built"]["threads"] for row in one["rows"] if "built" in row)
        yield words["built_title"].format(threads=threads)
        yield paging.grid(words["built_head"], rows)


def _filters(told: Told, words: Words, language: str) -> Iterator[str]:
    found = told["parts"]["filters"]["found"]
    yield words["filters_text"].format(count=f"{found['count']:,}", dim=found["dim"])
    yield search_plot.shown(words["picture_filters"], "search-filters", language)
    shares = sorted({case["kept"] for row in found["rows"] for case in row.get("cases", [])[1:]}, reverse=True)
    rows = []
    for row in found["rows"]:
        if not row.get("cases"):
            rows.append([row["name"], words["failed"].format(why=row.get("error", "?")), *[""] * len(shares)])
            continue
        cases = {(case["kind"], case["kept"]): case for case in row["cases"]}
        name = words["step"].format(
            name=row["name"], setting=setting(row["point"], words), p50=number(row["cases"][0]["p50"])
        )
        for kind, word in words["kinds"].items():
            each = [cases.get((kind, share)) for share in shares]
            cells = [
                "" if case is None else f"{case['recall@10']:.3f} · {case['times unfiltered']:.1f}×" for case in each
            ]
            rows.append([name if kind == "random" else "", word, *cells])
    yield paging.grid([*words["filters_head"], *(f"{100 * share:g} %" for share in shares)], rows)


def _updates(told: Told, words: Words, _: str) -> Iterator[str]:
    found = told["parts"]["updates"]["found"]
    group = next((row["products of an upsert"] for row in found["rows"] if "products of an upsert" in row), 0)
    yield words["updates_text"].format(
        count=f"{found['count']:,}", dim=found["dim"], rate=f"{found['searches a second']:g}", group=group
    )
    rows = []
    for row in found["rows"]:
        times = [number(row[name]) for name in ("p50", "p95", "p99")]
        written = ["", ""]
        if "writes a second" in row:
            written = [f"{row['writes a second']:,.0f}", f"{number(row['upsert p50'])} / {number(row['upsert p99'])}"]
        ratio = f"{row['p99 to idle']:.2f}" if row["when"] != "idle" else ""
        names = [words["who"][row["who"]], words["when"][row["when"]]]
        rows.append([*names, *times, ratio, number(row["longest"]), *written])
    yield paging.grid(words["updates_head"], rows)
    seen = [
        words["visible_one"].format(
            who=words["who"][who], median=number(sorted(waits)[len(waits) // 2]), most=number(max(waits))
        )
        for who, waits in found["visible"].items()
    ]
    yield words["visible"].format(told=words["joint"].join(seen))
    rebuild = found["rebuild"]
    yield words["rebuild"].format(
        seconds=number(rebuild["seconds"]), longest=number(rebuild["longest"]), p99=number(rebuild["p99"])
    )


def _growth(told: Told, words: Words, language: str) -> Iterator[str]:
    large = told["parts"].get("large", {}).get("found", [])
    found = told["parts"]["growth"]["found"] + large
    yield words["growth_text"].format(
        asked=max(row["calls"] for row in found), fresh=max(row["just opened"]["calls"] for row in found)
    )
    yield search_plot.shown(words["picture_growth"], "search-growth", language)
    rows = []
    for row in sorted(found, key=lambda one: (one["dim"], one["count"])):
        warm, cold, held = row["warm"], row["cold"], row["bytes a vector"]
        built = [number(row["built"][name]) for name in ("seconds", "peak_own_mib")]
        rows.append(
            [f"{row['count']:,}", str(row["dim"]), *built, number(row["disk a vector"]),
             *(number(warm[name]) for name in ("open", "first", "start")),
             *(number(cold[name]) for name in ("open", "first")), number(held["own"]), number(held["mapped"]),
             f"{row['recall@10']:.4f}", number(row["p50"]), number(row["p95"]),
             " / ".join(number(row["just opened"][name]) for name in ("p50", "p95"))]
        )  # fmt: skip
    yield paging.grid(words["growth_head"], rows)
    if large:
        yield words["large_text"].format(photos=large[-1]["photos a product"])


def _serve(told: Told, words: Words, language: str) -> Iterator[str]:
    found = told["serve"]
    yield words["serve_text"].format(
        count=f"{found['count']:,}", bytes=number(found["photo_bytes"] / 1000), most=f"{found['most']:g}"
    )
    yield search_plot.shown(words["picture_serve"], "search-serve", language)
    rows = []
    for row in found["rows"]:
        rates = ", ".join(f"{each['rate']:g}: {number(each['p99'])}" for each in row["rates"])
        closed = row["closed"]
        rows.append([row["who"], number(closed["p50"]), number(closed["p99"]), f"{row['highest']:g}", rates])
    yield paging.grid(words["serve_head"], rows)


def _circumstances(told: Told, words: Words) -> str:
    machine = told["machine"]
    parts = {**told["parts"], **({"serve": told["serve"]} if told["serve"] else {})}
    when = [
        f"{name} {part['date'][:16]}, {part['load']['before'][0]:g} → {part['load']['after'][0]:g}"
        for name, part in parts.items()
        if part["load"]["before"]
    ]
    versions = ", ".join(f"{name} {version}" for name, version in {**told["versions"], **told["peers"]}.items())
    return str(
        words["circumstances"].format(
            processor=machine["processor"], cores=machine["cores"], memory=f"{machine['memory_gib']:g}",
            python=machine["python"], versions=versions, parts=words["joint"].join(when),
        )
    )  # fmt: skip


def setting(point: Mapping[str, Any], words: Words) -> str:
    """A step of a ladder in words."""
    if point.get("exact"):
        return str(words["exact"])
    names = [f"{name} {value:g}" for name, value in point.items() if name != "fresh"]
    return ", ".join(names) or str(words["tuned"])


def number(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main(words: Sequence[str] | None = None) -> int:
    """Write the pages and their pictures, or with ``--check`` say which pages are out of date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--from", dest="source", type=Path, default=ROOT / "benchmarks/results/search.json")
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    given = parser.parse_args(words)
    if not given.source.is_file():
        sys.stdout.write(f"no {given.source.name} yet: nothing to write\n")
        return 0
    told = json.loads(given.source.read_text("utf-8"))
    served = given.source.with_name(given.source.name.replace("search", "serve"))
    told["serve"] = json.loads(served.read_text("utf-8")) if served.is_file() else None
    stale = []
    for name, language in PAGES.items():
        path, text = given.out / name, page(told, WORDS[language], language)
        if given.check:
            stale += [] if path.is_file() and path.read_text("utf-8") == text else [name]
            continue
        given.out.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        search_plot.write(told, language, given.out / "images")
    if stale:
        sys.stdout.write(f"out of date: {', '.join(stale)}; run `make docs`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())

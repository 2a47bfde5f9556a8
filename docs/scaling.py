"""Write docs/scaling.md, scaling.zh.md and pictures: `python docs/scaling.py [--check] [--from JSON] [--out DIR]`.

No figure is typed: all come from what `benchmarks/scaling.py` wrote.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import paging

from wearabouts.capacity.quantities import shown, shown_bytes
from wearabouts.report.plots import COLOURS, INK, drawn, svg

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "scaling.json"
WORDS = tomllib.loads((ROOT / "docs" / "scaling.toml").read_text("utf-8"))
PAGES = {"scaling.md": WORDS["en"], "scaling.zh.md": WORDS["zh"]}
PICTURES = {"scaling.svg": WORDS["en"], "scaling.zh.svg": WORDS["zh"]}
WAYS = ("smooth", "stalls", "asked again")
EACH = 10_000_000  # photos of a shard of the simulation
Words = Mapping[str, Any]


def page(told: Mapping[str, Any], words: Words) -> str:
    """The whole page in one language.

    Args:
        told: What `benchmarks/scaling.py` wrote.
        words: Of `WORDS`.
    """
    first = told["plans"][1]["command"]
    parts = [f"# {words['title']}", f"<!-- {words['head']} -->", words["other"]]
    parts += [words["quick"]] if told["quick"] else []
    parts += [words["intro"], f"```sh\n{first}\n```", words["plans"], words["plans_note"]]
    for plan in told["plans"]:
        parts += [f"### `{plan['command']}`", *_plan(plan["plan"], words)]
    parts += [words["which"], words["which text"].strip(), words["drives"], _drives(told["constants"], words)]
    parts += [words["constants"], _constants(told["constants"], words)]
    parts += [words["tail"], _tail_text(told["shards"], words), _tail(told["shards"]["rows"], words), words["picture"]]
    parts += [words["growth"], words["growth_text"], _growth(told["growth"], words)]
    parts += [words["limits"], "\n".join(f"- {line}" for line in _limits(told, words))]
    machine = told["machine"]
    made = words["made"].format(date=told["constants"]["measured"]["date"], model=told["constants"]["model"], **machine)
    return "\n\n".join([*parts, words["again"], words["again text"], made]) + "\n"


def _plan(plan: Mapping[str, Any], words: Words) -> Iterator[str]:
    busy = (f"{_driver(name, words)} {cores:.1f}" for name, cores in plan["drivers"].items())
    yield words["plan_store"].format(
        store=plan["store"], why=plan["why"], p95=plan["p95"], embed=plan["embed_hours"], drivers=", ".join(busy)
    )
    if plan["floor"] is not None:
        yield words["plan_floor"].format(floor=plan["floor"])
    rows = [
        [
            words.get("purpose", {}).get(tier["purpose"], tier["purpose"]),
            f"{tier['machines']:,}",
            f"{tier['shards']:,}",
            shown_bytes(tier["memory"]),
            shown_bytes(tier["disk"]),
            f"{tier['latency']['load']:.0%}",
            *(f"{tier['latency'][point]:.1f}" for point in ("p50", "p95", "p99")),
        ]
        for tier in plan["tiers"]
    ]
    yield paging.grid(words["plan_head"], rows)


def _driver(name: str, words: Words) -> str:
    known = words.get("driver", {})
    return str(known.get(name, known.get(name.split()[0], name)))


def _drives(known: Mapping[str, Any], words: Words) -> str:
    search, size = known["search"], known["bytes"]
    even = 1e6 * (known["work"]["see"] / search["at_million"]) ** (1 / search["exponent"])
    row = size["row"] + size["evidence"] + size["base"] + 8 * search["dim"]
    return str(words["drives_text"]).format(
        see=known["work"]["see"],
        judge=known["work"]["judge"],
        dim=search["dim"],
        search=search["at_million"],
        even=shown(float(f"{even:.1g}")),
        thumbnail=100 * size["thumbnail"] / (size["thumbnail"] + row),
    )


def _constants(known: Mapping[str, Any], words: Words) -> str:
    work, search, size, engine = known["work"], known["search"], known["bytes"], known["milvus"]
    names, dim = words["constant"], search["dim"]
    figures = {
        "index": f"{work['index']:.1f}",
        "see": f"{work['see']:.1f}",
        "judge": f"{work['judge']:.1f}",
        "search": f"{search['at_million']:.2f}",
        "build": f"{work['build'] * 1_000:,.0f}",
        "memory": f"{4 * dim + size['base']:,.0f}",
        "disk": f"{size['row'] + size['evidence'] + size['base'] + 8 * dim:,.0f}",
        "thumbnail": f"{size['thumbnail']:,.0f}",
        "process": f"{size['process'] / 1e6:,.0f}",
        "upserts": f"{known['upserts']:,.0f}",
        "milvus": f"{engine['ms']:.2f}",
        "milvus wait": f"{engine['wait']:.1f}",
        "milvus memory": f"{engine['bytes']:,.0f}",
    }
    filled = {"dim": dim, "see_p99": work["see_p99"], "photos": shown(engine["photos"]), "floats": engine["dim"]}
    rows = [[names[name].format(**filled), figure] for name, figure in figures.items()]
    return paging.grid(words["constant_head"], rows)


def _tail_text(shards: Mapping[str, Any], words: Words) -> str:
    return str(words["tail_text"]).format(one_in=1 / shards["rare"], **{k: v for k, v in shards.items() if k != "rows"})


def _tail(rows: Mapping[str, Sequence[Mapping[str, float]]], words: Words) -> str:
    lines = []
    for ways in zip(*(rows[way] for way in WAYS), strict=True):
        shards = int(ways[0]["shards"])
        points = [f"{way[point]:.0f}" for way in ways for point in ("p50", "p95", "p99")]
        lines.append([f"{shards:,}", shown(shards * EACH), *points])
    return paging.grid(words["tail_head"], lines)


def _growth(rows: Sequence[Mapping[str, float]], words: Words) -> str:
    lines = [
        [
            shown(row["photos"]),
            f"{row['shards']:,}",
            f"{row['replicas']}",
            f"{8 * row['shards'] * row['replicas']:,}",
            f"{row['load']:.0%}",
            *(f"{row[point]:.1f}" for point in ("p50", "p95", "p99")),
        ]
        for row in rows
    ]
    return paging.grid(words["growth_head"], lines)


def _limits(told: Mapping[str, Any], words: Words) -> list[str]:
    known = told["constants"]
    return [
        line.format(
            simulated=words["simulated"],
            largest=shown(max(known["search"]["photos"])),
            exponent=known["search"]["exponent"],
            milvus=shown(known["milvus"]["photos"]),
            machine=known["measured"]["machine"],
        )
        for line in words["limits text"]
    ]


def picture(told: Mapping[str, Any], words: Words) -> str:
    """p99 of the three ways against the number of shards, as SVG."""
    names = words["tail_head"]
    with drawn((6.4, 3.0)) as (canvas, (axes,)):
        for place, way in enumerate(WAYS):
            rows = told["shards"]["rows"][way]
            label = names[2 + 3 * place].replace("p50", "p99")
            axes.plot(
                [row["shards"] for row in rows], [row["p99"] for row in rows], ("-", "--", ":")[place],
                color=COLOURS[place], marker="os^"[place], markersize=3.5, label=label,
            )  # fmt: skip
        axes.set(xscale="log", xlabel=f"{names[0]} (10M)", ylabel="ms", ylim=(0, None))
        axes.legend(frameon=False, labelcolor=INK)
        # The text stays text in the picture: whoever looks at it has the characters that are missing here.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        return svg(canvas, words["picture"].partition("[")[2].partition("]")[0]) + "\n"


def main(words: Sequence[str] | None = None) -> int:
    """Write pages and pictures, or check them."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--from", dest="source", type=Path, default=RESULTS)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    given, _ = parser.parse_known_args(words)
    if given.source.is_file() and not given.check:
        folder = given.out / "images"
        folder.mkdir(parents=True, exist_ok=True)
        for name, language in PICTURES.items():
            (folder / name).write_text(picture(json.loads(given.source.read_text("utf-8")), language), "utf-8")
    return paging.write(__doc__, PAGES, page, RESULTS, ROOT / "docs", words)


if __name__ == "__main__":
    sys.exit(main())

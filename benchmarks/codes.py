"""Measure what codes are worth by the byte: `make codes CIFAR10=FOLDER`, then `python docs/generate.py`.

Two worlds: CIFAR-10 under its published split, on the vectors of a net trained there before, and a drawn shop that
shares nothing with the one learnt from, street photos against shop photos, on the vectors of `mini`. In each, hash
heads of 32 to 256 bits (`recipes/codes-cifar10.toml`, `recipes/codes-mini.toml`) stand beside what needs no labels, at
the same bytes: random hyperplanes, iterative quantisation (ITQ) and product quantisation (PQ), and beside the floats
themselves. All learn from the same rows and are asked the same queries in the same run. The hash heads are trained,
exported and checked as a user would do it; nothing is chosen by the queries.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import measure
from wearabouts import bundles, metrics
from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.writing import write
from wearabouts.evaluation.ranking.codes import two_stages
from wearabouts.metrics.hamming import average_precision, distances
from wearabouts.types import Floats

RESULTS = measure.REPOSITORY / "benchmarks" / "results"
RECIPES = measure.REPOSITORY / "recipes"
USED = ("numpy", "onnxruntime", "faiss-cpu", "torch")
BITS = (32, 64, 128, 256)
SEED = 20
AT_ONCE = 100  # queries ranked together
OURS, PLANES, ITQ, PQ, FLOATS = "hash head", "random hyperplanes", "ITQ", "PQ", "floats"
# Shortlists of the two stages, in full and quick runs; how many places of their result are looked at.
STAGES = {"cifar10": ((1_000, 2_000, 5_000), 1_000), "drawn": ((10, 50, 200), 10)}

Bytes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


class World(NamedTuple):
    """What is searched, as vectors of the model below.

    Attributes:
        name: Of the recipe, too: ``codes-<name>``.
        trained: (M, D) what is learned from.
        queries: (Q, D).
        gallery: (N, D), in an order of chance, so that ties follow no class.
        asked: (Q,) what each query shows.
        held: (N,) what each photo of the gallery shows.
        heads: Bits → the run's folder of the hash head.
    """

    name: str
    trained: Floats
    queries: Floats
    gallery: Floats
    asked: Labels
    held: Labels
    heads: dict[int, Path]


def main(words: Sequence[str] | None = None) -> int:
    """Train the heads, measure every contender, write one JSON file."""
    parser = argparse.ArgumentParser(description="Measure codes: quality by the byte.")
    parser.add_argument("--pictures", type=Path, help="CIFAR-10, unpacked; without it only the drawn shop is measured")
    parser.add_argument("--bundle", type=Path, help="a bundle trained on its training split")
    parser.add_argument("--queries", type=int, default=0, help="of CIFAR-10, evenly taken; 0 for all")
    parser.add_argument("--work", type=Path, help="folder of shops, vectors and runs; goes on there; else temporary")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it works")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    given = parser.parse_args(words)
    if (given.pictures is None) != (given.bundle is None):
        parser.error("--pictures and --bundle belong together")
    before, rows, exported = measure.load(), [], {}
    with tempfile.TemporaryDirectory(prefix="wearabouts-bench-") as scratch:
        work = given.work or Path(scratch)
        for world in _worlds(given, work):
            rows += list(_measured(world))
            exported[world.name] = _exported(world)
    run = {
        "format": 1,
        "quick": given.quick,
        "date": measure.today(),
        "seed": SEED,
        "commit": measure.commit(),
        "machine": measure.machine(),
        "versions": {name: version(name) for name in USED},
        "load": {"before": before, "after": measure.load()},
        "exported": exported,
        "rows": rows,
    }
    given.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(run, indent=1, ensure_ascii=False) + "\n"
    (given.out / ("codes-quick.json" if given.quick else "codes.json")).write_text(text, "utf-8")
    return 0


def _worlds(given: argparse.Namespace, work: Path) -> Iterator[World]:
    if given.pictures is not None:
        yield _cifar10(given, work / "cifar10")
    yield _drawn(work / "drawn", quick=given.quick)


def _cifar10(given: argparse.Namespace, work: Path) -> World:
    """Queries are the held-out rows of the recipe: the published test pictures."""
    heads = _heads("cifar10", given.pictures, work, start=str(given.bundle.resolve()), quick=given.quick)
    learned, held, trained, asked = _rows(heads, given.pictures)
    taken = np.unique(np.linspace(0, len(held) - 1, given.queries or len(held)).round().astype(np.int64))
    order = np.random.default_rng(SEED).permutation(len(learned))
    gallery, labels = np.asarray(trained)[order], learned.category[order]
    return World("cifar10", gallery, np.asarray(asked)[taken], gallery, held.category[taken], labels, heads)


def _drawn(work: Path, *, quick: bool) -> World:
    """Learnt from one shop, searched in another: no cut, print, person or scene is in both."""
    for part, count in (("train", 4 if quick else 500), ("test", 3 if quick else 300)):
        shop = DrawnShop(seed=0, products=count, part=part)
        write(work / part, shop, views=("front", "back"), street=2, size=192)
    heads = _heads("mini", work / "train", work, quick=quick)
    _, _, trained, other = _rows(heads, work / "train")
    everything, _, vectors, _ = _rows(heads, work / "test", held_out=0.0)
    shop = np.flatnonzero(~everything.street)
    shop = shop[np.random.default_rng(SEED).permutation(len(shop))]
    street, vectors = np.flatnonzero(everything.street), np.asarray(vectors)
    products = everything.product
    base = np.concatenate((np.asarray(trained), np.asarray(other)))
    return World("drawn", base, vectors[street], vectors[shop], products[street], products[shop], heads)


def _heads(name: str, data: Path, work: Path, *, start: str = "", quick: bool) -> dict[int, Path]:
    """Train a head for every number of bits; photos and vectors are read once for all."""
    from wearabouts.training import main_train

    text = (RECIPES / f"codes-{name}.toml").read_text("utf-8")
    text = re.sub(r"(?m)^start = .*", f"start = {json.dumps(start)}", text) if start else text
    text = re.sub(r"(?m)^count = .*", "count = 20", text) if quick else text
    runs = {}
    for bits in BITS[:2] if quick else BITS:
        runs[bits] = work / f"run-{bits}"
        for shared in ("photos", "vectors"):
            (work / shared).mkdir(parents=True, exist_ok=True)
            runs[bits].mkdir(exist_ok=True)
            if not (runs[bits] / shared).exists():
                (runs[bits] / shared).symlink_to((work / shared).resolve())
        recipe = work / f"{bits}.toml"
        recipe.write_text(re.sub(r"(?m)^bits = .*", f"bits = {bits}", text), "utf-8")
        print(f"{name}, {bits} bits", file=sys.stderr, flush=True)
        main_train(recipe, data, runs[bits])
    return runs


def _rows(heads: dict[int, Path], data: Path, **changes: Any) -> tuple[Any, Any, Floats, Floats]:
    """Rows learned from and held out, and the vectors of both; of any folder, by the first head's recipe, changed."""
    from wearabouts.training.data.supervision import read
    from wearabouts.training.head.vectors import vectors
    from wearabouts.training.recipe import parse
    from wearabouts.training.run import Run

    recipe: Any = parse(json.loads((next(iter(heads.values())) / "recipe.json").read_text("utf-8")))
    start = bundles.load(recipe.network.start)
    run = Run(next(iter(heads.values())), recipe)
    learned, held = read(recipe.data.model_copy(update=changes), data, start.card.preprocessing, run)
    return learned, held, vectors(start, learned, run, "vectors"), vectors(start, held, run, "vectors")


def _measured(world: World) -> Iterator[dict[str, Any]]:
    """A row for each contender, number of bytes and figure."""
    dim = world.gallery.shape[1]
    shortlists, places = STAGES[world.name]
    exact = _by_score(world, world.queries, world.gallery)
    yield _row(world, FLOATS, 4 * dim, "mAP", metrics.average_precision(exact))
    yield _row(world, FLOATS, 4 * dim, *_at(exact, places))
    for bits, run in world.heads.items():
        contenders: dict[str, Callable[[], tuple[Bytes, Bytes] | None]] = {
            OURS: lambda run=run: _hash_head(world, run),
            PLANES: lambda bits=bits: _planes(world, bits),
            ITQ: lambda bits=bits: _itq(world, bits),
        }
        for who, made in contenders.items():
            codes = made()
            if codes is None:
                continue
            print(f"{world.name}, {bits} bits, {who}", file=sys.stderr, flush=True)
            yield _row(world, who, bits // 8, "mAP", _by_distance(world, codes))
            for shortlist in shortlists if who == OURS else shortlists[:1]:
                count = min(shortlist, len(world.gallery))
                found = two_stages(codes, (world.queries, world.gallery), count, min(places, count))
                ranks = [np.flatnonzero(row) + 1 for row in world.held[found] == world.asked[:, None]]
                yield _row(world, who, bits // 8, *_at(ranks, places), shortlist=shortlist)
        print(f"{world.name}, {bits} bits, {PQ}", file=sys.stderr, flush=True)
        yield _row(world, PQ, bits // 8, "mAP", metrics.average_precision(_by_score(world, *_pq(world, bits))))


def _at(ranks: Sequence[Labels], places: int) -> tuple[str, npt.NDArray[np.float64]]:
    """The figure of the first places: CIFAR-10's mAP@1000 among the found, a shop's share of first hits."""
    if places == STAGES["cifar10"][1]:
        within = [row[row <= places] for row in ranks]
        return f"mAP@{places}", np.array([np.mean(np.arange(1, len(r) + 1) / r) if len(r) else 0.0 for r in within])
    return "R@1", np.array([float(len(row) > 0 and row[0] == 1) for row in ranks])


def _row(
    world: World, who: str, size: int, figure: str, values: npt.NDArray[np.float64], shortlist: int | None = None
) -> dict[str, Any]:
    # The photos of one product are no independent evidence; those of one class are.
    groups = world.asked.tolist() if world.name == "drawn" else None
    mean = metrics.bootstrap(values, groups)
    row = {"world": world.name, "who": who, "bytes": size, "figure": figure}
    row |= {name: round(getattr(mean, name), 4) for name in ("value", "low", "high")}
    row |= {"queries": len(values), "gallery": len(world.gallery)}
    return row | ({"shortlist": shortlist} if shortlist else {})


def _by_score(world: World, queries: Floats, gallery: Floats) -> list[Labels]:
    """Ranks of the right answers by inner product; of vectors of one length, by Euclid's distance as well."""
    ranks: list[Labels] = []
    for i in range(0, len(queries), AT_ONCE):
        part = slice(i, i + AT_ONCE)
        ranks += metrics.relevant_ranks(queries[part] @ gallery.T, world.asked[part, None] == world.held[None])
    return ranks


def _by_distance(world: World, codes: tuple[Bytes, Bytes]) -> npt.NDArray[np.float64]:
    """Average precision of each query, ties counted as the mean over their orders."""
    parts = []
    for i in range(0, len(world.asked), AT_ONCE):
        part = slice(i, i + AT_ONCE)
        right = world.asked[part, None] == world.held[None]
        parts.append(average_precision(distances(codes[0][part], codes[1]), right))
    return np.concatenate(parts)


def _hash_head(world: World, run: Path) -> tuple[Bytes, Bytes]:
    import torch
    from safetensors.torch import load_file

    from wearabouts.training.head import build
    from wearabouts.training.recipe import parse

    told = json.loads((run / "run.json").read_text("utf-8"))
    recipe: Any = parse(told["recipe"])
    net = build(recipe, bundles.load(recipe.network.start), len(told["vocabulary"]["categories"]))
    net.load_state_dict(load_file(run / "weights.safetensors"))
    made = [net.eval().serve(torch.from_numpy(np.array(part)))[1] for part in (world.queries, world.gallery)]
    return made[0].numpy(), made[1].numpy()


def _planes(world: World, bits: int) -> tuple[Bytes, Bytes]:
    """Signs of random projections (Charikar, 2002), around the mean of what is learned from."""
    normals = np.random.default_rng(SEED).standard_normal((world.gallery.shape[1], bits)).astype(np.float32)
    mean = world.trained.mean(0)
    return _signs((world.queries - mean) @ normals), _signs((world.gallery - mean) @ normals)


def _itq(world: World, bits: int) -> tuple[Bytes, Bytes] | None:
    """Iterative quantisation (Gong & Lazebnik, 2011), faiss; no more bits than floats, or rows to learn from."""
    import faiss

    dim = world.gallery.shape[1]
    if bits > min(dim, len(world.trained)):
        return None
    transform = faiss.ITQTransform(dim, bits, bits < dim)
    transform.train(np.ascontiguousarray(world.trained))
    return _signs(transform.apply(world.queries)), _signs(transform.apply(world.gallery))


def _signs(values: Floats) -> Bytes:
    return np.packbits(values >= 0, axis=1)


def _pq(world: World, bits: int) -> tuple[Floats, Floats]:
    """Product quantisation (Jégou et al., 2011), faiss, a byte a part: queries as they are, the gallery as decoded.

    A last column of -1/2 the squared length makes an inner product order as Euclid's distance does.
    """
    import faiss

    parts = bits // 8
    dim = -(-world.gallery.shape[1] // parts) * parts  # each part as many floats as the next, the last ones zeros
    trained, queries, gallery = (
        np.pad(each, ((0, 0), (0, dim - each.shape[1]))) for each in (world.trained, world.queries, world.gallery)
    )
    quantiser = faiss.ProductQuantizer(dim, parts, min(8, int(np.log2(len(trained)))))
    quantiser.train(trained)
    decoded = quantiser.decode(quantiser.compute_codes(gallery))
    decoded = np.column_stack((decoded, -np.square(decoded).sum(1) / 2)).astype(np.float32)
    return np.column_stack((queries, np.ones(len(queries), np.float32))), decoded


def _exported(world: World) -> dict[str, Any]:
    """What the export of a head measured, and what it cost to train."""
    from wearabouts.export import main_export

    found = {}
    for bits, run in world.heads.items():
        card = bundles.load(main_export(run, run / "bundle")).card
        kept = {name: card.parity[name] for name in ("least_cosine", "same_bits")}
        found[str(bits)] = {**kept, "training_seconds": json.loads((run / "run.json").read_text("utf-8"))["seconds"]}
    return found


if __name__ == "__main__":
    sys.exit(main())

"""What 300 labels of a shop's own gain: `python benchmarks/labels.py`, then `python docs/generate.py`.

The story of docs/labels.md from beginning to end, every step a command of `wearabouts`: a shop is drawn and indexed,
some of its products' customer photos are labelled, `calibrate` fits the shop's own curves to them, and photos of other
products are asked before and after. The same photos come in several conditions, each labelled and asked by itself.

Before and after differ in nothing but the curves, so each photo is searched once, as `search` would, and read by both.
That the command itself answers with the very probabilities that are measured, before and after, is checked on some
photos of every condition.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import measure
from wearabouts import bundles, metrics
from wearabouts.calibrating.asking import Question, shortlists_of
from wearabouts.calibration import Answered, Calibration, Shortlist, answered
from wearabouts.catalog import Faults, Photo, Product
from wearabouts.cli import main as wearabouts
from wearabouts.cli.options import open_searcher
from wearabouts.readers import open_catalog

RESULTS = measure.REPOSITORY / "benchmarks" / "results"
# Name → whether a photo comes with the box of its garment, and whether it is spoiled. The shipped model was calibrated
# on whole drawn photos, so the first is its own condition.
CONDITIONS = {
    "whole": (False, False),
    "boxes": (True, False),
    "spoiled, boxes": (True, True),
}
MAIN = "spoiled, boxes"
SHRUNK, BRIGHTNESS, QUALITY = 4, 0.85, 30  # spoiled: made so many times smaller and larger again, darker, bad JPEG
HALF = 0.5  # of the queries measured have their item in the shop: each is asked with it and without
PRECISION = 0.95
COLUMNS = ("photo", "product", "same", "left", "top", "width", "height")


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        products: Of the shop.
        labelled: Products whose photos are labelled; the others are held out.
        street: Customers' photos of each product.
        size: Height of a drawn photo in pixels; the full one is that of the photos the model was calibrated on.
        checked: Photos whose answers are asked of the command line as well, before and after.
    """

    products: int
    labelled: int
    street: int
    size: int
    checked: int


FULL = Scale(products=200, labelled=100, street=3, size=300, checked=5)
QUICK = Scale(products=20, labelled=12, street=2, size=112, checked=1)


def said(*words: object) -> str:
    """What a command prints.

    Raises:
        RuntimeError: It failed.
    """
    out = io.StringIO()
    with redirect_stdout(out):
        code = wearabouts([str(word) for word in words])
    if code:
        raise RuntimeError(f"`wearabouts {words[0]}` ended with {code}")
    return out.getvalue()


class Shop:
    """A drawn shop, indexed.

    Args:
        folder: Where it is kept.
        scale: How large it is.
        seed: Which one.
        model: Name or folder of a bundle.
    """

    def __init__(self, folder: Path, scale: Scale, seed: int, model: str) -> None:
        self.folder, self.store, self.model, self.checked = folder, folder / "store", model, scale.checked
        numbers = {"products": scale.products, "street": scale.street, "size": scale.size, "seed": seed, "workers": 1}
        options = [str(word) for name, value in numbers.items() for word in (f"--{name}", value)]
        said("draw", folder / "shop", "--part", "test", *options)
        said("index", folder / "shop", "--store", self.store, "--model", model, "--json")
        every = sorted(open_catalog(folder / "shop").products(), key=lambda product: product.id)
        self.labelled = every[: scale.labelled]
        # Products of a family differ in one detail: a family stands on one side.
        families = {product.attributes["family"] for product in self.labelled}
        self.held = [one for one in every[scale.labelled :] if one.attributes["family"] not in families]

    def calibrate(self, labels: Path) -> dict[str, Any]:
        """Fit the shop's own curves; what the command tells."""
        told: dict[str, Any] = json.loads(
            said("calibrate", labels, "--store", self.store, "--model", self.model, "--json")
        )
        return told

    def shortlists(self, asked: Sequence[Question]) -> list[Shortlist]:
        """What the second stage makes of photos."""
        searcher, faults = open_searcher(self.store, self.model), Faults()
        try:
            found = shortlists_of(searcher, asked, faults)
        finally:
            searcher.store.close()
        if len(faults):
            raise RuntimeError(f"{len(faults)} photos could not be searched: {faults.kept[0]}")
        return found

    def curves(self) -> Calibration:
        """What the store's answers go by at the moment."""
        searcher = open_searcher(self.store, self.model)
        try:
            found = searcher.stage_two.curves.current().calibration if searcher.stage_two else None
        finally:
            searcher.store.close()
        if found is None:
            raise RuntimeError(f"{self.model!r} is not calibrated; measure a model that is, such as mini")
        return found

    def answer(self, photo: Photo) -> dict[str, Any]:
        """What `wearabouts search` says of a photo."""
        area = photo.box and ["--box", ",".join(str(value) for value in asdict(photo.box).values())]
        words = ("search", photo.uri, "--store", self.store, "--model", self.model, "--tail", "--json", *(area or ()))
        told: dict[str, Any] = json.loads(said(*words))
        return told


def taken(photo: Photo, condition: str, folder: Path) -> Photo:
    """A customer's photo in a condition, as a file of its own."""
    boxed, spoiled = CONDITIONS[condition]
    path = folder / (photo.id.replace("~", "-") + ".jpg")
    if spoiled:
        with Image.open(photo.uri) as opened:
            picture = opened.convert("RGB")
        small = picture.resize([side // SHRUNK for side in picture.size]).resize(picture.size)
        small.point(lambda value: int(value * BRIGHTNESS)).save(path, quality=QUALITY)
    else:
        path.write_bytes(Path(photo.uri).read_bytes())
    return replace(photo, uri=str(path), box=photo.box if boxed else None)


def questions(products: Sequence[Product], condition: str, folder: Path) -> list[Question]:
    """Every customer's photo of some products, and which product it shows."""
    folder.mkdir(exist_ok=True)
    return [
        Question(taken(photo, condition, folder), same=[product.id])
        for product in products
        for photo in product.photos
        if photo.side == "street"
    ]


def write_labels(path: Path, asked: Sequence[Question]) -> Path:
    """A file of labels as docs/labels.md says, beside the photos."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for one in asked:
            box = list(asdict(one.photo.box).values()) if one.photo.box else [""] * 4
            writer.writerow([Path(one.photo.uri).name, one.same[0], "yes", *box])
    return path


def measured(shop: Shop, condition: str) -> dict[str, Any]:
    """One condition: labels, photos of other products before and after, and what the labels gained."""
    folder = shop.folder / condition.replace(", ", "-")
    labels = write_labels(folder / "labels.csv", questions(shop.labelled, condition, folder))
    held = questions(shop.held, condition, folder)
    said("calibrate", "--forget", "--store", shop.store)
    shortlists, shipped = shop.shortlists(held), shop.curves()
    gaps = [_gap(shop, held, shortlists, shipped)]
    told = shop.calibrate(labels)
    own = shop.curves()
    gaps.append(_gap(shop, held, shortlists, own))
    before, after = (answered(shortlists, curves.model_copy(update={"share": HALF})) for curves in (shipped, own))
    items = before.item.tolist()
    gains = {
        "brier": (metrics.brier(before.first, before.right), metrics.brier(after.first, after.right)),
        "log_likelihood": (after.told, before.told),
    }
    return {
        "name": condition,
        "labels": told["calibration"]["labels"],
        "kept": told["kept"],
        "enough": told["gains"][0]["enough"],
        "photos": len(held),
        "right": round(float(before.right[before.present == 1].mean()), 4),
        "before": _quality(before, shipped),
        "after": _quality(after, own),
        "gain": {name: _difference(metrics.paired_difference(*pair, items)) for name, pair in gains.items()},
        "checked": {"answers": 2 * len(held[: shop.checked]), "largest_difference": round(max(gaps), 7)},
    }


def _gap(shop: Shop, held: Sequence[Question], shortlists: Sequence[Shortlist], curves: Calibration) -> float:
    """By how much first probabilities that `wearabouts search` gives differ at most from those measured."""
    gaps = []
    for question, shortlist in zip(held[: shop.checked], shortlists, strict=False):
        given = shop.answer(question.photo)["matches"][0]["probability"]
        # The first row of a single shortlist is the photo as asked, its item not taken away.
        gaps.append(abs(given - float(answered([shortlist], curves).first[0])))
    return max(gaps)


def _quality(found: Answered, calibration: Calibration) -> dict[str, Any]:
    items, there = found.item.tolist(), found.present == 1
    error = metrics.calibration_error_interval(found.first, found.right, items)
    floor = metrics.calibration_floor(found.first)
    return {
        "brier": round(float(metrics.brier(found.first, found.right).mean()), 4),
        "skill": round(metrics.brier_skill(found.first, found.right), 4),
        "ece": {"value": round(error.value, 4), "low": round(error.low, 4), "high": round(error.high, 4)},
        "floor": {"value": round(floor.value, 4), "high": round(floor.high, 4)},
        "mean": round(float(found.first.mean()), 4),
        "came_true": round(float(np.mean(found.right)), 4),
        "false_accepts": round(metrics.false_accepts_at(found.carried[there], found.carried[~there]).false_accepts, 4),
        "threshold": calibration.threshold(PRECISION),
    }


def _difference(found: metrics.Difference) -> dict[str, Any]:
    numbers = {name: round(getattr(found, name), 4) for name in ("value", "low", "high", "p")}
    return {**numbers, "verdict": metrics.verdict(found), "items": found.groups}


def main(words: Sequence[str] | None = None) -> int:
    """Measure every condition and write one JSON file."""
    parser = argparse.ArgumentParser(description="Measure what labels of a shop's own gain on photos of other items.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it works, in seconds")
    parser.add_argument("--model", default="mini", help="name or folder of a bundle")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument("--seed", type=int, default=20, help="which shop")
    given = parser.parse_args(words)
    scale, before, began = QUICK if given.quick else FULL, measure.load(), time.process_time()
    bundle = bundles.load(given.model)
    with tempfile.TemporaryDirectory(prefix="wearabouts-bench-") as folder:
        shop = Shop(Path(folder), scale, given.seed, given.model)
        rows = []
        for condition in CONDITIONS:
            print(condition, file=sys.stderr, flush=True)
            rows.append(measured(shop, condition))
    run = {
        "format": 1,
        "quick": given.quick,
        "date": measure.today(),
        "seed": given.seed,
        "commit": measure.commit(),
        "machine": measure.machine(),
        "versions": measure.versions(),
        "model": {"name": bundle.card.name, "hash": bundle.hash},
        "load": {"before": before, "after": measure.load()},
        "cpu_seconds": round(time.process_time() - began, 1),
        **asdict(scale),
        "held": len(shop.held),
        "main": MAIN,
        "spoiled": {"shrunk": SHRUNK, "brightness": BRIGHTNESS, "quality": QUALITY},
        "conditions": rows,
    }
    given.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(run, indent=1, ensure_ascii=False) + "\n"
    (given.out / ("labels-quick.json" if given.quick else "labels.json")).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What unknown labels do to a classifier with several labels: `python benchmarks/questions/darn.py`.

Photos of a drawn shop are seen by the shipped encoder, once; linear heads learn five attributes from its vectors. Part
of the labels is hidden by chance, and each form of cross-entropy makes of the hidden ones what it makes of them:

* ``tree``: a softmax for each attribute, hidden labels left out (`wearabouts.training.losses.tree`);
* ``sigmoids``: a yes or no for each value, hidden attributes left out;
* ``sigmoids, unknown is no``: the same, all values of a hidden attribute counted as no;
* ``tree, unknown is a value``: a softmax for each attribute with one value more, which hidden ones have;
* ``one softmax``: a single softmax over the values of all attributes, known ones sharing the target.

How strongly weights decay is chosen for each form by its accuracy on further products, so that none is judged by
another one's setting. Measured on a third lot of products, all of whose labels are known: how often the likeliest value
of an attribute is the right one, the mean over attributes. Writes ``benchmarks/results/question-labels.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from wearabouts import bundles
from wearabouts.drawn.shop import DrawnShop
from wearabouts.encoders import OnnxEncoder
from wearabouts.training import losses

sys.path.insert(0, str(Path(__file__).parents[1]))
import measure

RESULT = "question-labels.json"
ATTRIBUTES = ("color", "pattern", "sleeve", "collar", "length")
KNOWN = (1.0, 0.5, 0.2, 0.1)  # shares of the labels that are not hidden
FULL, QUICK = {"products": 700, "steps": 150, "seeds": 3}, {"products": 24, "steps": 5, "seeds": 2}
LEARNED, CHOSEN = 0.6, 0.15  # shares of the products; the others are measured
RATE = 0.02
DECAYS = (1.0, 3.0, 10.0, 30.0)  # of the weights; each form has the one that is best on products of its own
Sizes = Sequence[int]
Form = Callable[[Tensor, Tensor, Sizes], Tensor]


class Photographed(NamedTuple):
    """Photos as vectors (N, D), their labels (N, A), and how many values each attribute has."""

    vectors: Tensor
    labels: Tensor
    sizes: Sizes


def tree(logits: Tensor, labels: Tensor, sizes: Sizes) -> Tensor:
    """A softmax for each attribute; hidden labels give nothing."""
    return losses.tree(torch.split(logits, list(sizes), 1), labels)


def sigmoids(logits: Tensor, labels: Tensor, sizes: Sizes) -> Tensor:
    """A yes or no for each value; hidden attributes give nothing."""
    each = F.binary_cross_entropy_with_logits(logits, many_hot(labels, sizes), reduction="none")
    known = torch.repeat_interleave((labels >= 0).float(), torch.tensor(sizes), 1)
    return (each * known).sum() / known.sum()


def unknown_is_no(logits: Tensor, labels: Tensor, sizes: Sizes) -> Tensor:
    """A yes or no for each value; of a hidden attribute, no for all of them."""
    return F.binary_cross_entropy_with_logits(logits, many_hot(labels, sizes))


def unknown_is_a_value(logits: Tensor, labels: Tensor, sizes: Sizes) -> Tensor:
    """A softmax for each attribute, whose last value the hidden ones have."""
    parts = torch.split(logits, [size + 1 for size in sizes], 1)
    filled = torch.where(labels < 0, torch.tensor(sizes), labels)
    return losses.tree(parts, filled)


def one_softmax(logits: Tensor, labels: Tensor, sizes: Sizes) -> Tensor:
    """One softmax over the values of all attributes; the known ones share the target."""
    wanted = many_hot(labels, sizes)
    told = wanted.sum(1, keepdim=True)
    return -(logits.log_softmax(1) * wanted / told.clamp(min=1)).sum() / (told > 0).sum()


FORMS: dict[str, Form] = {
    "tree": tree,
    "sigmoids": sigmoids,
    "sigmoids, unknown is no": unknown_is_no,
    "tree, unknown is a value": unknown_is_a_value,
    "one softmax": one_softmax,
}


def many_hot(labels: Tensor, sizes: Sizes) -> Tensor:
    """(N, A) values, -1 hidden → (N, sum of sizes) of 0 and 1."""
    parts = [F.one_hot(labels[:, a].clamp(min=0), size) * (labels[:, a, None] >= 0) for a, size in enumerate(sizes)]
    return torch.cat(parts, 1).float()


def said(form: str, logits: Tensor, sizes: Sizes) -> list[Tensor]:
    """For each attribute (N, V) what the form says of its values, each in [0, 1]."""
    if form == "tree":
        return [part.softmax(1) for part in torch.split(logits, list(sizes), 1)]
    if form == "tree, unknown is a value":
        return [part.softmax(1)[:, :-1] for part in torch.split(logits, [size + 1 for size in sizes], 1)]
    whole = logits.softmax(1) if form == "one softmax" else logits.sigmoid()
    return list(torch.split(whole, list(sizes), 1))


def learned(form: str, vectors: Tensor, labels: Tensor, sizes: Sizes, steps: int, decay: float) -> torch.nn.Linear:
    """Linear heads, all photos a step."""
    outputs = sum(sizes) + (len(sizes) if form == "tree, unknown is a value" else 0)
    heads = torch.nn.Linear(vectors.shape[1], outputs)
    groups = [{"params": [heads.weight], "weight_decay": decay}, {"params": [heads.bias], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / steps)
        optimizer.zero_grad()
        FORMS[form](heads(vectors), labels, sizes).backward()
        optimizer.step()
    return heads


def accuracy(found: Sequence[Tensor], labels: Tensor) -> float:
    """How often the likeliest value is the right one, the mean over attributes."""
    right = [float((part.argmax(1) == labels[:, a]).float().mean()) for a, part in enumerate(found)]
    return sum(right) / len(right)


def photographed(products: int) -> Photographed:
    """The front of each product of a drawn shop, seen by the shipped encoder."""
    shop = DrawnShop(seed=11, products=products, part="test")
    encoder = OnnxEncoder(bundles.load("mini"), threads=1)
    vectors = encoder.encode([shop.render(n, "front", size=128).pixels for n in range(products)]).vectors
    told = [shop.spec(n).labels() for n in range(products)]
    values = [sorted({labels[name] for labels in told}) for name in ATTRIBUTES]
    table = [[places.index(each[name]) for name, places in zip(ATTRIBUTES, values, strict=True)] for each in told]
    spread = (vectors - vectors.mean(0)) / vectors.std(0).clip(1e-6)
    sizes = [len(each) for each in values]
    return Photographed(torch.from_numpy(spread.astype(np.float32)), torch.tensor(table), sizes)


def tried(form: str, known: float, seed: int, shop: Photographed, steps: int) -> tuple[float, float]:
    """One form with part of the labels hidden: accuracy on products that neither taught nor chose, and the decay."""
    vectors, labels, sizes = shop
    first, second = round(LEARNED * len(vectors)), round((LEARNED + CHOSEN) * len(vectors))
    hidden = torch.rand((first, len(sizes)), generator=torch.Generator().manual_seed(seed)) >= known
    taught = labels[:first].masked_fill(hidden, -1)
    found = []
    for decay in DECAYS:
        torch.manual_seed(seed)
        heads = learned(form, vectors[:first], taught, sizes, steps, decay)
        with torch.no_grad():
            parts = said(form, heads(vectors[first:]), sizes)
        chooses, counts = ([part[at] for part in parts] for at in (slice(second - first), slice(second - first, None)))
        found.append((accuracy(chooses, labels[first:second]), accuracy(counts, labels[second:]), decay))
    return max(found)[1:]


def rows(scale: dict[str, int]) -> list[dict[str, Any]]:
    """Every form at every share of known labels: mean, least and most over the seeds."""
    shop = photographed(scale["products"])
    found = []
    for known in KNOWN:
        for form in FORMS:
            figures, decays = zip(
                *(tried(form, known, seed, shop, scale["steps"]) for seed in range(scale["seeds"])), strict=True
            )
            mean = sum(figures) / len(figures)
            spread = {"mean": round(mean, 4), "least": round(min(figures), 4), "most": round(max(figures), 4)}
            found.append({"known": known, "form": form, "accuracy": spread, "decays": decays})
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description="Measure what unknown labels do to several forms of cross-entropy.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it works, in seconds")
    parser.add_argument("--out", type=Path, default=measure.REPOSITORY / "benchmarks" / "results")
    given = parser.parse_args(words)
    torch.set_num_threads(1)
    scale = QUICK if given.quick else FULL
    began = time.process_time()
    found = rows(scale)
    shares = {"learned": LEARNED, "chosen": CHOSEN, "measured": 1 - LEARNED - CHOSEN}
    result = {
        **scale,
        **{name: round(share * scale["products"]) for name, share in shares.items()},
        "attributes": list(ATTRIBUTES),
        "rows": found,
        "cpu_seconds": round(time.process_time() - began, 1),
        "date": time.strftime("%Y-%m-%d"),
        "encoder": bundles.load("mini").hash,
        "machine": measure.machine(),
    }
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / RESULT).write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

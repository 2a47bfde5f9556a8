"""Calibration items asked for as a search would: first the cosine, then what each network says of the shortlist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from wearabouts.garments import ATTRIBUTES, GARMENTS
from wearabouts.models.verifying import LocalNetwork, RegionHead
from wearabouts.models.wtbi import Verifier
from wearabouts.training.run import Run
from wearabouts.training.verifier.kept import FULL, Kept
from wearabouts.training.verifier.sources import DRAWN, GROCERY
from wearabouts.training.verifier.tasks import cells, log_odds, vectors
from wearabouts.types import Floats
from wearabouts.verifiers.judge import SIGNALS, agreement

Rows = npt.NDArray[np.int64]
PAIRS = 1024  # compared at once
BLOCKS = (len(GARMENTS), *(len(values) for values in ATTRIBUTES.values()))


@dataclass
class Networks:
    """The trained second stage at rest."""

    regions: RegionHead
    local: LocalNetwork
    verifier: Verifier


@dataclass(frozen=True)
class Shop:
    """A gallery and the street photos that ask it; rows of one `Kept`.

    Attributes:
        name: For people.
        source: See `wearabouts.training.verifier.sources`.
        queries: (Q,) street photos, as they were taken.
        gallery: (G,) shop photos, as they were taken.
    """

    name: str
    source: int
    queries: Rows
    gallery: Rows


@dataclass(frozen=True)
class Asked:
    """One query with its shortlist.

    Attributes:
        source: See `wearabouts.training.verifier.sources`.
        item: Whose photo the query is.
        category: The garment the model sees in it.
        sure: How likely the model holds that garment to be, in [0, 1].
        owner: (n,) whose photo each candidate is, 0 to P - 1.
        right: Which of the P it is; -1 where it is beyond the shortlist.
        signals: (n, F) float32, a column for each of `SIGNALS`.
    """

    source: int
    item: str
    category: str
    sure: float
    owner: Rows
    right: int
    signals: Floats


def joined(calibrate: Kept, train: Kept) -> Kept:
    """What is asked for, and beside it the shop pictures of the training groceries.

    The few groceries marked for calibration would stand in an all but empty shop.
    """
    beside = np.flatnonzero((train.source == GROCERY) & ~train.street & train.taken)
    return replace(
        calibrate,
        **{name: np.concatenate([part, getattr(train, name)[beside]]) for name, part in vars(calibrate).items()},
    )


def shops(kept: Kept, most: int, seed: int) -> list[Shop]:
    """Each source as a shop with all its photos, and, where items have several, with the first of each alone.

    Args:
        kept: Items for calibration.
        most: Queries of each source; 0 for all.
        seed: Which, where there are more.
    """
    made = []
    for source, name in ((DRAWN, "drawn shop"), (GROCERY, "groceries")):
        of = (kept.source == source) & kept.taken
        every = np.flatnonzero(of & ~kept.street)
        queries = np.flatnonzero(of & kept.street)
        queries = queries[np.isin(kept.item[queries], kept.item[every])]
        if most and len(queries) > most:
            queries = np.sort(np.random.default_rng((seed, 63)).choice(queries, most, replace=False))
        if not len(queries):
            continue
        first = every[kept.first[every]]
        made.append(Shop(name, source, queries, first))
        if len(first) < len(every):
            made.append(Shop(f"{name}, all photos", source, queries, every))
    return made


def ranked(kept: Kept, shop: Shop) -> Rows:
    """(Q, P) items of the gallery for each query, by their best photo's cosine, nearest first."""
    items, owner = np.unique(kept.item[shop.gallery], return_inverse=True)
    similarity = kept.vector[shop.queries] @ kept.vector[shop.gallery].T
    best = np.full((len(shop.queries), len(items)), -np.inf, np.float32)
    for n in range(similarity.shape[1]):
        best[:, owner[n]] = np.maximum(best[:, owner[n]], similarity[:, n])
    return items[np.argsort(-best, axis=1, kind="stable")]


def recalls(kept: Kept, shop: Shop, order: Rows, lists: Sequence[int]) -> dict[int, float]:
    """K → share of queries whose item is among the first K products."""
    place = (order == kept.item[shop.queries][:, None]).argmax(1)
    return {k: round(float((place < k).mean()), 4) for k in sorted({min(k, order.shape[1]) for k in lists})}


def ask(kept: Kept, nets: Networks, shop: Shop, order: Rows, most: int, run: Run) -> list[Asked]:
    """Every query's first `most` products, all photos of each, and what speaks for them."""
    described = _described(kept, nets, np.concatenate([shop.queries, shop.gallery]), run)
    photos = {item: shop.gallery[kept.item[shop.gallery] == item] for item in np.unique(kept.item[shop.gallery])}
    asked = []
    for done, (row, list_) in enumerate(zip(shop.queries.tolist(), order[:, :most], strict=True)):
        rows = np.concatenate([photos[item] for item in list_])
        owner = np.repeat(np.arange(len(list_)), [len(photos[item]) for item in list_])
        right = np.flatnonzero(list_ == kept.item[row])
        garments = kept.labels[row, : len(GARMENTS)]
        garment = int(garments.argmax())
        asked.append(
            Asked(
                shop.source,
                f"{shop.source}-{kept.item[row]}",
                GARMENTS[garment],
                float(garments[garment]) / FULL,
                owner.astype(np.int64),
                int(right[0]) if len(right) else -1,
                weigh(kept, nets, described, row, rows, garment, run),
            )
        )
        if done % 20 == 19 or done + 1 == len(shop.queries):
            run.progress(f"asking the {shop.name}", done + 1, len(shop.queries))
    return asked


@torch.inference_mode()
def weigh(
    kept: Kept, nets: Networks, described: dict[int, torch.Tensor], row: int, rows: Rows, garment: int, run: Run
) -> Floats:
    """What speaks for each of n shop photos showing the item of a street photo: (n, F) float32."""
    street = vectors(kept, np.array([row]), run.device).expand(len(rows), -1)
    shop = vectors(kept, rows, run.device)
    theirs = torch.stack([described[int(other)] for other in rows])
    ours = described[row].expand_as(theirs)
    local = [nets.local(ours[i : i + PAIRS], theirs[i : i + PAIRS]) for i in range(0, len(rows), PAIRS)]
    columns = {
        "similarity": (street * shop).sum(1),
        "pair": log_odds(nets.verifier.logits(street, shop)),
        "own": log_odds(nets.verifier.logits(street, shop, garment)),
        "local": torch.cat(local),
        "agreement": torch.from_numpy(agreement(kept.labels[row], kept.labels[rows], BLOCKS)).to(run.device),
    }
    told: Floats = torch.stack([columns[name] for name in SIGNALS], 1).cpu().numpy()
    return told


@torch.inference_mode()
def _described(kept: Kept, nets: Networks, rows: Rows, run: Run) -> dict[int, torch.Tensor]:
    """Row → (R, C) descriptors."""
    made: dict[int, torch.Tensor] = {}
    for start in range(0, len(rows), PAIRS):
        some = np.unique(rows[start : start + PAIRS])
        made |= dict(zip(some.tolist(), nets.regions(cells(kept, some, run.device)), strict=True))
    return made

"""Does the graph that will be served say what was trained? Asked of photos, and of what a search finds.

A mean cosine near one can hide a search that finds something else, and a recall can stay by luck while vectors drift:
both are measured, and both may refuse an export.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from wearabouts.errors import BundleError, SettingsError
from wearabouts.types import SIDES, Floats, Pixels, Side

PROBE = "probe.npz"
KEYS = ("photos", "product", "street")  # (n, S, S, 3) uint8, (n,) int64, (n,) bool
BATCH = 16  # photos at once: a large network at full size fits in memory with so many

Embed = Callable[[npt.NDArray[np.uint8]], Floats]


class Probe(NamedTuple):
    """Photos a run has kept away from training, to see what export does to a search.

    Attributes:
        pixels: Side → (n, S, S, 3) uint8, fitted.
        products: Side → (n,) int64, what each shows.
    """

    pixels: Mapping[Side, npt.NDArray[np.uint8]]
    products: Mapping[Side, npt.NDArray[np.int64]]

    @classmethod
    def read(cls, run: Path) -> Probe | None:
        """The probe of a run's folder, or None where it has kept none.

        Raises:
            SettingsError: There is one, but not as a run writes it.
        """
        path = run / PROBE
        if not path.is_file():
            return None
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                photos, product, street = (file[key] for key in KEYS)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
            raise SettingsError(f"{path} cannot be read ({error}); delete it, or train again") from error
        rows: dict[Side, npt.NDArray[np.bool_]] = {"street": street, "shop": ~street}
        return cls({side: photos[rows[side]] for side in SIDES}, {side: product[rows[side]] for side in SIDES})


class Gate(NamedTuple):
    """What an export may lose at most.

    Attributes:
        least: Cosine of the exported vector to the trained one, on every photo.
        mean: The same in the mean over all photos.
        recall: Share of the probe's street photos that may lose their product; one photo may always.
    """

    least: float
    mean: float
    recall: float


FLOAT = Gate(least=0.999, mean=0.999, recall=0.01)
# Whole numbers may turn a photo that stands between two classes; whether a search minds is what the recall says.
INT8 = Gate(least=0.9, mean=0.98, recall=0.02)


def compared(
    before: Mapping[Side, Embed],
    after: Mapping[Side, Embed],
    photos: Sequence[Pixels],
    probe: Probe | None,
    gate: Gate,
) -> dict[str, Any]:
    """Compare two ways to the same vectors.

    Args:
        before: Side → what was trained: (n, S, S, 3) uint8 → (n, D) unit vectors.
        after: Side → what will be served.
        photos: Fitted photos, given to every side.
        probe: Held-out photos of both sides; without them no recall is measured.
        gate: What may be lost.

    Returns:
        ``photos`` compared (each side's count), ``least_cosine`` and ``mean_cosine`` over all, ``same_nearest``: the
        share of photos whose nearest other photo is the same; with a probe ``probe_queries``, ``recall_before`` and
        ``recall_after``: the share of street photos whose nearest shop photo shows their product.

    Raises:
        BundleError: More is lost than the gate lets through; the message has the figures.
    """
    one_tower = before["street"] is before["shop"]
    ours, theirs = {}, {}
    for side in SIDES:
        general = [] if one_tower and side == "street" else list(photos)
        batch = [*general, *(probe.pixels[side] if probe else ())]
        if batch:
            ours[side], theirs[side] = (in_batches(embed[side], np.stack(batch)) for embed in (before, after))
    figures = _closeness(list(ours.values()), list(theirs.values()))
    if probe is not None and (known := np.isin(probe.products["street"], probe.products["shop"])).any():
        recalls = [_recall(vectors, probe, known) for vectors in (ours, theirs)]
        figures |= {"probe_queries": int(known.sum()), "recall_before": recalls[0], "recall_after": recalls[1]}
    _check(figures, gate)
    return figures


def in_batches(embed: Embed, photos: npt.NDArray[np.uint8]) -> Floats:
    """(n, S, S, 3) uint8 → (n, D), some photos at a time."""
    return np.concatenate([embed(photos[i : i + BATCH]) for i in range(0, len(photos), BATCH)])


def _closeness(ours: Sequence[Floats], theirs: Sequence[Floats]) -> dict[str, Any]:
    cosine = np.concatenate([(a * b).sum(1) for a, b in zip(ours, theirs, strict=True)])
    same = [_nearest(a) == _nearest(b) for a, b in zip(ours, theirs, strict=True)]
    return {
        "photos": len(cosine),
        "least_cosine": round(float(cosine.min()), 6),
        "mean_cosine": round(float(cosine.mean()), 6),
        "same_nearest": round(float(np.concatenate(same).mean()), 4),
    }


def _nearest(vectors: Floats) -> npt.NDArray[np.int64]:
    """(n, D) → (n,) the most similar other row."""
    return np.argmax(vectors @ vectors.T - 4 * np.eye(len(vectors), dtype=np.float32), axis=1)


def _recall(vectors: Mapping[Side, Floats], probe: Probe, known: npt.NDArray[np.bool_]) -> float:
    """Share of the known street photos whose nearest shop photo shows the same product."""
    street, shop = (vectors[side][-len(probe.products[side]) :] for side in ("street", "shop"))
    nearest = np.argmax(street[known] @ shop.T, axis=1)
    right = probe.products["shop"][nearest] == probe.products["street"][known]
    return round(float(right.mean()), 6)


def _check(figures: Mapping[str, Any], gate: Gate) -> None:
    cosine, mean = figures["least_cosine"], figures["mean_cosine"]
    if not (cosine >= gate.least and mean >= gate.mean):  # also where one is not a number
        raise BundleError(
            f"export lost too much: least cosine {cosine}, at least {gate.least} is asked for; mean {mean}, at least "
            f"{gate.mean}; {figures['photos']} photos"
        )
    if "recall_before" not in figures:
        return
    before, after, queries = figures["recall_before"], figures["recall_after"], figures["probe_queries"]
    lost, may = round((before - after) * queries), max(1, int(gate.recall * queries))
    if lost > may:
        raise BundleError(
            f"export lost too much: recall@1 from {before:.3f} to {after:.3f} on {queries} held-out street photos, "
            f"{may} of them may lose their product, {lost} did (least cosine {cosine})"
        )

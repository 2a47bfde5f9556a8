"""The study's plan as values: what is drawn, what is trained and how it departs from a recipe, what is claimed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MINUTES = 45.0  # what the steps below are sized for, on two idle cores
EDITION = 1  # goes up whenever finished runs must not be used again
TRUNK = "trunk"
ATTRIBUTES = ("color", "pattern", "sleeve", "collar", "length")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is drawn, learned and measured.

    Attributes:
        learned: Products of the drawn shop's training part; front, back and `street` photos of each.
        before: Products, of another seed, that the shared trunk learns from.
        tested: Products of the test part, whose cuts, prints, people and scenes are in no other; one shop photo each.
        street: Street photos of each product.
        px: Height of a photo file.
        side: Of the square that the networks see, in pixels.
        seeds: Trainings of each variant.
        steps: Every phase's steps are multiplied by it.
        timed: Photos encoded one at a time to tell the time of one.
    """

    learned: int
    before: int
    tested: int
    street: int
    px: int
    side: int
    seeds: int
    steps: float
    timed: int


FULL = Size(learned=600, before=600, tested=400, street=2, px=128, side=64, seeds=3, steps=1.0, timed=200)
TINY = Size(learned=24, before=16, tested=12, street=1, px=64, side=32, seeds=1, steps=0.005, timed=5)


@dataclass(frozen=True, slots=True)
class Variant:
    """One training.

    Attributes:
        recipe: File in ``recipes/`` that it starts from.
        changes: Dotted key → value in its place.
        steps: Phase (dotted key of its steps) → steps at the planned budget.
        start: Whether its trunk begins with the shared one's weights.
    """

    recipe: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)
    start: bool = True


# Held out of what is learned from: enough for the export's probe. What the study measures with is another shop.
COMMON: dict[str, Any] = {"data.held_out": 0.1, "data.split": ""}
SMALLER = {"batch.products": 12, "batch.each": 24}
WTBI = {"steps": 300, "pairs.steps": 600, "tuning.steps": 300}
DARN = {"pretraining": 130, "joint": 290}
FASHIONNET = {"steps": 420}
STYLENET = {"classification": 150, "ranking": 230}
COSINE: dict[str, Any] = {"pairs.method": "cosine", "classifier.products": 16}

VARIANTS: dict[str, Variant] = {
    "wtbi": Variant("wtbi-small", {"classifier.products": 16}, WTBI),
    "darn": Variant("darn-small", SMALLER, DARN),
    "darn-one-tower": Variant("darn-small", {**SMALLER, "network.towers": 1}, DARN),
    "darn-fc1": Variant("darn-small", {**SMALLER, "network.features": "fc1"}, DARN),
    # Without a first phase its steps go to the second: every variant of a paper learns for as many steps.
    "darn-no-attributes": Variant("darn-small", {**SMALLER, "losses.attributes": 0.0}, {"joint": 420}),
    "darn-no-triplets": Variant("darn-small", {**SMALLER, "losses.ranking": 0.0}, DARN),
    "fashionnet": Variant("fashionnet-small", {}, FASHIONNET),
    "fashionnet-no-pooling": Variant("fashionnet-small", {"network.pooling": "none"}, FASHIONNET),
    "fashionnet-few-attributes": Variant("fashionnet-small", {"data.attributes": ["color"]}, FASHIONNET),
    "fashionnet-no-triplets": Variant("fashionnet-small", {"losses.triplet": 0.0}, FASHIONNET),
    "fashionnet-no-landmarks": Variant(
        "fashionnet-small", {"losses.landmarks": 0.0, "losses.visibility": 0.0}, FASHIONNET
    ),
    "fashionnet-no-labels": Variant("fashionnet-small", {"losses.category": 0.0, "losses.attributes": 0.0}, FASHIONNET),
    "stylenet": Variant("stylenet-small", {"learning.triplets": 24}, STYLENET),
    "stylenet-ranking-only": Variant(
        "stylenet-small",
        {"learning.triplets": 24, "learning.classify": False, "learning.joint": False},
        {"ranking": 330},
    ),
}
# Not a paper's: the start that all share, measured as it is, and the same network before it has learned anything.
SHARED = Variant("wtbi-small", COSINE, {"steps": 1500}, start=False)
UNTRAINED = Variant("wtbi-small", {**COSINE, "steps.rate": 1e-12, "steps.average": 0.0}, {"steps": 1}, start=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to search, measured.

    Attributes:
        run: A name in `VARIANTS`, `TRUNK`, ``untrained``; or of an encoder that is not trained here.
        method: ``cosine``, or of a verifier ``independent`` or ``specific``.
    """

    run: str
    method: str = "cosine"


READINGS: dict[str, Reading] = {
    "wtbi-cosine": Reading("wtbi"),
    "wtbi-independent": Reading("wtbi", "independent"),
    "wtbi-specific": Reading("wtbi", "specific"),
    **{name: Reading(name) for name in VARIANTS if name != "wtbi"},
    TRUNK: Reading(TRUNK),
    "untrained": Reading("untrained"),
    "mini": Reading("mini"),
    "generic": Reading("generic"),
    "histogram": Reading("histogram"),
}
FINALS = ("wtbi-cosine", "darn", "fashionnet", "stylenet")  # on real photographs: encoders, so no verifier


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of a paper that the study can contradict.

    Attributes:
        paper: Whose.
        first: The reading that should be better.
        second: Than this one.
        figure: By which figure.
    """

    paper: str
    first: str
    second: str
    figure: str


CLAIMS: dict[str, Claim] = {
    "learned-similarity": Claim("wtbi", "wtbi-independent", "wtbi-cosine", "in-category R@1"),
    "category-specific": Claim("wtbi", "wtbi-specific", "wtbi-independent", "in-category R@1"),
    "category-specific-over-cosine": Claim("wtbi", "wtbi-specific", "wtbi-cosine", "in-category R@1"),
    "two-towers": Claim("darn", "darn", "darn-one-tower", "R@20"),
    "attributes": Claim("darn", "darn", "darn-no-attributes", "R@20"),
    "attributes-by-grade": Claim("darn", "darn", "darn-no-attributes", "NDCG@20"),
    "local-features": Claim("darn", "darn", "darn-fc1", "R@20"),
    "triplets": Claim("darn", "darn", "darn-no-triplets", "R@20"),
    "landmark-pooling": Claim("fashionnet", "fashionnet", "fashionnet-no-pooling", "R@20"),
    "landmark-pooling-for-attributes": Claim("fashionnet", "fashionnet", "fashionnet-no-pooling", "attributes"),
    "more-attributes-for-category": Claim("fashionnet", "fashionnet", "fashionnet-few-attributes", "category"),
    "more-attributes": Claim("fashionnet", "fashionnet", "fashionnet-few-attributes", "R@20"),
    "triplet-loss": Claim("fashionnet", "fashionnet", "fashionnet-no-triplets", "R@20"),
    "landmark-losses": Claim("fashionnet", "fashionnet", "fashionnet-no-landmarks", "R@20"),
    "label-losses": Claim("fashionnet", "fashionnet", "fashionnet-no-labels", "R@20"),
    "joint": Claim("stylenet", "stylenet", "stylenet-ranking-only", "linear labels"),
}


def steps(count: int, size: Size) -> int:
    """Steps of a phase under a size, at least two."""
    return max(2, round(count * size.steps)) if count > 1 else count

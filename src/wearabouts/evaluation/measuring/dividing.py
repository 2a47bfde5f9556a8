"""A dataset divided as a protocol says: slim entries for the photos that ask and those that are searched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from wearabouts.catalog import Catalog, Faults, Photo, Product
from wearabouts.errors import EvaluationError
from wearabouts.evaluation.protocols.values import Pick, Retrieval, Truth
from wearabouts.types import Box

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of a photo while it is evaluated.

    Attributes:
        id: Of the photo.
        uri: Where it lies.
        product: Id of its product.
        truths: What it answers to, or, of a query, what answers it.
        coarse: The same under the laxer truth; empty where there is none.
        kind: Its category.
        title: For people.
        crop: The part the encoder is to see of a query; None for the whole.
        facts: Labels or attributes that the protocol looks at.
    """

    id: str
    uri: str
    product: str
    truths: tuple[str, ...]
    coarse: str = ""
    kind: str = ""
    title: str = ""
    crop: Box | None = None
    facts: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(slots=True)
class Skips:
    """What was left out: reason → category → how often."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, reason: str, entries: Sequence[Entry]) -> None:
        """Count entries under a reason, which is named even where there are none."""
        self.counts.setdefault(reason, Counter()).update(entry.kind for entry in entries)

    def told(self) -> dict[str, int]:
        """Reason → how often."""
        return {reason: counts.total() for reason, counts in self.counts.items()}

    def of(self, kind: str) -> int:
        """How many queries of a category were left out."""
        return sum(counts[kind] for reason, counts in self.counts.items() if reason.startswith("quer"))


@dataclass(frozen=True, slots=True)
class Division:
    """A dataset divided.

    Attributes:
        queries: The photos that ask, in order of id.
        gallery: The photos that are searched, in order of id.
        catalog: The same gallery for the index.
        skips: What was left out of the queries so far.
        lost: Rows and photos that the reader could not read.
    """

    queries: tuple[Entry, ...]
    gallery: tuple[Entry, ...]
    catalog: Catalog
    skips: Skips
    lost: int


def divide(catalog: Catalog, rules: Retrieval, *, limit: int = 0, seed: int = 0) -> Division:
    """Divide a dataset.

    Args:
        catalog: Walked once here, and again by the index.
        rules: Who asks, who is searched, what is right.
        limit: At most so many queries, drawn by the seed; 0 for all.
        seed: Of that draw.

    Raises:
        EvaluationError: Nobody asks, nothing is searched, or no query has a right answer.
    """
    faults = Faults()
    queries: list[Entry] = []
    gallery: list[Entry] = []
    for product in catalog.products(faults):
        for photo in product.photos:
            if rules.asks.takes(photo):
                queries.append(_entry(product, photo, rules, asks=True))
            elif rules.searched.takes(photo):
                gallery.append(_entry(product, photo, rules, asks=False))
    if not queries or not gallery:
        raise EvaluationError(
            f"{catalog.source}: {len(queries):,} {rules.asks.words()} ask and {len(gallery):,} "
            f"{rules.searched.words()} are searched; protocol {rules.name} needs both: give the dataset that reader "
            f"{rules.reader} reads"
        )
    skips = Skips()
    once = _joined(queries) if rules.once else queries
    skips.counts["repeated listings of a query photo"] = Counter({"": len(queries) - len(once)})
    distinct = list({entry.id: entry for entry in reversed(gallery)}.values())
    skips.counts["repeated listings of a searched photo"] = Counter({"": len(gallery) - len(distinct)})
    gallery = distinct
    kept = answerable(once, gallery, rules, skips, "queries without a right answer in the gallery")
    if rules.apart:
        near = nearly_same(kept, gallery, rules.label)
        skips.add(f"queries with a searched photo of the same {rules.label.replace('_', ' ')}", near)
        apart = {entry.id for entry in near}
        kept = [entry for entry in kept if entry.id not in apart]
    if not kept:
        raise EvaluationError(
            f"{catalog.source}: none of {len(queries):,} queries can be measured by protocol {rules.name}: "
            f"{'; '.join(f'{count:,} {reason}' for reason, count in skips.told().items() if count)}"
        )
    drawn = _drawn(sorted(kept, key=lambda entry: entry.id), limit, seed)
    skips.counts["queries not drawn into the sample"] = Counter({"": len(kept) - len(drawn)})
    searched = replace(catalog, stream=_searched(catalog, rules.asks, rules.searched))
    return Division(tuple(drawn), tuple(sorted(gallery, key=lambda entry: entry.id)), searched, skips, len(faults))


def answerable(
    queries: Sequence[Entry], gallery: Sequence[Entry], rules: Retrieval, skips: Skips, reason: str
) -> list[Entry]:
    """The queries with a right answer among those that they are compared with; the others are counted."""
    there = {(entry.kind if rules.within else "", truth) for entry in gallery for truth in entry.truths}
    kept: list[Entry] = []
    left: list[Entry] = []
    for query in queries:
        kind = query.kind if rules.within else ""
        found = any((kind, truth) in there for truth in query.truths)
        (kept if found else left).append(query)
    skips.add(reason, left)
    return kept


def nearly_same(queries: Sequence[Entry], gallery: Sequence[Entry], label: str) -> list[Entry]:
    """The queries whose product has a searched photo with the query's own value of a label."""
    there = {(entry.product, entry.facts.get(label, "")) for entry in gallery}
    return [query for query in queries if (query.product, query.facts.get(label, "")) in there]


def _entry(product: Product, photo: Photo, rules: Retrieval, *, asks: bool) -> Entry:
    facts: Mapping[str, str] = _NOTHING
    if rules.graded:
        facts = product.attributes
    elif rules.label:
        facts = {rules.label: photo.labels.get(rules.label, "")}
    return Entry(
        photo.id,
        photo.uri,
        product.id,
        _truths(product, photo, rules.truth, asks=asks),
        "" if rules.coarse is None else "|".join(_truths(product, photo, rules.coarse, asks=asks)),
        product.category,
        product.title,
        photo.box if asks and rules.crop == "box" else None,
        facts,
    )


def _truths(product: Product, photo: Photo, truth: Truth, *, asks: bool) -> tuple[str, ...]:
    if truth == "pair":
        named = photo.labels.get("pair", "").split("|") if asks else [photo.id]
        return tuple(dict.fromkeys(name for name in named if name))
    name = product.id if truth == "product" else product.category
    return (name,) if name else ()


def _joined(queries: Sequence[Entry]) -> list[Entry]:
    """Each photo once, however often it is listed, with all its right answers."""
    found: dict[tuple[str, Box | None], Entry] = {}
    for query in queries:
        key = query.uri, query.crop
        first = found.setdefault(key, query)
        if first is not query:
            found[key] = replace(first, truths=tuple(dict.fromkeys((*first.truths, *query.truths))))
    return list(found.values())


def _drawn(queries: list[Entry], limit: int, seed: int) -> list[Entry]:
    if not limit or len(queries) <= limit:
        return queries
    picked = np.random.default_rng(seed).choice(len(queries), limit, replace=False)
    return [queries[position] for position in sorted(picked)]


def _searched(catalog: Catalog, asks: Pick, searched: Pick) -> Callable[[Faults], Iterator[Product]]:
    def stream(faults: Faults) -> Iterator[Product]:
        for product in catalog.stream(faults):
            # What is searched is a shop photo to the index, whatever the catalog calls its side.
            shown = tuple(
                replace(photo, side="shop")
                for photo in product.photos
                if searched.takes(photo) and not asks.takes(photo)
            )
            if shown:
                yield replace(product, photos=shown)

    return stream

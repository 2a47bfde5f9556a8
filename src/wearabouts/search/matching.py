"""From a list of hits to what a person sees: the products themselves, what of them agrees, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wearabouts.encoders import Encoder
from wearabouts.looks import shared
from wearabouts.search.shortlist import Hit
from wearabouts.stores import Store
from wearabouts.types import Match


class Matcher:
    """Reads products of one store, in the words of one encoder."""

    def __init__(self, encoder: Encoder, store: Store) -> None:
        self._encoder, self._store = encoder, store

    def matches(self, hits: Sequence[Hit], seen: Mapping[str, str]) -> tuple[Match, ...]:
        """The products of hits that still are there.

        Args:
            hits: Best first.
            seen: What is seen in the query, name → value.
        """
        matches, told = [], self._store.told([hit.product_id for hit in hits])
        for hit in hits:
            product = told.get(hit.product_id)
            if product is None:  # deleted since the shortlist was made
                continue
            photo: Mapping[str, Any] = next((p for p in product.get("photos", ()) if p["id"] == hit.photo_id), {})
            agrees, differs = shared(seen, self._facts(product, photo))
            uri = photo.get("uri", "")
            matches.append(Match(product, hit.photo_id, uri, hit.similarity, agrees, differs, hit.probability))
        return tuple(matches)

    def why_empty(self, where: str | None) -> tuple[str, ...]:
        """What to tell where nothing is found."""
        if next(iter(self._store.products()), None) is None:
            return ("the store holds no products yet: index a catalog with `wearabouts index`",)
        return (f"no product passes the filter {where!r}",) if where else ("the store holds nothing else to show",)

    def _facts(self, product: Mapping[str, Any], photo: Mapping[str, Any]) -> dict[str, str]:
        """What is known of a product in the model's words: the shop's own where it uses them, else the photo's."""
        facts = dict(photo.get("seen") or {})
        for name, value in (product.get("attributes") or {}).items():
            word = str(value).strip().lower()
            if word in self._encoder.attributes.get(name, ()):
                facts[name] = word
        return facts


def shown(hits: Sequence[Hit], tail_share: float) -> list[Hit]:
    """Without the tail: hits whose probability is at least that share of the first one's; unjudged ones belong to it.

    Args:
        hits: Judged ones first, the likeliest first.
        tail_share: In [0, 1].
    """
    if not hits or hits[0].probability is None:
        return list(hits)
    least = tail_share * hits[0].probability
    return [hit for hit in hits if hit.probability is not None and hit.probability >= least]

"""Bases made by hand, for tests that need no database."""

from __future__ import annotations

import numpy as np

from wearabouts.stores.embedded.generations.drafting import Draft
from wearabouts.stores.embedded.generations.generation import FORMAT, Base
from wearabouts.stores.embedded.generations.segment import Segment
from wearabouts.stores.embedded.generations.tables import NameStream, ProductTables


def facts(ident, number=0, price=None, attributes=None, **texts):
    """What a base keeps of a product."""
    names = ("title", "category", "garment", "brand", "currency", "availability", "group")
    plain = {"id": ident, "number": number, "price": price, "attributes": attributes or {}}
    return plain | {name: texts.get(name, "") for name in names}


def written(path, shop, vectors, ids, slots, **told):
    """A base with an exact index: products as `facts`, and photos with the slots of their products."""
    count, dim = vectors.shape
    with Draft(path) as made:
        tables = ProductTables(made)
        tables.extend(shop)
        tables.close()
        names = NameStream(made, "photos")
        names.extend(ids)
        names.close()
        made.place()
        slots = np.asarray(slots, np.int64)
        made.add("slots", slots.astype(np.int32))
        made.add("numbers", np.arange(count) + 1)
        starts = np.concatenate([[0], np.cumsum(np.bincount(slots, minlength=len(shop)))])
        made.add("products/starts", starts.astype(np.int64))
        made.add("products/photos", np.argsort(slots, kind="stable").astype(np.int32))
        made.add("index/lists", np.asarray([0, count], np.int64))
        made.add("vectors", np.asarray(vectors, np.float32))
        index = {"kind": "exact", "why": "few", "facts": {}}
        known = {"format": FORMAT, "generation": 1, "sequence": 7, "era": "e", "encoder_hash": "one", "dim": dim}
        made.finish(known | {"count": count, "products": len(shop), "index": index} | told, lambda: None)
    return path


def base_of(path, shop, vectors, ids, slots, **told):
    """The same, opened."""
    return Base(Segment.open(written(path, shop, vectors, ids, slots, **told)))

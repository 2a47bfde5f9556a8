"""What the tests of Milvus share: stores by address, and an empty one without making it anew."""

from __future__ import annotations

from wearabouts.stores import open_store


def opened(address, **options):
    return open_store(address, **options)


def emptied(store):
    """Everything is removed through the store's own door."""
    store.delete(list(store.products()))
    for name in store.describe()["notes"]:
        store.write_note(name, None)
    return store

"""What lists say of whole items: that they exist, and their attributes."""

from __future__ import annotations

from collections.abc import Collection

from wearabouts.catalog import Faults
from wearabouts.readers.datasets.deepfashion.folders import Folder
from wearabouts.readers.datasets.deepfashion.labels import Vocabulary, bilingual, one_group
from wearabouts.readers.datasets.deepfashion.lists import Lookup

NAMES, LABELS = "list_attr_cloth.txt", "list_attr_items.txt"


class Items:
    """The items of a retrieval benchmark.

    Args:
        folder: The benchmark's folder.
        faults: Where rows that cannot be read go.
        listing: File name of the list of item ids.
        partition: The items of the partition.
        types: Whether attributes have types, with a list of their own; else all are named ``attributes``.
        unknown: Also give unknown attributes, under their type's name and a question mark.

    Raises:
        CatalogError: A list is none, or one of attribute names is not whole.
    """

    def __init__(
        self, folder: Folder, faults: Faults, listing: str, partition: Collection[str], *, types: bool, unknown: bool
    ) -> None:
        self.unknown = unknown
        self._vocabulary: Vocabulary | None = None
        self._labels: Lookup | None = None
        _check_listing(folder, faults, listing, partition)
        labels = folder.optional(LABELS, "item_id attribute_labels", faults)
        if labels is not None:
            self._vocabulary = bilingual(folder, faults) if types else one_group(folder, faults, "attributes")
            self._labels = Lookup(labels, "item")

    def attributes(self, item: str) -> dict[str, str]:
        """Type → values that hold, joined by ``|``; types of which none holds are left out. Ask for an item once."""
        if self._labels is None or self._vocabulary is None:
            return {}
        row = self._labels.get(item)
        if row is None:
            return {}
        try:
            positive, unknown = self._vocabulary.read(row.text)
        except ValueError as problem:
            self._labels.list.fault(row.number, "attribute_labels", f"{problem}; the item has no attributes", "field")
            return {}
        found = {name: values for name, values in positive.items() if values}
        if self.unknown:
            found.update((f"{name}?", values) for name, values in unknown.items())
        return found

    def finish(self) -> None:
        """Check what is left of the list of labels once every item was asked for."""
        if self._labels is not None:
            self._labels.finish()


def _check_listing(folder: Folder, faults: Faults, listing: str, partition: Collection[str]) -> None:
    """Every item of the partition has to be in the list of items, once, and the other way round."""
    rows = folder.optional(listing, "", faults)
    if rows is None:
        return
    known: set[str] = set()
    for row in rows.rows():
        if row.text in known:
            rows.fault(row.number, "", f"item {row.text[:80]} stood before")
        known.add(row.text)
        if row.text not in partition:
            rows.fault(row.number, "", f"item {row.text[:80]} has no photo in the partition", "product")
    for item in partition:
        if item not in known:
            rows.fault(0, "", f"item {item} of the partition is not in this list; it was kept")

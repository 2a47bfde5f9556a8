"""The distributed store: Milvus, by `pymilvus`. What it guarantees stands in docs/milvus.md."""

from __future__ import annotations

from wearabouts.stores.milvus.store import MilvusStore

__all__ = ["MilvusStore"]

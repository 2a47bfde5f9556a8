"""The embedded engine: a folder with one SQLite file as the truth and everything searched derived from it."""

from __future__ import annotations

from wearabouts.stores.embedded.store import EmbeddedStore

__all__ = ["EmbeddedStore"]

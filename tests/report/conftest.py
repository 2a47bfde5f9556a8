"""The browser that the server's tests use, for the page of a report."""

from __future__ import annotations

from server.conftest import browser

__all__ = ["browser"]

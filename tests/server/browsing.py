"""What a person does in a browser, in a few words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
Browser, Page, expect = sync_api.Browser, sync_api.Page, sync_api.expect


@contextmanager
def visit(browser: Browser, url: str, **options: object) -> Iterator[Page]:
    """Open the page; whatever the browser complains about, policy violations too, fails the test."""
    context = browser.new_context(locale=options.pop("locale", "en-US"), **options)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on(
        "request", lambda request: None if request.url.startswith((url, "blob:")) else complaints.append(request.url)
    )
    page.set_default_timeout(10_000)
    page.goto(url)
    page.wait_for_selector("#facts:not(:empty)")
    yield page
    context.close()
    assert [text for text in complaints if "422" not in text] == []


def give(page: Page, data: bytes) -> None:
    """Choose a photo and wait for what comes of it."""
    page.set_input_files("#file", {"name": "x.png", "mimeType": "image/png", "buffer": data})
    settled(page)


def settled(page: Page) -> None:
    """Wait until no search runs; a search shows from the moment it is asked for."""
    page.wait_for_selector("#working", state="hidden")


def shown(page: Page) -> list[str]:
    return page.eval_on_selector_all(".card", "cards => cards.map((card) => card.dataset.product)")

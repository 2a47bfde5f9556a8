"""The page of datasets says what the readers say, and leaves none out."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType

import pytest

from wearabouts.readers import READERS, expected

ROOT = Path(__file__).parents[1]
FEEDS = {"folder", "table", "google_merchant", "shopify", "woocommerce", "magento", "drawn"}


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("datasets_page", ROOT / "docs" / "datasets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(writer: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    before = list(sys.path)
    try:
        assert writer.main(["--check"]) == 0, capsys.readouterr().out
    finally:
        sys.path[:] = before


def test_every_dataset_has_its_section_with_all_its_options_and_counts(writer: ModuleType) -> None:
    assert set(writer.DATASETS) == set(READERS) - FEEDS
    page = (ROOT / "docs" / "datasets.md").read_text("utf-8")
    for name in writer.DATASETS:
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        module, attribute = READERS[name].split(":")
        read = getattr(importlib.import_module(module), attribute)
        for option in inspect.signature(read).parameters.values():
            assert option.kind is not option.KEYWORD_ONLY or f"| `{option.name}` |" in section
        for what, count in expected(name).items():
            assert f"| {what} | {count:,} |" in section


def test_a_docstring_becomes_markdown(writer: ModuleType) -> None:
    told = "One ``a``.\n\nLayout::\n\n    x  y\n      z\n\nEnd: `b`."
    assert writer.markdown(told) == "One `a`.\n\nLayout:\n\n```text\nx  y\n  z\n```\n\nEnd: `b`.\n"

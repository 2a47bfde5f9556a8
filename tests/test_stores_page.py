"""The page on stores: its commands run on a shop as they stand there, in both languages, and its table is made."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from stores.oracle import DIM, HASH, random_product
from walkthrough import ROOT, blocks
from wearabouts.cli import main
from wearabouts.stores import open_store

sys.path.insert(0, str(ROOT / "docs"))
PAGES = [ROOT / "docs" / name for name in ("stores.md", "stores.zh.md")]


def test_both_languages_show_the_same_blocks():
    first, second = ([block.bare() for block in blocks(page)] for page in PAGES)
    assert first == second != []
    texts = [page.read_text("utf-8") for page in PAGES]
    for mark in ("\n## ", "\n| ", "\n- **", "<!-- table: torture -->"):
        assert texts[0].count(mark) == texts[1].count(mark) > 0


def test_every_block_runs_and_leaves_what_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(41)
    store = open_store("shop", mode="write", encoder_hash=HASH, dim=DIM)
    store.upsert(random_product(generator, f"p{number}") for number in range(5))
    store.close()
    for block in blocks(PAGES[0]):
        if block.language == "python":
            capsys.readouterr()
            exec(compile(block.code, "stores.md", "exec"), {})
            assert capsys.readouterr().out.startswith("5 products at ")
            continue
        for line in block.code.splitlines():
            assert main(shlex.split(line)[1:]) == 0, (line, capsys.readouterr())
    for name in ("shop", "shop-again", "shop-copy", "shop-once-more"):
        store = open_store(name)
        assert len(list(store.products())) == 5
        store.close()
    assert {each.name for each in Path("backups").iterdir()} == {"monday", "tuesday"}


@pytest.mark.parametrize("chinese", [False, True])
def test_the_table_of_the_torture_says_what_was_counted(chinese):
    import generate

    from torture.results import summed

    result = summed([], count=2_000, seed=0, complete=True, sites=500)
    result["kills"] |= {"count": 2_000, "acknowledged": 71_234, "problems": 0}
    result["flips"]["classes"] = {"store.db · found": 990, "base · found": 10, "base · same": 5}
    result["restart_ms"] = {"count": 3, "median": 12.5, "p99": 20.0, "max": 31.0}
    shown = generate.TABLES["torture"](result, generate.CHINESE if chinese else generate.ENGLISH)
    for figure in ("2,000", "71,234", "1,000 found, 5 same", "12.5 ms", "31.0 ms"):
        assert figure in shown
    assert shown.count("\n| ") == 6

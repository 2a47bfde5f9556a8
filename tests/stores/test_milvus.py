"""Addresses of Milvus, what is said of a server that cannot be used, and filters in its words: no server needed."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from dataclasses import fields
from pathlib import Path

import pytest

from wearabouts.cli import app, main
from wearabouts.errors import QueryError, StoreError
from wearabouts.stores import STORES, folder_of, open_store
from wearabouts.stores.guarantees import GUARANTEES
from wearabouts.stores.milvus.address import TOKEN, Address, parse
from wearabouts.stores.milvus.filters import translated
from wearabouts.stores.milvus.keys import partition, prefixes, slices, term
from wearabouts.stores.where import parse as parse_filter

ROOT = Path(__file__).parents[2]
PAGES = ("docs/milvus.md", "docs/milvus.zh.md")


def test_what_an_address_says():
    plain = parse("milvus://db.example")
    assert (plain.uri, plain.collection, plain.index, plain.lite) == (
        "http://db.example:19530",
        "wearabouts",
        "hnsw",
        False,
    )
    full = parse("milvuss://[::1]:443/shop?index=IVF_FLAT&nlist=64&nprobe=8&partitions=2&consistency=strong&patience=5")
    assert (full.uri, full.collection, full.index, full.nlist, full.nprobe) == (
        "https://[::1]:443",
        "shop",
        "ivf_flat",
        64,
        8,
    )
    assert (full.partitions, full.consistency, full.patience) == (2, "strong", 5)
    lite = parse("milvus-lite:some/folder/shop.db/things?index=hnsw&m=8")
    assert (lite.uri, lite.collection, lite.index, lite.m, lite.lite) == (
        "some/folder/shop.db",
        "things",
        "hnsw",
        8,
        True,
    )
    assert parse("milvus-lite:shop.db").collection == "wearabouts"


@pytest.mark.parametrize(
    "address, said",
    [
        ("milvus://host/shop?indx=hnsw", "unknown option 'indx'.*did you mean 'index'"),
        ("milvus://host/shop?index=tree", "index=tree is not allowed; give one of hnsw, ivf_flat, flat"),
        ("milvus://host/shop?m=1", "m=1 is not allowed; give 2 to 2048"),
        ("milvus://host/shop?ef=lots", "ef=lots is not allowed"),
        ("milvus://host/sh-op", "collection 'sh-op'"),
        ("milvus:///shop", "names no host"),
        ("milvus://host:x/shop", "names no host"),
        ("milvus-lite:shop", "milvus-lite:FILE.db/collection"),
        ("sqlite://shop", "unknown engine 'sqlite'.*milvus"),
    ],
)
def test_what_an_address_may_not_say(address, said):
    with pytest.raises(StoreError, match=said):
        open_store(address)


def test_a_folder_is_told_from_an_address(tmp_path):
    assert folder_of(tmp_path) == tmp_path
    assert str(folder_of("wearabouts-store")) == "wearabouts-store"
    assert str(folder_of("embedded:a/b")) == "a/b"
    assert str(folder_of("shop:2026")) == "shop:2026"
    assert folder_of("milvus://host/shop") is None
    assert folder_of("milvus-lite:shop.db") is None


def test_secrets_stand_in_no_address_and_no_message(monkeypatch):
    with pytest.raises(StoreError, match=f"environment as {TOKEN}") as raised:
        open_store("milvus://root:sesame@host/shop")
    assert "sesame" not in str(raised.value)
    pytest.importorskip("pymilvus")
    monkeypatch.setenv(TOKEN, "root:sesame")
    with pytest.raises(StoreError, match="no Milvus server answered") as raised:
        open_store("milvus://127.0.0.1:1/shop?patience=0")
    assert "sesame" not in str(raised.value)


def test_without_its_package_the_error_says_what_to_install(tmp_path):
    code = f"""
import sys
sys.modules["pymilvus"] = None
from wearabouts.cli import main
print(main(["describe", "milvus://host/shop"]), main(["describe", "milvus-lite:{tmp_path}/shop.db"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["2", "2"], done.stderr
    assert done.stderr.count("pip install 'wearabouts[cluster]'") == 2
    assert "Traceback" not in done.stderr


def test_the_package_is_loaded_only_for_such_an_address(tmp_path):
    code = f"""
import sys
from wearabouts.errors import StoreError
from wearabouts.stores import milvus, open_store
try:
    open_store({str(tmp_path / "none")!r})
except StoreError:
    pass
print("pymilvus" in sys.modules, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_a_server_that_never_answers_is_given_up(capsys):
    """A port that takes a connection and says nothing: the wait is bounded, and one line says what to do."""
    pytest.importorskip("pymilvus")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"milvus://127.0.0.1:{silent.getsockname()[1]}/shop?patience=0"
        found = []
        waiting = threading.Thread(target=lambda: found.append(main(["describe", address])), daemon=True)
        began = time.monotonic()
        waiting.start()
        waiting.join(60)
    assert found == [2], time.monotonic() - began
    assert "no Milvus server answered" in capsys.readouterr().err


@pytest.mark.parametrize(
    "where, said",
    [
        ("brand = Acme", f"(brand == {term('brand', 'acme')})"),
        ('category = "Women / Tops"', f"(array_contains(terms, {term('category', 'women > tops')}))"),
        ("garment = t-shirt", '(garment == "t_shirt")'),
        (
            "price >= 0.1",
            f"(array_contains(terms, {term('has', 'price')}) and price >= 0.1)",
        ),
        ("not has brand", "(not (brand != 0))"),
        # What cannot be said keeps everything, and nothing beneath a not.
        ("title contains red", ""),
        ("title contains red and brand = x", f"((brand == {term('brand', 'x')}))"),
        ("title contains red or brand = x", ""),
        ("not (title contains red)", ""),
        ("not (title contains red or has brand)", "(not ((brand != 0)))"),
        ("not (title contains red and has brand)", ""),
        ("size > 38", ""),
    ],
)
def test_filters_in_the_words_of_milvus(where, said):
    filtered = translated(parse_filter(where), [])
    assert filtered.said == said
    assert (filtered.judged is None) == ("contains" not in where and "size" not in where)


def test_garments_name_partitions():
    assert translated(None, ["T-Shirt", "dress"]).said == '(garment in ["dress", "t_shirt"])'
    odd = partition('a "quoted" word')
    assert odd.startswith("#")
    assert '"' not in odd
    assert partition("") == ""


def test_operators_that_do_not_fit_are_refused():
    for where in ("price contains 3", "price < cheap", "title < 3", "size < big"):
        with pytest.raises(QueryError):
            translated(parse_filter(where), [])


def test_a_category_lies_beneath_each_part_of_its_path():
    assert list(prefixes("Women > Tops/Shirts")) == ["women", "women > tops", "women > tops > shirts"]


def test_a_collection_is_walked_in_parts_that_leave_nothing_out():
    keys = [f"{number:032x}" for number in range(0, 1 << 128, (1 << 128) // 5_000)]
    for rows, parts in ((0, 1), (100, 1), (101, 16), (5_000, 256)):
        expressions = list(slices(rows, 100))
        assert len(expressions) == parts
        starts = [each.partition('"')[2].rstrip('%"') for each in expressions]
        assert all(sum(key.startswith(start) for start in starts) == 1 for key in keys)
    assert list(slices(10, 100, "p")) == ['key like "p%"']


@pytest.mark.parametrize("page", PAGES)
def test_the_page_s_code_runs_and_its_commands_exist(page, tmp_path):
    pytest.importorskip("milvus_lite")
    text = (ROOT / page).read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["milvus-lite", "[]"], done.stderr
    (shell,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    verbs = {command.callback.__name__ for command in app.registered_commands}
    for line in shell.splitlines():
        program, verb, *words = line.split()
        assert program == "pip" or verb in verbs
        for address in (word for word in words if word.startswith("milvus")):
            assert parse(address).collection == "shop"


def test_both_pages_have_the_same_code_and_tables():
    english, chinese = ((ROOT / page).read_text("utf-8") for page in PAGES)
    assert re.findall(r"```.*?```", english, re.DOTALL) == re.findall(r"```.*?```", chinese, re.DOTALL)
    columns = [[line.count("|") for line in page.splitlines() if line.startswith("|")] for page in (english, chinese)]
    assert columns[0] == columns[1]


def test_the_page_s_tables_are_those_of_the_code():
    done = subprocess.run([sys.executable, ROOT / "docs" / "guarantees.py", "--check"], check=False, timeout=60)
    assert done.returncode == 0, "run docs/guarantees.py"
    assert set(GUARANTEES) | {"milvuss"} == set(STORES)
    text = (ROOT / "docs" / "milvus.md").read_text("utf-8")
    rows = re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \| [^|]+ \| ([^|]+) \|$", text, re.MULTILINE)
    told = {}
    for names, values in rows:
        told |= dict(zip(re.findall(r"\w+", names), values.split(", "), strict=True))
    assert set(told) == {field.name for field in fields(Address)} - {"text", "uri", "collection", "lite"}
    for name, value in told.items():
        default = getattr(parse("milvus://host/shop"), name)
        assert value.lstrip("`").startswith(f"{default:g}" if isinstance(default, float) else str(default)), name

"""The command line: what people type, and what they get when they type it wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from fakes import TinyEncoder, TinyGarmentEncoder
from wearabouts import __version__, cli
from wearabouts.catalog import Fault, Faults
from wearabouts.cli import main, options, terminal
from wearabouts.cli.faults import write_faults

# pydantic is not here: Typer itself imports it, where it is installed, to read options.
HEAVY = (
    "numpy",
    "faiss",
    "polars",
    "onnxruntime",
    "PIL",
    "fastapi",
    "uvicorn",
    "httpx",
    "matplotlib",
    "lxml",
    "rich",
    "torch",
    "sqlite3",
)
COLOURS = {"red": (220, 20, 20), "green": (20, 200, 30), "blue": (20, 30, 220), "grey": (128, 128, 128)}


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2]), **environment},
        timeout=120,
    )


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["index", "--help"], ["serve", "--help"]])
def test_help_loads_nothing_heavy(words):
    code = f"""
import sys
import wearabouts
from wearabouts.cli import main
code = main({words!r})
print(code, sorted(set(sys.modules) & set({HEAVY!r})))
"""
    done = run_python(code)
    assert done.stdout.splitlines()[-1] == "0 []", done.stdout + done.stderr


def test_importing_the_package_loads_none_of_its_rooms():
    done = run_python("import sys, wearabouts; print(sorted(m for m in sys.modules if m.startswith('wearabouts')))")
    assert done.stdout.strip() == "['wearabouts']"


def test_no_words_show_the_help_and_a_version_is_a_version(capsys):
    assert main([]) == 0
    shown = capsys.readouterr().out
    for verb in (
        "demo",
        "draw",
        "read",
        "index",
        "search",
        "compare",
        "serve",
        "train",
        "export",
        "evaluate",
        "calibrate",
        "check",
        "describe",
    ):
        assert f"  {verb} " in shown
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"wearabouts {__version__}\n"


@pytest.fixture
def garment_shop(tmp_path, monkeypatch):
    """A folder of three one-colour products and a grey one, and the tiny encoder in place of a bundle."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(options, "load_encoder", lambda model: TinyGarmentEncoder())
    for module in ("index", "search"):
        monkeypatch.setattr(getattr(cli, module), "load_encoder", lambda model: TinyGarmentEncoder())
    for name, colour in COLOURS.items():
        (tmp_path / "feed" / name).mkdir(parents=True)
        Image.fromarray(np.full((80, 60, 3), colour, np.uint8)).save(tmp_path / "feed" / name / "front.png")
    return tmp_path


@pytest.fixture
def indexed(garment_shop):
    assert main(["index", "feed", "--json"]) == 0
    return garment_shop


def said(capsys):
    """What the last command printed: (stdout, stderr)."""
    shown = capsys.readouterr()
    return shown.out, shown.err


def test_a_photo_finds_its_product(indexed, capsys):
    said(capsys)
    assert main(["search", "feed/red/front.png", "-k", "2", "--json"]) == 0
    answer = json.loads(said(capsys)[0])
    assert answer["matches"][0]["product"]["id"] == "red"
    assert answer["matches"][0]["similarity"] == pytest.approx(1, abs=1e-4)
    assert answer["garment"] == "dress"
    assert len(answer["matches"]) == 2


def test_the_table_shows_the_same_answer(indexed, capsys):
    said(capsys)
    assert main(["search", "feed/blue/front.png", "-k", "1"]) == 0
    shown = said(capsys)[0]
    assert "shoes (100%)" in shown
    row = next(line for line in shown.splitlines() if "1.000" in line)
    assert row.split()[:3] == ["1", "1.000", "blue"]


def test_a_sheet_is_a_png(indexed, capsys):
    assert main(["search", "feed/blue/front.png", "--sheet", "out.png"]) == 0
    with Image.open("out.png") as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 400


def test_indexing_again_embeds_nothing_and_pruning_follows_the_source(indexed, capsys):
    said(capsys)
    assert main(["index", "feed", "--json"]) == 0
    again = json.loads(said(capsys)[0])
    assert again["embedded"] == 0
    assert again["unchanged"] == again["photos"] == len(COLOURS)
    (indexed / "feed" / "grey" / "front.png").unlink()
    (indexed / "feed" / "grey").rmdir()
    assert main(["index", "feed", "--prune", "--json"]) == 0
    assert json.loads(said(capsys)[0])["pruned"] == 1
    assert main(["describe", "--json"]) == 0
    assert json.loads(said(capsys)[0])["products"] == 3


def test_reading_shows_products_and_faults_and_makes_no_store(garment_shop, capsys):
    rows = [
        "id,title,image,price",
        "1,Red dress,feed/red/front.png,19.99",
        "2,No photo,,5",
        "3,Blue,feed/blue/front.png,x",
    ]
    Path("table.csv").write_text("\n".join(rows), encoding="utf-8")
    assert main(["read", "table.csv", "--json"]) == 0
    shown = json.loads(said(capsys)[0])
    assert (shown["products"], shown["photos"]) == (2, 2)
    assert shown["first"][0]["title"] == "Red dress"
    assert shown["first"][0]["garment"] == "dress"
    assert shown["faults"]["counts"] == {"product": 1, "photo": 0, "field": 1}
    assert main(["read", "table.csv"]) == 0
    text = said(capsys)[0]
    assert "19.99" in text
    assert "skipped: 1 products, 1 fields" in text
    assert not (garment_shop / "wearabouts-store").exists()


def test_options_reach_the_reader(garment_shop, capsys):
    assert main(["read", "feed", "-o", "layout=classes", "--json"]) == 0
    shown = json.loads(said(capsys)[0])
    assert [product["category"] for product in shown["first"]] == ["blue", "green", "grey", "red"]


def test_what_cannot_be_read_is_listed_and_costs_nothing_else(garment_shop, capsys):
    (garment_shop / "feed" / "red" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    assert main(["index", "feed", "--faults", "faults.csv"]) == 0
    shown = said(capsys)[0]
    assert "skipped: 1 photos" in shown
    assert "broken.png" in Path("faults.csv").read_text(encoding="utf-8")
    assert main(["search", "feed/red/front.png", "-k", "1", "--json"]) == 0
    assert json.loads(said(capsys)[0])["matches"][0]["product"]["id"] == "red"


def test_check_of_a_sound_store(indexed, capsys):
    said(capsys)
    assert main(["check"]) == 0
    assert "sound" in said(capsys)[0]


def test_check_finds_damage_and_repair_mends_it(indexed, capsys):
    base = next((indexed / "wearabouts-store" / "derived").iterdir())
    data = bytearray(base.read_bytes())
    data[100:102] = b"xx"
    base.write_bytes(data)
    said(capsys)
    assert main(["check"]) == 1
    shown = said(capsys)[0]
    assert base.name in shown
    assert "--repair" in shown
    assert main(["check", "--repair"]) == 0
    assert "1 mended, 0 left" in said(capsys)[0]
    assert main(["check", "--json"]) == 0
    assert json.loads(said(capsys)[0])["found"] == []


def test_another_model_is_refused_until_the_store_is_rebuilt_for_it(indexed, capsys, monkeypatch):
    for module in ("index", "search"):
        monkeypatch.setattr(getattr(cli, module), "load_encoder", lambda model: TinyEncoder())
    monkeypatch.setattr(options, "load_encoder", lambda model: TinyEncoder())
    said(capsys)
    for words in (["search", "feed/red/front.png"], ["index", "feed"]):
        assert main(words) == 2
        assert "rebuild" in said(capsys)[1].splitlines()[-1]
    assert main(["index", "feed", "--rebuild"]) == 0
    said(capsys)
    assert main(["search", "feed/red/front.png", "-k", "1", "--json"]) == 0
    answer = json.loads(said(capsys)[0])
    assert answer["matches"][0]["product"]["id"] == "red"
    assert answer["garment"] is None


def test_compare_needs_no_store(garment_shop, capsys):
    assert main(["compare", "feed/red/front.png", "feed/blue/front.png", "--json"]) == 0
    comparison = json.loads(said(capsys)[0])
    assert comparison["garments"] == ["dress", "shoes"]
    assert comparison["differs"] == ["color: red → blue"]
    assert main(["compare", "feed/red/front.png", "feed/red/front.png"]) == 0
    assert "similarity 1.000" in said(capsys)[0]


BAD = [
    # command, what the line must say: what was given, and what is allowed or to do
    (["sarch"], ("sarch", "search")),
    (["search"], ("photo", "--help")),
    (["search", "nothing.jpg"], ("nothing.jpg", "image file")),
    (["search", "feed"], ("feed", "image file")),
    (["search", "words.txt"], ("JPEG", "PNG")),
    (["search", "feed/red/front.png", "--store", "nowhere"], ("nowhere", "wearabouts index")),
    (["search", "feed/red/front.png", "--box", "1,2,3"], ("1,2,3", "left,top,width,height")),
    (["search", "feed/red/front.png", "--box", "1,2,0,5"], ("1,2,0,5", "left,top,width,height")),
    (["search", "feed/red/front.png", "--box", "900,0,5,5"], ("900,0,5,5", "60 x 80")),
    (["search", "feed/red/front.png", "-k", "many"], ("many", "number")),
    (["search", "feed/red/front.png", "-k", "0"], ("0", "1 to")),
    (["search", "feed/red/front.png", "--category", "sofd"], ("sofd", "soft")),
    (["search", "feed/red/front.png", "--garment", "dres"], ("dres", "dress")),
    (["search", "feed/red/front.png", "--where", "prise < 3"], ("prise", "price")),
    (["search", "feed/red/front.png", "--where", "price <"], ("price",)),
    (["search", "feed/red/front.png", "--sheet", "out.doc"], ("out.doc", ".png")),
    (["search", "feed/red/front.png", "--jsn"], ("--jsn", "--json")),
    (["compare", "feed/red/front.png"], ("second", "--help")),
    (["compare", "feed/red/front.png", "nothing.jpg"], ("nothing.jpg", "image file")),
    (["compare", "feed/red/front.png", "feed/red/front.png", "--first-box", "x"], ("'x'", "left,top,width,height")),
    (["read"], ("source", "--help")),
    (["read", "nowhere.csv"], ("nowhere.csv",)),
    (["read", "feed", "--reader", "folders"], ("folders", "folder")),
    (["read", "feed", "-o", "layout=pile"], ("pile", "classes")),
    (["read", "feed", "-o", "layot=classes"], ("layot", "layout")),
    (["read", "feed", "-o", "mapping=x"], ("mapping", "--map")),
    (["read", "feed", "--show", "all"], ("all", "number")),
    (["index"], ("source", "--help")),
    (["index", "nowhere.xml"], ("nowhere.xml",)),
    (["index", "feed", "--reader", "shopfy"], ("shopfy", "shopify")),
    (["index", "feed", "--map", "id:sku"], ("id:sku", "name=value")),
    (["index", "feed", "--store", "words.txt"], ("words.txt",)),
    (["serve", "--store", "nowhere"], ("nowhere", "wearabouts index")),
    (["serve", "--port", "http"], ("http", "number")),
    (["serve", "--port", "99999"], ("99999", "65535")),
    (["serve", "--host", "0.0.0.0"], ("0.0.0.0", "key")),
    (["serve", "--settings", "nothing.toml"], ("nothing.toml", "TOML")),
    (["serve", "--settings", "words.txt"], ("words.txt", "TOML")),
    (["serve", "--settings", "typo.toml"], ("pord", "port")),
    (["calibrate", "nothing.csv", "--store", "nowhere"], ("nowhere", "wearabouts index")),
    (["search", "feed/red/front.png", "--precision", "0.3"], ("0.3", "0.999")),
    (["check", "nowhere"], ("nowhere", "wearabouts index")),
    (["check", "feed"], ("feed",)),
    (["repair", "nowhere"], ("nowhere", "wearabouts index")),
    (["backup", "nowhere", "kept"], ("nowhere", "wearabouts index")),
    (["restore", "feed", "again"], ("feed", "backup")),
    (["copy", "nowhere", "elsewhere"], ("nowhere",)),
    (["copy", "milvus://host:much/shop", "elsewhere"], ("milvus://host:19530/shop",)),
    (["plan", "--photos", "many"], ("many", "100M")),
    (["plan", "--p95", "1ms"], ("1 ms", "allow more time")),
    (["describe", "nowhere"], ("nowhere", "wearabouts index")),
    (["describe", "--model", "nothing"], ("nothing", "mini")),
    (["train", "nothing.toml", "--data", "feed", "--out", "run"], ("nothing.toml", "recipe")),
    (["train", "typo.toml", "--out", "run"], ("--data", "--help")),
    (["train", "typo.toml", "--data", "nowhere", "--out", "run"], ("nowhere", "folder")),
    (["train", "typo.toml", "--data", "feed", "--out", "run", "--processes", "0"], ("--processes", "1")),
    (["export", "nowhere", "--out", "bundle"], ("nowhere", "train")),
    (["draw"], ("folder", "--help")),
    (["draw", "drawn", "--part", "trian"], ("trian", "train")),
    (["pull", "nobody/nothing"], ("--out", "--help")),
    (["evaluate"], ("target", "--help")),
    (["evaluate", "nowhere.csv", "--model", "histogram"], ("nowhere.csv",)),
    (["evaluate", "feed", "--model", "histogram", "--relevant", "colour"], ("colour", "product")),
    (["evaluate", "feed", "--model", "histogram", "--limit", "few"], ("few", "number")),
    (["evaluate", "photographs", "--data", "nowhere", "--model", "histogram"], ("nowhere",)),
    (["demo", "--products", "some"], ("some", "number")),
    (["demo", "--products", "0"], ("0",)),
]


@pytest.mark.parametrize(("words", "told"), BAD, ids=[" ".join(words) for words, _ in BAD])
def test_bad_input_gives_one_line_and_exit_2(words, told, indexed, capsys, monkeypatch):
    monkeypatch.delenv("WEARABOUTS_DATA", raising=False)
    (indexed / "words.txt").write_text("these are only words", encoding="utf-8")
    (indexed / "typo.toml").write_text("[server]\npord = 3\n", encoding="utf-8")
    said(capsys)
    assert main(words) == 2
    out, err = said(capsys)
    assert out == ""
    lines = err.splitlines()
    assert lines[-1].startswith("wearabouts: ")
    assert len([line for line in lines if line.startswith("wearabouts: ")]) == 1
    assert "Traceback" not in err
    for word in told:
        assert word in lines[-1]


def test_every_command_has_a_bad_input_in_the_table():
    commands = {info.callback.__name__ for info in cli.app.registered_commands}
    assert commands <= {words[0] for words, _ in BAD}


def test_a_missing_extra_is_named_with_the_command_that_installs_it(monkeypatch, tmp_path, capsys):
    (tmp_path / "recipe.toml").write_text("", encoding="utf-8")

    def without_torch(name):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(cli.workshop, "import_module", without_torch)
    assert main(["train", str(tmp_path / "recipe.toml"), "--data", str(tmp_path), "--out", "run"]) == 2
    assert "pip install 'wearabouts[train]'" in said(capsys)[1]


def test_stopping_is_130_and_says_how_to_go_on(monkeypatch, capsys):
    def stopped(store):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.upkeep, "existing_store", stopped)
    assert main(["check", "anything"]) == 130
    assert "run the same command again" in said(capsys)[1]


def test_a_fault_of_our_own_is_one_line_and_debug_shows_where(monkeypatch, capsys):
    def broken(store):
        raise RuntimeError("a\nb")

    monkeypatch.setattr(cli.upkeep, "existing_store", broken)
    assert main(["check", "anything"]) == 1
    err = said(capsys)[1]
    assert err.count("\n") == 1
    assert "a b" in err
    assert "--debug" in err
    assert main(["check", "anything", "--debug"]) == 1
    assert "Traceback" in said(capsys)[1]


def test_words_of_a_feed_cannot_steer_the_terminal(capsys):
    terminal.show_table("\x1b]0;title\x07", ("name",), [("\x1b[31mred\x1b[0m\r\n[bold]x[/bold]\u202egnp",)])
    shown = said(capsys)[0]
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]x[/bold]" in shown


def test_cells_of_the_fault_list_are_no_formulas(tmp_path):
    faults = Faults()
    faults.add(Fault("=cmd|' /C calc'!A0", 3, "@price", "-1 is not a price", "field"))
    write_faults(faults, tmp_path / "faults.csv")
    assert (tmp_path / "faults.csv").read_text(encoding="utf-8").splitlines() == [
        "source,row,column,lost,reason",
        "'=cmd|' /C calc'!A0,3,'@price,field,'-1 is not a price",
    ]


def test_progress_tells_no_rate_of_what_took_no_time(capsys, monkeypatch):
    moments = iter([0.0, 0.0, 0.001, 0.002, 2.0])
    monkeypatch.setattr(terminal, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    progress = terminal.Progress("")
    progress.update("pages", 0, 68)
    progress.update("pages", 68, 68)
    progress.update("bytes", 0, 500)
    progress.update("bytes", 500, 500)
    assert said(capsys)[1].splitlines() == ["pages · 68 of 68", "bytes · 500 of 500, 250/s"]


def test_progress_tells_rate_and_time_left(capsys, monkeypatch):
    moments = iter([0.0, 0.0, 6.0, 7.0, 12.0])
    monkeypatch.setattr(terminal, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    progress = terminal.Progress("photos")
    for done in (0, 30, 40, 60):
        progress.update("embedding", done, 120)
    assert said(capsys)[1].splitlines() == [
        "embedding · 30 of 120 photos, 5/s, 18 s left",
        "embedding · 60 of 120 photos, 5/s, 12 s left",
    ]

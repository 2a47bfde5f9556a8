"""Looking after a store from the command line: backup, restore, copy, check, repair, and who holds the lock."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from stores.oracle import DIM, HASH, photo_record, product_record, unit
from wearabouts.cli import main
from wearabouts.stores import copying, open_store


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A store of twelve products in the working folder."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(31)
    store = open_store("shop", mode="write", encoder_hash=HASH, dim=DIM)
    store.upsert(product_record(f"p{n:02}", [photo_record(f"{n}", unit(generator)[0])]) for n in range(12))
    store.write_note("calibration", {"labels": 300})
    store.close()
    return tmp_path


def said(capsys):
    return capsys.readouterr()


def damage(path, statement):
    with sqlite3.connect(path / "store.db") as connection:
        connection.execute(statement)
    connection.close()


def test_a_backup_is_verified_restored_and_never_overwrites_unasked(shop, capsys):
    assert main(["backup", "shop", "saved", "--verify"]) == 0
    shown = said(capsys).out
    for words in ("backup of shop", "products", "12", "every row and file is sound"):
        assert words in shown
    assert main(["check", "saved"]) == 0
    assert main(["backup", "shop", "saved"]) == 2
    assert "give the backup a new folder" in said(capsys).err
    assert main(["restore", "saved", "shop"]) == 2
    assert main(["restore", "saved", "shop", "--force", "--json"]) == 0
    assert json.loads(said(capsys).out)["replaced"] is True
    assert main(["restore", "saved", "again"]) == 0
    assert "made anew" in said(capsys).out
    assert main(["check", "again"]) == 0
    assert main(["describe", "saved"]) == 2
    assert "wearabouts restore saved STORE" in said(capsys).err


@pytest.mark.parametrize("command", ["describe", "check", "repair"])
def test_a_store_may_be_named_as_other_commands_name_it(shop, capsys, command):
    assert main([command, "--store", "shop", "--json"]) == 0
    named = json.loads(said(capsys).out)
    assert main([command, "shop", "--json"]) == 0
    first = json.loads(said(capsys).out)
    assert {**first, "index": None} == {**named, "index": None}  # how much of it is proven by now may differ
    assert main([command, "-s", "nowhere"]) == 2
    assert "no store at nowhere" in said(capsys).err


def test_a_damaged_backup_is_found_and_not_restored(shop, capsys):
    assert main(["backup", "shop", "saved", "--derived", "--json"]) == 0
    assert len(json.loads(said(capsys).out)["files"]) == 2
    raw = bytearray((shop / "saved" / "backup.db").read_bytes())
    raw[5_000] ^= 4
    (shop / "saved" / "backup.db").write_bytes(raw)
    assert main(["check", "saved", "--json"]) == 1
    assert [each["subject"] for each in json.loads(said(capsys).out)["left"]] == ["backup.db"]
    assert main(["restore", "saved", "again"]) == 2
    assert "use another backup" in said(capsys).err
    assert not (shop / "again").exists()


def test_a_copy_is_counted_and_written_once(shop, capsys):
    assert main(["copy", "shop", "other"]) == 0
    shown = said(capsys)
    assert "shop → other" in shown.out
    assert "12 of 12" in shown.err
    assert main(["copy", "shop", "other", "--json"]) == 0
    done = json.loads(said(capsys).out)
    assert (done["written"], done["same"], done["notes"]) == (0, 12, 0)
    store = open_store("other", mode="write")
    store.upsert([product_record("extra", [photo_record("x", np.eye(DIM, dtype=np.float32)[0])])])
    store.close()
    assert main(["copy", "shop", "other", "--prune", "--json"]) == 0
    assert json.loads(said(capsys).out)["deleted"] == 1
    damage(shop / "shop", "UPDATE photos SET digest = 'x' WHERE id = '3'")
    assert main(["copy", "shop", "other"]) == 1
    assert "not copied: the stored photo '3' is damaged" in said(capsys).out


def test_a_copy_stopped_by_the_user_says_how_to_go_on(shop, capsys, monkeypatch):
    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(copying, "copy", stopped)
        assert main(["copy", "shop", "other"]) == 130
    assert "run the same command again to go on" in said(capsys).err
    assert main(["copy", "shop", "other"]) == 0


def test_a_repair_says_what_was_lost_and_keeps_it(shop, capsys):
    damage(shop / "shop", "UPDATE photos SET digest = 'x' WHERE id = '3'")
    assert main(["check", "shop", "--quick"]) == 1
    assert "photo 3" in said(capsys).out
    assert main(["repair", "shop", "--keep", "kept"]) == 0
    shown = said(capsys).out
    for words in ("photo", "p03", "index the feed again", "is kept in kept", "0 left"):
        assert words in shown
    tables = [json.loads(line)["table"] for line in (shop / "kept" / "removed.jsonl").read_text().splitlines()]
    assert tables == ["photos", "vectors", "products"]
    assert main(["repair", "shop"]) == 0
    assert "shop is sound" in said(capsys).out


def test_what_is_only_derived_is_made_anew_without_a_loss(shop, capsys):
    base = next((shop / "shop" / "derived").iterdir())
    raw = bytearray(base.read_bytes())
    raw[len(raw) // 2] ^= 1
    base.write_bytes(raw)
    assert main(["repair", "shop", "--json"]) == 0
    done = json.loads(said(capsys).out)
    assert ([each["kind"] for each in done["found"]], done["lost"], done["left"]) == (["derived"], [], [])
    assert main(["check", "shop", "--json"]) == 0


HOLD = """
import sys
from wearabouts.stores import open_store

sys.argv = ["/opt/bin/wearabouts", "index", "https://user:secret@shop.example/feed"]
store = open_store("shop", mode="write")
print("held", flush=True)
sys.stdin.read()
"""


def test_whoever_holds_the_lock_is_named_and_readers_are_not_held_up(shop, capsys):
    shutil.copytree("shop", "twin")
    words = [sys.executable, "-c", HOLD]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        for command in (["repair", "shop"], ["check", "shop", "--repair"], ["copy", "twin", "shop"]):
            assert main(command) == 2
            told = said(capsys).err
            assert f"is being written by wearabouts index (process {holder.pid} on " in told
            assert "secret" not in told
        for command in (["check", "shop"], ["describe", "shop"], ["backup", "shop", "saved"], ["copy", "shop", "b"]):
            assert main(command) == 0
        holder.kill()
    assert main(["repair", "shop"]) == 0


@pytest.mark.parametrize(
    "words, said_so",
    [
        (["backup", "nowhere", "saved"], "nowhere"),
        (["backup", "milvus://host:19530/shop", "saved"], "wearabouts copy milvus://host:19530/shop FOLDER"),
        (["restore", "nowhere", "again"], "there is no backup at nowhere"),
        (["restore", "shop", "again"], "there is no backup at shop"),
        (["restore", "nowhere", "milvus://host:19530/shop"], "wearabouts copy FOLDER milvus://host:19530/shop"),
        (["copy", "nowhere", "again"], "nowhere"),
        (["copy", "shop", "./shop/"], "are the same store"),
        (["copy", "milvus://host:19530/shop", "milvus://host:19530/shop"], "are the same store"),
        (["repair", "milvus://host:19530/shop"], "check milvus://host:19530/shop --repair"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(shop, capsys, words, said_so):
    assert main(words) == 2
    told = said(capsys).err
    assert said_so in told
    assert told.count("\n") == 1
    assert sorted(each.name for each in shop.iterdir()) == ["shop"]

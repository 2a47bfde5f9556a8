"""Backups: one consistent picture while writing goes on, whole or not at all, and the same shop when restored."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal

import numpy as np
import pytest

from stores.animals import FORMATS, open_cage, shop
from stores.oracle import DIM, HASH, Shop, assert_same_ranking, assert_same_record, random_product, unit
from wearabouts.errors import StoreError
from wearabouts.stores import backup, check_backup, open_store, restore
from wearabouts.stores.embedded import backup as making
from wearabouts.stores.embedded import staging
from wearabouts.stores.embedded.truth import schema

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["wearabouts.stores.embedded.restoring"])


@pytest.fixture
def generator():
    return np.random.default_rng(23)


def filled(folder, generator, count=30):
    expected = Shop()
    expected.upsert([random_product(generator, f"p{number:03}") for number in range(count)])
    store = open_store(folder, mode="write", encoder_hash=HASH, dim=DIM)
    store.upsert(expected.records.values())
    store.write_note("calibration", {"labels": 300})
    store.close()
    return expected


def assert_holds(folder, expected, queries=20):
    store = open_store(folder, encoder_hash=HASH, dim=DIM)
    assert list(store.products()) == sorted(expected.records)
    for ident, record in expected.records.items():
        assert_same_record(store.record(ident), record)
    for query in unit(np.random.default_rng(5), queries):
        assert_same_ranking(store.search(query, 20), expected.nearest(query, 20))
    assert store.check() == []
    store.close()


@pytest.mark.parametrize("derived", [False, True])
def test_what_is_restored_is_the_shop_that_was_backed_up(tmp_path, generator, derived):
    expected = filled(tmp_path / "shop", generator)
    done = backup(tmp_path / "shop", tmp_path / "saved", derived=derived)
    assert (done.store["products"], done.store["notes"], done.store["encoder_hash"]) == (30, 1, HASH)
    assert len(done.files) == 1 + derived
    assert check_backup(tmp_path / "saved") == []
    again = restore(tmp_path / "saved", tmp_path / "new" / "shop")
    assert (again.replaced, again.derived) == (False, derived)
    assert_holds(tmp_path / "new" / "shop", expected, queries=200)
    store = open_store(tmp_path / "new" / "shop", mode="write")
    assert store.note("calibration") == {"labels": 300}
    more = random_product(generator, "p999")
    store.upsert([more])
    store.close()
    expected.upsert([more])
    assert_holds(tmp_path / "new" / "shop", expected)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["new", "saved", "shop"]


def test_it_is_one_picture_while_writing_goes_on_and_holds_no_writer_up(tmp_path, generator, monkeypatch):
    monkeypatch.setattr(making, "STEP", 1)
    before = filled(tmp_path / "shop", generator)
    store = open_store(tmp_path / "shop", mode="write")
    after, written = Shop(), []
    after.records = dict(before.records)

    def write(what, done, total):
        if what == "pages" and len(written) < 12:
            written.append(random_product(generator, f"p{len(written) * 3:03}"))
            store.upsert(written[-1:])
            store.delete(["p029"])

    done = backup(tmp_path / "shop", tmp_path / "saved", progress=write)
    assert len(written) == 12
    after.upsert(written)
    after.delete(["p029"])
    assert done.store["sequence"] < store.describe()["sequence"]
    store.close()
    restore(tmp_path / "saved", tmp_path / "restored")
    assert_holds(tmp_path / "restored", before)
    assert_holds(tmp_path / "shop", after)


def test_numbers_of_the_other_future_are_not_believed_after_restoring(tmp_path, generator):
    folder = tmp_path / "shop"
    expected = filled(folder, generator)
    backup(folder, tmp_path / "saved")
    store = open_store(folder, mode="write")
    store.upsert([random_product(generator, "later")])
    store.rebuild()
    store.close()
    shutil.copytree(folder / "derived", tmp_path / "derived")
    named = newest(folder)
    restore(tmp_path / "saved", folder, force=True)
    shutil.rmtree(folder / "derived")
    shutil.copytree(tmp_path / "derived", folder / "derived")  # of a future that this store never had
    store = open_store(folder, mode="write")
    mine = random_product(generator, "mine")
    expected.upsert([mine])
    store.upsert([mine])
    query = unit(generator)[0]
    assert_same_ranking(store.search(query, 99), expected.nearest(query, 99))
    store.close()
    connection = schema.connect(folder, write=False)
    assert not schema.knows_era(connection, *named)
    connection.close()
    assert_holds(folder, expected)


def newest(folder):
    connection = schema.connect(folder, write=False)
    try:
        return schema.era(connection), schema.read_meta(connection, folder).sequence
    finally:
        connection.close()


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_backed_up_as_it_is_and_restored_in_the_newest(tmp_path, form):
    folder = open_cage(form, tmp_path / "old")
    assert backup(folder, tmp_path / "saved").store["format"] == form
    assert check_backup(tmp_path / "saved") == []
    restore(tmp_path / "saved", tmp_path / "new")
    assert_holds(tmp_path / "new", shop(form))
    store = open_store(tmp_path / "new")
    assert store.describe()["format"] == FORMATS[-1]
    store.close()


def test_every_flipped_bit_and_every_cut_is_found_and_nothing_is_restored(tmp_path, generator):
    filled(tmp_path / "shop", generator, 4)
    backup(tmp_path / "shop", tmp_path / "saved", derived=True)
    saved, sound = tmp_path / "saved", {}
    for each in saved.rglob("*.*"):
        sound[each] = each.read_bytes()
    assert len(sound) == 3
    for path, raw in sound.items():
        for place in generator.integers(0, len(raw), 12).tolist():
            flipped = bytearray(raw)
            flipped[place] ^= 1 << int(generator.integers(8))
            for damaged in (bytes(flipped), raw[:place]):
                path.write_bytes(damaged)
                assert is_refused(saved, tmp_path / "new")
        path.unlink()
        assert is_refused(saved, tmp_path / "new")
        path.write_bytes(raw)
    assert check_backup(saved) == []


def is_refused(saved, to):
    with pytest.raises(StoreError):
        restore(saved, to)
    assert not to.exists()
    try:
        return bool(check_backup(saved))
    except StoreError as error:
        return "manifest" in str(error) or "no backup" in str(error)


@pytest.mark.parametrize("name", ["../shop/store.db", "/etc/passwd", "derived/../../x", "derived/", "a/b"])
def test_a_manifest_names_nothing_outside_its_folder(tmp_path, generator, name):
    filled(tmp_path / "shop", generator, 2)
    backup(tmp_path / "shop", tmp_path / "saved")
    path = tmp_path / "saved" / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    del manifest["checksum"]
    manifest["files"][name] = {"bytes": 1, "sha256": "0"}
    manifest["checksum"] = making._manifest_sum(manifest)
    path.write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(StoreError, match=r"manifest of the backup .* is damaged"):
        restore(tmp_path / "saved", tmp_path / "new")


@pytest.mark.parametrize(
    "files",
    [
        {"backup.db": "abc"},
        {"backup.db": 3},
        {"backup.db": []},
        {"backup.db": {"sha256": "0"}},
        {"backup.db": {"bytes": 1, "sha256": None}},
        {"derived/\ud800": {"bytes": 1, "sha256": "0"}},
        {"store.db-wal": {"bytes": 1, "sha256": "0"}},
    ],
    ids=ascii,
)
def test_a_manifest_that_tells_nonsense_of_files_is_damaged(tmp_path, generator, files):
    filled(tmp_path / "shop", generator, 2)
    backup(tmp_path / "shop", tmp_path / "saved")
    path = tmp_path / "saved" / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    del manifest["checksum"]
    manifest["files"] |= files
    manifest["checksum"] = making._manifest_sum(manifest)
    path.write_text(json.dumps(manifest), "utf-8")
    for ask in (check_backup, lambda saved: restore(saved, tmp_path / "new")):
        with pytest.raises(StoreError, match=r"manifest of the backup .* is damaged"):
            ask(tmp_path / "saved")


def test_nothing_is_overwritten_unless_that_is_asked_and_safe(tmp_path, generator):
    expected = filled(tmp_path / "shop", generator)
    backup(tmp_path / "shop", tmp_path / "saved")
    with pytest.raises(StoreError, match="is there already"):
        backup(tmp_path / "shop", tmp_path / "saved")
    with pytest.raises(StoreError, match="is there already"):
        restore(tmp_path / "saved", tmp_path / "shop")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(StoreError, match="something that is no store"):
        restore(tmp_path / "saved", tmp_path / "other", force=True)
    store = open_store(tmp_path / "shop", mode="write")
    changed = random_product(generator, "later")
    store.upsert([changed])
    with pytest.raises(StoreError, match="is being written by"):
        restore(tmp_path / "saved", tmp_path / "shop", force=True)
    store.close()
    assert (tmp_path / "other" / "letter.txt").read_text() == "dear"
    reader = open_store(tmp_path / "shop")
    assert restore(tmp_path / "saved", tmp_path / "shop", force=True).replaced
    assert_holds(tmp_path / "shop", expected)
    assert reader.record("p000") is not None  # whoever has the old one open is not cut off
    reader.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["other", "saved", "shop"]


@pytest.mark.parametrize("source", ["nowhere", "empty", "milvus://host:19530/shop"])
def test_what_is_no_store_or_no_backup_is_said_to_be_none(tmp_path, source):
    (tmp_path / "empty").mkdir()
    path = source if "://" in source else tmp_path / source
    with pytest.raises(StoreError):
        backup(path, tmp_path / "saved")
    with pytest.raises(StoreError):
        restore(tmp_path / "empty", tmp_path / "new")
    assert not (tmp_path / "saved").exists()


def killed_at(count, work, *arguments, **options):
    """Do it, and die by SIGKILL before that call of those which change a folder or bring something to the disk."""
    seen = 0

    def counted(function):
        def called(*values, **more):
            nonlocal seen
            seen += 1
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*values, **more)

        return called

    slowly = options.pop("slowly", False)  # without a way to exchange two folders in one step
    for name in ("rename", "rmdir") if slowly else ("fsync", "rename", "replace", "mkdir", "unlink", "rmdir"):
        setattr(os, name, counted(getattr(os, name)))
    staging._swapped = (lambda one, other: False) if slowly else counted(staging._swapped)
    work(*arguments, **options)


def died(count, *arguments, **options):
    process = PROCESSES.Process(target=killed_at, args=(count, *arguments), kwargs=options, daemon=True)
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def test_kill_9_at_any_step_leaves_no_backup_or_a_whole_one(tmp_path, generator):
    expected, count, seen = filled(tmp_path / "shop", generator, 3), 1, set()
    while died(count, backup, tmp_path / "shop", tmp_path / f"saved {count}", derived=True):
        saved = tmp_path / f"saved {count}"
        seen.add(saved.exists())
        if saved.exists():
            assert check_backup(saved) == []
        else:
            assert backup(tmp_path / "shop", saved).store["products"] == 3
        assert not [each.name for each in tmp_path.iterdir() if each.name.startswith(".")]
        shutil.rmtree(saved)
        count += 1
    assert count > 5
    assert seen == {False, True}
    assert_holds(tmp_path / "shop", expected, queries=1)


@pytest.mark.parametrize("slowly", [False, True])
def test_kill_9_at_any_step_of_replacing_leaves_one_store_or_the_other(tmp_path, generator, slowly):
    old = filled(tmp_path / "shop", generator, 3)
    backup(tmp_path / "shop", tmp_path / "saved")
    store = open_store(tmp_path / "shop", mode="write")
    store.upsert([random_product(generator, "later")])
    store.close()
    shutil.copytree(tmp_path / "shop", tmp_path / "newer")
    count, seen = 1, set()
    place = tmp_path / "shop"
    while died(count, restore, tmp_path / "saved", place, force=True, slowly=slowly):
        if not place.exists():
            assert slowly
            seen.add("aside")
            for mode in ("read", "write"):
                with pytest.raises(StoreError, match=r"restoring .* was interrupted"):
                    open_store(place, mode=mode, encoder_hash=HASH, dim=DIM)
        else:
            store = open_store(place)
            seen.add("newer" if "later" in store.products() else "old")
            assert store.check() == []
            store.close()
        restore(tmp_path / "saved", place, force=True)
        assert_holds(place, old, queries=1)
        assert not [each.name for each in tmp_path.iterdir() if each.name.startswith(".")]
        shutil.rmtree(place)
        shutil.copytree(tmp_path / "newer", place)
        count += 1 if slowly else 3
    assert count > 5
    assert seen == {"newer", "old"} | ({"aside"} if slowly else set())

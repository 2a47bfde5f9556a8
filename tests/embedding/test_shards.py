"""Shards on their own, and the work of one worker: what is on disk is whole or not believed; no Ray is needed here."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crews import Steady
from pictures import saved, scene
from wearabouts.cli import main
from wearabouts.embedding.cluster.rows import Key, Known, Row, Want
from wearabouts.embedding.cluster.shards import MANIFEST, Shards
from wearabouts.embedding.cluster.work import Hand, Team, answered, versions
from wearabouts.embedding.making import Made, Maker, Seen
from wearabouts.embedding.worker import packed
from wearabouts.errors import FetchError, SettingsError, StoreError
from wearabouts.fetch import Fetched, FetchSettings
from wearabouts.types import Box

DIM = 4


def row(number: int, crop: Box | None = None) -> Row:
    """A row whose every field follows from its number."""
    vector = np.eye(DIM, dtype=np.float32)[number % DIM]
    made = Made("", bytes([number]) * 9, Seen(vector, "dress", {"color": "red"}, bytes([number, 7])))
    return Row(Key(f"https://shop/ü{number}.jpg", crop), "made", f"{number:064x}", {"etag": f'"{number}"'}, made)


def alike(one: Row, other: Row) -> bool:
    """Rows hold arrays, which have no one answer to ==."""
    assert one.made is not None
    assert other.made is not None
    assert one.made.seen is not None
    assert other.made.seen is not None
    same = one.made.seen.vector.tobytes() == other.made.seen.vector.tobytes()
    bare = [replace(each, made=replace(each.made, seen=replace(each.made.seen, vector=None))) for each in (one, other)]
    return same and bare[0] == bare[1]


def test_rows_come_back_as_they_were_and_are_found_by_address_and_view(tmp_path: Path) -> None:
    rows = [row(1), row(2), row(2, Box(1, 2.5, 3, 1e-3)), row(3)]
    shards = Shards(tmp_path / "shards", "enc", DIM)
    assert shards.append(rows[:3]) == 0
    assert shards.append(rows[3:]) == 1
    assert all(alike(a, b) for a, b in zip(shards.read(0), rows[:3], strict=True))
    again = Shards(tmp_path / "shards", "enc", DIM)
    assert len(again) == 4
    for each in rows:
        found = again.find(each.key)
        assert found is not None
        assert alike(found, each)
    assert again.find(Key("https://shop/ü2.jpg", Box(1, 2, 3, 4))) is None
    assert again.find(Key("https://shop/other.jpg", None)) is None
    newer = replace(rows[0], digest="f" * 64)
    again.append([newer])
    found = Shards(tmp_path / "shards", "enc", DIM).find(newer.key)
    assert found is not None
    assert found.digest == "f" * 64  # the later of two


def test_a_shard_is_parquet_that_anybody_can_read(tmp_path: Path) -> None:
    Shards(tmp_path / "shards", "enc", DIM).append([row(1), row(2)])
    frame = pl.read_parquet(tmp_path / "shards" / "*.parquet")
    assert frame["digest"].to_list() == [f"{number:064x}" for number in (1, 2)]
    assert frame["vector"].to_numpy().shape == (2, DIM)
    assert frame["garment"].to_list() == ["dress", "dress"]


def test_what_a_kill_leaves_behind_is_cleared_away_and_not_believed(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    shards = Shards(folder, "enc", DIM)
    shards.append([row(1)])
    shards.append([row(2)])
    whole = (folder / MANIFEST).read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    for cut in (1, len(last) // 2, len(last)):  # a line that was not finished, and one that was never begun
        (folder / MANIFEST).write_bytes(whole[:-cut])
        (folder / "shard-00000007-00000000.parquet.part").write_bytes(b"half")
        opened = Shards(folder, "enc", DIM)
        assert (opened.find(row(1).key) is not None, opened.find(row(2).key)) == (True, None)
        assert len(list(folder.glob("*.parquet"))) == 1
        assert not list(folder.glob("*.part"))
        opened.append([row(2)])
        assert Shards(folder, "enc", DIM).find(row(2).key) is not None


@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "other"])
def test_a_damaged_shard_is_not_believed(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "shards"
    shards = Shards(folder, "enc", DIM)
    shards.append([row(1)])
    shards.append([row(2)])
    path = next(folder.glob("shard-00000000-*"))
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "cut":
        path.write_bytes(data[:-5])
    elif damage == "gone":
        path.unlink()
    else:
        path.write_bytes(next(folder.glob("shard-00000001-*")).read_bytes())
    opened = Shards(folder, "enc", DIM)
    assert opened.find(row(1).key) is None
    assert opened.find(row(2).key) is not None
    assert opened.damaged == [path.name]
    with pytest.raises(StoreError, match="damaged"):
        opened.read(0)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("uri", None),
        ("digest", None),
        ("validators", "no JSON"),
        ("validators", "[]"),
        ("seen", '{"color": 3}'),
        ("seen", "[" * 100_000),
        ("part", "1,2"),
        ("part", "1,2,3,-4"),
        ("part", "left"),
        ("vector", None),
        ("vector", [1.0, None, 0.0, 0.0]),
        ("vector", [float("nan")] * DIM),
        ("vector", [2.0, 0.0, 0.0, 0.0]),
    ],
)
def test_a_shard_with_a_fitting_digest_is_not_believed_for_that(tmp_path: Path, column: str, value: object) -> None:
    folder = tmp_path / "shards"
    shards = Shards(folder, "enc", DIM)
    shards.append([row(1)])
    path = next(folder.glob("shard-*.parquet"))
    frame = pl.read_parquet(path)
    frame.with_columns(pl.Series(column, [value], frame.schema[column])).write_parquet(path)
    header, line = (folder / MANIFEST).read_text().splitlines()
    forged = json.dumps({**json.loads(line), "sha256": sha256(path.read_bytes()).hexdigest()})
    (folder / MANIFEST).write_text(f"{header}\n{forged}\n")
    opened = Shards(folder, "enc", DIM)
    assert opened.find(row(1).key) is None
    assert opened.damaged == [path.name]


def test_lines_that_name_no_shard_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    Shards(folder, "enc", DIM).append([row(1)])
    good = json.loads((folder / MANIFEST).read_text().splitlines()[1])
    bad = [
        {**good, "file": "../../etc/passwd"},
        {**good, "rows": 10**9},
        {**good, "keys": "?"},
        {**good, "keys": good["keys"] * 2},
        {"file": good["file"]},
        [1],
    ]
    with (folder / MANIFEST).open("a") as file:
        file.write("".join(json.dumps(line) + "\n" for line in bad) + "not json\n")
    assert [shard.file for shard in Shards(folder, "enc", DIM).shards] == [good["file"]]


def test_folders_of_others_are_refused(tmp_path: Path) -> None:
    Shards(tmp_path / "shards", "enc", DIM)
    for encoder, dim in (("other", DIM), ("enc", DIM + 1)):
        with pytest.raises(StoreError, match="another folder as --shards"):
            Shards(tmp_path / "shards", encoder, dim)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(StoreError, match="other files"):
        Shards(tmp_path / "mine", "enc", DIM)
    with pytest.raises(StoreError, match="cannot be kept"):
        Shards(tmp_path / "mine" / "letter.txt", "enc", DIM)


class Site:
    """Addresses and their bytes; the validators of bytes are their length."""

    def __init__(self, pages: Mapping[str, bytes]) -> None:
        self.pages = pages

    def fetch(self, uri: str, *, root: None = None, validators: Mapping[str, str] | None = None) -> Fetched:
        if uri not in self.pages:
            raise FetchError(f"{uri} is out of reach")
        data = self.pages[uri]
        now = {"etag": str(len(data))}
        return Fetched(None if validators == now else data, now)


def want(uri: str, known: Known | None = None) -> Want:
    return Want(Key(uri, None), uri, True, True, known)


def test_a_worker_makes_what_is_new_and_says_what_is_the_same() -> None:
    pages = {f"x:{n}": saved(scene(40 + n, 60, n)) for n in range(40)} | {"x:bad": b"<html>"}
    digest = {uri: sha256(data).hexdigest() for uri, data in pages.items()}
    wants = [want(f"x:{n}") for n in range(37)]
    wants += [want("x:bad"), want("x:away")]
    wants += [want("x:37", Known(digest["x:37"], {"etag": "0"}))]  # may have changed, but has not
    wants += [want("x:38", Known(digest["x:38"], {"etag": str(len(pages["x:38"])), "more": "kept"}))]
    wants += [want("x:39", Known("0" * 64, {"etag": str(len(pages["x:39"]))}))]  # said not to have changed
    wants += [want("x:1", Known("0" * 64, {"etag": "0"}))]  # has changed
    wants = [each for each in wants if each.key.uri != "x:1" or each.known is not None]
    rows = {each.key.uri: each for each in answered(wants, Maker(Steady()), Site(pages))}
    kinds = {uri: each.kind for uri, each in rows.items()}
    assert kinds.pop("x:away") == "unreached"
    assert "out of reach" in rows["x:away"].problem
    assert {kinds.pop(uri) for uri in ("x:37", "x:39")} == {"same"}
    assert rows["x:37"].validators == {"etag": str(len(pages["x:37"]))}
    assert rows["x:39"].digest == "0" * 64
    assert kinds.pop("x:38") == "same"  # its validators were not those of the site; its bytes are
    assert rows["x:38"].validators == {"etag": str(len(pages["x:38"]))}
    assert set(kinds.values()) == {"made"}
    assert "x:bad" in rows["x:bad"].made.problem
    for number in (0, 1, 16, 36):
        data = pages[f"x:{number}"]
        (alone,) = Maker(Steady()).make([want(f"x:{number}").order(data)])
        made = rows[f"x:{number}"]
        assert (made.digest, made.made.thumbnail) == (digest[f"x:{number}"], alone.thumbnail)
        assert made.made.seen.vector.tobytes() == alone.seen.vector.tobytes()


def test_a_node_with_other_packages_is_told_before_it_makes_anything() -> None:
    here = versions()
    other = (*here[:-1], (here[-1][0], "0.0.1"))
    with pytest.raises(SettingsError, match="numpy"):
        Hand(packed(Steady()), Team("run", Steady.hash, FetchSettings(), other))
    with pytest.raises(SettingsError, match="another encoder"):
        Hand(packed(Steady()), Team("run", "other", FetchSettings(), here))


def test_what_is_missing_is_named_with_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.png").write_bytes(saved(scene()))
    monkeypatch.setitem(sys.modules, "ray", None)
    command = ["index", str(tmp_path / "photos"), "--store", str(tmp_path / "store")]
    assert main([*command, "--ray", "auto"]) == 2
    assert "pip install 'wearabouts[cluster]'" in capsys.readouterr().err
    assert main([*command, "--shards", str(tmp_path / "shards")]) == 2
    assert "give --ray auto" in capsys.readouterr().err
    assert main(command) == 0  # nobody who does not ask for a cluster needs ray

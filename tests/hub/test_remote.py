"""Pulling over HTTP from a hub on this machine: addresses, commits, resuming, keeping, and hubs that misbehave."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from hub.server import COMMIT, Hub, serving
from wearabouts import bundles, hub
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import BundleError, FetchError, SettingsError

NAME = "tiny/siglip"


@pytest.fixture
def remote(made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A hub with one repository, and a cache that nobody else uses."""
    from huggingface_hub import constants

    cache = str(tmp_path / "cache")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", cache)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    for module in ("file_download", "utils._cache_manager", "_snapshot_download"):
        monkeypatch.setattr(f"huggingface_hub.{module}.HF_HUB_CACHE", cache, raising=False)
    with serving(Hub({NAME: made["siglip"], "tiny/clip": made["clip"]})) as running:
        yield running


def pull(remote: Hub, out: Path, **options):
    return hub.pull(NAME, out, endpoint=remote.address, **options)


def test_what_is_pulled_is_what_the_folder_gives(remote: Hub, made, tmp_path: Path) -> None:
    there, here = pull(remote, tmp_path / "a"), hub.pull(str(made["siglip"]), tmp_path / "b")
    assert there.graphs == here.graphs
    source = there.card.source
    assert (source["repository"], source["revision"], source["commit"]) == (NAME, "main", COMMIT)
    assert source["files"]["encoder.onnx"] == "onnx/vision_model.onnx"
    assert there.card.name == "siglip"
    photo = np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8)
    assert OnnxEncoder(there).encode([photo]).vectors.shape == (1, 32)


def test_only_what_is_needed_is_fetched_and_once(remote: Hub, tmp_path: Path) -> None:
    pull(remote, tmp_path / "a", text=False)
    fetched = [path.partition("/resolve/")[2].partition("/")[2] for method, path, _ in remote.asked if method == "GET"]
    assert sorted(filter(None, fetched)) == [
        "README.md",
        "config.json",
        "onnx/vision_model.onnx",
        "preprocessor_config.json",
    ]
    remote.asked.clear()
    pull(remote, tmp_path / "b", text=False)
    assert [path for _, path, _ in remote.asked if "/resolve/" in path] == []
    assert (tmp_path / "a" / "card.json").read_bytes() == (tmp_path / "b" / "card.json").read_bytes()


def test_a_download_that_broke_off_goes_on_where_it_was(
    remote: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 4096)
    remote.broken["onnx/vision_model.onnx"] = 20_000
    pull(remote, tmp_path / "a", text=False)
    ranges = [asked for _, path, asked in remote.asked if path.endswith("vision_model.onnx") and asked]
    assert ranges == ["bytes=16384-"]  # whole chunks of what came are kept


def test_what_is_kept_is_used_where_the_hub_is_out_of_reach(remote: Hub, tmp_path: Path) -> None:
    first = pull(remote, tmp_path / "a")
    remote.down = True
    assert pull(remote, tmp_path / "b").card == first.card
    assert pull(remote, tmp_path / "c", revision=COMMIT).card.source["commit"] == COMMIT
    with pytest.raises(FetchError, match="cannot be fetched"):
        pull(remote, tmp_path / "d", revision="other-branch")
    with pytest.raises(FetchError, match="nothing of it is kept"):
        hub.pull("tiny/clip", tmp_path / "e", endpoint=remote.address)


def test_a_token_of_this_machine_is_not_sent_to_a_hub_given_by_hand(
    remote: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub.utils import _headers

    asked: list[object] = []
    real = _headers.get_token_to_send
    monkeypatch.setattr(_headers, "get_token_to_send", lambda token: asked.append(token) or real(token))
    pull(remote, tmp_path / "a", text=False)
    assert asked
    assert set(asked) == {False}


@pytest.mark.parametrize(
    ("name", "said"),
    [("tiny/other", "cannot be fetched"), ("../etc", "neither a folder"), ("a/b/c", "neither a folder")],
)
def test_a_repository_that_is_not_there(remote: Hub, tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises((FetchError, SettingsError), match=said):
        hub.pull(name, tmp_path, endpoint=remote.address)


def test_a_revision_that_is_not_there(remote: Hub, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="cannot be fetched"):
        pull(remote, tmp_path, revision="v9")
    with pytest.raises(SettingsError, match="revision"):
        pull(remote, tmp_path, revision="../../x")


def test_a_file_listed_as_too_large_is_never_asked_for(remote: Hub, tmp_path: Path) -> None:
    remote.sizes["config.json"] = 3 * 2**20
    with pytest.raises(BundleError, match="at most"):
        pull(remote, tmp_path)
    assert not [path for _, path, _ in remote.asked if path.endswith("/config.json")]


def test_a_file_that_does_not_end_is_cut_off(remote: Hub, tmp_path: Path) -> None:
    remote.endless["config.json"] = 64 * 2**20
    with pytest.raises(BundleError, match="goes on after"):
        pull(remote, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file()) < 20 * 2**20


def test_a_file_of_another_size_than_listed_is_refused(remote: Hub, tmp_path: Path, made) -> None:
    remote.listed["config.json"] = (made["siglip"] / "config.json").stat().st_size + 1
    with pytest.raises(BundleError, match="the hub lists"):
        pull(remote, tmp_path)


@pytest.mark.parametrize("tag", ["../../../evil", "a/b", ""])
def test_a_tag_that_is_a_path_is_refused(remote: Hub, tmp_path: Path, tag: str) -> None:
    remote.tags["config.json"] = tag
    with pytest.raises((BundleError, FetchError), match=r"plain tag|cannot be fetched"):
        pull(remote, tmp_path / "out")
    assert not list(tmp_path.rglob("*evil*"))


def test_a_commit_that_is_a_path_is_refused(remote: Hub, tmp_path: Path) -> None:
    remote.commit = "../../../../evil"
    with pytest.raises(BundleError, match="40 hexadecimal"):
        pull(remote, tmp_path / "out")
    assert not list(tmp_path.rglob("*evil*"))


def test_files_named_like_paths_elsewhere_are_not_seen(remote: Hub) -> None:
    names = [
        "../../etc/passwd",
        "/etc/passwd",
        "onnx/../../x.onnx",
        "a\\b",
        "x" * 300,
        "onnx//y.onnx",
        "-rf",
        "a\n.onnx",
    ]
    remote.listed = dict.fromkeys(names, 5)
    opened = hub.open_repository(NAME, endpoint=remote.address)
    assert not set(names) & set(opened.files)
    assert "onnx/vision_model.onnx" in opened.files


@pytest.mark.parametrize("answer", [b"[]", b"{", b'{"sha": 5}', json.dumps({"id": "a", "siblings": 7}).encode()])
def test_an_answer_that_is_none_is_one_clear_line(remote: Hub, tmp_path: Path, answer: bytes) -> None:
    remote.answer = answer
    with pytest.raises((BundleError, FetchError)) as caught:
        pull(remote, tmp_path)
    assert "\n" not in str(caught.value)


def test_the_command_shows_the_licence_and_writes_a_bundle(
    remote: Hub, made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from wearabouts.cli import main

    out = tmp_path / "bundle"
    words = ["pull", NAME, "--out", str(out), "--endpoint", remote.address, "--name", "mine"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert f"{NAME} at commit {COMMIT}; licence: apache-2.0" in said
    assert bundles.load(out).card.name == "mine"
    closed = tmp_path / "closed"
    shutil.copytree(made["siglip"], closed)
    (closed / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    assert main(["pull", str(closed), "--out", str(tmp_path / "no")]) == 2
    assert "--accept-licence 'cc-by-nc-4.0'" in capsys.readouterr().err
    assert main(["pull", str(closed), "--out", str(tmp_path / "yes"), "--accept-licence", "cc-by-nc-4.0"]) == 0
    assert bundles.load(tmp_path / "yes").card.source["licence_accepted"] is True

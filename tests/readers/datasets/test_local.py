"""Paths in a dataset's lists: inside its folder or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from wearabouts.readers.datasets.local import MAX_PATH, Folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data" / "a").mkdir(parents=True)
    (tmp_path / "data" / "a" / "b.jpg").write_bytes(b"x")
    (tmp_path / "data" / "empty.jpg").write_bytes(b"")
    (tmp_path / "outside.jpg").write_bytes(b"secret")
    (tmp_path / "data-too").mkdir()
    (tmp_path / "data-too" / "c.jpg").write_bytes(b"secret")
    return tmp_path / "data"


@pytest.mark.parametrize("reference", ["a/b.jpg", "./a/b.jpg", "a\\b.jpg", "a/../a/b.jpg"])
def test_a_file_inside_is_found(root: Path, reference: str) -> None:
    assert Folder(root).picture(reference) == str(root / "a" / "b.jpg")


@pytest.mark.parametrize(
    "reference",
    ["../outside.jpg", "a/../../outside.jpg", "..\\outside.jpg", "../data-too/c.jpg", "/etc/hosts", "~/x", "file:///x",
     "http://host/x.jpg", "C:/x.jpg", "\\\\host\\x"],
)  # fmt: skip
def test_no_path_leads_out(root: Path, reference: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        Folder(root).picture(reference)


def test_links_are_followed_inside_and_not_out(root: Path) -> None:
    (root / "in.jpg").symlink_to(root / "a" / "b.jpg")
    (root / "out.jpg").symlink_to(root.parent / "outside.jpg")
    (root / "folder").symlink_to(root.parent)
    assert Folder(root).picture("in.jpg") == str(root / "a" / "b.jpg")
    for reference in ("out.jpg", "folder/outside.jpg"):
        with pytest.raises(ValueError, match="leads out"):
            Folder(root).picture(reference)


@pytest.mark.parametrize(
    ("reference", "said"),
    [("", "no path"), ("a\x00b", "no path"), ("x" * (MAX_PATH + 1), "no path"), ("a", "not there"), ("z", "not there"),
     ("empty.jpg", "empty file"), ("x" * 999, "not there")],
)  # fmt: skip
def test_what_is_no_picture_is_told(root: Path, reference: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Folder(root).picture(reference)


def test_the_first_place_with_a_file_is_taken_but_never_past_one_that_leads_out(root: Path) -> None:
    assert Folder(root).picture("b.jpg", "a/b.jpg") == str(root / "a" / "b.jpg")
    with pytest.raises(ValueError, match="leads out"):
        Folder(root).picture("../outside.jpg", "a/b.jpg")

"""Which licences pass silently, which must be accepted by name, and model cards that were written to do harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from wearabouts.errors import BundleError, SettingsError
from wearabouts.hub.licences import MAX_README, licence_of, metadata
from wearabouts.hub.repository import Folder

APACHE = "                                 Apache License\n                           Version 2.0, January 2004\n"
CLOSED = "You may use the weights for non-commercial research only.\n"


def repository(folder: Path, head: str | None = None, text: str = "") -> Folder:
    if head is not None:
        (folder / "README.md").write_text(f"---\n{head}\n---\n# Card\n")
    if text:
        (folder / "LICENSE").write_text(text)
    return Folder(folder)


@pytest.mark.parametrize(
    ("head", "text", "name"),
    [
        ("license: apache-2.0", "", "apache-2.0"),
        ("license: MIT\ntags: [a]", "", "mit"),
        ("license:\n- bsd-3-clause", "", "bsd-3-clause"),
        (None, APACHE, "apache-2.0"),
        ("tags: []", "MIT License\n\nCopyright", "mit"),
        ("license: apache-2.0", APACHE, "apache-2.0"),
    ],
)
def test_an_open_licence_passes(tmp_path: Path, head: str | None, text: str, name: str) -> None:
    found = licence_of(repository(tmp_path, head, text))
    assert (found.name, found.why, found.accepted) == (name, "", False)
    assert found.text == text.encode()


@pytest.mark.parametrize(
    ("head", "text", "name"),
    [
        ("license: cc-by-nc-4.0", "", "cc-by-nc-4.0"),
        ("license: cc-by-nc-sa-4.0", "", "cc-by-nc-sa-4.0"),
        ("license: openrail", "", "openrail"),
        ("license: other\nlicense_name: apple-amlr", "", "apple-amlr"),
        ("license: other", "", "other"),
        ("license: 7", "", "unknown"),
        ("license: [mit, cc-by-nc-4.0]", "", "unknown"),
        ("license: unknown", "", "unknown"),
        (None, "", "unknown"),
        (None, "All rights reserved", "unknown"),
        ("license: apache-2.0", CLOSED, "apache-2.0"),
        ("license: bsd-3-clause", CLOSED, "bsd-3-clause"),
    ],
)
def test_any_other_must_be_accepted_by_its_name(tmp_path: Path, head: str | None, text: str, name: str) -> None:
    there = repository(tmp_path, head, text)
    with pytest.raises(SettingsError, match=f"--accept-licence '{name}'"):
        licence_of(there)
    with pytest.raises(SettingsError, match="not 'yes'"):
        licence_of(there, "yes")
    found = licence_of(there, name.upper())
    assert found.accepted
    assert found.name == name
    assert found.why


@pytest.mark.parametrize(
    "head",
    [
        "a: &a [x, x]\nb: &b [*a, *a, *a]\nlicense: mit",  # doubled thirty times, it fills any memory
        "license: &l mit\nother: *l",
        "license: mit: broken",
        "license: " + "[" * 20_000,
        "license: !!python/object/apply:os.system ['true']",
        "? {a: b}\n: license\nlicense: {",
        "x: " + "y" * 70_000,
        "a: \x00",
    ],
)
def test_metadata_that_would_do_harm_is_one_clear_line(tmp_path: Path, head: str) -> None:
    with pytest.raises(BundleError) as caught:
        metadata(repository(tmp_path, head))
    assert "\n" not in str(caught.value)


def test_a_card_of_any_size_costs_no_more_than_its_cap(tmp_path: Path) -> None:
    there = repository(tmp_path, "license: mit\n" + "#" * (MAX_README + 1))
    with pytest.raises(BundleError, match="at most"):
        licence_of(there)


@pytest.mark.parametrize(
    "content", ["no metadata", "--- \nlicense: mit", "---\n- a\n- b\n---\n", "text\n---\nlicense: mit\n---\n"]
)
def test_a_card_without_metadata_says_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "README.md").write_text(content)
    assert metadata(Folder(tmp_path)) == {}

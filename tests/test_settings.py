"""Settings files: what is known fills the class, what is not is refused by name."""

from __future__ import annotations

import pytest

from wearabouts.errors import SettingsError
from wearabouts.settings import SearchSettings, build, read


def test_a_table_fills_its_class_and_leaves_the_rest_at_its_defaults(tmp_path):
    (tmp_path / "shop.toml").write_text("[search]\nsoft_mass = 0.9\n[server]\nport = 1\n", encoding="utf-8")
    tables = read(tmp_path / "shop.toml", ("search", "server"))
    assert tables["server"] == {"port": 1}
    assert build(SearchSettings, tables["search"], "shop.toml") == SearchSettings(soft_mass=0.9)


def test_the_second_stages_settings_at_their_limits():
    given = {"judged": 0, "budget_ms": 0.5, "precision": 0.999, "carried_share": 1, "tail_share": 0}
    built = build(SearchSettings, given, "here")
    assert (built.judged, built.budget_ms, built.carried_share) == (0, 0.5, 1)
    assert (SearchSettings().judged, SearchSettings().budget_ms) == (None, None)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"soft_mas": 0.9}, "unknown key 'soft_mas'.*did you mean 'soft_mass'"),
        ({"soft_mass": 1.2}, "soft_mass 1.2 is not allowed; give a number from 0 to 1"),
        ({"soft_mass": "much"}, "soft_mass = 'much' is not allowed"),
        ({"max_results": 0}, "max_results 0"),
        ({"judged": -1}, "judged -1 is not allowed; give 0 to 1000"),
        ({"judged": 1001}, "judged 1001"),
        ({"budget_ms": 0}, "budget_ms 0.* is not allowed; give a number above 0"),
        ({"budget_ms": float("inf")}, "budget_ms inf"),
        ({"precision": 0.4}, "precision 0.4 is not allowed; give a number from 0.5 to 0.999"),
        ({"precision": 1}, "precision 1"),
        ({"precision": float("nan")}, "precision nan"),
        ({"carried_share": 0}, "carried_share 0.* is not allowed; give a number above 0, at most 1"),
        ({"tail_share": 2}, "tail_share 2.* is not allowed; give a number from 0 to 1"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(given, told):
    with pytest.raises(SettingsError, match=f"^here: .*{told}"):
        build(SearchSettings, given, "here")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[serch]\n", "unknown table 'serch'.*did you mean 'search'"),
        ("search = 3\n", "search = 3 is not a table"),
        ("[search\n", "is not TOML"),
        ("x = [" + "[" * 5000, "is not TOML"),
    ],
)
def test_a_file_that_is_not_settings_is_refused(tmp_path, text, told):
    (tmp_path / "shop.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=told):
        read(tmp_path / "shop.toml", ("search",))


def test_a_missing_or_huge_file_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        read(tmp_path / "none.toml", ())
    (tmp_path / "huge.toml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(SettingsError, match="over 1000000 bytes"):
        read(tmp_path / "huge.toml", ())

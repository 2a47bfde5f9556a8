"""Answers of people: believed where they agree, counted where they say nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wearabouts import answers
from wearabouts.catalog import Faults
from wearabouts.errors import CatalogError

ROOT = Path(__file__).parents[1]


def said(folder: Path, *lines: str) -> tuple[answers.Answers, Faults]:
    path = folder / "answers.csv"
    path.write_text("photo,product,same,left,top,width,height\n" + "\n".join(lines) + "\n", "utf-8")
    faults = Faults()
    return answers.read(path, "train", faults), faults


@pytest.mark.parametrize("page", ["docs/labels.md", "docs/labels.zh.md"])
def test_the_page_shows_a_file_that_is_read(page, tmp_path):
    text = (ROOT / page).read_text("utf-8")
    (tmp_path / "answers.csv").write_text(re.search(r"```text\n(.*?)```", text, re.DOTALL)[1], "utf-8")
    faults = Faults()
    found = answers.read(tmp_path / "answers.csv", "train", faults)
    assert not len(faults)
    assert {name: [photo.id for photo in photos] for name, photos in found.same.items()} == {
        "SKU-17": ["people/q0001.jpg"]
    }
    assert [(photo.box is None, name) for photo, name in found.different] == [(True, "SKU-20"), (False, "SKU-17")]


def test_more_of_one_answer_is_believed_and_as_many_of_both_is_not(tmp_path):
    rows = ("q1.png,p1,yes", "q1.png,p1,no", "q1.png,p1,yes", "q2.png,p1,no", "q2.png,p1,yes")
    found, faults = said(tmp_path, *rows)
    assert list(found.same) == ["p1"]
    assert [photo.id for photo in found.same["p1"]] == ["people/q1.png"]
    assert found.different == []
    assert "as many yes as no" in faults.kept[0].reason


@pytest.mark.parametrize(
    "line",
    ["q1.png,p1,maybe", "q1.png,,yes", ",p1,yes", "../products.jsonl,p1,yes", "q1.png,p1,yes,1,2",
     "q1.png,p1,yes,1,2,-3,4", "q1.png,p1,yes,a,b,c,d", "q1\0.png,p1,yes"],
)  # fmt: skip
def test_a_row_that_says_nothing_costs_itself(tmp_path, line):
    found, faults = said(tmp_path, line, "q2.png,p0,yes")
    assert list(found.same) == ["p0"]
    assert faults.counts["field"] == 1
    assert faults.kept[0].row == 1


def test_answers_about_products_that_nobody_knows_are_counted_by_name(tmp_path):
    found, faults = said(tmp_path, "q1.png,p1,yes", "q1.png,p8,no", "q2.png,p9,yes")
    found.check({"p1"}, "answers.csv", faults, holder="store")
    assert [fault.reason for fault in faults.kept] == [
        "'p9' is no product of the store",
        "'p8' is no product of the store",
    ]


def test_a_file_that_is_not_there_or_lacks_a_column_is_named(tmp_path):
    with pytest.raises(CatalogError, match=r"nowhere\.csv cannot be read"):
        answers.read(tmp_path / "nowhere.csv", "train", Faults())
    (tmp_path / "short.csv").write_text("photo,product\nq1.png,p1\n", "utf-8")
    with pytest.raises(CatalogError, match="no column same"):
        answers.read(tmp_path / "short.csv", "train", Faults())
    (tmp_path / "bytes.csv").write_bytes(b"photo,product,same\n\xff\xfe,p1,yes\n")
    with pytest.raises(CatalogError, match="UTF-8"):
        answers.read(tmp_path / "bytes.csv", "train", Faults())

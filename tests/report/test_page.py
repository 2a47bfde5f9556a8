"""Reports as JSON, Markdown and HTML: the figures arrive, and text from outside stays text."""

import json
import math
import re

import numpy as np
import pytest
from lxml import html as lxml_html

from wearabouts import report
from wearabouts.errors import EvaluationError
from wearabouts.metrics import Difference, Estimate
from wearabouts.report.bars import chart
from wearabouts.report.page import html

EVIL = "<script>alert(1)</script>\" onload='x' | a & b"


def estimate(value, low=None, high=None):
    return Estimate(value, value - 0.1 if low is None else low, value + 0.1 if high is None else high, 0.95, 40, 8)


@pytest.fixture
def full():
    rows = (
        report.Row(
            "mini", {"R@1": estimate(0.5), "difference": Difference(0.1, 0.02, 0.18, 0.0004, 40, 8)}, frozenset({"R@1"})
        ),
        report.Row(EVIL, {"R@1": estimate(0.25, math.nan, math.nan), "photos": 1234, "mistaken": EVIL}),
    )
    table = report.Table(EVIL, "encoder", ("R@1", "difference", "photos", "mistaken"), rows, EVIL)
    curve = report.Curve("mini $x_{$ " + EVIL, (1, 5), (estimate(0.5), estimate(0.7)))
    failure = report.Failure(
        report.Picture(b"\xff\xd8jpeg", EVIL),
        report.Picture(b"", "wanted"),
        (report.Picture(b"\xff\xd8jpeg", "came", False), report.Picture(b"\xff\xd8jpeg", "right one", True)),
    )
    section = report.Section(EVIL, "Protocol.", (table,), (curve,), (failure,), (EVIL,))
    return report.Report("Title", EVIL, (section,), {EVIL: 3}, {"seed": 0, "packages": {"numpy": "2"}, "odd": EVIL})


def test_json_has_the_figures_and_no_pictures(full):
    plain = json.loads(json.dumps(full.to_dict(), allow_nan=False))
    mini, other = plain["sections"][0]["tables"][0]["rows"]
    assert mini["cells"]["R@1"] == {"value": 0.5, "low": 0.4, "high": 0.6, "level": 0.95, "queries": 40, "groups": 8}
    assert mini["marked"] == ["R@1"]
    assert other["cells"]["R@1"]["low"] is None
    assert plain["sections"][0]["failures"][0]["came"][1] == {"caption": "right one", "right": True, "role": ""}
    assert plain["skipped"] == {EVIL: 3}


def test_markdown_has_the_figures_and_every_row_has_every_cell(full):
    text = report.markdown(full)
    assert "| mini | **0.500 (0.400 to 0.600)** | +0.100 (+0.020 to +0.180), p < 0.001 |" in text
    assert "0.250 | | 1,234 |" in text.replace("|  |", "| |")
    lines = [re.split(r"(?<!\\)\|", line) for line in text.splitlines() if line.startswith("|")]
    assert {len(line) for line in lines} == {7}
    assert "<script" not in text


def test_page_escapes_everything_and_loads_nothing(full):
    text = html(full)
    page = lxml_html.fromstring(text)
    assert not page.xpath("//script | //link | //iframe | //*[@onload]")
    sources = page.xpath("//@src") + [link for link in page.xpath("//a/@href")]
    assert sources
    assert all(source.startswith(("data:image/jpeg;base64,", "#")) for source in sources)
    assert EVIL in page.text_content()
    policy = page.xpath("//meta[@http-equiv]/@content")[0]
    assert "default-src 'none'" in policy
    assert not re.search(r"url\((?!#)", text)


def test_page_shows_the_figures_where_they_belong(full):
    page = lxml_html.fromstring(html(full))
    cells = page.xpath("//tbody/tr[1]/td")
    assert cells[0].text_content().startswith("0.500(0.400 to 0.600)")
    assert cells[0].get("class") == "marked"
    assert cells[0].xpath(".//i/@style") == ["left:40.0%;width:20.0%"]
    assert page.xpath("//tbody/tr[2]/td[3]")[0].text_content() == "1,234"
    shots = page.xpath("//div[@class='shots']/div")
    assert [shot.get("class") for shot in shots] == ["shot", "shot", "shot wrong", "shot right"]
    assert len(page.xpath("//figure/*[local-name()='svg']")) == 1


def test_equal_reports_give_equal_pages(full):
    assert html(full) == html(full)


def test_writing_makes_the_folder_and_replaces_whole_files(full, tmp_path):
    folder = tmp_path / "a" / "b"
    paths = report.write(full, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json", "report.md"]
    assert json.loads(paths["json"].read_text()) == full.to_dict()
    assert report.write(full, folder) == paths


def test_a_folder_that_cannot_be_written_is_one_clear_error(full, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(EvaluationError, match="cannot be written"):
        report.write(full, tmp_path / "file" / "inside")


@pytest.mark.parametrize(
    "cell, text",
    [
        (None, ""),
        ("words", "words"),
        (1234, "1,234"),
        (0.12345, "0.123"),
        (math.nan, "–"),
        (estimate(0.5), "0.500 (0.400 to 0.600)"),
        (Difference(-0.25, math.nan, math.nan, 1.0, 1, 1), "-0.250"),
    ],
)
def test_how_a_figure_is_written(cell, text):
    assert report.cell_text(cell) == text


def queries(count):
    """A report with the figures of so many queries."""
    values = {"R@1": np.arange(count) % 2, "mAP": np.linspace(0, 1, count), "NE": np.full(count, np.nan)}
    ids = tuple(f"img/secret/{n}.jpg" for n in range(count))
    sample = report.Sample("inshop", ids, tuple(f"g{n // 3}" for n in range(count)), values, "abc")
    return report.Report("t", "s", (report.Section("q", "p", samples=(sample,)),))


def test_figures_of_single_queries_go_into_the_json_alone_a_list_a_line(tmp_path):
    paths = report.write(queries(10_000), tmp_path)
    text = paths["json"].read_text()
    (sample,) = json.loads(text)["sections"][0]["samples"]
    assert sample["values"]["R@1"][:3] == [0, 1, 0]
    assert sample["values"]["mAP"][1] == round(1 / 9_999, 6)
    assert sample["values"]["NE"][5] is None
    assert (len(sample["ids"]), sample["gallery"]) == (10_000, "abc")
    assert len(text.splitlines()) < 50
    assert len(text) < 700_000
    assert "secret" not in paths["markdown"].read_text() + paths["html"].read_text()


def test_json_stays_json_whatever_is_in_it(tmp_path):
    odd = {"a\nb": EVIL, "list": [1, [2, {"c": []}], {}], "half": "\ud800"}
    paths = report.write(report.Report("t", "s", (), {}, odd), tmp_path)
    found = json.loads(paths["json"].read_text(encoding="utf-8"))["provenance"]
    assert found == {"a\nb": EVIL, "list": [1, [2, {"c": []}], {}], "half": "?"}


def bars(*values, note="R@1, 12 queries"):
    return tuple(report.Bar(f"c{n}", each, note) for n, each in enumerate(values))


def widths(text):
    page = lxml_html.fromstring(text)
    return page.xpath("//i/@style"), page.xpath("//b/@style"), page.xpath("string(//figcaption)")


def test_bars_are_drawn_to_one_scale_that_the_caption_names():
    filled, whiskers, caption = widths(chart(bars(estimate(0.1, 0.05, 0.15), estimate(0.04, math.nan, math.nan))))
    assert filled == ["width:50.0%", "width:20.0%"]
    assert whiskers == ["left:25.0%;width:50.0%"]
    assert caption.startswith("R@1A full bar stands for 0.2.")
    assert widths(chart(bars(estimate(0.1), estimate(0.7))))[2].startswith("R@1A full bar stands for 1.")


def test_bars_never_leave_their_track_and_names_stay_text():
    beyond = chart((report.Bar(EVIL, estimate(0.98, 0.9, 1.2), EVIL), report.Bar("none", estimate(math.nan), "")))
    filled, whiskers, _ = widths(beyond)
    assert filled == ["width:98.0%", "width:0%"]
    assert whiskers[0] == "left:90.0%;width:10.0%"
    assert EVIL in lxml_html.fromstring(beyond).text_content()
    assert not lxml_html.fromstring(beyond).xpath("//script | //*[@onload]")


def test_rows_of_pictures_stand_under_what_they_are():
    shot = report.Picture(b"", "a", role="")
    row = report.Failure(shot, None, (report.Picture(b"", "b", True, "first answer"),), EVIL)
    strip = report.Strip("Leaks", (row,))
    section = report.Section("q", "p", failures=(row,), successes=(row, row), suspects=(row,), strips=(strip,))
    page = lxml_html.fromstring(html(report.Report("t", "s", (section,))))
    assert page.xpath("//summary/text()") == [
        "What went wrong (1 shown)",
        "What went right (2 shown)",
        "Counted wrong, perhaps right (1 shown)",
        "Leaks",
    ]
    assert page.xpath("//div[@class='shots']")[0].xpath(".//small/text()") == ["asked", "first answer, right"]
    assert page.xpath("//div[@class='looked']/p/text()")[0] == EVIL


def test_the_source_of_a_line_and_the_bars_reach_markdown():
    table = report.Table("", "method", ("R@1",), (report.Row("M", {"R@1": 0.5}, note="its paper"),))
    section = report.Section("q", "p", (table,), bars=bars(estimate(0.1, 0.05, 0.15)))
    text = report.markdown(report.Report("t", "s", (section,)))
    assert "| M: its paper | 0.500 |" in text
    assert "- c0: 0.100 (0.050 to 0.150) (R@1, 12 queries)" in text


def test_lines_over_steps_are_drawn_and_a_crowd_of_names_stands_below():
    lines = tuple(report.Line(f"name {n} $x$", (1, 2, 3), (0.1 * n, 0.2, math.nan)) for n in range(8))
    section = report.Section("Q", "P", plots=(report.Plot("Losses", "steps", lines, mark=2.0, far=True),))
    text = html(report.Report("T", "S", (section,), skipped=None))
    page = lxml_html.fromstring(text)
    words = page.xpath("//*[local-name()='svg']//*[local-name()='text']/text()")
    assert {f"name {n} $x$" for n in range(8)} <= {word.replace("\\", "") for word in words}
    assert "left out" not in page.text_content()
    assert json.loads(json.dumps(report.Report("T", "S", (section,)).to_dict(), allow_nan=False))


def test_plates_are_inside_the_page_and_not_in_the_json():
    section = report.Section("Q", "P", plates=(report.Plate(b"\x89PNG", EVIL),))
    page = lxml_html.fromstring(html(report.Report("T", "S", (section,))))
    assert page.xpath("//figure/img/@src") == ["data:image/png;base64,iVBORw=="]
    assert page.xpath("//figure/img/@alt") == [EVIL]
    plain = report.Report("T", "S", (section,)).to_dict()
    assert plain["sections"][0]["plates"] == [{"caption": EVIL}]

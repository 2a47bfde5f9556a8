"""One run against another: paired by query id, noise called noise, and a report from anywhere cannot do harm."""

import json
from dataclasses import replace

import numpy as np
import pytest

from wearabouts import metrics, report
from wearabouts.errors import EvaluationError
from wearabouts.evaluation.checks import rerun
from wearabouts.metrics import Difference
from wearabouts.report import Report, Sample, Section


def run(values, *, ids=None, groups=None, name="inshop", gallery="g1", protocol="Rules.", title="earlier"):
    count = len(next(iter(values.values())))
    ids = tuple(ids or (f"q{n}" for n in range(count)))
    sample = Sample(name, ids, tuple(groups or ids), {k: np.asarray(v, float) for k, v in values.items()}, gallery)
    return Report(title, "s", (Section("q", protocol, samples=(sample,)),), {}, {"date": "today", "wearabouts": "0"})


@pytest.fixture
def written(tmp_path):
    def write(given):
        return report.write(given, tmp_path / "other")["json"]

    return write


def rows(compared):
    (table,) = compared.sections[1].tables
    return {row.name: row.cells for row in table.rows}, table


def test_figures_are_paired_by_query_id_whatever_the_order(written):
    generator = np.random.default_rng(3)
    theirs = generator.random(60)
    ours = np.clip(theirs + 0.2 + 0.05 * generator.standard_normal(60), 0, 1.5)
    order = generator.permutation(60)
    other = written(run({"mAP": theirs[order]}, ids=[f"q{n}" for n in order]))
    cells, table = rows(rerun.compared(run({"mAP": ours}, title="now"), other))
    expected = metrics.paired_difference(np.round(ours, 6), np.round(theirs, 6), [f"q{n}" for n in range(60)])
    assert cells["mAP"]["difference"].value == pytest.approx(expected.value, abs=1e-9)
    assert cells["mAP"]["difference"].low == pytest.approx(expected.low, abs=1e-9)
    assert cells["mAP"]["difference"].p == expected.p
    assert cells["mAP"]["in words"] == "this run is better"
    assert "60 queries in both runs; 0 only in this one, 0 only in the other." in table.note


def test_a_run_against_itself_is_noise(written):
    given = run({"R@1": [0, 1] * 20, "mAP": np.linspace(0.1, 0.9, 40)})
    cells, _ = rows(rerun.compared(given, written(given)))
    assert [each["in words"] for each in cells.values()] == [rerun.NOISE, rerun.NOISE]
    assert all(each["difference"].value == 0 and each["difference"].p == 1 for each in cells.values())


def test_chance_is_called_noise_nineteen_times_in_twenty(written):
    called = 0
    for seed in range(40):
        generator = np.random.default_rng(seed)
        other = run({"R@1": generator.integers(0, 2, 80)})
        sample = rerun.EarlierSample.model_validate(other.to_dict()["sections"][0]["samples"][0])
        mine = run({"R@1": generator.integers(0, 2, 80)}).sections[0].samples[0]
        (row,) = rerun._rows(mine, sample, rerun.pair(mine.ids, sample.ids), 0)
        called += row.cells["in words"] == rerun.NOISE
    assert 33 <= called <= 40


def test_groups_not_queries_are_the_evidence(written):
    """Forty queries of two items: over queries a clear difference, over items none."""
    other = written(run({"R@1": [0] * 40}, groups=["a", "b"] * 20))
    ours = [1, 1] * 20
    assert rows(rerun.compared(run({"R@1": ours}), other))[0]["R@1"]["in words"] == "this run is better"
    assert rows(rerun.compared(run({"R@1": ours}, groups=["a", "b"] * 20), other))[0]["R@1"]["in words"] == rerun.NOISE


def test_queries_and_figures_of_one_run_alone_are_counted(written):
    other = written(run({"R@1": [0, 0, 0, 1], "old": [1, 1, 1, 1]}, ids=["a", "b", "c", "d"]))
    cells, table = rows(rerun.compared(run({"R@1": [1, 1, 1], "new": [1, 1, 1]}, ids=["c", "d", "e"]), other))
    assert cells["R@1"]["queries"] == 2
    assert (cells["R@1"]["this run"], cells["R@1"]["other run"]) == (1.0, 0.5)
    assert "2 queries in both runs; 1 only in this one, 2 only in the other." in table.note
    assert "new, old" in table.note
    assert set(cells) == {"R@1"}


def test_queries_without_a_figure_take_no_part(written):
    other = written(run({"NE": [np.nan, 0.2, 0.3, 0.4]}))
    cells, _ = rows(rerun.compared(run({"NE": [0.1, np.nan, 0.1, 0.1]}), other))
    assert cells["NE"]["queries"] == 2
    assert cells["NE"]["difference"].value == pytest.approx(-0.25)
    cells, _ = rows(rerun.compared(run({"NE": [0.1, np.nan, np.nan, np.nan]}), other))
    assert cells["NE"]["queries"] == 0


@pytest.mark.parametrize(
    "difference, figure, words",
    [
        (Difference(0.1, 0.02, 0.2, 0.001, 9, 9), "R@1", "this run is better"),
        (Difference(-0.1, -0.2, -0.02, 0.001, 9, 9), "R@1", "the other run is better"),
        (Difference(-0.1, -0.2, -0.02, 0.001, 9, 9), "NE, left collar", "this run is better"),
        (Difference(0.1, 0.02, 0.2, 0.2, 9, 9), "R@1", rerun.NOISE),
        (Difference(0.1, -0.02, 0.2, 0.01, 9, 9), "R@1", rerun.NOISE),
        (Difference(0.1, np.nan, np.nan, 0.01, 9, 1), "R@1", rerun.NOISE),
    ],
)
def test_a_difference_in_words(difference, figure, words):
    assert rerun.verdict(difference, figure) == words


def test_the_report_tells_what_it_was_compared_with_and_that_rules_differ(written):
    compared = rerun.compared(run({"R@1": [1, 0]}, protocol="New rules."), written(run({"R@1": [1, 0]})))
    assert "“earlier”" in compared.sections[1].protocol
    assert "today" in compared.provenance["compared with"]
    assert any("word the rules of inshop differently; the other's: Rules." in n for n in compared.sections[1].notes)
    assert "noise" in report.markdown(compared)


def test_measurements_of_one_run_alone_are_named(written):
    both = run({"R@1": [1, 0]})
    more = replace(both, sections=(*both.sections, *run({"R@1": [1, 0]}, name="wtbi").sections))
    assert "Measured by this run only: wtbi." in rerun.compared(more, written(both)).sections[1].notes
    assert "Measured by the other run only: wtbi." in rerun.compared(both, written(more)).sections[1].notes


def test_different_things_are_not_compared(written):
    mine = run({"R@1": [1, 0]})
    with pytest.raises(EvaluationError, match="measured wtbi, this run inshop"):
        rerun.compared(mine, written(run({"R@1": [1, 0]}, name="wtbi")))
    with pytest.raises(EvaluationError, match="another gallery"):
        rerun.compared(mine, written(run({"R@1": [1, 0]}, gallery="g2")))
    with pytest.raises(EvaluationError, match="no query of inshop is in both runs"):
        rerun.compared(mine, written(run({"R@1": [1, 0]}, ids=["x", "y"])))
    with pytest.raises(EvaluationError, match="nothing query by query"):
        rerun.compared(mine, written(Report("old", "s", ())))


def broken(change):
    plain = run({"R@1": [1, 0]}).to_dict()
    change(plain, plain["sections"][0]["samples"][0])
    return json.dumps(plain)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"format": 1',
        "[" * 100_000,
        '{"format": ' + "9" * 10_000 + "}",
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
        broken(lambda plain, sample: plain.pop("format")),
        broken(lambda plain, sample: plain.update(format=99)),
        broken(lambda plain, sample: plain.update(format="1")),
        broken(lambda plain, sample: plain.update(sections={"a": 1})),
        broken(lambda plain, sample: sample["ids"].append("q2")),
        broken(lambda plain, sample: sample.update(ids=["q0", "q0"])),
        broken(lambda plain, sample: sample.update(values={"R@1": ["1", "0"]})),
        broken(lambda plain, sample: sample.update(values={"R@1": [[1], [0]]})),
        broken(lambda plain, sample: sample.update(values={"R@1": [float("nan"), float("inf")]})),
        broken(lambda plain, sample: sample.update(values={"R@1": [1, 0, 1]})),
        broken(lambda plain, sample: sample.update(ids=[1, 2])),
        broken(lambda plain, sample: sample.update(gallery=None)),
    ],
)
def test_a_report_that_is_none_is_one_clear_error(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(EvaluationError, match="report") as raised:
        rerun.compared(run({"R@1": [1, 0]}), path)
    assert len(str(raised.value)) < 500 + len(str(path))
    assert "\n" not in str(raised.value)


def test_a_file_that_is_too_large_is_never_read(tmp_path):
    path = tmp_path / "report.json"
    with path.open("wb") as file:
        file.truncate(rerun.MAX_BYTES + 1)
    with pytest.raises(EvaluationError, match="more than"):
        rerun.read(path)


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(EvaluationError, match="cannot be read"):
        rerun.read(tmp_path / "nothing.json")
    with pytest.raises(EvaluationError, match="cannot be read"):
        rerun.read(tmp_path)

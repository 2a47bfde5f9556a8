"""Published figures beside ours: the figures of the sources, marked where nobody opened the source."""

import math
from dataclasses import replace

import pytest

from wearabouts.errors import EvaluationError
from wearabouts.evaluation import published
from wearabouts.metrics import Estimate
from wearabouts.report import Report, Row, Section, cell_text, markdown

PROTOCOLS = {
    "wtbi",
    "darn",
    "inshop",
    "inshop_other_colour",
    "consumer2shop_pair",
    "consumer2shop_item",
    "deepfashion_category",
    "deepfashion_attributes",
    "landmarks",
    "cifar10",
    "cifar10-1",
    "cifar10-2",
    "stylenet",
    "lookbench",
}
OURS = Row("mini", {"R@1": Estimate(0.5, 0.4, 0.6, 0.95, 10, 10)})


def line(protocol, method, source="", verified=True):
    (found,) = (
        result
        for result in published.published().result
        if protocol in result.protocols
        and result.method == method
        and source in result.source
        and result.verified == verified
    )
    return found


def test_every_protocol_of_ours_is_there():
    assert set(published.published().protocol) == PROTOCOLS


@pytest.mark.parametrize(
    "protocol, method, figure, value, verified",
    [
        ("inshop", "STIR, pairwise re-ranking of the first few", "R@1", 0.950, True),
        ("inshop", "UNICOM L/14 at 336 px, fine-tuned", "R@1", 0.967, True),
        ("inshop", "FashionNet", "R@50", 0.80, True),
        ("inshop", "DARN", "R@20", 0.675, False),
        ("inshop", "HDC", "R@30", 0.912, True),
        ("darn", "DARN with Conv4-5", "R@20", 0.570, True),
        ("consumer2shop_item", "seu-graph clothingRetri, test-time augmentation", "R@1", 0.282, True),
        ("consumer2shop_item", "CTL, ResNet50-IBN", "mAP", 0.404, False),
        ("consumer2shop_pair", "FashionNet", "R@20", 0.188, True),
        ("wtbi", "Learned similarity", "R@10, dresses", 0.321, True),
        ("wtbi", "Fine-tuned similarity", "R@20, skirts", 0.546, False),
        ("wtbi", "VisNet", "R@20, tops", 0.626, False),
        ("deepfashion_category", "FashionNet", "top-5", 0.9017, True),
        ("deepfashion_category", "FashionNet with joints", "top-3", 0.7230, False),
        ("deepfashion_attributes", "Corbière et al.", "top-5, part", 0.489, True),
        ("deepfashion_attributes", "FashionNet", "top-3", 0.4552, True),
        ("landmarks", "Liu and Lu, on DeepFashion-C", "NE, right hem", 0.0639, True),
        ("landmarks", "DLAN, on FLD", "NE", 0.0672, False),
        ("cifar10", "DPSH, its paper", "mAP", 0.757, True),
        ("cifar10-2", "GreedyHash, re-implemented", "mAP", 0.932, True),
        ("cifar10-2", "Lin et al., 48 bits", "mAP", 0.897, False),
        ("stylenet", "StyleNet, joint", "accuracy", 0.759, True),
        ("lookbench", "GR-Pro", "R@1, RealStreet", 0.6239, True),
    ],
)
def test_figures_are_those_of_the_notes_on_the_papers(protocol, method, figure, value, verified):
    assert line(protocol, method, verified=verified).figures[figure] == value


def test_ours_is_on_top_and_the_others_stand_from_best_to_worst():
    table = published.table("inshop", ("R@1", "R@20"), OURS)
    assert table.rows[0] == replace(OURS, ours=True)
    firsts = [row.cells.get("R@1") for row in table.rows[1:]]
    reported = [each for each in firsts if each is not None]
    assert reported[0] == 0.967
    assert reported == sorted(reported, reverse=True)
    assert firsts == reported + [None] * (len(firsts) - len(reported))  # R@20 alone: WTBI and DARN, behind


def test_errors_stand_the_other_way_round():
    table = published.table("landmarks", ("NE",), OURS)
    values = [float(str(row.cells["NE"]).split()[0]) for row in table.rows[1:]]
    assert values == sorted(values)
    assert len(values) == 9


def test_a_part_of_the_data_is_a_table_of_its_own():
    table = published.table("wtbi", ("R@20",), OURS, part="dresses")
    assert table.title.endswith(", dresses")
    assert len(table.rows) == 1 + 4 + 4
    assert {cell_text(row.cells["R@20"]) for row in table.rows[1:]} >= {"0.368", "0.611 †", "0.371 †"}
    whole = published.table("wtbi", ("R@20, tops", "R@20, dresses"), OURS)
    assert whole.rows[1].cells["R@20, tops"] == "0.626 †"


def test_what_is_not_verified_is_marked_on_the_figure_itself_and_explained():
    for name in PROTOCOLS:
        figures = sorted({f for r in published.published().result if name in r.protocols for f in r.figures})
        table = published.table(name, figures, OURS)
        unverified = 0
        for row in table.rows[1:]:
            marked = {isinstance(cell, str) and cell.endswith(" †") for cell in row.cells.values()}
            assert len(marked) == 1
            unverified += marked == {True}
        mine = [result for result in published.published().result if name in result.protocols]
        assert unverified == sum(not result.verified for result in mine)
        assert ("†" in table.note) == (unverified > 0)
        assert len(table.rows) == 1 + len(mine)


def test_every_figure_has_a_source_and_is_a_fraction():
    for result in published.published().result:
        assert result.source.strip()
        assert all(0 <= value <= 1 and math.isfinite(value) for value in result.figures.values())
        assert ("memory" in result.source) == (not result.verified)
        for protocol in result.protocols:
            rows = published.table(protocol, tuple(result.figures), OURS).rows
            assert any(row.note.startswith(result.source) for row in rows)


def test_a_protocol_without_figures_says_so():
    table = published.table("inshop_other_colour", ("R@1",), OURS)
    assert table.rows == (replace(OURS, ours=True),)
    assert "No published figure" in table.note


def test_an_unknown_protocol_is_one_clear_error():
    with pytest.raises(EvaluationError, match="known are wtbi, darn"):
        published.table("imagenet", ("R@1",), OURS)


GOOD = """
[protocol.x]
title = "X"
note = "About x."
[[result]]
protocols = ["x"]
method = "M"
year = 2020
source = "S"
verified = true
figures = { "R@1" = 0.5 }
"""


@pytest.mark.parametrize(
    "old, new",
    [
        ('source = "S"\n', ""),
        ('source = "S"', 'source = ""'),
        ("verified = true\n", ""),
        ("verified = true", 'verified = "yes"'),
        ("0.5", "50.0"),
        ('{ "R@1" = 0.5 }', "{ }"),
        ('["x"]', '["y"]'),
        ("year = 2020", "year = 2020\nauthor = 1"),
        ("[protocol.x]", "[protocol.x"),
    ],
)
def test_a_data_file_with_a_fault_is_refused(old, new):
    assert published.read(GOOD).result[0].figures == {"R@1": 0.5}
    assert old in GOOD
    with pytest.raises(EvaluationError, match=r"correct published\.toml"):
        published.read(GOOD.replace(old, new))


def test_the_mark_reaches_markdown():
    table = published.table("darn", ("R@20",), OURS)
    text = markdown(Report("t", "s", (Section("q", "p", (table, published.table("wtbi", ("R@20, bags",), OURS))),)))
    assert "| Fine-tuned similarity (2015): Hadi Kiapour et al., ICCV 2015, table, from memory | 0.374 † |" in text
    assert "| DARN with Conv4-5 (2015): Huang et al., ICCV 2015 (arXiv 1505.07922) | 0.570 |" in text


def test_the_parts_that_protocols_ask_for_are_those_of_the_data():
    from wearabouts.evaluation.measuring import landmarking
    from wearabouts.evaluation.protocols import every
    from wearabouts.evaluation.protocols.labels import ALL
    from wearabouts.types import LANDMARK_SLOTS

    rules = {each.name: each for each in every()}
    for name in PROTOCOLS:
        assert name in rules
    for name, each in rules.items():
        assert name in PROTOCOLS or not getattr(each, "beside", ())
    parts = {
        "landmarks": {landmarking._name(slot) for slot in range(len(LANDMARK_SLOTS))},
        "deepfashion_attributes": set(rules["deepfashion_attributes"].groups) - {ALL},
        "lookbench": {"RealStreet", "RealStudio", "AIGen-Street", "AIGen-Studio"},
    }
    for name, wanted in parts.items():
        known = {
            figure.partition(", ")[2]
            for r in published.published().result
            if name in r.protocols
            for figure in r.figures
        }
        assert known - {""} == wanted
    assert rules["lookbench"].part in parts["lookbench"]

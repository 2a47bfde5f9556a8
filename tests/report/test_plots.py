"""Pictures of a second stage: what is in the data is in the picture, in the words beside it, and nothing else."""

import re

import numpy as np
import pytest
from lxml import etree

from wearabouts import metrics, report
from wearabouts.metrics import Estimate
from wearabouts.report import Believed, Detected, Errors
from wearabouts.report.diagramming import detection, reliability
from wearabouts.report.page import html
from wearabouts.report.plots import recall_curves

SVG = "{http://www.w3.org/2000/svg}"


def bins(probabilities, outcomes, count=2):
    return metrics.reliability(probabilities, outcomes, bins=count)


@pytest.fixture
def believed():
    ours = bins([0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9], [0, 0, 0, 1, 1, 1, 1, 0])
    plain = bins([0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], [0, 0, 0, 0, 0, 0, 0, 0], 4)
    return Believed("first candidates <8>", {"ours": ours, "similarity & co": plain})


@pytest.fixture
def detected():
    ours = Errors("stage two", np.array([0.0, 0.1, 1.0]), np.array([0.5, 0.05, 0.0]), (0.1, 0.05))
    other = Errors("stage one", np.array([0.0, 0.4, 1.0]), np.array([0.5, 0.05, 0.0]), (0.4, 0.05))
    return Detected("is it there?", (ours, other))


def parsed(text):
    return etree.fromstring(text.encode())


def test_a_reliability_diagram_says_in_words_what_it_shows(believed):
    picture = parsed(reliability(believed))
    said = picture.get("aria-label")
    assert picture.get("role") == "img"
    assert "first candidates <8>" in said
    assert "ours: 2 bins of 4 queries, 2 of them with the diagonal inside their interval" in said
    assert "similarity & co: 4 bins of 2 queries" in said
    # the widest gap is between .85 given and 0 observed
    assert "the widest gap is at 0.85 given, 0.00 observed" in said


def test_every_series_is_drawn_and_named_once(believed, detected):
    for picture, names in (
        (reliability(believed), ("ours", "similarity &amp; co")),
        (detection(detected), ("stage two",)),
    ):
        parsed(picture)
        for name in names:
            assert picture.count(f">{name}<") == 1
    assert "10.0%" in detection(detected)
    assert "40.0%" in detection(detected)


def test_a_detection_error_curve_falls_from_left_to_right(detected):
    picture = parsed(detection(detected))
    lines = [path for path in picture.iter(f"{SVG}path") if "stroke-width: 1.8" in (path.get("style") or "")]
    lines = [path for path in lines if path.get("clip-path")]  # those of the legend are not clipped
    paths = [np.array(re.findall(r"[-0-9.]+", path.get("d")), float).reshape(-1, 2) for path in lines]
    ours = paths[0]
    assert len(paths) == 2
    assert np.all(np.diff(ours[:, 0]) > 0)
    # pixels grow downwards: fewer are missed, down to the edge, where the least that can be told lies
    assert ours[0, 1] < ours[1, 1] == ours[2, 1]


def test_the_same_data_give_the_same_picture(believed, detected):
    assert reliability(believed) == reliability(believed)
    assert detection(detected) == detection(detected)


def test_nothing_missed_and_nothing_accepted_can_be_drawn():
    perfect = Errors("stage two", np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0]), (0.0, 0.0))
    parsed(detection(Detected("perfect", (perfect,))))
    parsed(reliability(Believed("all sure", {"ours": bins([1.0, 1.0], [1, 1])})))


def test_a_page_and_its_words_hold_the_diagrams(believed, detected):
    section = report.Section("Title", "Rules.", diagrams=(believed, detected))
    whole = report.Report("Title", "Lead.", (section,))
    page = html(whole)
    assert page.count('role="img"') == 2
    assert "<script" not in page
    assert "first candidates &lt;8&gt;" in page
    assert "10.0% of absent items accepted where 5.0% of present ones are missed" in report.markdown(whole)
    kept = whole.to_dict()["sections"][0]["diagrams"]
    assert kept[0]["bins"]["ours"]["observed"] == [0.25, 0.75]
    assert kept[1]["lines"][0]["mark"] == [0.1, 0.05]


def test_curves_of_hits_are_drawn_as_before():
    curve = report.Curve("mini", (1, 5), (Estimate(0.5, 0.4, 0.6, 0.95, 4, 4), Estimate(0.7, 0.6, 0.8, 0.95, 4, 4)))
    assert ">mini<" in recall_curves((curve,))

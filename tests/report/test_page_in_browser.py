"""The page as a person sees it: on a desk and on a phone, light and dark, with many categories and long names."""

import io
import re
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from wearabouts import report
from wearabouts.metrics import Difference, Estimate
from wearabouts.report import Bar, Curve, Failure, Picture, Report, Row, Sample, Section, Strip, Table

pytestmark = pytest.mark.browser
SIZES = [(1280, 900), (390, 844)]


def estimate(value):
    return Estimate(value, max(0.0, value - 0.08), min(1.0, value + 0.08), 0.95, 40, 8)


def picture(caption, colour, right=None):
    written = io.BytesIO()
    Image.new("RGB", (132, 90), colour).save(written, format="JPEG")
    return Picture(written.getvalue(), caption, right)


def row_of_pictures():
    came = tuple(picture("A title of some length " * 3, (40 * n, 90, 90), n == 1) for n in range(3))
    return Failure(picture("asked", (200, 0, 0)), picture("at place 4: " + "x" * 90, (0, 200, 0)), came, "cosine 0.97")


def made():
    names = [f"WOMEN > Category {n}" for n in range(46)]
    columns = ("queries", *(f"R@{k}" for k in (1, 5, 10, 20, 50)), "difference")
    cells = {f"R@{k}": estimate(0.5) for k in (1, 5, 10, 20, 50)}
    difference = Difference(0.1, 0.02, 0.18, 0.0004, 40, 8)
    headline = Table(
        "", "encoder", columns, (Row("mini", cells, ours=True), Row("other", {**cells, "difference": difference}))
    )
    kinds = Table("By category", "category", columns, tuple(Row(n, {**cells, "queries": 1234}) for n in names))
    section = Section(
        "Is it found? " * 4,
        "Rules. " * 60,
        (headline, kinds),
        (Curve("mini", (1, 10, 50), tuple(map(estimate, (0.3, 0.5, 0.7)))),),
        (row_of_pictures(),) * 3,
        ("A note with a long word " + "w" * 200,),
        tuple(Bar(name, estimate(n / 46), f"R@1, {n} queries") for n, name in enumerate(names)),
        (row_of_pictures(),),
        (row_of_pictures(),),
        (Sample("s", ("q",), ("g",), {"R@1": np.ones(1)}),),
        (Strip("Learnt and tested", (Failure(picture("a", (9, 9, 9)), None, (picture("b", (9, 9, 9)),)),)),),
    )
    return Report(
        "mini on a catalog with a very long name",
        "The answer first. " * 8,
        (section, Section("Second", "More.")),
        {"a reason " * 12: 3},
        {"command": "wearabouts evaluate " + "/a/very/long/path" * 12, "seed": 0, "hash": "f" * 300},
    )


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return report.write(made(), tmp_path_factory.mktemp("report"))["html"].as_uri()


@contextmanager
def opened(browser, address, size, scheme="light"):
    """The page; whatever the browser complains about, policy violations too, fails the test."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on(
        "request", lambda asked: complaints.append(asked.url) if not asked.url.startswith((address, "data:")) else 0
    )
    page.goto(address)
    yield page
    context.close()
    assert complaints == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_never_scrolls_sideways_and_no_text_is_cut(browser, address, size, scheme):
    with opened(browser, address, size, scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        # Whatever sticks out of the window must lie in a box that scrolls.
        outside = page.evaluate(
            """() => [...document.querySelectorAll("main *")].filter((each) => {
                const box = each.getBoundingClientRect();
                return box.width && box.right > innerWidth + 1 && !each.closest(".scroll, .shots, svg");
            }).map((each) => each.outerHTML.slice(0, 120))"""
        )
        assert outside == []


def test_wide_tables_scroll_in_their_own_box_and_the_names_stay_in_sight(browser, address):
    with opened(browser, address, (390, 844)) as page:
        box = page.locator(".scroll").first
        assert box.evaluate("each => each.scrollWidth > each.clientWidth")
        name = box.locator("tbody th").first
        before = name.bounding_box()["x"]
        box.evaluate("each => { each.scrollLeft = 300; }")
        assert box.evaluate("each => each.scrollLeft") > 100
        assert name.bounding_box()["x"] == before


@pytest.mark.parametrize("size", SIZES)
def test_a_table_of_46_categories_keeps_its_heads_in_sight_and_its_end_within_reach(browser, address, size):
    with opened(browser, address, size) as page:
        box = page.locator(".scroll.long")
        assert box.count() == 1
        assert box.bounding_box()["height"] <= size[1]
        box.evaluate("each => { each.scrollTop = each.scrollHeight; }")
        edges = box.bounding_box()
        head, last = box.locator("thead th").nth(1).bounding_box(), box.locator("tbody tr").last.bounding_box()
        assert abs(head["y"] - edges["y"]) < 3
        assert last["y"] + last["height"] <= edges["y"] + edges["height"] + 3


@pytest.mark.parametrize("size", SIZES)
def test_bars_are_as_long_as_their_figures(browser, address, size):
    with opened(browser, address, size) as page:
        shares = page.evaluate(
            """() => [...document.querySelectorAll(".line")].map((line) => [
                line.querySelector(".track i").getBoundingClientRect().width /
                    line.querySelector(".track").getBoundingClientRect().width,
                Number(line.querySelector(".value").textContent),
                line.querySelector(".track").getBoundingClientRect().width,
            ])"""
        )
        assert len(shares) == 46
        for share, figure, width in shares:
            assert share == pytest.approx(figure, abs=0.012)
            assert width > 100  # long enough to compare


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(browser, address, scheme):
    """Contrast of at least 4.5, as WCAG AA asks for text of this size."""
    with opened(browser, address, (1280, 900), scheme) as page:
        for css in ("p.rules", ".note", ".lead", "thead th", "td .ends", "tr.ours td", ".line small", ".shot small"):
            ink, ground = page.evaluate(
                """(css) => {
                    const each = document.querySelector(css);
                    let at = each;
                    while (at.parentElement && getComputedStyle(at).backgroundColor === "rgba(0, 0, 0, 0)")
                        at = at.parentElement;
                    return [getComputedStyle(each).color, getComputedStyle(at).backgroundColor];
                }""",
                css,
            )
            light, dark = sorted(map(luminance, (ink, ground)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (css, ink, ground)


def luminance(colour):
    parts = np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) / 255
    linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_pictures_are_drawn_and_a_heading_folds_them_away(browser, address):
    with opened(browser, address, (1280, 900)) as page:
        widths = page.evaluate("[...document.images].map((each) => each.naturalWidth)")
        assert len(widths) == 5 * 5 + 2
        assert set(widths) == {132}
        page.locator("summary").first.click()
        assert not page.locator("details").first.locator("img").first.is_visible()

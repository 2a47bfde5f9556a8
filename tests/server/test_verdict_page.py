"""Verdict, probability and similarity in a real browser: slider, hidden tail, not carried, keyboard, a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from fakes import tiny_calibration
from server.browsing import Browser, Page, expect, give, settled, shown, visit
from server.judged import AWAY, DOUBTED, SURE, Script, Scripted
from server.world import HOSTILE, PIECES, Served, picture, serve
from wearabouts.search import Searcher
from wearabouts.stores import Store

pytestmark = pytest.mark.browser

COLOURS = {name: colour for name, colour, _, _ in PIECES}
WIDE = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
Opened = Callable[..., AbstractContextManager[tuple[Page, Scripted]]]


@pytest.fixture(scope="module")
def scripted(shop: tuple[Searcher, Store]) -> Iterator[tuple[Scripted, Served]]:
    """A shop whose second stage follows a script that each test sets."""
    searcher = Scripted(shop[0], SURE)
    with serve(searcher, shop[1], searches_per_minute=1_000_000) as running:
        yield searcher, running


@pytest.fixture
def opened(browser: Browser, scripted: tuple[Scripted, Served]) -> Opened:
    """Opens the page with a script, and searches with a scarlet photo."""
    searcher, running = scripted

    @contextmanager
    def open_page(script: Script, *, photo: str = "scarlet", **options: object) -> Iterator[tuple[Page, Scripted]]:
        told = {name: options.pop(name) for name in ("own_labels", "calibrated_on") if name in options}
        searcher.asked.clear()
        searcher.script, searcher.calibration = script, tiny_calibration(**told)
        with visit(browser, running.url, **(WIDE | options)) as page:
            give(page, picture(COLOURS[photo]))
            yield page, searcher

    return open_page


def visible(page: Page) -> list[str]:
    return page.eval_on_selector_all(".card:not([hidden])", "cards => cards.map((card) => card.dataset.product)")


def apart(left: Any, right: Any) -> bool:
    """Whether two boxes do not overlap: the second to the right of the first, or below it."""
    one, other = left.bounding_box(), right.bounding_box()
    return bool(one["x"] + one["width"] <= other["x"] or one["y"] + one["height"] <= other["y"])


def title(page: Page) -> str:
    return page.locator("#verdict-title").inner_text()


def test_without_a_verifier_the_page_is_as_before(browser: Browser, served: Served):
    with visit(browser, served.url) as page:
        give(page, picture(COLOURS["rose"]))
        for part in ("#verdict", "#tail", ".probability", ".badge"):
            assert page.locator(part).first.is_visible() is False, part
        assert float(page.locator(".similarity .figure").first.inner_text()) > 0.98
        assert page.locator("#status").inner_text().endswith("most alike first")


def test_probability_is_the_main_figure_and_similarity_another(opened: Opened):
    with opened(DOUBTED) as (page, _):
        first = page.locator(".card").first
        assert first.locator(".chance strong").inner_text() == "81%"
        similarity = first.locator(".cosine").inner_text()
        assert similarity.startswith("Similarity ")
        assert float(similarity.split()[1]) > 0.98  # the photo is the product's own: alike, and yet only 81 %
        size = "element => parseFloat(getComputedStyle(element).fontSize)"
        assert first.locator(".chance strong").evaluate(size) > 1.5 * first.locator(".cosine").evaluate(size)
        track, bar = (first.locator(f".probability .{part}").bounding_box() for part in ("track", "bar"))
        assert track
        assert bar
        assert bar["width"] / track["width"] == pytest.approx(0.81, abs=0.01)
        assert "81% likely" in page.locator("#verdict-why").inner_text()
        assert "95%" in page.locator("#carried").inner_text()
        assert page.locator("#status").inner_text() == "3 pieces, likeliest first"
        assert "verify 3.0" in page.locator("#timings").inner_text()


def test_the_slider_moves_the_verdict_by_keyboard_and_asks_nothing_anew(opened: Opened):
    with opened(DOUBTED) as (page, searcher):
        assert title(page) == "Similar pieces"
        assert page.locator(".badge").first.is_visible() is False
        assert searcher.asked[-1]["precision"] == 0.95
        page.focus("#precision")
        for _ in range(15):
            page.keyboard.press("ArrowLeft")
        assert page.locator("#precision-share").inner_text() == "80%"
        assert page.locator("#precision").get_attribute("aria-valuetext") == "80%"
        assert title(page) == "The same item"
        assert "70%" in page.locator("#said-from").inner_text()
        assert page.locator(".badge").first.is_visible()
        assert page.locator(".card .badge:visible").count() == 1
        page.keyboard.press("ArrowRight")  # 81 % is beyond the cut of 80: the next higher counts
        assert title(page) == "Similar pieces"
        page.keyboard.press("End")
        assert page.locator("#said-from").inner_text().startswith("Here it is said up to 95% only; above, pieces are")
        page.keyboard.press("Home")
        assert page.locator("#precision-share").inner_text() == "50%"
        assert title(page) == "The same item"
        assert len(searcher.asked) == 1
        page.get_by_label("Anything").check()  # the next search is asked at the slider's precision
        settled(page)
        assert searcher.asked[-1]["precision"] == 0.5
        assert title(page) == "The same item"


def test_the_tail_shows_when_asked_for_and_goes_again(opened: Opened):
    with opened(DOUBTED) as (page, searcher):
        page.get_by_label("Anything").check()
        settled(page)
        assert len(shown(page)) == 7
        assert len(visible(page)) == 3
        button = page.get_by_role("button", name="Show the 4 less likely products")
        button.focus()
        page.keyboard.press("Enter")
        assert len(visible(page)) == 7
        assert page.evaluate("document.activeElement.closest('.card')?.dataset.product") == shown(page)[3]
        assert page.locator("#status").inner_text() == "7 pieces, likeliest first"
        assert page.locator(".card").nth(3).locator(".chance strong").inner_text().replace("\u202f", "") == "<1%"
        page.get_by_role("button", name="Hide the less likely products").click()
        assert len(visible(page)) == 3
        assert len(searcher.asked) == 2


def test_not_carried_is_said_and_nothing_is_shown_until_asked_for(opened: Opened):
    with opened(AWAY) as (page, _):
        assert title(page) == "Not carried here"
        assert visible(page) == []
        assert "Nothing here looks enough like" in page.locator("#verdict-why").inner_text()
        assert "6%" in page.locator("#carried").inner_text()
        assert "Frame another piece" in page.locator("#nearest").inner_text()
        assert page.locator("#notice").is_visible() is False
        page.locator("#rest").click()
        assert len(visible(page)) == len(shown(page)) > 0
        assert title(page) == "Not carried here"
        assert page.locator(".badge:visible").count() == 0


def test_the_verdict_is_told_by_more_than_colour_and_read_aloud(opened: Opened):
    seen = []
    with opened(SURE) as (page, searcher):
        for script in (SURE, DOUBTED, AWAY):
            searcher.script = script
            give(page, picture(COLOURS["scarlet"]))
            frame = page.locator("#verdict").evaluate(
                "element => [getComputedStyle(element).borderTopStyle, getComputedStyle(element).borderTopWidth]"
            )
            seen.append((title(page), page.locator("#mark path").get_attribute("d"), tuple(frame)))
            region = page.locator("#verdict [aria-live]")
            assert (region.get_attribute("aria-live"), region.get_attribute("role")) == ("polite", "status")
            assert title(page) in region.inner_text()
    for column in zip(*seen, strict=True):
        assert len(set(column)) == 3, column


def test_an_estimate_is_called_one_until_the_shop_has_labels(opened: Opened):
    with opened(DOUBTED) as (page, searcher):
        said = page.locator("#estimate").inner_text()
        assert "is an estimate" in said
        assert "200 drawn colour patches" in said
        assert "no labels of its own" in said
        searcher.calibration = tiny_calibration(own_labels=True, calibrated_on="412 labels of June")
        give(page, picture(COLOURS["scarlet"]))
        said = page.locator("#estimate").inner_text()
        assert "estimate" not in said
        assert "this shop's own labels: 412 labels of June" in said


def test_hostile_words_stay_words(opened: Opened):
    with opened(SURE, photo="moss", calibrated_on=HOSTILE) as (page, _):
        assert page.locator("#estimate").inner_text().count(HOSTILE) == 1
        assert page.locator("#verdict script, #verdict img").count() == 0
        assert page.locator(".card").first.locator("h3").inner_text() == HOSTILE


def test_more_like_this_has_no_verdict_and_the_way_back_has_it_again(opened: Opened):
    with opened(SURE) as (page, _):
        assert title(page) == "The same item"
        page.locator(".card .again").first.click()
        settled(page)
        assert page.locator("#verdict").is_visible() is False
        assert page.locator(".similarity").first.is_visible()
        assert len(visible(page)) == len(shown(page))
        page.click("#back")
        settled(page)
        assert title(page) == "The same item"


def test_both_languages_say_all_of_it(opened: Opened):
    with opened(DOUBTED, locale="zh-CN") as (page, _):
        assert title(page) == "相似款式"
        assert "可能性 81%" in page.locator("#verdict-why").inner_text()
        page.focus("#precision")
        page.keyboard.press("Home")
        page.click("[data-language=en]")
        assert title(page) == "The same item"
        assert page.locator("#precision-share").inner_text() == "50%"


def test_a_phone_shows_it_without_scrolling_sideways(opened: Opened):
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    with opened(SURE, **PHONE) as (page, searcher):
        for script in (SURE, DOUBTED, AWAY):
            searcher.script = script
            give(page, picture(COLOURS["scarlet"]))
            assert page.evaluate(wide) == 0
            page.locator("#rest").click()
            assert page.evaluate(wide) == 0
            for part in ("#precision", "#rest"):
                area = page.locator(part).bounding_box()
                assert area is not None
                assert area["height"] >= 44, part
            for card in page.locator(".card:not([hidden])").all()[:2]:
                assert apart(card.locator(".chance"), card.locator(".cosine"))


def test_a_wide_screen_never_lets_the_two_figures_meet(opened: Opened):
    with opened(SURE) as (page, _):
        for width in (320, 800, 900, 1024, 1280, 1600):
            page.set_viewport_size({"width": width, "height": 900})
            first = page.locator(".card").first
            assert apart(first.locator(".chance span"), first.locator(".cosine")), width
            expect(page.locator("#verdict")).to_be_visible()

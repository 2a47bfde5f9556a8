"""Words in the page: only where the model reads them, alone and beside a photo, both languages, keyboard, a phone."""

from __future__ import annotations

import pytest

from server.browsing import Browser, Page, expect, give, settled, shown, visit
from server.world import PIECES, Served, picture

pytestmark = pytest.mark.browser

COLOURS = {name: colour for name, colour, _, _ in PIECES}


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_shop_that_reads_no_words_shows_no_box(browser: Browser, served: Served) -> None:
    with visit(browser, served.url) as page:
        assert not page.locator("#text").is_visible()
        give(page, picture(COLOURS["rose"]))
        assert shown(page)[0] == "p/rose"
        assert not page.locator("#added").is_visible()


def test_words_alone_then_a_photo_then_the_photo_alone(browser: Browser, talking: Served) -> None:
    with visit(browser, talking.url, viewport={"width": 1280, "height": 900}) as page:
        page.fill("#text", "green")
        page.keyboard.press("Enter")
        settled(page)
        assert shown(page)[0] == "p/leaf"
        assert page.locator("#query-title").inner_text() == "Your words"
        assert page.locator("#added").input_value() == "green"
        for part in ("#stage", "#kind", "#balance", "#back"):
            assert not page.locator(part).is_visible()

        page.fill("#added", "blue")
        page.click("#add button")
        settled(page)
        assert shown(page)[0] == "p/ink"

        with page.expect_file_chooser() as chooser:
            page.click("#another")
        assert page.locator("#another").inner_text() == "Add a photo"
        chooser.value.set_files({"name": "x.png", "mimeType": "image/png", "buffer": picture(COLOURS["ink"])})
        settled(page)
        assert page.locator("#query-title").inner_text() == "Your photo"
        assert page.locator("#photo").is_visible()
        assert page.locator("#balance").is_visible()
        with page.expect_request(lambda request: "text=green" in request.url) as asked:
            page.fill("#added", "green")
            page.keyboard.press("Enter")
        assert "text_weight=0.5" in asked.value.url
        settled(page)
        page.check("input[name=category][value=off]", force=True)
        settled(page)
        page.focus("#weight")
        with page.expect_response(lambda response: "text_weight=0.9" in response.url):
            page.keyboard.press("End")
        settled(page)
        assert shown(page)[0] == "p/leaf"

        page.fill("#added", "")
        page.keyboard.press("Enter")
        settled(page)
        assert shown(page)[0] == "p/ink"
        assert not page.locator("#balance").is_visible()


def test_more_like_this_and_back_to_the_words(browser: Browser, talking: Served) -> None:
    with visit(browser, talking.url) as page:
        page.fill("#text", "red")
        page.keyboard.press("Enter")
        settled(page)
        page.locator(".card", has=page.locator("h3", has_text="Sky")).locator(".again").click(force=True)
        settled(page)
        assert "p/sky" not in shown(page)
        assert page.locator("#query-title").inner_text() == "Pieces like this one"
        assert page.locator("#back").inner_text() == "Back to your words"
        page.click("#back")
        settled(page)
        assert shown(page)[0] == "p/scarlet"
        page.click("#home")
        assert page.locator("#text").input_value() == ""
        assert page.locator("#text").is_visible()


def test_words_are_filtered_and_faults_are_told(browser: Browser, talking: Served) -> None:
    with visit(browser, talking.url) as page:
        page.fill("#text", "red")
        page.keyboard.press("Enter")
        settled(page)
        with page.expect_response(lambda response: "price" in response.url):
            page.fill("#highest", "26")
        settled(page)
        assert shown(page) == ["p/leaf"]
        page.locator("#words summary").click()
        page.fill("#where", "price <")
        page.keyboard.press("Enter")
        settled(page)
        expect(page.locator("#notice h3")).to_have_text("This filter could not be read")


def test_the_keyboard_reaches_the_box_and_an_empty_one_asks_for_words(browser: Browser, talking: Served) -> None:
    with visit(browser, talking.url) as page:
        page.focus("#choose")
        for _ in range(3):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "text":
                break
        assert page.evaluate("document.activeElement.id") == "text"
        page.keyboard.press("Enter")
        assert page.evaluate("document.body.dataset.view") == "start"
        page.keyboard.type("blue")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        settled(page)
        assert shown(page)[0] == "p/ink"
        name = page.locator("#added").evaluate("box => box.labels[0].textContent")
        assert name == "Your words"


def test_chinese_words_on_a_phone(browser: Browser, talking: Served) -> None:
    with visit(browser, talking.url, locale="zh-CN", viewport={"width": 390, "height": 844}, has_touch=True) as page:
        assert page.locator("#say label").inner_text() == "或者说说你在找什么"
        assert page.locator("#text").get_attribute("placeholder") == "红色碎花连衣裙"
        assert fits(page)
        page.fill("#text", "红色")
        page.locator("#say button").tap()
        settled(page)
        assert shown(page)[0] == "p/scarlet"
        assert page.locator("#added-label").inner_text() == "你的描述"
        assert fits(page)
        button = page.locator("#add button").bounding_box()
        assert button is not None
        assert button["height"] >= 44
        page.click("[data-language=en]")
        assert page.locator("#added-label").inner_text() == "Your words"
        assert page.locator("#added").input_value() == "红色"

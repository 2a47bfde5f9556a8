"""The page in a real browser: photo in, products out, box, filters, languages, keyboard, phone, and hostile words."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import pytest
from PIL import Image

from server.browsing import Browser, expect, give, settled, shown, visit
from server.world import HOSTILE, PIECES, SEARCH, Served, pair, picture, serve
from wearabouts.search import Searcher
from wearabouts.stores import Store

pytestmark = pytest.mark.browser

COLOURS = {name: colour for name, colour, _, _ in PIECES}
Shop = tuple[Searcher, Store]


@pytest.fixture(scope="module")
def sampled(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("samples")
    (folder / "1.png").write_bytes(pair(COLOURS["leaf"], COLOURS["leaf"]))
    (folder / "2.jpg").write_bytes(picture(COLOURS["sky"], (300, 400)))
    with serve(*shop, samples_folder=folder, name="North & South") as running:
        yield running


def test_photo_in_products_out(browser: Browser, sampled: Served):
    with visit(browser, sampled.url) as page:
        assert page.title() == "North & South"
        give(page, picture(COLOURS["rose"], (300, 400)))
        assert shown(page)[0] == "p/rose"
        first = page.locator(".card").first
        assert first.locator("h3").inner_text() == "Rose"
        assert first.locator(".brand").inner_text() == "North & South"
        assert "€60.00" in first.locator(".price").inner_text()
        assert "€90.00" in first.locator(".price s").inner_text()
        assert float(first.locator(".figure").inner_text()) > 0.98
        assert "colour red" in first.locator(".facts .same").inner_text()
        link = first.locator("a.picture")
        assert link.get_attribute("href") == "https://shop.example/rose"
        assert "noopener" in (link.get_attribute("rel") or "")
        assert first.locator("img").evaluate("image => image.complete && image.naturalWidth") > 0
        assert page.locator("#found strong").inner_text().lower() == "dress"


def test_drop_and_paste_and_sample(browser: Browser, sampled: Served):
    put = """([data, how]) => {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], "x.png", { type: "image/png" }));
        const options = { bubbles: true, cancelable: true };
        if (how === "drop") document.dispatchEvent(new DragEvent("drop", { ...options, dataTransfer: transfer }));
        else document.dispatchEvent(new ClipboardEvent("paste", { ...options, clipboardData: transfer }));
    }"""
    with visit(browser, sampled.url) as page:
        for how, name in (("drop", "sky"), ("paste", "leaf")):
            page.evaluate(put, [base64.b64encode(picture(COLOURS[name], kind="PNG")).decode(), how])
            settled(page)
            page.wait_for_selector(f".card:first-child[data-product='p/{name}']")
        page.click("#home")
        page.locator(".sample").nth(1).click()
        settled(page)
        assert shown(page)[0] == "p/sky"


def test_the_box_by_mouse_and_by_keyboard(browser: Browser, sampled: Served):
    with visit(browser, sampled.url, viewport={"width": 1280, "height": 900}) as page:
        give(page, pair(COLOURS["scarlet"], COLOURS["leaf"]))
        area = page.locator("#photo").bounding_box()
        assert area is not None
        middle, bottom = area["x"] + area["width"] / 2, area["y"] + area["height"] - 3
        page.mouse.move(middle + 30, area["y"] + 20)  # clear of the handles
        page.mouse.down()
        page.mouse.move(middle + 60, bottom - 10, steps=4)
        page.mouse.move(area["x"] + area["width"] - 2, bottom, steps=2)
        page.mouse.up()
        settled(page)
        assert page.locator("#searched").inner_text() == "The part you framed was searched."
        assert shown(page)[0] == "p/leaf"

        page.focus("#crop")
        for _ in range(30):
            page.keyboard.press("ArrowLeft")
        assert page.locator("#crop").evaluate("crop => crop.style.left") == "0%"
        assert page.locator("#part").is_visible()
        page.keyboard.press("Enter")
        settled(page)
        assert shown(page)[0] == "p/scarlet"
        before = page.locator("#crop").evaluate("crop => parseFloat(crop.style.width)")
        page.focus("#crop")
        page.keyboard.press("Shift+ArrowLeft")
        assert page.locator("#crop").evaluate("crop => parseFloat(crop.style.width)") < before
        page.click("#whole")
        settled(page)
        assert page.locator("#searched").inner_text() == "The whole photo was searched."


def test_a_large_turned_photo_is_framed_where_it_is_seen(browser: Browser, sampled: Served):
    lying = Image.new("RGB", (2400, 1800), COLOURS["scarlet"])
    lying.paste(COLOURS["leaf"], (1200, 0, 2400, 1800))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned clockwise: the left half is the top
    with io.BytesIO() as out:
        lying.save(out, "JPEG", exif=exif)
        turned = out.getvalue()
    with visit(browser, sampled.url, viewport={"width": 1280, "height": 900}) as page:
        give(page, turned)
        area = page.locator("#photo").bounding_box()
        assert area is not None
        assert area["height"] > area["width"]
        for share, expected in ((0.55, "p/leaf"), (0.05, "p/scarlet")):
            page.mouse.move(area["x"] + 20, area["y"] + area["height"] * share)
            page.mouse.down()
            page.mouse.move(area["x"] + area["width"] - 20, area["y"] + area["height"] * (share + 0.4), steps=4)
            page.mouse.up()
            settled(page)
            assert shown(page)[0] == expected
            page.click("#whole")
            settled(page)


def test_a_corner_is_dragged_by_touch(browser: Browser, sampled: Served):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with visit(browser, sampled.url, **phone) as page:
        give(page, pair(COLOURS["scarlet"], COLOURS["leaf"]))
        page.locator("#photo").scroll_into_view_if_needed()
        area = page.locator("#photo").bounding_box()
        assert area is not None
        touch = page.context.new_cdp_session(page)

        def finger(kind: str, x: float, y: float) -> None:
            points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        x, y = area["x"] + 4, area["y"] + area["height"] / 2
        finger("touchStart", x, y)
        for step in range(1, 9):
            finger("touchMove", x + step * area["width"] / 14, y)
        finger("touchEnd", 0, 0)
        settled(page)
        assert page.locator("#searched").inner_text() == "The part you framed was searched."
        assert shown(page)[0] == "p/leaf"


def test_filters(browser: Browser, sampled: Served):
    with visit(browser, sampled.url) as page:
        give(page, picture(COLOURS["scarlet"]))
        page.get_by_label("Anything").check()
        settled(page)
        assert len(shown(page)) == 7
        page.fill("#highest", "30")
        expect(page.locator(".card")).to_have_count(2)
        assert sorted(shown(page)) == ["p/leaf", "p/scarlet"]
        page.click("#clear")
        settled(page)
        page.check("#in-stock")
        settled(page)
        assert "p/brick" not in shown(page)
        page.get_by_text("Filter in words").click()
        page.fill("#where", "brand = nobody")
        page.press("#where", "Enter")
        settled(page)
        assert "Nothing here passes" in page.locator("#notice").inner_text()
        page.fill("#where", "colour_of_money = 1")
        page.press("#where", "Enter")
        settled(page)
        assert "could not be read" in page.locator("#notice").inner_text()
        assert "unknown column" in page.locator("#notice").inner_text()
        page.click("#clear")
        settled(page)
        assert len(shown(page)) > 0
        page.get_by_text("Another garment").click()
        page.get_by_label("pants").check()
        page.get_by_label("Only this").check()
        settled(page)
        assert sorted(shown(page)) == ["p/leaf", "p/moss"]


def test_more_like_this_and_back(browser: Browser, sampled: Served):
    with visit(browser, sampled.url) as page:
        give(page, picture(COLOURS["scarlet"]))
        page.locator(".card").first.hover()
        page.locator(".card .again").first.click()
        settled(page)
        assert "p/scarlet" not in shown(page)
        assert page.locator("#query-title").inner_text() == "Pieces like this one"
        page.click("#back")
        settled(page)
        assert shown(page)[0] == "p/scarlet"


def test_languages_are_switched_and_remembered(browser: Browser, sampled: Served):
    with visit(browser, sampled.url) as page:
        give(page, picture(COLOURS["scarlet"]))
        page.click("[data-language=zh]")
        assert page.locator("html").get_attribute("lang") == "zh-Hans"
        assert page.locator("#found strong").inner_text() == "连衣裙"
        assert "颜色 红" in page.locator(".facts .same").first.inner_text()
        page.reload()
        page.wait_for_selector("#facts:not(:empty)")
        assert page.locator("#headline").inner_text() == "照片里的衣服，哪里能买到？"
        untranslated = page.evaluate(
            """async () => {
                const { words } = await import("/page/words.js");
                return Object.keys(words.en).filter((name) => !(name in words.zh));
            }"""
        )
        assert untranslated == []
    with visit(browser, sampled.url, locale="zh-CN") as page:
        assert page.locator("html").get_attribute("lang") == "zh-Hans"


def test_the_theme_follows_the_system_and_the_switch(browser: Browser, sampled: Served):
    background = "getComputedStyle(document.body).backgroundColor"
    with visit(browser, sampled.url, color_scheme="dark") as page:
        dark = page.evaluate(background)
        page.click("#theme")
        light = page.evaluate(background)
        assert light != dark
        page.reload()
        assert page.evaluate(background) == light


def test_hostile_words_stay_words(browser: Browser, sampled: Served):
    with visit(browser, sampled.url) as page:
        give(page, picture(COLOURS["moss"]))
        first = page.locator(".card").first
        assert first.get_attribute("data-product") == "p/moss"
        assert first.locator("h3").inner_text() == HOSTILE
        assert first.locator("a").count() == 0  # a javascript: link is no link
        assert page.title() == "North & South"
        assert page.locator(".card script").count() == 0


def test_what_is_no_photo_is_explained(browser: Browser, sampled: Served):
    with visit(browser, sampled.url) as page:
        give(page, b"this is text")
        assert "not a photo we can read" in page.locator("#notice").inner_text()
        give(page, picture(COLOURS["sky"]))
        assert shown(page)[0] == "p/sky"


def test_by_keyboard_alone(browser: Browser, sampled: Served):
    with visit(browser, sampled.url) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.className") == "sample":
                break
        page.keyboard.press("Enter")
        page.wait_for_selector(".card")
        settled(page)
        assert shown(page)[0] == "p/leaf"


def test_nothing_sticks_out_from_320_pixels_up(browser: Browser, sampled: Served):
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    with visit(browser, sampled.url) as page:
        for photo in (None, picture(COLOURS["moss"], (300, 400))):
            if photo:
                give(page, photo)
            for width in (320, 390, 768, 1280):
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate(wide) == 0, width


def test_a_key_is_asked_for(browser: Browser, shop: Shop):
    with serve(*shop, search_keys=[SEARCH]) as running:
        context = browser.new_context(locale="en-US")
        page = context.new_page()
        page.goto(running.url)
        page.fill("input[type=password]", SEARCH)
        page.keyboard.press("Enter")
        page.wait_for_selector("#facts:not(:empty)")
        give(page, picture(COLOURS["sky"]))
        assert shown(page)[0] == "p/sky"
        assert page.locator(".card img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
        context.close()

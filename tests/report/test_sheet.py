"""The contact sheet: shows what it should, and nothing from outside can break it."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from wearabouts import report
from wearabouts.report import sheet
from wearabouts.types import Answer, Box, Match

GREY = np.full((60, 40, 3), 120, np.uint8)


def jpeg(colour, size=(64, 64)):
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, format="JPEG", quality=95)
    return written.getvalue()


def answer(*titles, box=None):
    matches = tuple(
        Match({"id": f"p{n}", "title": title}, f"p{n}", "", 0.9 - n / 100) for n, title in enumerate(titles)
    )
    return Answer(matches, None, None, {}, box, "whole" if box is None else "given", (400, 600), {"total": 12.0})


def drawn(*arguments):
    return np.asarray(Image.open(io.BytesIO(report.contact_sheet(*arguments))).convert("RGB")).astype(int)


def tile(pixels, place):
    row, column = divmod(place, sheet.COLUMNS)
    top = sheet.GAP + row * (sheet.TILE + sheet.CAPTION + sheet.GAP)
    left = sheet.PANEL + 3 * sheet.GAP + column * (sheet.TILE + sheet.GAP)
    return pixels[top : top + sheet.TILE, left : left + sheet.TILE]


def test_pictures_stand_in_the_order_of_the_matches():
    colours = [(200, 30, 30), (30, 160, 30), (30, 30, 200), (200, 200, 30), (30, 200, 200), (140, 30, 140)]
    pixels = drawn(answer(*"abcdef"), GREY, [jpeg(colour) for colour in colours])
    for place, colour in enumerate(colours):
        inside = tile(pixels, place)
        middle = inside[sheet.TILE // 2 - 5 : sheet.TILE // 2 + 5, sheet.TILE // 2 - 5 : sheet.TILE // 2 + 5]
        assert np.abs(middle.mean(axis=(0, 1)) - colour).max() < 8


def test_the_box_is_drawn_where_it_was_searched():
    box = Box(100, 150, 200, 300)  # of a photo of 400 x 600: from a quarter to three quarters of each side
    with_box, without = (drawn(answer("a", box=each), GREY, [None]) for each in (box, None))
    height, width = 570, 380  # the photo as drawn
    changed = np.abs(with_box - without).sum(axis=2)[sheet.GAP :, sheet.GAP :][:height, :width] > 60
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert (rows[0], rows[-1]) == (pytest.approx(height / 4, abs=4), pytest.approx(height * 3 / 4, abs=4))
    assert (columns[0], columns[-1]) == (pytest.approx(width / 4, abs=4), pytest.approx(width * 3 / 4, abs=4))
    assert not changed[height // 2, width // 2]


def test_missing_and_damaged_thumbnails_leave_an_empty_frame():
    good, *bad = (
        tile(drawn(answer("a"), GREY, [each]), 0)
        for each in (jpeg((10, 90, 10), (256, 256)), None, b"", b"\xff\xd8junk")
    )
    short = tile(drawn(answer("a"), GREY, []), 0)
    for frame in (*bad, short):
        assert (frame == 255).all(axis=2).mean() > 0.9
        assert (frame < 200).any()  # the words in it
    assert (good == 255).all(axis=2).mean() < 0.1


@pytest.mark.parametrize(
    "title",
    ["", "x" * 5_000, "word " * 1_000, "女士修身羊毛大衣双排扣西装领中长款" * 50, "a\x00b\nc\u202ed", "👗", "\ud800"],
)
def test_titles_stay_inside_their_column(title):
    pixels = drawn(answer(title, "b"), GREY, [None, None])
    gap = sheet.PANEL + 3 * sheet.GAP + sheet.TILE  # between the first and the second column
    between = pixels[:, gap + 6 : gap + sheet.GAP - 1]
    assert (between == between[0, 0]).all()


def test_no_match_says_so_and_many_are_cut():
    assert drawn(answer(), GREY, []).shape[0] < 900
    many = answer(*(str(n) for n in range(200)))
    assert (
        drawn(many, GREY, [None] * 200).shape
        == drawn(replace(many, matches=many.matches[: sheet.MOST]), GREY, []).shape
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (2_000, 1_500)])
def test_queries_of_any_shape(size):
    pixels = drawn(answer("a"), np.zeros((*size, 3), np.uint8), [None])
    assert pixels.shape[0] < 1_200

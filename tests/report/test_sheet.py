"""The contact sheet: shows what it should, and nothing from outside can break it."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from wearabouts import report
from wearabouts.report import chance_text, lettering, sheet
from wearabouts.report.banner import PAD, banner
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


# ------------------------------------------------------------------------------------------- with a verdict


def judged(verdict, *probabilities, reason="doubtful", **changed):
    plain = answer(*(f"piece {place}" for place, _ in enumerate(probabilities)))
    matches = tuple(
        replace(match, probability=share) for match, share in zip(plain.matches, probabilities, strict=True)
    )
    told = {"verdict": verdict, "reason": reason, "carried": 0.9, "precision": 0.95, "threshold": 0.85}
    return replace(plain, **({"matches": matches, "calibrated_on": "200 patches"} | told | changed))


def bars(pixels):
    """How many pixels of each match's bar are filled."""
    colour = np.array([int(sheet.BARS[at : at + 2], 16) for at in (1, 3, 5)])
    filled = np.flatnonzero((np.abs(pixels - colour).max(axis=2) < 3).sum(axis=1) >= 20)
    row = (np.abs(pixels[filled[-1]] - colour).max(axis=1) < 3).astype(int)
    left, step = sheet.PANEL + 3 * sheet.GAP, sheet.TILE + sheet.GAP
    return [int(row[left + place * step :][: sheet.TILE].sum()) for place in range(4)]


def test_a_bar_is_as_long_as_its_match_is_likely():
    pixels = drawn(judged("similar", 0.5, 0.25, 0.0, 1.0), GREY, [None] * 4)
    assert bars(pixels) == [sheet.TILE // 2, sheet.TILE // 4, 0, sheet.TILE]


def test_similarity_moves_no_bar_and_probability_moves_it():
    plain = judged("similar", 0.5, 0.25, 0.1, 0.05)
    other = replace(plain, matches=tuple(replace(match, similarity=-0.9) for match in plain.matches))
    assert bars(drawn(plain, GREY, [None] * 4)) == bars(drawn(other, GREY, [None] * 4))
    likelier = judged("similar", 0.75, 0.25, 0.1, 0.05)
    assert bars(drawn(likelier, GREY, [None] * 4))[0] == 3 * sheet.TILE // 4


def test_the_two_figures_of_a_match_leave_room_between_them():
    widest = max(lettering.text_width(chance_text(share / 100), 22) for share in range(101))
    similar = max(lettering.text_width(f"similarity {value / 100:.2f}", 13) for value in range(-100, 101))
    assert sheet.CHANCE + widest + 4 <= sheet.TILE - similar
    assert lettering.text_width("60", 16) + 4 <= sheet.CHANCE


def test_the_three_verdicts_differ_without_their_colours():
    frames = {}
    for verdict in ("same", "similar", "not_carried"):
        picture = banner(judged(verdict, 0.9), 600)
        assert picture is not None
        dark = np.asarray(picture.convert("L")).astype(int) < 170
        frames[verdict] = (dark[0].mean(), dark[:6, 300].sum())
    assert frames["same"] == (1.0, 3)  # closed, three pixels thick
    assert frames["similar"] == (1.0, 1)
    assert 0.3 < frames["not_carried"][0] < 0.7  # dashed


def test_no_verdict_no_banner_and_an_empty_answer_has_one():
    assert banner(answer("a"), 600) is None
    plain = drawn(answer("a"), GREY, [None])
    away = judged("not_carried", reason="unlike", hidden=7)
    empty = drawn(away, GREY, [])
    right = sheet.PANEL + 3 * sheet.GAP
    assert (empty[sheet.GAP : sheet.GAP + 60, right : right + 400] < 120).any()
    assert empty.shape[1] > plain.shape[1]


@pytest.mark.parametrize("words", ["x" * 5_000, "word " * 900, "标注" * 400, "a\x00\u202eb", "\ud800", ""])
def test_words_of_a_card_stay_inside_the_banner(words):
    picture = banner(judged("same", 0.9, calibrated_on=words), 440)
    assert picture is not None
    assert picture.height < 400
    pixels = np.asarray(picture.convert("L")).astype(int)
    ground = pixels[6, 220]
    assert (pixels[5:-5, -PAD + 4 : -4] == ground).all()


def test_lines_break_between_words_and_the_last_is_cut():
    width = lettering.text_width("two words", 16) + 2
    assert lettering.wrapped("two words more of them", 16, width, 5)[0] == "two words"
    assert " ".join(lettering.wrapped("one two three four five six", 16, width, 9)) == "one two three four five six"
    assert lettering.wrapped("one two three four five six", 16, width, 2)[-1].endswith("…")
    assert lettering.wrapped("", 16, width, 3) == []
    assert all(lettering.text_width(line, 16) <= width for line in lettering.wrapped("x" * 99, 16, width, 3))


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "<1%"), (0.0099, "<1%"), (0.01, "1%"), (0.5, "50%"), (0.994, "99%"), (0.995, ">99%"), (1.0, ">99%")],
)
def test_nothing_is_said_to_be_certain(share, text):
    assert chance_text(share) == text

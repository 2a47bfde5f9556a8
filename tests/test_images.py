"""The door for pictures: right colours, right way up, and one error for everything else."""

from __future__ import annotations

import io
import re
import struct
import threading

import numpy as np
import pytest
from PIL import Image, ImageCms

from pictures import STORED_AS, costly, exif, hostile, png, png_chunk, saved, scene, segment, with_segments
from wearabouts.errors import ImageError
from wearabouts.images import LIMITS, Limits, Picture, decode
from wearabouts.types import Box, Pixels


def difference(one: Pixels, other: Pixels) -> float:
    """Mean absolute difference of two pictures of one size, in levels."""
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "WEBP", "AVIF", "JPEG"])
def test_every_format_gives_the_scene(kind: str) -> None:
    options = {"GIF": {}, "PNG": {}, "BMP": {}, "WEBP": {"lossless": True}}.get(kind, {"quality": 95})
    picture = decode(saved(scene(), kind, **options))
    assert picture.format == kind
    assert picture.size == (48, 64)
    assert picture.pixels.dtype == np.uint8
    assert difference(picture.pixels, scene()) < {"GIF": 6, "JPEG": 3, "AVIF": 3}.get(kind, 0.01)


def test_heif_needs_its_plug_in() -> None:
    heif = pytest.importorskip("pillow_heif")
    out = io.BytesIO()
    heif.from_pillow(Image.fromarray(scene(64, 64))).save(out, quality=90)
    picture = decode(out.getvalue())
    assert picture.format == "HEIF"
    assert difference(picture.pixels, scene(64, 64)) < 4


def test_heif_without_its_plug_in_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(ImageError, match="pillow-heif"):
        decode(struct.pack(">I", 24) + b"ftypheic" + b"\0\0\0\0" + b"mif1heic")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG", "AVIF"])
def test_all_eight_orientations_come_upright(kind: str, orientation: int) -> None:
    upright = scene()
    stored = np.ascontiguousarray(STORED_AS[orientation](upright))
    options = {"WEBP": {"lossless": True}, "PNG": {}}.get(kind, {"quality": 97, "subsampling": "4:4:4"})
    picture = decode(saved(stored, kind, exif=exif(orientation), **options))
    assert picture.size == (48, 64)
    assert difference(picture.pixels, upright) < 3


@pytest.mark.parametrize(
    "block", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff\0\0\0\0", exif(9), exif(0), exif(6)[:20]]
)
def test_a_broken_orientation_is_none(block: bytes) -> None:
    whole = with_segments(saved(scene(), "JPEG"), segment(0xE1, block))
    assert decode(whole).size == (48, 64)


def test_alpha_lies_over_white() -> None:
    half = np.dstack([np.zeros((4, 4, 3), np.uint8), np.full((4, 4), 128, np.uint8)])
    assert np.all(decode(saved(half)).pixels == 127)
    clear = np.dstack([np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)])
    assert np.all(decode(saved(clear)).pixels == 255)
    assert np.all(decode(saved(clear, "WEBP", lossless=True)).pixels == 255)
    grey = Image.fromarray(half).convert("LA")
    assert np.all(decode(saved(grey)).pixels == 127)


def test_palette_transparency_lies_over_white() -> None:
    image = Image.new("P", (4, 2), 1)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.paste(0, (0, 0, 2, 2))
    for kind in ("PNG", "GIF"):
        pixels = decode(saved(image, kind, transparency=0)).pixels
        assert np.all(pixels[:, :2] == 255)
        assert np.all(pixels[:, 2:] == (40, 50, 60))
    alphas = png_chunk(b"tRNS", bytes([0, 128]))
    palette = png_chunk(b"PLTE", bytes([10, 20, 30, 100, 0, 200]))
    pixels = decode(png(2, 1, 8, 3, b"\0\0\1", palette, alphas)).pixels
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert np.abs(pixels[0, 1].astype(int) - (177, 127, 227)).max() <= 1


@pytest.mark.parametrize(
    "depth, colour, rows, key, clear",
    [
        (8, 2, b"\0\1\2\3\4\5\6", struct.pack(">HHH", 1, 2, 3), (4, 5, 6)),
        (8, 0, b"\0\7\x09", struct.pack(">H", 7), (9, 9, 9)),
        (16, 0, b"\0\x12\x34\x80\x80", struct.pack(">H", 0x1234), (128, 128, 128)),
        (16, 2, b"\0" + b"\x12\x34" * 3 + b"\x80\x80" * 3, struct.pack(">HHH", *[0x1234] * 3), (128, 128, 128)),
        (1, 0, b"\0\x40", struct.pack(">H", 0), (255, 255, 255)),
    ],
)
def test_a_key_colour_lies_over_white(
    depth: int, colour: int, rows: bytes, key: bytes, clear: tuple[int, int, int]
) -> None:
    pixels = decode(png(2, 1, depth, colour, rows, png_chunk(b"tRNS", key))).pixels
    assert pixels[0].tolist() == [[255, 255, 255], list(clear)]


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    levels = [0, 256, 257, 25_700, 32_896, 65_535]
    rows = b"\0" + b"".join(struct.pack(">H", level) for level in levels)
    assert decode(png(6, 1, 16, 0, rows)).pixels[0, :, 0].tolist() == [0, 1, 1, 100, 128, 255]
    colours = b"\0" + b"".join(struct.pack(">HHH", level, 65_535 - level, 0) for level in levels)
    red = decode(png(6, 1, 16, 2, colours)).pixels[0, :, 0].astype(int)
    assert np.abs(red - [0, 1, 1, 100, 128, 255]).max() <= 1
    grey_alpha = b"\0" + b"".join(struct.pack(">HH", level, 65_535) for level in levels)
    assert (
        np.abs(decode(png(6, 1, 16, 4, grey_alpha)).pixels[0, :, 0].astype(int) - [0, 1, 1, 100, 128, 255]).max() <= 1
    )


def test_ink_is_turned_into_light() -> None:
    inks = np.zeros((8, 48, 4), np.uint8)
    for column, ink in enumerate(
        [(0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 255, 0), (0, 0, 0, 255), (0, 0, 0, 128)]
    ):
        inks[:, column * 8 : column * 8 + 8] = ink
    # Pillow writes CMYK as Adobe does, inverted and marked so.
    pixels = decode(saved(Image.fromarray(inks, "CMYK"), "JPEG", quality=98)).pixels[4, 4::8].astype(int)
    wanted = [(255, 255, 255), (0, 255, 255), (255, 0, 255), (255, 255, 0), (0, 0, 0), (127, 127, 127)]
    assert np.abs(pixels - wanted).max() <= 8


def _profile(name: str) -> bytes:
    """A profile of linear light or of another grey, made by hand from the sRGB one that littleCMS builds."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if name == "swapped":  # red's colourant is blue's and the other way round: every picture changes places
        at = {plain[132 + 12 * i : 136 + 12 * i]: 132 + 12 * i for i in range(struct.unpack(">I", plain[128:132])[0])}
        red, blue = (plain[at[tag] + 4 : at[tag] + 12] for tag in (b"rXYZ", b"bXYZ"))
        table = bytearray(plain)
        table[at[b"rXYZ"] + 4 : at[b"rXYZ"] + 12], table[at[b"bXYZ"] + 4 : at[b"bXYZ"] + 12] = blue, red
        plain = bytes(table).replace("sRGB built-in".encode("utf-16-be"), "swapped colour".encode("utf-16-be")[:26])
    return plain


def test_a_colour_profile_is_applied() -> None:
    upright = scene()
    assert difference(decode(saved(upright, icc_profile=_profile("plain"))).pixels, upright) < 0.01
    for kind, options in {"PNG": {}, "WEBP": {"lossless": True}, "JPEG": {"quality": 97, "subsampling": 0}}.items():
        managed = decode(saved(upright, kind, icc_profile=_profile("swapped"), **options)).pixels
        assert difference(managed, upright[:, :, ::-1]) < 4, kind


@pytest.mark.parametrize(
    "profile", [b"rubbish" * 40, b"\0" * 200, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()]
)
def test_a_profile_that_does_not_fit_is_ignored(profile: bytes) -> None:
    assert difference(decode(saved(scene(), icc_profile=profile)).pixels, scene()) < 0.01


def test_animations_give_their_first_frame() -> None:
    frames = [Image.fromarray(scene(seed=seed)) for seed in range(3)]
    for kind in ("GIF", "WEBP", "PNG", "AVIF"):
        whole = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        assert difference(decode(whole).pixels, scene()) < 6, kind
    stereo = saved(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert difference(decode(stereo).pixels, scene()) < 6


@pytest.mark.parametrize(
    "width, height, target",
    [(640, 480, 100), (641, 479, 80), (333, 1000, 64), (100, 50, 100), (90, 90, 200), (7, 900, 3)],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_a_target_is_never_undercut(kind: str, width: int, height: int, target: int) -> None:
    limits = Limits(aspect=1_000)
    data = saved(scene(width, height), kind)
    whole, small = decode(data, limits=limits), decode(data, target=target, limits=limits)
    assert small.size == whole.size == (width, height)
    longer = max(small.pixels.shape[:2])
    assert longer >= min(target, width, height) if target < max(width, height) else longer == max(width, height)
    assert longer >= min(target, max(width, height))
    assert longer < 2 * target or longer == max(width, height)
    wanted = np.asarray(Image.fromarray(whole.pixels).resize(small.pixels.shape[1::-1], Image.Resampling.BOX))
    assert difference(small.pixels, wanted) < 6


def test_a_box_counts_in_pixels_of_the_upright_original() -> None:
    upright = np.zeros((400, 600, 3), np.uint8)
    upright[100:200, 300:500] = (250, 0, 0)
    box = Box(300, 100, 200, 100)
    for orientation in (1, 6):
        data = saved(np.ascontiguousarray(STORED_AS[orientation](upright)), "JPEG", exif=exif(orientation), quality=98)
        for target in (0, 150):
            picture = decode(data, target=target)
            inside = picture.crop(box)
            assert inside.shape[1] / inside.shape[0] == pytest.approx(2, rel=0.05)
            assert np.median(inside[:, :, 0]) > 240
            beside = picture.crop(Box(0, 0, 290, 400))
            assert np.median(beside[:, :, 0]) < 10


def test_a_crop_is_exact_at_full_size_and_never_empty() -> None:
    picture = decode(saved(scene()))
    assert np.array_equal(picture.crop(Box(3, 5, 10, 20)), scene()[5:25, 3:13])
    assert picture.crop(None) is picture.pixels
    assert np.array_equal(picture.crop(Box(-10, -10, 1_000, 1_000)), scene())
    small = Picture(scene(4, 4), (4_000, 4_000), "PNG")
    assert small.crop(Box(3_999, 3_999, 1, 1)).shape == (1, 1, 3)
    with pytest.raises(ImageError, match="covers less than a pixel"):
        picture.crop(Box(100, 100, 5, 5))


def test_a_thumbnail_is_small_and_says_nothing() -> None:
    secret = exif(6) + b"GPS 52.52 13.40"
    data = saved(scene(1_000, 700), "JPEG", exif=secret, comment="secret", icc_profile=_profile("plain"))
    thumbnail = decode(data).thumbnail(512)
    shown = Image.open(io.BytesIO(thumbnail))
    assert shown.format == "JPEG"
    assert shown.size == (358, 512)
    assert not set(shown.info) & {"exif", "comment", "icc_profile", "xmp"}
    assert b"52.52" not in thumbnail
    tiny = Image.open(io.BytesIO(decode(saved(scene())).thumbnail(512)))
    assert tiny.size == (48, 64)


def test_the_same_bytes_give_the_same_pixels_in_every_thread() -> None:
    files = [saved(scene(300, 200, seed), kind) for seed, kind in enumerate(["JPEG", "PNG", "WEBP", "GIF", "AVIF"])]
    alone = [decode(data, target=80).pixels for data in files]
    wrong: list[int] = []

    def work() -> None:
        for _ in range(5):
            for number, data in enumerate(files):
                if not np.array_equal(decode(data, target=80).pixels, alone[number]):
                    wrong.append(number)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("name, data", hostile().items())
def test_hostile_files_are_refused_in_one_line(name: str, data: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        decode(data)
    if re.search(r"\d{5}x|2\^31|large frame", name):
        assert "the picture states" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name, data", costly().items())
def test_bombs_beside_the_pixels_are_left_alone(name: str, data: bytes) -> None:
    assert len(data) <= LIMITS.bytes
    assert difference(decode(data).pixels, scene()) < 6


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF"])
def test_a_file_cut_short_is_refused(kind: str) -> None:
    noisy = np.random.default_rng(1).integers(0, 255, (64, 48, 3), dtype=np.uint8)
    whole = saved(noisy, kind)
    assert decode(whole).size == (48, 64)
    for tenth in range(10):
        with pytest.raises(ImageError):
            decode(whole[: len(whole) * tenth // 10])
        with pytest.raises(ImageError):
            decode(whole[: len(whole) * tenth // 10], target=16)


def test_random_damage_gives_a_picture_or_the_one_error() -> None:
    random = np.random.default_rng(20)
    files = [saved(scene(), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")]
    files.append(saved(scene(), "JPEG", progressive=True, exif=exif(6), icc_profile=_profile("swapped")))
    files.append(saved(Image.fromarray(scene()).quantize(16), "PNG", transparency=3))
    refused = 0
    for _ in range(100):
        for whole in files:
            data = bytearray(whole)
            for at in random.integers(0, len(data), random.integers(1, 12)):
                data[at] = random.integers(0, 256)
            if random.random() < 0.2:
                del data[random.integers(0, len(data)) :]
            try:
                picture = decode(bytes(data))
            except ImageError:
                refused += 1
            else:
                assert picture.pixels.shape[:2] == picture.size[::-1]
    assert 50 < refused < 800


def test_two_files_in_one_are_the_first_alone() -> None:
    page = b"<html><script>alert(1)</script></html>"
    gif = saved(Image.fromarray(scene()).quantize(200), "GIF", comment=page)
    picture = decode(with_segments(saved(scene(), "JPEG"), segment(0xFE, page)) + b"PK\3\4" + page)
    assert picture.format == "JPEG"
    assert page not in picture.thumbnail()
    assert decode(gif + saved(scene(seed=9), "PNG")).format == "GIF"


def test_limits_are_the_callers_to_set() -> None:
    data = saved(scene(100, 50))
    with pytest.raises(ImageError, match=r"100x50 pixels.*at most 4,999"):
        decode(data, limits=Limits(pixels=4_999))
    with pytest.raises(ImageError, match="99 a side"):
        decode(data, limits=Limits(side=99))
    with pytest.raises(ImageError, match="times the other"):
        decode(data, limits=Limits(aspect=1.9))
    with pytest.raises(ImageError, match="bytes"):
        decode(data, limits=Limits(bytes=len(data) - 1))
    assert decode(data, limits=Limits(bytes=len(data), pixels=5_000, side=100, aspect=2)).size == (100, 50)

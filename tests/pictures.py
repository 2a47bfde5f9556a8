"""Files made by hand for the tests of all that takes pictures: a known scene, wrapped in many ways, and bombs."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

from wearabouts.types import Pixels

# How a camera that was held so stores the upright scene: the inverse of what orientation 1 to 8 asks a viewer to do.
STORED_AS = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: upright.transpose(1, 0, 2)[::-1],
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: upright.transpose(1, 0, 2)[:, ::-1],
}


def scene(width: int = 48, height: int = 64, seed: int = 0) -> Pixels:
    """A smooth picture with four different corners, so that no flip or turn of it looks like another."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / max(width - 1, 1), y / max(height - 1, 1)
    tint = np.random.default_rng(seed).uniform(0.5, 1, 3)
    planes = (x, y, (1 - x) * (1 - y))
    return np.stack([255 * plane * level for plane, level in zip(planes, tint, strict=True)], axis=2).astype(np.uint8)


def saved(pixels: Pixels | Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The file that Pillow writes."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation: int, padding: int = 0) -> bytes:
    """A TIFF block that states an orientation, little-endian."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0) + b"\0" * padding


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes, times: int = 1) -> bytes:
    """A PNG of raw rows, each with its filter byte, `times` over; `extra` chunks stand before the pixels."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    packer = zlib.compressobj(9 if times == 1 else 1)
    pixels = png_chunk(b"IDAT", b"".join(packer.compress(rows) for _ in range(times)) + packer.flush())
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + pixels + png_chunk(b"IEND", b"")


def segment(marker: int, body: bytes) -> bytes:
    """One JPEG segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """A JPEG with more segments after its start mark."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def hostile() -> dict[str, bytes]:
    """Files that ask for far more than they are, by name; none is a picture that should be accepted."""
    small = saved(scene(), "JPEG")
    frame = small.index(b"\xff\xc0")
    huge = small[: frame + 5] + struct.pack(">HH", 65_500, 65_500) + small[frame + 9 :]
    vp8x = b"VP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + b"\xff\xff\xff" * 2
    webp = saved(scene(), "WEBP", lossless=True)
    avif, size = saved(scene(), "AVIF"), b"ispe\0\0\0\0" + struct.pack(">II", 48, 64)
    gif_header = b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0)
    return {
        "png 50000x50000": png(50_000, 50_000, 8, 2, b"\0" * 1000),
        "png 1 x 2^31-1": png(1, 2**31 - 1, 8, 0, b"\0\0" * 500),
        "png 2^31-1 x 1": png(2**31 - 1, 1, 1, 0, b"\0" * 500),
        "png 0x0": png(0, 0, 8, 2, b"\0"),
        "jpeg 65500x65500": huge,
        "jpeg of 300 scans": _many_scans(),
        "gif 65535x65535": gif_header + b"," + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x08\x02\x4c\x01\0;",
        "gif small canvas, large frame": b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + b","
        + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0) + b"\x08\x02\x4c\x01\0;",
        "webp 16777216x16777216": b"RIFF" + struct.pack("<I", 22 + len(webp)) + b"WEBP" + vp8x + webp[12:],
        "bmp 30000x30000": b"BM" + struct.pack("<IHHI", 54, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 30_000, -30_000, 1, 24, 0, 0, 0, 0, 0, 0),
        "bmp run length": b"BM" + struct.pack("<IHHI", 54, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 6_000, 6_000, 1, 8, 1, 0, 0, 0, 0, 0) + b"\1\0" * 50_000,
        "avif 60000x60000": avif.replace(size, b"ispe\0\0\0\0" + struct.pack(">II", 60_000, 60_000)),
        "21 MB": small + b"\0" * 21_000_000,
        "empty": b"",
        "jpeg start mark alone": b"\xff\xd8\xff",
        "jpeg of 70000 empty segments": b"\xff\xd8" + segment(0xFE, b"") * 70_000 + small[2:],
        "png of 70000 empty chunks": png(4, 4, 8, 0, b"\0" * 20, *[png_chunk(b"tEXt", b"")] * 70_000),
        "html": b"<html><script>alert(1)</script></html>",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        "tiff": saved(scene(), "TIFF"),
        "pdf": b"%PDF-1.7\n",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "zip": b"PK\3\4" + b"\0" * 60,
    }  # fmt: skip


def _many_scans() -> bytes:
    """A progressive JPEG whose last scan is repeated: each costs a few bytes here and a pass over the picture there."""
    whole = saved(scene(64, 64), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * 300 + b"\xff\xd9"


def costly() -> dict[str, bytes]:
    """Pictures that should be accepted although they carry bombs: only the pixels of `scene()` may be looked at."""
    jpeg, plain = saved(scene(), "JPEG", quality=95), scene()
    rows = b"".join(b"\0" + row.tobytes() for row in plain)
    bomb = zlib.compress(b"\0" * 200_000_000, 9)
    # 5,000 tags that each claim the same 60 KB: a reader that copies them needs 300 MB.
    tags = b"".join(struct.pack("<HHII", 0x1000 + i, 7, 60_000, 0) for i in range(5_000))
    overlapping = (b"Exif\0\0II*\0" + struct.pack("<IH", 8, 5_000) + tags).ljust(65_000, b"\0")
    frames = [Image.fromarray(scene(seed=seed)) for seed in range(2)]
    animated = saved(frames[0].quantize(64), "GIF", save_all=True, append_images=[frames[1].quantize(64)], loop=0)
    last = animated.rindex(b"\x21\xf9")
    return {
        "png profile bomb": png(48, 64, 8, 2, rows, png_chunk(b"iCCP", b"x\0\0" + bomb)),
        "png with 2000 profile bombs": png(48, 64, 8, 2, rows, *[png_chunk(b"iCCP", b"x\0\0" + bomb[:9_000])] * 2_000),
        "png text bombs": png(48, 64, 8, 2, rows, *[png_chunk(b"zTXt", b"x\0\0" + bomb)] * 90),
        "jpeg overlapping exif": with_segments(jpeg, segment(0xE1, overlapping)),
        "jpeg overlapping mpf": with_segments(jpeg, segment(0xE2, b"MPF\0" + overlapping[6:])),
        "jpeg with 15 MB of profile": with_segments(
            jpeg, *[segment(0xE2, b"ICC_PROFILE\0" + bytes([i, 230]) + b"A" * 65_000) for i in range(1, 231)]
        ),
        "jpeg with 19 MB behind it": jpeg + b"<script>alert(1)</script>" * 760_000,
        "gif of 100,000 frames": animated[:last] + (b"\x21\xf9\x04\0\0\0\0\0" + _DOT) * 100_000 + b";",
    }


_DOT = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"  # a frame of one pixel

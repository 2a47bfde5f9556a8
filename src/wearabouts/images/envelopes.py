"""What lies around the pixels of a file: read its format and size, keep the pixels, leave everything else behind.

Comments, EXIF, XMP, thumbnails, later frames and trailing bytes are where most attacks and privacy leaks live, and
decoders parse many of them before they can be asked not to. So they are cut off here, by a walk that only moves on; of
the metadata only two values survive, the EXIF orientation and the colour profile.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wearabouts.errors import ImageError
from wearabouts.images.limits import Limits

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
ORIENTATION_TAG = 0x0112
MARKER = re.compile(rb"\xff+([^\x00\x01\xd0-\xd7\xff])", re.DOTALL)  # escapes, restarts and fill bytes are none


@dataclass(frozen=True, slots=True)
class Envelope:
    """A file without its wrappings.

    Attributes:
        data: What a decoder needs and nothing more, where the format allows it.
        format: ``JPEG``, ``PNG``, ``WEBP``, ``GIF``, ``BMP``, ``AVIF`` or ``HEIF``.
        orientation: EXIF orientation, 1 to 8; 0 where the decoder has to be asked.
        profile: The ICC colour profile as stored, or empty; None where the decoder has to be asked.
    """

    data: bytes
    format: str
    orientation: int = 1
    profile: bytes | None = b""


def open_envelope(data: bytes, limits: Limits) -> Envelope:
    """Recognise a picture by its first bytes, check the size its header states, and strip it.

    Raises:
        ImageError: Too many bytes or pixels, cut short, damaged, or no accepted format.
    """
    limits.check_bytes(len(data))
    kind = sniff(data)
    try:
        return OPENERS[kind](data, limits)
    except (struct.error, IndexError):
        raise cut_short(kind) from None


def sniff(data: bytes) -> str:
    """The format that the first bytes announce, whatever the file is called.

    Raises:
        ImageError: None that is accepted.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(PNG_MAGIC):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith(b"BM"):
        return "BMP"
    if data[4:8] == b"ftyp":
        brands = {data[8:12], *(data[at : at + 4] for at in range(16, min(int.from_bytes(data[:4]), 128), 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & set(HEIF_BRANDS):
            return "HEIF"
    given = (
        "a TIFF" if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+") else f"a file that begins with {data[:8]!r}"
    )
    raise ImageError(f"{given} is not an accepted picture; accepted: {', '.join(OPENERS)}; save it as one of these")


def cut_short(kind: str) -> ImageError:
    """The one error for a file that ends too early."""
    return ImageError(
        f"the {kind} picture is cut short, damaged or of a rare kind; accepted are whole, plain files; send it again"
    )


def too_many(kind: str, limits: Limits) -> ImageError:
    """The error for a file chopped into so many parts that walking them is the attack."""
    return ImageError(f"the {kind} picture has more than {limits.blocks:,} parts; save it again as a plain one")


def orientation_of(exif: bytes) -> int:
    """EXIF orientation, 1 to 8, of a TIFF block; 1 where it is absent or broken, as viewers do."""
    block = memoryview(exif.removeprefix(b"Exif\0\0"))
    order = {b"II": "<", b"MM": ">"}.get(bytes(block[:2]))
    if order is None or len(block) < 10:
        return 1
    try:
        (first,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, first)
        for entry in range(count):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", block, first + 2 + 12 * entry)
            if tag == ORIENTATION_TAG:
                return value if kind == 3 and 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def _jpeg(data: bytes, limits: Limits) -> Envelope:
    """Keep tables, frame, scans, JFIF and Adobe markers of the first picture (an MPO's first frame, too)."""
    kept, profile, orientation, sized, scans, last = [b"\xff\xd8"], [], 0, False, 0, 2
    for marker, start, end in _segments(data, limits):
        body = data[end - max(end - start - 4, 0) : end]
        if scans:  # what lies between the segments after a scan's header are its coded pixels
            kept.append(data[last:start])
        last = end
        sized = _sized(marker, body, limits) or sized
        scans += marker == 0xDA
        if scans > limits.scans:
            raise ImageError(f"the JPEG picture has more than {limits.scans} scans; save it again as a plain one")
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            orientation = orientation or orientation_of(body)
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
            profile.append(body[12:])
        elif marker in (0xE0, 0xEE) or marker < 0xE0:
            kept.append(data[start:end])
    if not sized or not scans:
        raise cut_short("JPEG")
    whole = b"".join(part[2:] for part in sorted(profile))  # each part begins with its number and their count
    return Envelope(b"".join(kept), "JPEG", orientation or 1, whole)


def _segments(data: bytes, limits: Limits) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment up to the end mark.

    Where no whole segment follows, all that is left comes as marker 0: damaged pixels are the decoder's to judge, and
    a file that is cut short must not get an end mark.
    """
    at = 2
    for _ in range(limits.blocks):
        found = MARKER.search(data, at)
        if found is None:
            yield 0, len(data), len(data)
            return
        marker, start, at = found[1][0], found.end() - 2, found.end()
        if marker == 0xD9:
            yield marker, start, at
            return
        length = int.from_bytes(data[at : at + 2])
        if marker == 0xD8 or length < 2 or at + length > len(data):
            yield 0, start, len(data)
            return
        at += length
        yield marker, start, at
    raise too_many("JPEG", limits)


def _sized(marker: int, body: bytes, limits: Limits) -> bool:
    """Whether this is a frame header; its size is checked."""
    if not 0xC0 <= marker <= 0xCF or marker in (0xC4, 0xC8, 0xCC):
        return False
    height, width = struct.unpack_from(">HH", body, 1)
    limits.check_size(width, height)
    return True


def _png(data: bytes, limits: Limits) -> Envelope:
    """Keep header, palette, transparency and pixels; the other frames of an APNG and all text go."""
    kept, packed, orientation, at = [PNG_MAGIC], b"", 1, len(PNG_MAGIC)
    for _ in range(limits.blocks):
        if at + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, at)
        after = at + 12 + length
        if after > len(data) and kind != b"IEND":
            raise cut_short("PNG")
        if kind == b"IHDR":
            limits.check_size(*struct.unpack_from(">II", data, at + 8))
        if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            kept.append(data[at:after])
        elif kind == b"iCCP":
            packed = packed or data[at + 8 : after - 4]
        elif kind == b"eXIf":
            orientation = orientation_of(data[at + 8 : after - 4])
        elif kind == b"iTXt" and data.startswith(b"XML:com.adobe.xmp\0", at + 8):
            said = re.search(rb'tiff:Orientation(?:="|>)([1-8])', data[at + 8 : min(after, at + 65_536)])
            orientation = int(said[1]) if said else orientation
        elif not kind[0] & 0x20:
            raise ImageError(f"the PNG picture has an unknown part {kind!r}; save it again as a plain PNG")
        at = after
        if kind == b"IEND":
            break
    else:
        raise too_many("PNG", limits)
    if len(kept) < 3:
        raise cut_short("PNG")
    # One profile alone is inflated, even where it is broken: thousands of them would be the attack.
    profile = _inflated(packed.partition(b"\0")[2][1:], limits.icc_bytes)
    return Envelope(b"".join(kept), "PNG", orientation, profile)


def _inflated(packed: bytes, most: int) -> bytes:
    """At most `most` bytes out of a zlib stream; empty where there is more, or damage."""
    try:
        inflater = zlib.decompressobj()
        plain = inflater.decompress(packed, most)
    except zlib.error:
        return b""
    return plain if inflater.eof else b""


def _gif(data: bytes, limits: Limits) -> Envelope:
    """Keep the first frame: header, palettes, its graphic control and its pixels."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _palette(flags)
    kept, control = [data[:at]], b""
    for _ in range(limits.blocks):
        if data[at] == 0x21:
            after = _sub_blocks(data, at + 2)
            control = data[at:after] if data[at + 1] == 0xF9 else control
        elif data[at] == 0x2C:
            left, top, w, h, flags = struct.unpack_from("<HHHHB", data, at + 1)
            limits.check_size(max(width, left + w), max(height, top + h))
            limits.check_size(w, h)
            after = _sub_blocks(data, at + 11 + _palette(flags))
            return Envelope(b"".join((*kept, control, data[at:after], b"\x3b")), "GIF")
        elif data[at] == 0:
            after = at + 1  # a stray terminator, as some writers leave behind
        else:
            break
        at = after
    else:
        raise too_many("GIF", limits)
    raise cut_short("GIF")


def _palette(flags: int) -> int:
    return 3 << (flags % 8 + 1) if flags & 0x80 else 0


def _sub_blocks(data: bytes, at: int) -> int:
    """Where a chain of length-prefixed blocks ends, its terminator included."""
    while size := data[at]:
        at += size + 1
    return at + 1


def _webp(data: bytes, limits: Limits) -> Envelope:
    """Check the stated size; libwebp itself walks the rest."""
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    limits.check_size(width, height, limits.webp_pixels)
    return Envelope(data, "WEBP", 0, None)


def _bmp(data: bytes, limits: Limits) -> Envelope:
    """Check the stated size; a BMP carries nothing else worth cutting."""
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", data, 18)
    compression = struct.unpack_from("<I", data, 30)[0] if header >= 40 else 0
    limits.check_size(width, abs(height), limits.run_length_pixels if compression in (1, 2) else None)
    return Envelope(data, "BMP")


def _isobmff(kind: str) -> Callable[[bytes, Limits], Envelope]:
    def opener(data: bytes, limits: Limits) -> Envelope:
        """Check every size stated, and hide the EXIF item: boxes say the orientation, a hostile block says anything."""
        for width, height in re.findall(rb"ispe\0{4}(.{4})(.{4})", data, re.DOTALL):
            limits.check_size(int.from_bytes(width), int.from_bytes(height))
        return Envelope(re.sub(rb"(infe.{8,10})Exif", rb"\1skip", data, flags=re.DOTALL), kind, 0, None)

    return opener


OPENERS: dict[str, Callable[[bytes, Limits], Envelope]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "GIF": _gif,
    "BMP": _bmp,
    "AVIF": _isobmff("AVIF"),
    "HEIF": _isobmff("HEIF"),
}

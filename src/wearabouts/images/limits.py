"""How much a stranger's picture may cost: bytes, pixels, sides, profile, blocks. Checked before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from wearabouts.errors import ImageError


@dataclass(frozen=True, slots=True)
class Limits:
    """What is accepted of one picture.

    Attributes:
        bytes: Most bytes of the file.
        pixels: Most pixels (width times height) of the picture as the header states them.
        side: Most pixels of the longer side.
        aspect: Longer side at most so many times the shorter.
        icc_bytes: A colour profile longer than this is ignored, as a broken one is.
        blocks: Most segments, chunks or extension blocks of the file.
        scans: Most scans of a progressive JPEG: each one costs a pass over the whole picture and may be 50 bytes long.
        webp_pixels: Most pixels of a WebP, whose decoder holds each of them four times over.
        run_length_pixels: Most pixels of a run-length coded BMP, which Pillow decodes slowly.
    """

    bytes: int = 20_000_000
    pixels: int = 40_000_000
    side: int = 20_000
    aspect: float = 100.0
    icc_bytes: int = 4_000_000
    blocks: int = 65_536
    scans: int = 64
    webp_pixels: int = 24_000_000
    run_length_pixels: int = 4_000_000

    def check_bytes(self, count: int) -> None:
        """Refuse a file of `count` bytes when it is empty or too large.

        Raises:
            ImageError: It is.
        """
        if not count:
            raise ImageError("the picture has 0 bytes; give a file with content")
        if count > self.bytes:
            raise ImageError(f"the picture has {count:,} bytes; at most {self.bytes:,} are accepted; save it smaller")

    def check_size(self, width: int, height: int, pixels: int | None = None) -> None:
        """Refuse a picture of that size when it is empty, too large or too narrow.

        Args:
            width: In pixels.
            height: In pixels.
            pixels: Most pixels, where a format has a limit of its own.

        Raises:
            ImageError: It is.
        """
        if width < 1 or height < 1:
            raise ImageError(f"the picture states a size of {width}x{height} pixels; both sides must be at least 1")
        most = self.pixels if pixels is None else min(pixels, self.pixels)
        longer, shorter = max(width, height), min(width, height)
        if longer > self.side or width * height > most:
            raise ImageError(
                f"the picture states {width}x{height} pixels; at most {most:,} in all and {self.side:,} a side "
                "are accepted; scale it down"
            )
        if longer > self.aspect * shorter:
            raise ImageError(
                f"the picture is {width}x{height} pixels; one side may be at most {self.aspect:g} times the other; "
                "crop it"
            )


LIMITS = Limits()

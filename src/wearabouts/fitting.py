"""How a photo becomes the square of bytes that a graph sees: one rule, shared by training, serving and the card."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from wearabouts.types import Pixels

# A centre crop looks at the middle of a photo only: of one more elongated than this, the ends are cut off before it is
# resized, or a strip of one pixel's width would grow to gigabytes.
MOST_ELONGATED = 8


class Preprocessing(BaseModel):
    """How a photo becomes the graph's input: `size` pixels a side, sRGB bytes, (S, S, 3).

    Attributes:
        size: S.
        fit: ``white_square``: the whole photo, in its proportions, centred on white. ``stretch``: the whole photo,
            each side stretched to the square's (SigLIP, ViT). ``centre_crop``: the shorter side becomes
            `size` / `share` pixels, in proportion, and of that the square in the middle is seen (CLIP, DINOv2,
            ConvNeXt).
        resample: How pixels are interpolated; both look at all pixels that a new one covers.
        share: Of the resized shorter side, what the crop keeps; for ``centre_crop`` only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(ge=16, le=2048)
    fit: Literal["white_square", "stretch", "centre_crop"] = "white_square"
    resample: Literal["bicubic", "bilinear"] = "bicubic"
    share: float = Field(default=1.0, ge=0.25, le=1)

    def apply(self, photo: Pixels) -> Pixels:
        """Fit one photo.

        Args:
            photo: (H, W, 3) uint8 RGB, any size from one pixel up.

        Returns:
            (size, size, 3) uint8.
        """
        if self.fit == "centre_crop":
            photo = _middle(photo)
        height, width = photo.shape[:2]
        left, top, *target = self.placed(width, height)
        image = Image.fromarray(photo)
        if target != [width, height]:
            # A box reduction first is several times quicker on large photos and changes little: the gap of 3 keeps it
            # so. Networks of others are shown what they were trained on, to the pixel.
            gap = 3.0 if self.fit == "white_square" else None
            image = image.resize((target[0], target[1]), Image.Resampling[self.resample.upper()], reducing_gap=gap)
        if (left, top, *target) == (0, 0, self.size, self.size):
            return np.asarray(image)
        square = Image.new("RGB", (self.size, self.size), (255, 255, 255))
        square.paste(image, (left, top))
        return np.asarray(square)

    def placed(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Where the photo lies once fitted.

        Args:
            width: Of the photo, in pixels.
            height: Likewise.

        Returns:
            Left, top, width and height in pixels of the square; what a crop leaves out lies outside of it.
        """
        if self.fit == "stretch":
            return 0, 0, self.size, self.size
        if self.fit == "white_square":
            scale = self.size / max(height, width)
            across, down = max(1, round(width * scale)), max(1, round(height * scale))
            return (self.size - across) // 2, (self.size - down) // 2, across, down
        shorter = round(self.size / self.share)
        longer = int(shorter * max(width, height) / min(width, height))
        across, down = (shorter, longer) if width <= height else (longer, shorter)
        return -((across - self.size) // 2), -((down - self.size) // 2), across, down

    def basis(self) -> dict[str, Any]:
        """What decides over the pixels, for a hash: a share only where there is a crop."""
        return self.model_dump(exclude=set() if self.fit == "centre_crop" else {"share"})


def _middle(photo: Pixels) -> Pixels:
    """The photo without the ends that no centre crop can see."""
    height, width = photo.shape[:2]
    longest = MOST_ELONGATED * min(height, width)
    top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
    return np.ascontiguousarray(photo[top : height - top, left : width - left])

"""What stands behind the clothes: the studio's grounds, and streets and rooms. Each belongs to one part.

A scene is drawn small and a little blurred, as a lens focused on the person shows it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from wearabouts.drawn import scenes
from wearabouts.drawn.palette import RGB
from wearabouts.drawn.stage import Rng, Stage
from wearabouts.drawn.templates import Part

Scene = Callable[[Stage], None]
SCENES: dict[Part, dict[str, Scene]] = {
    "train": {
        "brick_wall": scenes.brick_wall,
        "park": scenes.park,
        "shop_front": scenes.shop_front,
        "living_room": scenes.living_room,
        "crosswalk": scenes.crosswalk,
        "metro": scenes.metro,
    },
    "calibrate": {"harbour": scenes.harbour, "hallway": scenes.hallway},
    "test": {
        "cafe": scenes.cafe,
        "plaza": scenes.plaza,
        "bedroom": scenes.bedroom,
        "graffiti": scenes.graffiti,
        "station": scenes.station,
    },
}
# part → studio ground → colour at the top and at the bottom
STUDIOS: dict[Part, dict[str, tuple[RGB, RGB]]] = {
    "train": {
        "white": ((255, 255, 255), (255, 255, 255)),
        "paper": ((250, 250, 249), (241, 241, 240)),
        "mist": ((240, 242, 244), (228, 231, 234)),
    },
    "calibrate": {"snow": ((253, 253, 253), (250, 250, 250)), "linen": ((246, 243, 238), (236, 232, 225))},
    "test": {
        "bright": ((254, 254, 254), (252, 252, 252)),
        "pearl": ((248, 248, 248), (238, 239, 240)),
        "shell": ((247, 244, 240), (238, 234, 229)),
    },
}


def scenery(part: Part, name: str, width: int, height: int, soles: float, rng: Rng) -> Image.Image:
    """A street or room to stand in.

    Args:
        part: Whose scenes.
        name: Which scene.
        width: Of the picture, in px.
        height: Of the picture, in px.
        soles: Where the person's soles are, as a share of the height (over 1 below the picture): the ground lies there.
        rng: Decides what stands where.

    Returns:
        RGB picture, a little out of focus.
    """
    tall = 1.5
    small = Stage(max(width // 2, 60), max(round(height * tall / 2), 110), rng)
    SCENES[part][name](small)
    soft = small.image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.004, 0.018)) * small.w))
    offset = float(np.clip(0.90 * tall - soles, 0.0, tall - 1.0)) / tall * small.h
    window = (0.0, offset, float(small.w), offset + small.h / tall)
    return soft.resize((width, height), Image.Resampling.BILINEAR, box=window)


def studio(part: Part, name: str, width: int, height: int) -> Image.Image:
    """A studio ground, RGB, of the given size in px: a soft vertical gradient."""
    top, bottom = STUDIOS[part][name]
    share = np.linspace(0, 1, height)[:, None, None] ** 1.5
    column = np.array(top) + (np.array(bottom) - np.array(top)) * share
    return Image.fromarray(np.repeat(np.rint(column), width, axis=1).astype(np.uint8))

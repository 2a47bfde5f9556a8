"""Photos changed as the street changes them, each time they are seen: moved, turned, mirrored, lit, blurred, covered.

Everything that moves pixels is one projective map a photo, so that pixels are sampled once and landmarks follow it.
Chance comes from torch's global generator, which the training loop seeds at every step.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from kornia.enhance import adjust_saturation, jpeg_codec_differentiable
from kornia.filters import gaussian_blur2d, motion_blur
from kornia.geometry.transform import warp_perspective
from PIL import Image, ImageDraw
from torch import Tensor

from wearabouts.training.data.recipe import Augment
from wearabouts.training.data.rows import Supervision

MIRRORED_SLOTS = (1, 0, 3, 2, 5, 4, 7, 6)  # left and right of each pair change places
ZOOM, SHIFT, TURN, TILT = 0.7, 0.12, 25.0, 0.3  # at full strength: doublings, share of the side, degrees, see `_map`
BRIGHTNESS, CONTRAST, SATURATION, TINT = 0.5, 0.5, 0.6, 0.2
SIGMA, GRAIN, QUALITY = 0.02, 0.06, (90.0, 20.0)  # share of the side, share of white, JPEG quality at 0 and at 1
SOME = 0.5  # share of photos that is blurred, covered or compressed at any strength
LEFT, RIGHT = (230, 60, 40), (40, 90, 230)


def augmented(photos: Tensor, landmarks: Tensor | None, settings: Augment) -> tuple[Tensor, Tensor | None]:
    """Change photos at random.

    Args:
        photos: (B, 3, S, S) floats in [0, 1].
        landmarks: (B, 8, 3): x, y as fractions of the square and 1 where visible; nan where not annotated. Or None.
        settings: How strongly; all 0 changes nothing.

    Returns:
        The photos, and the landmarks where they are now: in a mirrored photo left and right slots change places, and
        what left the square or was covered is visible no more.
    """
    # A training in half precision runs its nets so, not its photos.
    with torch.autocast(photos.device.type, enabled=False):
        if settings.light:
            photos = _lit(photos, settings.light)
        if settings.crop or settings.turn or settings.mirror:
            photos, landmarks = _moved(photos, landmarks, settings)  # after the light: what it lays bare stays white
        if settings.erase:
            photos, landmarks = _covered(photos, landmarks, settings.erase)
        if settings.blur:
            photos = _blurred(photos, settings.blur)
        if settings.jpeg:
            photos = _compressed(photos, settings.jpeg)
    return photos, landmarks


def _moved(photos: Tensor, landmarks: Tensor | None, settings: Augment) -> tuple[Tensor, Tensor | None]:
    size = photos.shape[-1]
    mirrored = _chance(len(photos), settings.mirror / 2)
    places = _map(mirrored, settings)
    # A fraction f of the square is at f * size - 1/2, counted in pixels from the middle of the first.
    pixel = torch.tensor([[size, 0, -0.5], [0, size, -0.5], [0, 0, 1.0]])
    matrix = (pixel @ places @ torch.linalg.inv(pixel)).to(photos)
    white = torch.ones(3).to(photos)
    moved = warp_perspective(photos, matrix, (size, size), padding_mode="fill", fill_value=white).clamp(0, 1)
    if landmarks is None:
        return moved, None
    places = places.to(landmarks)
    points = torch.cat((landmarks[..., :2], torch.ones_like(landmarks[..., :1])), dim=2) @ places.transpose(1, 2)
    xy = points[..., :2] / points[..., 2:]
    inside = ((xy >= 0) & (xy <= 1)).all(2) | xy.isnan().any(2)
    marks = torch.cat((xy, (landmarks[..., 2] * inside)[..., None]), dim=2)
    return moved, torch.where(mirrored.to(marks.device)[:, None, None], marks[:, MIRRORED_SLOTS], marks)


def _map(mirrored: Tensor, settings: Augment) -> Tensor:
    """(B, 3, 3) from fractions of the square to fractions of the new one: mirror, zoom, turn, tilt, move."""
    count = len(mirrored)
    zoom = 2.0 ** (_between(count) * ZOOM * settings.crop)
    shift = _between(count, 2) * SHIFT * settings.crop
    angle = torch.deg2rad(_between(count) * TURN * settings.turn)
    tilt = _between(count, 2) * TILT * settings.turn
    to_middle = torch.eye(3).repeat(count, 1, 1)
    to_middle[:, :2, 2] = -0.5
    turn = torch.eye(3).repeat(count, 1, 1)
    cosine, sine = zoom * torch.cos(angle), zoom * torch.sin(angle)
    side = torch.where(mirrored, -1.0, 1.0)
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1] = cosine * side, -sine, sine * side, cosine
    lean = torch.eye(3).repeat(count, 1, 1)
    lean[:, 2, :2] = tilt
    back = torch.eye(3).repeat(count, 1, 1)
    back[:, :2, 2] = 0.5 + shift
    return back @ lean @ turn @ to_middle


def _lit(photos: Tensor, strength: float) -> Tensor:
    """Contrast around each photo's mean, brightness and colour of the light, saturation."""
    count = len(photos)
    contrast = 2.0 ** (_between(count, 1, 1, 1) * CONTRAST * strength).to(photos)
    light = 2.0 ** (_between(count, 1, 1, 1) * BRIGHTNESS * strength + _between(count, 3, 1, 1) * TINT * strength)
    middle = photos.mean((1, 2, 3), keepdim=True)
    lit = ((photos - middle) * contrast + middle) * light.to(photos)
    return adjust_saturation(lit.clamp(0, 1), 1 + (_between(count) * SATURATION * strength).to(photos))


def _covered(photos: Tensor, landmarks: Tensor | None, strength: float) -> tuple[Tensor, Tensor | None]:
    """A rectangle of one colour over some photos, up to half of the side long at full strength."""
    count, size = len(photos), photos.shape[-1]
    extent = (0.1 + 0.4 * torch.rand(count, 2)) * strength * _chance(count, SOME)[:, None]
    start = torch.rand(count, 2) * (1 - extent)
    colour = torch.rand(count, 3, 1, 1).to(photos)
    middles = (torch.arange(size) + 0.5) / size
    under = (middles >= start[..., None]) & (middles < (start + extent)[..., None])
    mask = (under[:, 1, :, None] & under[:, 0, None, :])[:, None].to(photos.device)
    if landmarks is not None:
        low, high = start.to(landmarks)[:, None], (start + extent).to(landmarks)[:, None]
        hidden = ((landmarks[..., :2] >= low) & (landmarks[..., :2] < high)).all(2)
        seen = torch.where(hidden, torch.zeros_like(landmarks[..., 2]), landmarks[..., 2])
        landmarks = torch.cat((landmarks[..., :2], seen[..., None]), dim=2)
    return torch.where(mask, colour, photos), landmarks


def _blurred(photos: Tensor, strength: float) -> Tensor:
    """Some photos out of focus, some moved while they were taken."""
    size = photos.shape[-1]
    reach = max(3, int(3 * SIGMA * strength * size) * 2 + 1)
    draw = torch.rand(len(photos))
    focus, moving = torch.nonzero(draw < SOME / 2)[:, 0], torch.nonzero((draw >= SOME / 2) & (draw < SOME))[:, 0]
    sigma = (0.2 + SIGMA * strength * size * torch.rand(len(focus), 1).repeat(1, 2)).to(photos)
    angle, direction = 360 * torch.rand(len(moving)).to(photos), _between(len(moving)).to(photos)
    photos = photos.clone()
    if len(focus):
        photos[focus] = gaussian_blur2d(photos[focus], (reach, reach), sigma)
    if len(moving):
        photos[moving] = motion_blur(photos[moving], reach, angle, direction, border_type="replicate")
    return photos.clamp(0, 1)


def _compressed(photos: Tensor, strength: float) -> Tensor:
    """Grain on all photos, and the blocks of a small file on some."""
    grain = GRAIN * strength * torch.rand(len(photos), 1, 1, 1) * torch.randn(photos.shape)
    noisy = (photos + grain.to(photos)).clamp(0, 1)
    some = torch.nonzero(_chance(len(photos), SOME))[:, 0]
    if len(some):
        best, worst = QUALITY
        quality = best - (best - worst) * strength * torch.rand(len(some))
        noisy[some] = jpeg_codec_differentiable(noisy[some], quality.to(photos)).clamp(0, 1)
    return noisy


def _chance(count: int, share: float) -> Tensor:
    return torch.rand(count) < share


def _between(*shape: int) -> Tensor:
    """Floats in [-1, 1)."""
    return 2 * torch.rand(*shape) - 1


def preview(supervision: Supervision, settings: Augment, path: Path, *, rows: int = 8, variants: int = 7) -> Path:
    """Write a picture of what training will see: photos as they are, and beside each some variants.

    Args:
        supervision: Street and shop photos of it are shown by turns, from all over it.
        settings: How strongly they are changed.
        path: Where the PNG goes; landmarks are dots, left ones red, right ones blue, hidden ones hollow.
        rows: Photos shown.
        variants: Of each.

    Returns:
        `path`.
    """
    street, shop = np.flatnonzero(supervision.street), np.flatnonzero(~supervision.street)
    pairs = min(len(street), len(shop))
    if pairs:
        places = np.unique(np.linspace(0, pairs - 1, max(1, rows // 2)).astype(np.int64))
        chosen = np.stack((street[places], shop[places]), axis=1).ravel()
    else:
        chosen = np.unique(np.linspace(0, len(supervision) - 1, rows).astype(np.int64))
    seen = supervision.taken(chosen[:rows])
    size = seen.pixels.shape[1]
    sheet = Image.new("RGB", ((variants + 1) * (size + 2), len(seen) * (size + 2)), (90, 90, 90))
    still = Augment(**dict.fromkeys(Augment.model_fields, 0.0))
    for column in range(variants + 1):
        photos = torch.from_numpy(seen.pixels).permute(0, 3, 1, 2).float() / 255
        marks = torch.from_numpy(seen.landmarks)
        changed, moved = augmented(photos, marks, settings if column else still)
        assert moved is not None  # landmarks were given
        for row in range(len(seen)):
            pixels = (changed[row].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
            picture = Image.fromarray(pixels)
            _dot(picture, moved[row].tolist())
            sheet.paste(picture, (column * (size + 2) + 1, row * (size + 2) + 1))
    sheet.save(path, "PNG")
    return path


def _dot(picture: Image.Image, marks: list[list[float]]) -> None:
    draw, size = ImageDraw.Draw(picture), picture.width
    radius = max(1, size // 64)
    for slot, (x, y, seen) in enumerate(marks):
        if x != x:  # not annotated
            continue
        colour = RIGHT if slot % 2 else LEFT
        box = (x * size - radius, y * size - radius, x * size + radius, y * size + radius)
        draw.ellipse(box, fill=colour if seen else None, outline=colour)

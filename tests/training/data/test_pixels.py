"""Photos cut and fitted, their landmarks with them, and what of it survives a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wearabouts.bundles import Preprocessing
from wearabouts.catalog import Faults, Photo
from wearabouts.errors import CatalogError, ImageError
from wearabouts.fetch import Fetcher
from wearabouts.images import Picture
from wearabouts.training.data import pixels
from wearabouts.training.data.pixels import MARGIN, cut, fitted, look
from wearabouts.types import Box, Landmark

RED = (255, 0, 0)


def marked(path: Path, size: tuple[int, int], at: tuple[int, int], radius: int = 4) -> None:
    """A grey picture with a red square around a point."""
    picture = np.full((size[1], size[0], 3), 120, np.uint8)
    picture[at[1] - radius : at[1] + radius, at[0] - radius : at[0] + radius] = RED
    Image.fromarray(picture).save(path)


def red_middle(photo: np.ndarray) -> tuple[float, float]:
    """Where the red is, as fractions of the square."""
    share = np.clip(photo[..., 0].astype(float) - photo[..., 1], 0, None)
    places = (np.arange(len(photo)) + 0.5) / len(photo)
    return float((share.sum(0) * places).sum() / share.sum()), float((share.sum(1) * places).sum() / share.sum())


def slots(*points: tuple[float, float, bool]) -> tuple[Landmark, ...]:
    rest = [(0.0, 0.0, False)] * (8 - len(points))
    return tuple(Landmark(*point) for point in (*points, *rest))


def test_a_whole_photo_by_hand(tmp_path: Path) -> None:
    # 200 x 100 fitted into 50: scaled by 1/4 to 50 x 25, with floor((50 - 25) / 2) = 12 white rows above.
    marked(tmp_path / "a.png", (200, 100), (40, 60))
    photo = Photo("a", str(tmp_path / "a.png"), "shop", landmarks=slots((40, 60, True), (200, 100, False)))
    fit, marks = look(photo, Fetcher(), Preprocessing(size=50), crop=True)
    assert marks[0] == pytest.approx([40 / 200, (12 + 60 / 4) / 50, 1])
    assert marks[1] == pytest.approx([1.0, (12 + 25) / 50, 0])
    assert red_middle(fit) == pytest.approx(marks[0, :2], abs=0.01)
    assert np.all(fit[:12] == 255)


@pytest.mark.parametrize(
    "box", [Box(60, 20, 100, 60), Box(0, 0, 90, 90), Box(30.4, 10.7, 61.3, 77.9), Box(150, 30, 50, 70)]
)
def test_landmarks_stay_on_what_they_mark_when_a_street_photo_is_cut(tmp_path: Path, box: Box) -> None:
    at = (round(box.left + box.width * 0.7), round(box.top + box.height * 0.4))
    marked(tmp_path / "a.png", (200, 100), at)
    photo = Photo("a", str(tmp_path / "a.png"), "street", box=box, landmarks=slots((*at, True), (5, 5, True)))
    fit, marks = look(photo, Fetcher(), Preprocessing(size=64), crop=True)
    assert red_middle(fit) == pytest.approx(marks[0, :2], abs=0.01)
    assert marks[0, 2] == 1
    inside = box.left - MARGIN * box.width <= 5 and box.top - MARGIN * box.height <= 5
    assert marks[1, 2] == float(inside)  # what is cut away cannot be seen
    whole, _ = look(photo, Fetcher(), Preprocessing(size=64), crop=False)
    assert not np.array_equal(whole, fit)


def test_the_margin_by_hand_and_at_half_scale() -> None:
    full = Picture(np.zeros((100, 200, 3), np.uint8), (200, 100), "PNG")
    part, seen = cut(full, Box(50, 20, 50, 50))  # 8 % of 50 is 4 on each side
    assert (seen, part.shape) == (Box(46, 16, 58, 58), (58, 58, 3))
    part, seen = cut(full, Box(0, 20, 50, 500))  # cut to 80 rows, 6.4 more above and below: to the edge
    assert (seen, part.shape) == (Box(0, 13, 54, 87), (87, 54, 3))
    half = Picture(np.zeros((50, 100, 3), np.uint8), (200, 100), "JPEG")
    part, seen = cut(half, Box(50, 20, 50, 50))
    assert (seen, part.shape) == (Box(46, 16, 58, 58), (29, 29, 3))
    with pytest.raises(ImageError, match="200x100"):
        cut(full, Box(300, 20, 50, 50))


def test_a_shop_photo_is_never_cut_and_one_without_marks_has_none(tmp_path: Path) -> None:
    marked(tmp_path / "a.png", (100, 100), (20, 20))
    photo = Photo("a", str(tmp_path / "a.png"), "shop", box=Box(10, 10, 20, 20))
    fit, marks = look(photo, Fetcher(), Preprocessing(size=50), crop=True)
    assert red_middle(fit) == pytest.approx((0.2, 0.2), abs=0.01)
    assert np.isnan(marks).all()


@pytest.fixture
def photos(tmp_path: Path) -> list[Photo]:
    made = []
    for number in range(10):
        path = tmp_path / f"{number}.png"
        marked(path, (40, 40), (10 + 2 * number, 20))
        made.append(Photo(str(number), str(path), landmarks=slots((10 + 2 * number, 20, True))))
    return made


class Counting:
    """Stands in for `look`, and counts photos."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, photo, fetcher, fit, *, crop):
        self.seen.append(photo.id)
        return look(photo, fetcher, fit, crop=crop)


KILLED = """
import os, signal, sys
from pathlib import Path
from wearabouts.catalog import Faults, Photo
from wearabouts.training.data import pixels
from wearabouts.types import Landmark

look, rest = pixels.look, (Landmark(0.0, 0.0, False),) * 7
pixels.AT_ONCE, pixels.THREADS = 3, 1

def dying(photo, *others, **more):
    if photo.id == "7":
        os.kill(os.getpid(), signal.SIGKILL)
    return look(photo, *others, **more)

pixels.look = dying
folder = Path(sys.argv[1])
photos = [Photo(str(n), str(folder / f"{n}.png"), landmarks=(Landmark(10 + 2 * n, 20, True), *rest)) for n in range(10)]
pixels.fitted(photos, 32, crop=True, folder=folder / "killed", faults=Faults(), progress=lambda *_: None)
"""


def asked(photos: list[Photo], folder: Path, faults: Faults | None = None):
    given = Faults() if faults is None else faults
    return fitted(photos, 32, crop=True, folder=folder, faults=given, progress=lambda *_: None)


def test_a_killed_run_goes_on_and_a_finished_one_decodes_nothing(tmp_path, photos, monkeypatch) -> None:
    (tmp_path / "4.png").write_bytes(b"no picture")
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    monkeypatch.setattr(pixels, "THREADS", 1)
    counting = Counting()
    monkeypatch.setattr(pixels, "look", counting)
    killed = asked(photos, tmp_path / "killed")
    assert counting.seen in (["6", "7", "8", "9"], ["7", "8", "9"])  # 7 may have died before 6 was put down
    faults = Faults()
    clean = asked(photos, tmp_path / "clean", faults)
    assert faults.counts["photo"] == 1
    counting.seen.clear()
    again = asked(photos, tmp_path / "killed")
    assert counting.seen == []
    for one in (killed, again):
        assert np.array_equal(clean.pixels, one.pixels)
        assert np.array_equal(clean.landmarks, one.landmarks, equal_nan=True)
        assert one.kept.tolist() == [n != 4 for n in range(10)]
    assert len(clean.pixels) == 9
    assert np.array_equal(clean.pixels[4], look(photos[5], Fetcher(), Preprocessing(size=32), crop=True)[0])


def test_other_questions_and_changed_files_are_decoded_anew(tmp_path, photos, monkeypatch) -> None:
    counting = Counting()
    monkeypatch.setattr(pixels, "look", counting)
    folder = tmp_path / "fitted"
    asked(photos, folder)
    asked(photos[:9], folder)
    fitted(photos, 16, crop=True, folder=folder, faults=Faults(), progress=lambda *_: None)
    assert len(counting.seen) == 10 + 9 + 10
    marked(Path(photos[0].uri), (40, 40), (30, 30))
    os.utime(photos[0].uri, ns=(1, 1))
    changed = asked(photos, folder)
    assert len(counting.seen) == 39
    assert red_middle(changed.pixels[0]) == pytest.approx((0.75, 0.75), abs=0.03)


def test_what_is_read_may_be_written_to_without_the_file_changing(tmp_path, photos) -> None:
    first = asked(photos, tmp_path / "fitted")
    kept = first.pixels[3].copy()
    first.pixels[3] = 7
    assert np.array_equal(asked(photos, tmp_path / "fitted").pixels[3], kept)


def test_nothing_to_read_and_no_room_say_so(tmp_path, photos, monkeypatch) -> None:
    for photo in photos:
        Path(photo.uri).write_bytes(b"no picture")
    for _ in range(2):  # at once, and as a later run finds it
        with pytest.raises(CatalogError, match="none of 10 photos"):
            asked(photos, tmp_path / "fitted")
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(pixels.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(CatalogError, match=r"need 0\.0 GB"):
        asked(photos[:5], tmp_path / "fitted")

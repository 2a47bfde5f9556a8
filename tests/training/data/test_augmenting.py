"""Photos changed: landmarks follow by hand-made maps and by a drawn dot, and nothing asked for changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from wearabouts.training.data import augmenting
from wearabouts.training.data.augmenting import augmented, preview
from wearabouts.training.data.recipe import Augment, Data
from wearabouts.training.data.supervision import read

OFF = dict.fromkeys(Augment.model_fields, 0.0)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def only(**strengths: float) -> Augment:
    return Augment(**{**OFF, **strengths})


def dotted(count: int = 16, size: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    """Grey photos with one red dot each, which is landmark 2; landmark 3 is not visible, the others not annotated."""
    rng = np.random.default_rng(0)
    photos = torch.full((count, 3, size, size), 0.4)
    marks = torch.full((count, 8, 3), torch.nan)
    for number in range(count):
        x, y = rng.integers(size // 3, size * 2 // 3, 2)
        photos[number, :, y - 2 : y + 2, x - 2 : x + 2] = torch.tensor([1.0, 0, 0])[:, None, None]
        marks[number, 2] = torch.tensor([x / size, y / size, 1.0])
        marks[number, 3] = torch.tensor([0.5, 0.5, 0.0])
    return photos, marks


def red_middles(photos: torch.Tensor) -> torch.Tensor:
    share = (photos[:, 0] - photos[:, 1]).clamp(0)
    places = (torch.arange(photos.shape[-1]) + 0.5) / photos.shape[-1]
    total = share.sum((1, 2))
    return torch.stack(((share.sum(1) * places).sum(1) / total, (share.sum(2) * places).sum(1) / total), dim=1)


def test_nothing_asked_for_changes_nothing():
    photos, marks = dotted()
    out, moved = augmented(photos, marks, only())
    assert torch.equal(out, photos)
    assert torch.equal(moved.nan_to_num(-1), marks.nan_to_num(-1))
    assert augmented(photos, None, only(crop=1.0))[1] is None


@pytest.mark.parametrize("strengths", [{"crop": 1.0}, {"turn": 1.0}, {"crop": 1.0, "turn": 1.0, "mirror": 1.0}])
def test_a_landmark_stays_on_its_dot(strengths):
    photos, marks = dotted(64)
    torch.manual_seed(0)
    out, moved = augmented(photos, marks, only(**strengths))
    slot = torch.where(moved[:, 2, 2] == 1, 2, 3)  # its slot in a mirrored photo is the other of the pair
    seen = moved[torch.arange(64), slot]
    whole = seen[:, 2] == 1
    assert whole.sum() > 50
    near = ((seen[:, :2] > 0.06) & (seen[:, :2] < 0.94)).all(1) & whole
    assert torch.allclose(seen[near, :2], red_middles(out)[near], atol=0.012)
    assert (seen[:, :2] - marks[:, 2, :2]).abs().max() > 0.05  # they did move
    assert moved[:, [0, 1, 4, 5, 6, 7]].isnan().all()  # not annotated before, not annotated now
    if "mirror" in strengths:
        assert set(slot[whole].tolist()) == {2, 3}
    else:
        assert (slot == 2).all()


def test_a_mirrored_photo_by_hand():
    torch.manual_seed(0)
    photos = torch.rand(40, 3, 17, 17)
    marks = torch.rand(40, 8, 3).round(decimals=3)
    marks[:, :, 2] = (torch.arange(8) % 3 == 0).float()
    out, moved = augmented(photos, marks, only(mirror=1.0))
    mirrored = torch.tensor([not torch.allclose(one, other, atol=1e-3) for one, other in zip(out, photos, strict=True)])
    assert 8 < mirrored.sum() < 32
    assert torch.allclose(out[mirrored], photos[mirrored].flip(-1), atol=1e-3)
    assert torch.allclose(moved[~mirrored], marks[~mirrored], atol=1e-6)
    for left, right in ((0, 1), (2, 3), (4, 5), (6, 7)):
        for now, before in ((left, right), (right, left)):
            expected = marks[mirrored, before] * torch.tensor([-1.0, 1, 1]) + torch.tensor([1.0, 0, 0])
            assert torch.allclose(moved[mirrored, now], expected, atol=1e-6)
    never, still = augmented(photos, marks, only(mirror=0.0))
    assert torch.equal(never, photos)
    assert torch.equal(still, marks)


def test_a_map_by_hand(monkeypatch):
    """Every draw at 1: zoomed by 2 ** 0.7, turned by 25 degrees, leaning by 0.3 both ways, moved by 0.12."""
    monkeypatch.setattr(augmenting, "_between", lambda *shape: torch.ones(shape))
    matrix = augmenting._map(torch.tensor([False]), only(crop=1.0, turn=1.0))[0]
    x, y = 0.7, 0.4
    angle, zoom = np.deg2rad(25), 2**0.7
    u = zoom * (np.cos(angle) * (x - 0.5) - np.sin(angle) * (y - 0.5))
    v = zoom * (np.sin(angle) * (x - 0.5) + np.cos(angle) * (y - 0.5))
    w = 0.3 * u + 0.3 * v + 1
    point = matrix @ torch.tensor([x, y, 1.0])
    assert (point[:2] / point[2]).tolist() == pytest.approx([u / w + 0.62, v / w + 0.62], abs=1e-6)


def test_what_leaves_the_square_or_is_covered_is_seen_no_more():
    photos = torch.full((200, 3, 32, 32), 0.4)
    marks = torch.rand(200, 8, 3)
    marks[..., 2] = 1
    torch.manual_seed(1)
    _, moved = augmented(photos, marks, only(crop=1.0, turn=1.0))
    inside = ((moved[..., :2] >= 0) & (moved[..., :2] <= 1)).all(2)
    assert torch.equal(moved[..., 2] == 1, inside)
    assert 0 < (~inside).sum() < inside.sum()
    torch.manual_seed(1)
    out, kept = augmented(photos, marks, only(erase=1.0))
    painted = (out != 0.4).any(1)
    cells = (marks[..., :2] * 32).long()
    under = painted[torch.arange(200)[:, None], cells[..., 1], cells[..., 0]]
    edge = (marks[..., :2] * 32 % 1 - 0.5).abs().amin(2) > 0.49  # a mark on the rim of a pixel may fall to either side
    assert ((kept[..., 2] == 0) == under)[~edge].float().mean() > 0.97
    assert torch.equal(kept[..., :2], marks[..., :2])
    assert 60 < painted.any((1, 2)).sum() < 140  # about half of the photos
    assert painted.float().mean((1, 2)).max() <= 0.3


@pytest.mark.parametrize("name", Augment.model_fields)
def test_the_stronger_the_farther_from_what_was_there(name, drawn_small, run):
    rows, _ = read(Data(split="", crop=""), drawn_small, 64, run)
    photos = torch.from_numpy(rows.pixels[:32]).permute(0, 3, 1, 2).float() / 255
    apart = []
    for strength in (0.0, 0.2, 1.0):
        torch.manual_seed(3)
        out, _ = augmented(photos, None, only(**{name: strength}))
        assert out.shape == photos.shape
        assert out.min() >= 0
        assert out.max() <= 1
        apart.append(float((out - photos).abs().mean()))
    assert apart[0] == 0
    assert 0 < apart[1] < apart[2]


def test_the_light_changes_colour_and_moves_nothing():
    photos = torch.rand(1, 3, 32, 32).repeat(40, 1, 1, 1) * 0.4 + 0.3
    torch.manual_seed(0)
    out, _ = augmented(photos, None, only(light=1.0))
    assert out.mean((1, 2, 3)).std() > 0.03  # brighter and darker
    assert (out.mean((2, 3)) / out.mean((1, 2, 3))[:, None]).std(0).min() > 0.01  # and of another colour each
    for photo in out:
        both = torch.stack((photo.mean(0).flatten(), photos[0].mean(0).flatten()))
        assert torch.corrcoef(both)[0, 1] > 0.9


def test_chance_is_torchs_own():
    photos, marks = dotted()
    outs = []
    for seed in (4, 4, 5):
        torch.manual_seed(seed)
        outs.append(augmented(photos, marks, Augment()))
    assert torch.equal(outs[0][0], outs[1][0])
    assert torch.equal(outs[0][1].nan_to_num(-1), outs[1][1].nan_to_num(-1))
    assert not torch.equal(outs[0][0], outs[2][0])


def test_half_precision_around_it_changes_nothing():
    photos, marks = dotted()
    seen = []
    for halved in (False, True):
        torch.manual_seed(4)
        with torch.autocast("cpu", torch.bfloat16, enabled=halved):
            seen.append(augmented(photos, marks, Augment()))
    assert torch.equal(seen[0][0], seen[1][0])
    assert torch.equal(seen[0][1].nan_to_num(-1), seen[1][1].nan_to_num(-1))


def test_the_preview_shows_photos_as_they_are_and_changed(drawn_small, run, tmp_path):
    rows, _ = read(Data(split="", crop=""), drawn_small, 64, run)
    torch.manual_seed(0)
    path = preview(rows, Augment(), tmp_path / "preview.png", rows=4, variants=3)
    with Image.open(path) as picture:
        sheet = np.asarray(picture)
    assert sheet.shape == (4 * 66, 4 * 66, 3)
    cells = sheet.reshape(4, 66, 4, 66, 3)[:, 1:-1, :, 1:-1].transpose(0, 2, 1, 3, 4).astype(int)
    street, shop = np.flatnonzero(rows.street), np.flatnonzero(~rows.street)
    last = min(len(street), len(shop)) - 1
    for row, source in enumerate((street[0], shop[0], street[last], shop[last])):
        differs = (cells[row, 0] != rows.pixels[source]).any(2).mean()
        assert 0 < differs < 0.03  # the dots alone
        assert all((cells[row, 0] != cells[row, column]).any(2).mean() > 0.3 for column in (1, 2, 3))

"""The shipped network: colours, blocks, weights, and what is frozen."""

from __future__ import annotations

from colorsys import rgb_to_hsv

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from wearabouts.models.colour import (
    HUES,
    PALETTE,
    SATURATIONS,
    VALUES,
    hsv_cell,
    lab,
    palette,
    soft_histogram,
    spread,
)
from wearabouts.models.mini import (
    ATTRIBUTE_LENGTH,
    LABELS_SHARE,
    STREET_WEIGHTS,
    STUDIO_WEIGHTS,
    Mini,
    studio_share,
)


@pytest.fixture(scope="module")
def net() -> Mini:
    torch.manual_seed(0)
    return Mini(5, {"color": 3, "sleeve": 2}, identity_dim=16, garment_dim=8, photo_dim=8).eval()


def test_lab_of_known_colours() -> None:
    # CIE values of sRGB white, black, red, green, blue under D65 (Lindbloom's tables, rounded)
    rgb = torch.tensor([[1.0, 1, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    known = torch.tensor([[100.0, 0, 0], [0, 0, 0], [53.2, 80.1, 67.2], [87.7, -86.2, 83.2], [32.3, 79.2, -107.9]])
    assert torch.allclose(lab(rgb) * 100, known, atol=0.6)


def test_a_histogram_sums_to_one_and_finds_its_colour() -> None:
    centres = spread(64)
    rgb = torch.tensor([[[1.0, 0, 0]] * 3 + [[0, 0, 1.0]]])
    weight = torch.tensor([[0.25] * 4])
    histogram = soft_histogram(rgb, weight, centres, 1 / 0.03**2)
    assert float(histogram.sum()) == pytest.approx(1, abs=1e-5)
    nearest = (lab(torch.tensor([1.0, 0, 0])) - centres).square().sum(1).argmin()
    assert int(histogram.argmax()) == int(nearest)
    assert float(histogram.max()) == pytest.approx(0.75, abs=0.02)


def test_the_palette_ignores_paper_white() -> None:
    small = torch.ones(1, 64, 3)
    small[:, :4] = torch.tensor([0.1, 0.2, 0.7])
    full = torch.zeros(1, 64, 3) + torch.tensor([0.1, 0.2, 0.7])
    seen = palette(torch.cat((small, full)))
    assert seen.shape == (2, PALETTE)
    assert float(seen[0] @ seen[1]) > 0.98


def test_the_palette_is_the_root_of_a_plain_histogram() -> None:
    rgb = torch.rand(2, 50, 3, generator=torch.Generator().manual_seed(4)) * 0.8  # far from white: all count alike
    for row, seen in zip(rgb, palette(rgb), strict=True):
        counts = torch.zeros(PALETTE)
        for colour in row:
            counts[int(hsv_cell(colour))] += 1
        assert torch.allclose(seen, F.normalize(counts.sqrt(), dim=0), atol=2e-3)


def test_vectors_have_length_one_and_blocks_have_their_weights(net: Mini) -> None:
    pixels = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        seen = net(pixels)
    assert seen.vector.shape == (3, 32)
    assert torch.allclose(seen.vector.norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.allclose(seen.weights.sum(1), torch.ones(3), atol=1e-6)
    blocks = seen.vector.split([16, 8, 8], dim=1)
    shares = torch.stack([block.square().sum(1) for block in blocks], 1)
    assert torch.allclose(shares, seen.weights, atol=1e-5)
    assert torch.allclose(F.normalize(blocks[0], dim=1), seen.identity, atol=1e-5)


def test_a_batch_says_what_single_photos_say(net: Mini) -> None:
    pixels = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        together = net(pixels).vector
        alone = torch.cat([net(pixels[i : i + 1]).vector for i in range(3)])
    assert torch.allclose(together, alone, atol=1e-5)


def test_training_moves_what_it_says_and_nothing_frozen() -> None:
    torch.manual_seed(1)
    net = Mini(5, {"color": 3}, identity_dim=16, garment_dim=8, photo_dim=8)
    seen = net.upper(net.frozen(torch.rand(2, 3, 64, 64)))
    (seen.vector.sum() + seen.garment.square().sum() + seen.attributes["color"].sum()).backward()
    trained = {id(parameter) for parameter in net.trained()}
    for parameter in (*net.v1.parameters(), *net.v2.stem.parameters(), *net.v2.blocks[:13].parameters()):
        assert id(parameter) not in trained
    assert all(parameter.grad is not None for parameter in net.trained())


def test_saliency_decides_whose_colour_counts(net: Mini) -> None:
    """The garment's colour block looks where the mask looks: only there does a change of colour move it."""
    rgb = torch.zeros(1, 4, 3) + torch.tensor([0.8, 0.1, 0.1])
    there, elsewhere = torch.tensor([[1.0, 0, 0, 0]]), torch.tensor([[0, 0, 0, 1.0]])
    changed = rgb.clone()
    changed[0, 3] = torch.tensor([0.1, 0.1, 0.8])
    same = F.cosine_similarity(net.garment_colour(rgb, there), net.garment_colour(changed, there))
    moved = F.cosine_similarity(net.garment_colour(rgb, elsewhere), net.garment_colour(changed, elsewhere))
    assert float(same.detach()) == pytest.approx(1, abs=1e-5)
    assert float(moved.detach()) < 0.9


def test_spread_colours_cover_the_cube() -> None:
    centres = spread(256).numpy()
    assert len(np.unique(centres.round(4), axis=0)) == 256
    assert centres[:, 0].min() < 0.1
    assert centres[:, 0].max() > 0.9


def test_white_ground_makes_a_studio_photo_and_what_fits_it_into_the_square_does_not() -> None:
    studio, street, padded, detail, wall = torch.ones(5, 3, 40, 40)
    for row in range(40):  # a garment that widens downwards, on white
        studio[:, row, 20 - row // 3 : 20 + row // 3] = 0.3
    street[:] = 0.4
    padded[:, :, 10:30] = 0.4  # a tall street photo fitted into the square
    detail[:, :, 6:] = 0.3  # a close detail, fitted in: white in one corner only
    detail[:, :12, 25:] = 1.0
    wall[:] = 0.4  # with a window, bright, but not paper white
    wall[:, 2:18, 4:24] = 0.93
    share = studio_share(torch.stack((studio, street, padded, detail, wall)))
    assert share[0] == 1
    assert share[3] == 1
    assert share[[1, 2, 4]].tolist() == pytest.approx([0, 0, 0], abs=0.01)


def test_a_thing_on_grey_paper_with_white_all_around_is_a_studio_photo() -> None:
    photo = torch.full((1, 3, 40, 40), 0.93)  # no paper white inside
    photo[:, :, 10:30, 10:30] = 0.3
    assert studio_share(photo) > 0.9


def test_a_photo_of_nothing_but_white_has_weights() -> None:
    assert studio_share(torch.ones(1, 3, 16, 16)).tolist() == pytest.approx([1], abs=0.01)


def test_how_a_photo_was_taken_is_not_switched_by_a_few_pixels() -> None:
    photos = torch.full((12, 3, 48, 48), 0.4)
    for spots, photo in enumerate(photos):
        for n in range(spots * 10):
            photo[:, 1 + 2 * (n // 20), 1 + 2 * (n % 20)] = 1.0
    steps = studio_share(photos).diff()
    assert (steps >= 0).all()
    assert steps.max() < 0.15


def test_weights_follow_how_the_photo_was_taken(net: Mini) -> None:
    assert sum(STREET_WEIGHTS) == pytest.approx(1)
    assert sum(STUDIO_WEIGHTS) == pytest.approx(1)
    photos = torch.ones(2, 3, 64, 64)
    photos[0, :, 8:56].copy_(0.2 + 0.8 * (torch.arange(64) > torch.arange(8, 56).unsqueeze(1)).float())
    photos[1] = 0.4
    with torch.inference_mode():
        weights = net(photos).weights
    assert torch.allclose(weights[0], torch.tensor(STUDIO_WEIGHTS), atol=0.03)
    assert torch.allclose(weights[1], torch.tensor(STREET_WEIGHTS), atol=0.03)


def test_cells_are_those_of_the_standard_library() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (500, 3)) / 255
    got = hsv_cell(torch.from_numpy(colours).float()).tolist()
    wrong = 0
    for colour, cell in zip(colours, got, strict=True):
        shares = zip(rgb_to_hsv(*colour), (HUES, SATURATIONS, VALUES), strict=True)
        hue, saturation, value = (min(int(share * cells), cells - 1) for share, cells in shares)
        wrong += cell != (hue * SATURATIONS + saturation) * VALUES + value
    assert wrong <= 3  # colours on the edge of a cell, where float32 may round the other way
    greys = hsv_cell(torch.tensor([[0.0, 0, 0], [0.5, 0.5, 0.5], [1, 1, 1]])).tolist()
    assert greys == [0, VALUES // 2, VALUES - 1]


def test_labels_take_their_share_of_identity_and_nothing_else() -> None:
    torch.manual_seed(0)
    net = Mini(5, {"color": 3, "sleeve": 2}, identity_dim=16, garment_dim=8, photo_dim=8, labels_dim=6).eval()
    net.label_directions.copy_(torch.linalg.qr(torch.rand(10, 10))[0][:, :6])
    pixels = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        plain, served = net(pixels), net.serve(pixels)
        labels = net.labels(plain)
    assert net.dim == served.vector.shape[1] == 38
    shares = torch.stack([block.square().sum(1) for block in served.vector.split([6, 16, 8, 8], dim=1)], 1)
    identity, *rest = plain.weights.unbind(1)
    wanted = torch.stack((LABELS_SHARE * identity, (1 - LABELS_SHARE) * identity, *rest), 1)
    assert torch.allclose(shares, wanted, atol=1e-5)
    assert torch.allclose(F.normalize(labels @ net.label_directions, dim=1), F.normalize(served.vector[:, :6], dim=1))
    lengths = [block.norm(dim=1) for block in labels.split([5, 3, 2], dim=1)]
    assert torch.allclose(lengths[1] / lengths[0], torch.full((3,), ATTRIBUTE_LENGTH), atol=1e-5)
    assert torch.allclose(labels.norm(dim=1), torch.ones(3), atol=1e-5)


def test_without_a_block_of_labels_the_trained_vector_is_served(net: Mini) -> None:
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        assert torch.equal(net.serve(pixels).vector, net(pixels).vector)

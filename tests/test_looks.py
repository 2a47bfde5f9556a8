"""A query seen: which kinds are held possible, what two views share, how finely a photo is decoded."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fakes import TinyEncoder, TinyGarmentEncoder
from wearabouts.looks import Look, Viewer, shared
from wearabouts.settings import SearchSettings
from wearabouts.types import Box


@pytest.mark.parametrize(
    ("mass", "kinds"),
    [
        (0.0, ("dress",)),
        (0.6, ("dress",)),
        (0.61, ("dress", "skirt")),
        (0.95, ("dress", "skirt", "top")),
        (1.0, ("dress", "skirt", "top", "hat")),
    ],
)
def test_likely_kinds_are_the_fewest_that_hold_the_mass(mass, kinds):
    look = Look(None, "whole", np.zeros(2, np.float32), {"dress": 0.6, "skirt": 0.3, "top": 0.08, "hat": 0.02}, {})
    assert look.likely(mass) == kinds
    assert look.garment == "dress"


def test_a_look_without_garments_holds_none_likely():
    look = Look(None, "whole", np.zeros(2, np.float32), {}, {})
    assert (look.likely(0.95), look.garment) == ((), None)


def test_shared_tells_only_what_both_know():
    agrees, differs = shared({"color": "red", "sleeve": "long", "collar": "none"}, {"color": "blue", "sleeve": "long"})
    assert agrees == ("sleeve: long",)
    assert differs == ("color: red → blue",)


def jpeg(width, height):
    file = io.BytesIO()
    Image.new("RGB", (width, height), (200, 40, 40)).save(file, "JPEG")
    return file.getvalue()


def test_a_photo_is_decoded_no_finer_than_its_crops_need_and_in_full_for_a_given_box():
    viewer = Viewer(TinyEncoder(), SearchSettings())
    picture, box = viewer.open(jpeg(4096, 2048))
    assert box is None
    assert picture.size == (4096, 2048)
    assert picture.pixels.shape == (256, 512, 3)
    picture, box = viewer.open(jpeg(4096, 2048), Box(4000, 0, 500, 64))
    assert box == Box(4000, 0, 96, 64)
    assert picture.pixels.shape == (2048, 4096, 3)


@pytest.mark.parametrize(("side", "origins"), [(64, ["whole"]), (65, ["whole", "salient"])])
def test_a_crop_is_looked_at_only_where_the_photo_has_more_than_the_encoder_takes(side, origins):
    pixels = np.full((side, side, 3), 255, np.uint8)
    pixels[20:44, 20:44] = (200, 40, 40)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    viewer = Viewer(TinyEncoder(), SearchSettings())
    assert viewer.encoder.input_size == 64
    assert [look.origin for look in viewer.looks(*viewer.open(file.getvalue()))] == origins


def test_garments_come_likeliest_first_and_attributes_only_when_certain():
    encoder = TinyGarmentEncoder()
    viewer = Viewer(encoder, SearchSettings(certain=0.9))
    green, dull = (np.full((40, 40, 3), colour, np.uint8) for colour in ((10, 240, 120), (100, 130, 100)))
    looks = [viewer.looks(viewer.open(png(photo))[0], None)[0] for photo in (green, dull)]
    assert list(looks[0].garments) == ["pants", "shoes", "dress"]
    assert sum(looks[0].garments.values()) == pytest.approx(1, abs=1e-5)
    assert looks[0].attributes == {"color": "green"}
    assert looks[1].attributes == {}


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


class Seeing(TinyGarmentEncoder):
    """Also gives regions: of each photo, two of three numbers, the first its mean red."""

    def encode(self, photos, side="shop"):
        regions = np.zeros((len(photos), 2, 3), np.int8)
        regions[:, 0, 0] = [int(photo[..., 0].mean()) // 2 for photo in photos]
        return replace(super().encode(photos, side), regions=regions)


def test_each_look_carries_the_evidence_of_its_own_photo():
    viewer = Viewer(Seeing(), SearchSettings())
    pixels = np.full((200, 200, 3), 255, np.uint8)
    pixels[60:140, 60:140] = (20, 220, 30)
    looks = viewer.looks(*viewer.open(png(pixels)))
    assert [look.origin for look in looks] == ["whole", "salient"]
    for look in looks:
        np.testing.assert_array_equal(look.evidence.vectors, look.vector[None])
        assert (look.evidence.regions.shape, look.evidence.labels.shape) == ((1, 2, 3), (1, 6))
        shares = [look.garments[name] for name in ("dress", "pants", "shoes")]
        assert look.evidence.labels[0, :3].tolist() == [round(255 * share) for share in shares]
    assert looks[0].evidence.regions[0, 0, 0] > looks[1].evidence.regions[0, 0, 0]  # the crop holds less white


def test_an_encoder_that_tells_nothing_beside_the_vector_gives_that_alone():
    viewer = Viewer(TinyEncoder(), SearchSettings())
    evidence = viewer.looks(*viewer.open(jpeg(80, 80)))[0].evidence
    assert (evidence.vectors.shape, evidence.regions, evidence.labels) == ((1, 32), None, None)

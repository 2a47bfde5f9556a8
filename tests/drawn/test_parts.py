"""Nothing that draws `test` ever draws `train` or `calibrate`, by name and by value."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from wearabouts.drawn.backdrops import SCENES, STUDIOS
from wearabouts.drawn.camera import WEATHERS
from wearabouts.drawn.families import block
from wearabouts.drawn.figures import FIGURES, POSES
from wearabouts.drawn.motifs import MOTIFS
from wearabouts.drawn.photos import LOGOS
from wearabouts.drawn.prints import PRINTS
from wearabouts.drawn.shoes import LASTS
from wearabouts.drawn.templates import CUTS, PARTS
from wearabouts.garments import GARMENTS

SETTINGS = {
    "cuts": {part: {cut.name for cut in CUTS[part]} for part in PARTS},
    "cuts without names": {part: {replace(cut, name=cut.garment) for cut in CUTS[part]} for part in PARTS},
    "motifs": {part: {name for kind in MOTIFS[part].values() for name in kind} for part in PARTS},
    "prints": {part: set(PRINTS[part]) for part in PARTS},
    "print artists": {part: set(PRINTS[part].values()) for part in PARTS},
    "figures": {part: {figure.name for figure in FIGURES[part]} for part in PARTS},
    "bodies": {part: {replace(figure.build, name="") for figure in FIGURES[part]} for part in PARTS},
    "poses": {part: {pose.name for pose in POSES[part]} for part in PARTS},
    "postures": {part: {replace(pose, name="") for pose in POSES[part]} for part in PARTS},
    "scenes": {part: set(SCENES[part]) for part in PARTS},
    "scene painters": {part: set(SCENES[part].values()) for part in PARTS},
    "studios": {part: set(STUDIOS[part]) for part in PARTS},
    "studio grounds": {part: set(STUDIOS[part].values()) for part in PARTS},
    "weathers": {part: {weather.name for weather in WEATHERS[part]} for part in PARTS},
    "lights": {part: {replace(weather, name="") for weather in WEATHERS[part]} for part in PARTS},
    "logos": {part: {LOGOS[part]} for part in PARTS},
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_two_parts_share_a_setting(setting):
    for one, other in combinations(PARTS, 2):
        assert SETTINGS[setting][one], f"{one} has none"
        assert not SETTINGS[setting][one] & SETTINGS[setting][other]


def test_names_are_not_used_twice_in_one_part():
    for part in PARTS:
        names = [cut.name for cut in CUTS[part]]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("part", ["train", "test"])
def test_both_large_parts_are_rich(part):
    garments = {cut.garment for cut in CUTS[part]}
    assert garments <= set(GARMENTS)
    assert len(garments) >= 14
    assert set(MOTIFS[part]) == {"striped", "checked", "dotted", "floral", "other"}
    assert all(len(names) >= 2 for names in MOTIFS[part].values())
    assert min(len(SETTINGS[name][part]) for name in ("figures", "poses", "scenes", "weathers", "prints")) >= 4


def test_shoe_lasts_have_each_their_own_shape():
    assert len(set(LASTS.values())) == len(LASTS)
    assert {cut.style for part in PARTS for cut in CUTS[part] if cut.garment == "shoes"} == set(LASTS)


@pytest.mark.parametrize("part", PARTS)
def test_what_is_drawn_uses_settings_of_its_own_part_only(part):
    for number in range(25):
        for spec in block(4, part, number):
            assert spec.cut.name in SETTINGS["cuts"][part]
            if spec.pattern.kind == "graphic":
                assert spec.pattern.motif in PRINTS[part]
            elif spec.pattern.kind != "plain":
                assert spec.pattern.motif in MOTIFS[part][spec.pattern.kind]

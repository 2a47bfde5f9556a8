"""Shop words to garments: certain, or silent."""

from __future__ import annotations

import pytest

from wearabouts import garments
from wearabouts.garments import ALONE, ENDINGS, GARMENTS, SHELVES, SHOP_WORDS, UNMAPPED, garment_of


@pytest.mark.parametrize(
    ("category", "title", "garment"),
    [
        ("Women > Tops > Jackets", "", "outwear"),
        ("Apparel & Accessories > Clothing > Dresses", "", "dress"),
        ("Default Category/Men/Bottoms/Pants", "Cronus Yoga Pant", "pants"),
        ("Clothing > Tshirts", "V-Neck T-Shirt", "t_shirt"),
        ("Clothing > Tshirts", "Polo", "polo"),  # the title is the finer word
        ("Clothing > Tshirts", "Long Sleeve Tee", "longsleeve"),
        ("Clothing > Shirts & Tops", "V-Neck T-Shirt", "t_shirt"),  # a shelf of many kinds says nothing
        ("Clothing > Accessories", "Beanie", "hat"),
        ("", "Shirt dress", "dress"),  # the last word is the thing
        ("", "Dress shirt", "shirt"),
        ("", "Polo shirt, white", "polo"),
        ("", "LED High Tops", "shoes"),
        ("", "Hoodie with Pocket", "hoodie"),
        ("", "Jacket for dresses", "outwear"),
        ("T-Shirt", "", "t_shirt"),
        ("Body", "", "body"),
        # German: the end of a compound is the thing
        ("Kleider", "Sommerkleid rot", "dress"),
        ("", "Hemdblusenkleid", "dress"),
        ("Damen > Röcke", "", "skirt"),
        ("Rock", "", "skirt"),
        ("", "Lederjacke", "outwear"),
        ("Herren > Hosen", "Stoffhose", "pants"),
        ("Mützen", "", "hat"),
        # French and Spanish: the first word is the thing
        ("", "Robe chemise en lin", "dress"),
        ("Femme > Jupes", "", "skirt"),
        ("", "Chemisier à pois", "blouse"),
        ("", "Camiseta polo", "t_shirt"),
        ("Mujer > Vestidos", "", "dress"),
        ("Zapatos", "", "shoes"),
    ],
)
def test_words_that_are_certain(category: str, title: str, garment: str) -> None:
    assert garment_of(category, title) == garment


@pytest.mark.parametrize(
    ("category", "title"),
    [
        ("", ""),
        ("Music", "Album"),
        ("", "Striped Skirt and Top"),  # two things
        ("Clothing > Dresses > Jackets", "Evening dress"),  # shelf and title contradict each other
        ("Clothing > Shorts", "Yoga Pant"),
        ("", "Polo Ralph Lauren Socks"),  # the thing is known and has no class
        ("Accessories > Belts", "Dress belt"),
        ("Hoodies & Sweatshirts", "Street Sweatshirt"),
        ("", "Unterhose"),
        ("", "Strumpfhose"),
        ("", "Barock Tapete"),
        ("Bath & Body", ""),
        ("Tops", "Something"),
        ("airplane", "airplane 0001"),
        ("Lips", "Lipstick"),
        ("", "Garden hose"),
        ("", "Rock poster"),
        ("\x00" * 1_000, "x" * 100_000),
    ],
)
def test_words_that_are_not_certain_map_to_nothing(category: str, title: str) -> None:
    assert garment_of(category, title) == ""


def test_every_word_of_the_table_means_its_garment_alone() -> None:
    wrong = {word: garment_of(word) for name, words in SHOP_WORDS.items() for word in words if garment_of(word) != name}
    assert wrong == {}
    assert {word: garment_of(word) for word in ALONE} == ALONE
    assert {word: garment_of("sommer" + word) for word in ENDINGS} == ENDINGS


def test_no_word_has_two_meanings_and_all_meanings_are_garments() -> None:
    owner: dict[str, str] = {}
    for name, words in SHOP_WORDS.items():
        for word in words:
            assert owner.setdefault(garments._folded(word), name) == name
    assert not set(owner) & {garments._folded(word) for word in UNMAPPED}
    assert set(SHOP_WORDS) == set(GARMENTS)
    named = (
        {name for shelf, held in SHELVES.items() for name in (shelf, *held)}
        | set(ENDINGS.values())
        | set(ALONE.values())
    )
    assert named <= set(GARMENTS)


def test_words_without_a_class_stay_without_one() -> None:
    assert {word: garment_of(word) for word in UNMAPPED if garment_of(word)} == {}

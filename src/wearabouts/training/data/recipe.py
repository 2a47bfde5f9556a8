"""What a recipe says of its data: which photos of which catalog, which of their labels, and how photos are changed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wearabouts.training.recipe import Section


class Data(Section):
    """Which photos are learned from, and what is known of them.

    Attributes:
        reader: A name in `wearabouts.readers.READERS`; empty leaves the guess to the folder.
        options: What that reader takes, such as ``category``.
        split: Photos of this split are learned from, and with a street photo of it the gallery photos of its product;
            empty for all photos of the catalog, whatever their split.
        held_out: Share of the products that is not learned from but measured with. Which ones depends on their ids
            alone, so that every recipe and seed holds out the same.
        held_split: Photos of this split are measured with instead, where the catalog has any.
        category: What a product's class is: its ``garment``, its ``category`` in the shop's words, or nothing.
        attributes: Single-choice labels, each the name of a photo's label or else of a product's attribute.
        tags: Yes-or-no labels. A name stands for a label that lists what holds, joined by ``|``; what it lists under
            ``name?`` is unknown, and so is everything where a photo has no such label. ``a+b`` stands for the values of
            labels a and b joined by ``-`` (``color+garment`` gives red-dress).
        min_tag: Tags that hold for fewer photos are dropped.
        crop: ``box`` cuts street photos to the product's box, as a query's is; empty leaves them whole. Shop photos
            always stay whole, as they are indexed.
        labels: File with answers of people (docs/labels.md), below the data's folder; empty for none.
    """

    reader: str = ""
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    split: str = "train"
    held_out: float = Field(default=0.0, ge=0, le=0.5)
    held_split: str = "val"
    category: Literal["garment", "category", ""] = "garment"
    attributes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    min_tag: int = Field(default=1, ge=1)
    crop: Literal["box", ""] = "box"
    labels: str = ""


Strength = Field(default=0.5, ge=0, le=1)


class Augment(Section):
    """How strongly photos are changed each time they are seen, as the street changes them: 0 not at all, 1 the most.

    Attributes:
        crop: Moved and scaled.
        turn: Turned and seen from aside.
        mirror: Share of photos that is mirrored, times two: 1 mirrors half of them; left landmarks become right ones.
        light: Brightness, contrast, saturation and the colour of the light.
        blur: Out of focus, or moved.
        erase: A part covered.
        jpeg: Grain and blocks, as small files have them.
    """

    crop: float = Strength
    turn: float = Strength
    mirror: float = Field(default=1.0, ge=0, le=1)
    light: float = Strength
    blur: float = Strength
    erase: float = Strength
    jpeg: float = Strength

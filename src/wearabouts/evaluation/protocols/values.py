"""What a protocol is made of. Each value says itself in sentences, so a report cannot tell another rule than ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from wearabouts.catalog import Photo
from wearabouts.errors import SettingsError, unknown
from wearabouts.evaluation.protocols.words import TIES
from wearabouts.types import Side

Truth = Literal["product", "category", "pair"]
Crop = Literal["whole", "box"]

HITS: dict[Truth, str] = {
    "product": "a photo of the query's own product",
    "category": "a photo of the query's class",
    "pair": "one of the very shop photos that the query is paired with",
}
CROPS: dict[Crop, str] = {
    "whole": "Query photos and searched photos are seen whole.",
    "box": "A query photo is cut to its box, clipped to the photo (whole where it has none); searched photos are seen "
    "whole, as the index stores them.",
}


@dataclass(frozen=True, slots=True)
class Pick:
    """Which photos take part: those of the splits named and, where one is named, of the side."""

    splits: tuple[str, ...]
    side: Side | None = None

    def takes(self, photo: Photo) -> bool:
        """Whether a photo is one of them."""
        return photo.split in self.splits and self.side in (None, photo.side)

    def words(self) -> str:
        """Such as ``street photos of split test``."""
        side = f"{self.side} photos" if self.side else "photos"
        return f"{side} of split{'s' if len(self.splits) > 1 else ''} {' and '.join(self.splits)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What all protocols have.

    Attributes:
        name: As it is asked for; also its key among the published figures.
        paper: Where it comes from.
        question: What is asked, for people.
        reader: Name of the dataset's reader.
        reading: Options that the reader is always given.
        choices: Option → value → what that value changes in the protocol; the first value is the default.
        figures: The figures taken, in the order of the table.
        beside: Those of them that stand beside published ones.
        part: Of the data, as published figures name it; empty for all of it.
        deviations: Where this differs from other definitions in use, a sentence each.
    """

    name: str
    paper: str
    question: str
    reader: str
    reading: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    figures: tuple[str, ...]
    beside: tuple[str, ...] = ()
    part: str = ""
    deviations: tuple[str, ...] = ()

    def chosen(self, options: Mapping[str, str]) -> tuple[Self, dict[str, str]]:
        """The variant that options choose, and the options it has no choice for: its reader's.

        Raises:
            SettingsError: A value that the option does not have.
        """
        value, others = self, {}
        for name, given in options.items():
            if name not in self.choices:
                others[name] = given
            elif given not in self.choices[name]:
                raise SettingsError(unknown(f"{name} of protocol {self.name}", given, self.choices[name]))
            else:
                value = replace(value, **self.choices[name][given])
        return value, {**self.reading, **others}

    def rules(self) -> Mapping[str, str]:
        """Heading → sentence, everything that decides a figure."""
        raise NotImplementedError

    def sentence(self) -> str:
        """The rules as one paragraph."""
        return " ".join(self.rules().values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval(Rules):
    """Photos ask, photos are searched.

    Attributes:
        asks: The query photos.
        searched: The gallery.
        truth: What a right answer shares with the query.
        coarse: A second, laxer truth, measured on the same ranking; its figures are called ``coarse …``.
        within: Whether only the query's own category is searched.
        items: Whether products are ranked, each by its best photo, rather than photos.
        crop: What the encoder sees of a query photo.
        curve: The k of the curve.
        once: Whether a photo that is listed several times asks once (its right answers joined) or once a row.
        grouped: Whether queries of one product are resampled together.
        label: A label that marks near-duplicates, such as ``color_number``: queries whose product has no searched photo
            with the query's own value are measured apart.
        apart: Whether only those are measured.
        graded: Whether NDCG grades searched photos by the attributes they share with the query.
    """

    asks: Pick
    searched: Pick
    truth: Truth = "product"
    coarse: Truth | None = None
    within: bool = False
    items: bool = False
    crop: Crop = "whole"
    curve: tuple[int, ...] = (1, 5, 10, 20, 50)
    once: bool = True
    grouped: bool = True
    label: str = ""
    apart: bool = False
    graded: bool = False

    def rules(self) -> Mapping[str, str]:
        """See `Rules.rules`."""
        told = {
            "Who asks": f"Queries are the {self.asks.words()}.",
            "Who is searched": f"The gallery is the {self.searched.words()}"
            + (", of the query's own category only." if self.within else ", all of them for every query."),
            "What is a hit": f"A hit is {HITS[self.truth]}."
            + (f" Coarse figures also count {HITS[self.coarse]}." if self.coarse else ""),
            "Items": "Products are ranked, each once, where its best photo stands."
            if self.items
            else "Photos are ranked; each has a place of its own.",
            "Crops": CROPS[self.crop],
            "Ties": TIES,
            "Duplicates": "A query photo that is listed more than once asks once; its right answers are joined."
            if self.once
            else "Each listed row asks, also where one photo is listed several times.",
            "Missing truth": "A query none of whose right answers can be searched, or whose own photo cannot be read, "
            "has no figure: it is left out and counted.",
            "Intervals": "Figures are means over queries; intervals are 95 % percentile bootstraps resampling "
            + ("products, because photos of one product resemble one another." if self.grouped else "queries."),
        }
        if self.apart:
            told["Who asks"] = (
                f"Queries are the {self.asks.words()} whose product has no searched photo with the same "
                f"{self.label.replace('_', ' ')}."
            )
        if self.graded:
            told["Grades"] = (
                "NDCG grades a searched photo by the share of the query's known attributes that it has with the same "
                "value (r): its gain is 2^r - 1, discounted by log2(place + 1), over that of the best order of the "
                "gallery."
            )
        if self.deviations:
            told["Deviations"] = " ".join(self.deviations)
        return told

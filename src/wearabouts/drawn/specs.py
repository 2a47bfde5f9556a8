"""What is drawn: one product, down to the last button, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from wearabouts.drawn.palette import RGB, color_word
from wearabouts.drawn.templates import Cut


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is printed on, or woven into, the fabric.

    Attributes:
        kind: One of `garments.ATTRIBUTES["pattern"]`.
        motif: Name in `motifs.MOTIFS` (repeating) or `prints.PRINTS` (graphic); empty for plain.
        scale: Size of one repeat, or width of the print, in body heights.
        angle: Degrees the pattern is turned.
    """

    kind: str = "plain"
    motif: str = ""
    scale: float = 0.04
    angle: float = 0.0


@dataclass(frozen=True, slots=True)
class Spec:
    """One product as it is drawn and sold.

    Attributes:
        product_id: Unique in the shop.
        cut: The template.
        base: Colour of the fabric, RGB in [0, 255].
        second: Second colour: of the pattern, of a contrast trim.
        third: Third colour of the pattern.
        pattern: What is on the fabric.
        fabric: ``jersey``, ``woven``, ``knit``, ``denim``, ``fleece``, ``shell``, ``leather`` or ``silk``.
        sleeve: One of `garments.ATTRIBUTES["sleeve"]`.
        collar: One of `garments.ATTRIBUTES["collar"]`.
        length: One of `garments.ATTRIBUTES["length"]`.
        closure: ``none``, ``buttons``, ``placket``, ``zip``, ``half_zip`` or ``laces``.
        pocket: ``none``, ``chest``, ``two_chest``, ``kangaroo``, ``side``, ``patch`` or ``cargo``.
        trims: Any of ``contrast_collar``, ``contrast_sleeves``, ``contrast_hem``, ``yoke``, ``tape``, ``logo``,
            ``belt``, ``ripped``, ``stitching``, ``turn_up``, ``ruffle``.
        shift: Small individual changes of the cut: fit, length, sleeve, neck; each about in [-1, 1].
        brand: Invented maker.
        title: What the shop calls it.
        category: The shop's own category words.
        group: Shared by products that differ in colour only; else its own.
        family: Shared by products that differ in one attribute.
        price: In euros.
        regular_price: Before a sale, or None.
        availability: One of `catalog.AVAILABILITIES`.
        gender: ``women``, ``men`` or ``unisex``.
        material: Words for the fabric.
    """

    product_id: str
    cut: Cut
    base: RGB
    second: RGB
    third: RGB
    pattern: Pattern
    fabric: str
    sleeve: str
    collar: str
    length: str
    closure: str = "none"
    pocket: str = "none"
    trims: tuple[str, ...] = ()
    shift: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    brand: str = ""
    title: str = ""
    category: str = ""
    group: str = ""
    family: str = ""
    price: float = 0.0
    regular_price: float | None = None
    availability: str = "in_stock"
    gender: str = "unisex"
    material: str = ""

    @property
    def garment(self) -> str:
        """One of `garments.GARMENTS`."""
        return self.cut.garment

    @property
    def color(self) -> str:
        """The word nearest to the base colour, one of `garments.ATTRIBUTES["color"]`."""
        return color_word(self.base)

    def labels(self) -> dict[str, str]:
        """The garment and the attribute words, for a photo's labels."""
        return {
            "garment": self.garment,
            "color": self.color,
            "pattern": self.pattern.kind,
            "sleeve": self.sleeve,
            "collar": self.collar,
            "length": self.length,
        }

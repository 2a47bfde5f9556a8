"""The cuts garments are made in: one line a cut, each of one part, so that no cut of `test` is ever trained on.

Lengths are body heights (`body`); `length` is the height of the hem below the crown, or for sleeves, legs and shoes
see the builders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["train", "calibrate", "test"]
PARTS: tuple[Part, ...] = ("train", "calibrate", "test")


@dataclass(frozen=True, slots=True)
class Cut:
    """How a garment is cut.

    Attributes:
        name: ``garment.word``, unique over all parts.
        fit: Ease at the chest (trunk) or thigh (legs), added to the body's half width.
        waist: Ease at the waist.
        hem: Ease at the hem; the flare of a skirt, the opening of a leg.
        length: Height of the hem below the crown.
        drop: How far the shoulder seam falls over the shoulder.
        sleeve: Half width of the sleeve at the cuff.
        neck: Half width of the neckline.
        depth: Depth of the neckline below the neck point.
        tail: How far the hem sags in the middle (negative: rises).
        style: Further word for the builder.
    """

    name: str
    fit: float = 0.012
    waist: float = 0.014
    hem: float = 0.012
    length: float = 0.49
    drop: float = 0.0
    sleeve: float = 0.034
    neck: float = 0.042
    depth: float = 0.030
    tail: float = 0.006
    style: str = ""

    @property
    def garment(self) -> str:
        """One of `garments.GARMENTS`."""
        return self.name.split(".")[0]


_TRAIN = (
    Cut("t_shirt.classic"),
    Cut("t_shirt.boxy", 0.024, 0.036, 0.026, 0.465, 0.012, 0.044, 0.044, 0.026),
    Cut("t_shirt.fitted", 0.004, 0.006, 0.004, 0.475, -0.004, 0.029, 0.046, 0.036),
    Cut("t_shirt.longline", 0.014, 0.022, 0.018, 0.545, 0.004, 0.037, 0.045, 0.03, 0.016),
    Cut("longsleeve.classic", 0.010, 0.012, 0.01, 0.49, 0, 0.020),
    Cut("longsleeve.waffle", 0.018, 0.028, 0.02, 0.5, 0.010, 0.024, 0.044, 0.028),
    Cut("longsleeve.slim", 0.003, 0.006, 0.004, 0.475, -0.004, 0.017, 0.048, 0.036),
    Cut("shirt.regular", 0.014, 0.022, 0.016, 0.53, 0.002, 0.023, 0.036, 0.034, 0.016),
    Cut("shirt.oversized", 0.03, 0.046, 0.034, 0.55, 0.022, 0.028, 0.038, 0.036, 0.020),
    Cut("shirt.straight", 0.02, 0.032, 0.022, 0.5, 0.006, 0.025, 0.036, 0.032, 0.002),
    Cut("polo.classic", 0.012, 0.016, 0.012, 0.495, 0.002, 0.035, 0.036, 0.03),
    Cut("polo.loose", 0.024, 0.034, 0.024, 0.5, 0.012, 0.043, 0.036, 0.03),
    Cut("blouse.puff", 0.014, 0.014, 0.016, 0.48, -0.004, 0.024, 0.05, 0.04, 0.006, "puff"),
    Cut("blouse.tie", 0.018, 0.026, 0.022, 0.5, 0, 0.03, 0.044, 0.05, 0.01, "bell"),
    Cut("top.tank", 0.004, 0.01, 0.008, 0.475, -0.026, 0.03, 0.050, 0.046, 0.006, "tank"),
    Cut("top.camisole", 0.002, 0.006, 0.012, 0.46, -0.034, 0.03, 0.058, 0.062, 0.008, "straps"),
    Cut("top.shell", 0.010, 0.018, 0.016, 0.475, -0.008, 0.03, 0.052, 0.026, 0.004, "tank"),
    Cut("undershirt.rib", 0.0, 0.004, 0.002, 0.49, -0.034, 0.03, 0.046, 0.058, 0.006, "tank"),
    Cut("hoodie.classic", 0.026, 0.036, 0.012, 0.495, 0.012, 0.028, 0.046, 0.024),
    Cut("hoodie.cropped", 0.028, 0.042, 0.02, 0.43, 0.018, 0.032, 0.046, 0.024),
    Cut("hoodie.long", 0.030, 0.040, 0.022, 0.54, 0.012, 0.03, 0.048, 0.026),
    Cut("outwear.parka", 0.034, 0.044, 0.046, 0.62, 0.012, 0.032, 0.044, 0.03, 0.004, "parka"),
    Cut("outwear.bomber", 0.034, 0.046, 0.012, 0.475, 0.012, 0.032, 0.042, 0.024, 0.0, "bomber"),
    Cut("outwear.overcoat", 0.026, 0.030, 0.046, 0.72, 0.004, 0.032, 0.036, 0.11, 0.002, "coat"),
    Cut("outwear.trucker", 0.022, 0.026, 0.016, 0.475, 0.006, 0.028, 0.040, 0.028, 0.0, "trucker"),
    Cut("blazer.single", 0.018, 0.014, 0.024, 0.525, 0.002, 0.026, 0.034, 0.135, 0.01, "one"),
    Cut("blazer.relaxed", 0.028, 0.034, 0.034, 0.545, 0.010, 0.03, 0.034, 0.15, 0.006, "two"),
    Cut("dress.skater", 0.006, 0.004, 0.075, 0.66, -0.002, 0.032, 0.050, 0.036, 0.010, "flared"),
    Cut("dress.sheath", 0.005, 0.006, 0.004, 0.68, -0.002, 0.030, 0.046, 0.034, 0.003, "straight"),
    Cut("dress.maxi", 0.006, 0.006, 0.085, 0.91, -0.002, 0.030, 0.050, 0.042, 0.010, "flared"),
    Cut("dress.shirt", 0.018, 0.018, 0.036, 0.70, 0.004, 0.028, 0.038, 0.034, 0.016, "straight"),
    Cut("skirt.a_line", 0.008, 0.004, 0.055, 0.64, tail=0.010, style="flared"),
    Cut("skirt.pencil", 0.005, 0.004, -0.006, 0.70, tail=0.003, style="straight"),
    Cut("skirt.maxi", 0.008, 0.004, 0.080, 0.90, tail=0.010, style="flared"),
    Cut("skirt.pleated", 0.006, 0.004, 0.065, 0.70, tail=0.008, style="pleated"),
    Cut("pants.straight", 0.010, 0.006, 0.034, 0.955, style="jeans"),
    Cut("pants.skinny", 0.002, 0.004, 0.021, 0.935, style="jeans"),
    Cut("pants.wide", 0.020, 0.006, 0.060, 0.955, style="trousers"),
    Cut("pants.jogger", 0.018, 0.010, 0.024, 0.93, style="joggers"),
    Cut("shorts.chino", 0.012, 0.006, 0.054, 0.675, style="trousers"),
    Cut("shorts.sweat", 0.018, 0.010, 0.060, 0.64, style="joggers"),
    Cut("shorts.hot", 0.010, 0.006, 0.056, 0.575, style="jeans"),
    Cut("shoes.runner", style="runner"),
    Cut("shoes.court", style="court"),
    Cut("shoes.ankle_boot", style="boot"),
    Cut("shoes.pump", style="pump"),
    Cut("hat.cap", style="cap"),
    Cut("hat.beanie", style="beanie"),
    Cut("hat.bucket", style="bucket"),
)
_CALIBRATE = (
    Cut("t_shirt.regular", 0.017, 0.022, 0.018, 0.482, 0.005, 0.037, 0.043, 0.028),
    Cut("t_shirt.scoop", 0.007, 0.012, 0.009, 0.485, -0.002, 0.032, 0.052, 0.05, 0.010),
    Cut("longsleeve.boxy", 0.024, 0.036, 0.026, 0.48, 0.014, 0.026, 0.045, 0.027),
    Cut("shirt.tailored", 0.009, 0.012, 0.01, 0.525, 0, 0.021, 0.036, 0.034, 0.020),
    Cut("polo.fitted", 0.007, 0.01, 0.008, 0.485, -0.002, 0.032, 0.036, 0.031),
    Cut("blouse.soft", 0.020, 0.028, 0.024, 0.49, 0.002, 0.026, 0.048, 0.044, 0.008, "puff"),
    Cut("top.swing", 0.008, 0.026, 0.034, 0.48, -0.022, 0.03, 0.052, 0.042, 0.012, "tank"),
    Cut("undershirt.plain", 0.003, 0.008, 0.006, 0.485, -0.030, 0.03, 0.048, 0.05, 0.006, "tank"),
    Cut("hoodie.relaxed", 0.034, 0.046, 0.024, 0.51, 0.018, 0.03, 0.046, 0.026),
    Cut("outwear.anorak", 0.032, 0.042, 0.034, 0.54, 0.014, 0.034, 0.044, 0.028, 0.004, "parka"),
    Cut("outwear.car_coat", 0.026, 0.034, 0.036, 0.61, 0.008, 0.032, 0.036, 0.09, 0.002, "coat"),
    Cut("blazer.slim", 0.012, 0.008, 0.018, 0.515, 0, 0.024, 0.033, 0.125, 0.012, "two"),
    Cut("dress.tea", 0.006, 0.006, 0.055, 0.74, -0.002, 0.030, 0.046, 0.04, 0.008, "flared"),
    Cut("dress.shift", 0.012, 0.026, 0.026, 0.64, -0.002, 0.032, 0.05, 0.03, 0.004, "straight"),
    Cut("skirt.mini", 0.008, 0.004, 0.03, 0.585, tail=0.006, style="flared"),
    Cut("skirt.column", 0.007, 0.004, 0.006, 0.82, tail=0.004, style="straight"),
    Cut("pants.tapered", 0.012, 0.006, 0.026, 0.935, style="trousers"),
    Cut("pants.bootcut", 0.006, 0.004, 0.044, 0.96, style="jeans"),
    Cut("shorts.bermuda", 0.012, 0.006, 0.05, 0.71, style="trousers"),
    Cut("shoes.slip_on", style="slip_on"),
    Cut("shoes.rain_boot", style="rain_boot"),
    Cut("hat.panama", style="panama"),
    Cut("hat.fisher", style="fisher"),
)
_TEST = (
    Cut("t_shirt.everyday", 0.014, 0.018, 0.015, 0.495, 0.003, 0.035, 0.045, 0.032, 0.004),
    Cut("t_shirt.cropped", 0.016, 0.026, 0.020, 0.425, 0.006, 0.039, 0.046, 0.030, 0.002),
    Cut("t_shirt.heavy", 0.028, 0.040, 0.032, 0.505, 0.018, 0.048, 0.042, 0.024, 0.004),
    Cut("longsleeve.weekend", 0.014, 0.020, 0.016, 0.505, 0.006, 0.022, 0.046, 0.031, 0.010),
    Cut("longsleeve.crop", 0.007, 0.012, 0.01, 0.43, -0.002, 0.019, 0.046, 0.030, 0.002),
    Cut("shirt.oxford", 0.017, 0.026, 0.018, 0.54, 0.004, 0.024, 0.037, 0.036, 0.024),
    Cut("shirt.camp", 0.026, 0.040, 0.028, 0.51, 0.012, 0.030, 0.042, 0.046, 0.002),
    Cut("shirt.slim", 0.007, 0.010, 0.008, 0.525, -0.002, 0.021, 0.035, 0.033, 0.018),
    Cut("polo.sport", 0.017, 0.024, 0.018, 0.5, 0.006, 0.038, 0.037, 0.032, 0.008),
    Cut("polo.knit", 0.010, 0.016, 0.004, 0.475, 0, 0.034, 0.038, 0.034, 0.002),
    Cut("blouse.poet", 0.022, 0.03, 0.026, 0.5, 0.004, 0.028, 0.046, 0.046, 0.012, "bell"),
    Cut("top.halter", 0.004, 0.012, 0.012, 0.465, -0.040, 0.03, 0.046, 0.038, 0.006, "tank"),
    Cut("top.spaghetti", 0.003, 0.012, 0.018, 0.475, -0.036, 0.03, 0.060, 0.068, 0.010, "straps"),
    Cut("top.muscle", 0.014, 0.024, 0.020, 0.48, -0.014, 0.03, 0.046, 0.030, 0.006, "tank"),
    Cut("undershirt.scoop", 0.002, 0.006, 0.004, 0.5, -0.032, 0.03, 0.05, 0.064, 0.008, "tank"),
    Cut("hoodie.studio", 0.030, 0.038, 0.016, 0.505, 0.015, 0.029, 0.047, 0.026),
    Cut("hoodie.boxy", 0.036, 0.050, 0.030, 0.465, 0.022, 0.034, 0.047, 0.024),
    Cut("outwear.field", 0.028, 0.034, 0.034, 0.57, 0.008, 0.030, 0.042, 0.028, 0.004, "parka"),
    Cut("outwear.harrington", 0.030, 0.040, 0.010, 0.485, 0.008, 0.030, 0.040, 0.026, 0.0, "bomber"),
    Cut("outwear.duster", 0.030, 0.034, 0.052, 0.78, 0.008, 0.034, 0.036, 0.13, 0.004, "coat"),
    Cut("outwear.western", 0.019, 0.022, 0.014, 0.495, 0.004, 0.027, 0.040, 0.03, 0.004, "trucker"),
    Cut("blazer.tailored", 0.015, 0.010, 0.02, 0.535, 0, 0.025, 0.034, 0.145, 0.014, "two"),
    Cut("blazer.boxy", 0.026, 0.034, 0.030, 0.505, 0.008, 0.028, 0.034, 0.12, 0.004, "one"),
    Cut("dress.fit_and_flare", 0.005, 0.004, 0.090, 0.69, -0.004, 0.030, 0.052, 0.040, 0.012, "flared"),
    Cut("dress.column", 0.009, 0.014, 0.012, 0.86, -0.002, 0.030, 0.048, 0.036, 0.004, "straight"),
    Cut("dress.sun", 0.004, 0.006, 0.065, 0.62, -0.026, 0.030, 0.056, 0.052, 0.010, "flared"),
    Cut("skirt.circle", 0.008, 0.004, 0.095, 0.66, tail=0.014, style="flared"),
    Cut("skirt.midi", 0.008, 0.004, 0.04, 0.77, tail=0.007, style="flared"),
    Cut("skirt.tube", 0.004, 0.004, 0.0, 0.63, tail=0.003, style="straight"),
    Cut("skirt.kilt", 0.008, 0.005, 0.045, 0.62, tail=0.005, style="pleated"),
    Cut("pants.slim", 0.006, 0.005, 0.025, 0.945, style="jeans"),
    Cut("pants.palazzo", 0.024, 0.006, 0.075, 0.96, style="trousers"),
    Cut("pants.carrot", 0.020, 0.008, 0.023, 0.92, style="trousers"),
    Cut("pants.track", 0.014, 0.010, 0.028, 0.945, style="joggers"),
    Cut("shorts.tailored", 0.014, 0.006, 0.058, 0.655, style="trousers"),
    Cut("shorts.cutoff", 0.012, 0.006, 0.060, 0.60, style="jeans"),
    Cut("shorts.swim", 0.020, 0.012, 0.066, 0.63, style="joggers"),
    Cut("shoes.trail", style="trail"),
    Cut("shoes.canvas", style="canvas"),
    Cut("shoes.chelsea", style="chelsea"),
    Cut("shoes.ballet", style="ballet"),
    Cut("hat.dad_cap", style="dad_cap"),
    Cut("hat.watch", style="watch"),
    Cut("hat.fedora", style="fedora"),
)

CUTS: dict[Part, tuple[Cut, ...]] = {"train": _TRAIN, "calibrate": _CALIBRATE, "test": _TEST}
DRAWN_GARMENTS: tuple[str, ...] = tuple(dict.fromkeys(cut.garment for cut in _TRAIN))


def cuts(part: Part, garment: str) -> tuple[Cut, ...]:
    """The cuts of a garment in a part, at least one."""
    return tuple(cut for cut in CUTS[part] if cut.garment == garment)

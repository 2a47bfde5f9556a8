"""DeepFashion Consumer-to-shop, with both truths in use and both galleries."""

from __future__ import annotations

from dataclasses import replace

from wearabouts.evaluation.protocols.values import Pick, Retrieval

_WHOSE = (
    "Whether the paper counts the pair's own photo or any photo of the item is not known; code read from later work "
    "counts the item."
)
_GALLERY = (
    "gallery=test searches the shop photos of split test, as the set's README says; gallery=test+val adds those of "
    "val, as CTL does."
)

PAIR = Retrieval(
    name="consumer2shop_pair",
    paper="Liu et al., DeepFashion, CVPR 2016, Consumer-to-shop Clothes Retrieval (released split)",
    question="Consumer to shop: is the very shop photo found that the consumer's photo is paired with?",
    reader="deepfashion_consumer2shop",
    asks=Pick(("test",), "street"),
    searched=Pick(("test",), "shop"),
    choices={"gallery": {"test": {}, "test+val": {"searched": Pick(("test", "val"), "shop")}}},
    truth="pair",
    crop="box",
    figures=("R@1", "R@10", "R@20", "R@30", "R@40", "R@50", "mAP"),
    beside=("R@1", "R@20", "R@50"),
    curve=(1, 10, 20, 30, 40, 50),
    deviations=(_WHOSE, _GALLERY, "The paper's own figures are of another, larger set than was released."),
)
ITEM = replace(
    PAIR,
    name="consumer2shop_item",
    question="Consumer to shop: is any shop photo of the item found?",
    truth="product",
)

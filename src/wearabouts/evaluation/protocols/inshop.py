"""DeepFashion In-shop Clothes Retrieval: another photo of the same item among the shop's own."""

from __future__ import annotations

from dataclasses import replace

from wearabouts.evaluation.protocols.values import Pick, Retrieval

_RECALL = (
    "R@k is whether any photo of the item is among the first k, as the paper and later work count; mmfashion's "
    "recall@k is the share of all of the item's photos, a smaller number."
)

INSHOP = Retrieval(
    name="inshop",
    paper="Liu et al., DeepFashion, CVPR 2016, In-shop Clothes Retrieval (released split)",
    question="In-shop: is another photo of the same item found?",
    reader="deepfashion_inshop",
    asks=Pick(("query",)),
    searched=Pick(("gallery",)),
    figures=("R@1", "R@10", "R@20", "R@30", "R@40", "R@50", "mAP"),
    beside=("R@1", "R@10", "R@20", "R@30", "R@40", "R@50"),
    curve=(1, 10, 20, 30, 40, 50),
    label="color_number",
    deviations=(
        _RECALL,
        "The paper's own figures are of its first, larger set; later ones are of the released one.",
    ),
)
OTHER_COLOUR = replace(
    INSHOP,
    name="inshop_other_colour",
    question="In-shop, other colours only: is the item found where its colour is not there?",
    apart=True,
    deviations=(
        _RECALL,
        "The gallery is the whole one, so that figures stand beside the full protocol's; photos of the query's colour "
        "are not taken out for the other queries, which would be another measurement.",
    ),
)

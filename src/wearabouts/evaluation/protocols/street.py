"""From the street photo to the shop's photo of that very item: Exact Street2Shop (WTBI), DARN, Grocery Store."""

from __future__ import annotations

from wearabouts.evaluation.protocols.values import Pick, Retrieval

WTBI = Retrieval(
    name="wtbi",
    paper="Hadi Kiapour et al., Where to Buy It, ICCV 2015, in-category retrieval",
    question="Exact Street2Shop: is the very item found among the shops' items of its category?",
    reader="street2shop",
    asks=Pick(("test",), "street"),
    searched=Pick(("gallery",), "shop"),
    within=True,
    items=True,
    crop="box",
    once=False,
    figures=("R@1", "R@5", "R@10", "R@20", "mAP"),
    beside=("R@20", "R@10"),
    curve=(1, 5, 10, 20, 30, 40, 50),
    deviations=(
        "Every row of the released test lists is a query; the paper counts 214 rows more than the lists hold.",
        "Training items stay in the gallery as distractors and are never right answers to a test query.",
        "A row is left out only where none of its item's photos can be searched; fk-visual-search leaves it out where "
        "any is missing. Many addresses are dead today, and fewer distractors make it easier: compare rows counted.",
        "Searched photos are whole; the paper's better rows search object proposals in them.",
    ),
)
DARN = Retrieval(
    name="darn",
    paper="Huang, Feris, Chen and Yan, DARN, ICCV 2015",
    question="DARN: is the shop's photo of the very item found?",
    reader="darn",
    asks=Pick(("test",), "street"),
    searched=Pick(("test",), "shop"),
    crop="box",
    graded=True,
    choices={
        "gallery": {
            "test": {},
            "all": {"searched": Pick(("train", "val", "test"), "shop")},
        }
    },
    figures=("R@1", "R@5", "R@10", "R@20", "R@30", "R@40", "R@50", "NDCG@1", "NDCG@10", "NDCG@20", "NDCG@50"),
    beside=("R@20", "NDCG@20"),
    curve=(1, 5, 10, 20, 30, 40, 50),
    deviations=(
        "The paper's photos and their split are not public: another gallery makes another task.",
        "R@k, the paper's top-k accuracy, is whether a photo of the item is among the first k photos.",
        "An attribute not known of the query does not count; one not known of a searched photo counts as different.",
    ),
)
GROCERY_STORE = Retrieval(
    name="grocery_store",
    paper="Klasson, Zhang and Kjellström, Grocery Store Dataset, WACV 2019; natural to iconic photo",
    question="Grocery Store: is the clean picture of the product found from a phone photo?",
    reader="grocery_store",
    asks=Pick(("test",), "street"),
    searched=Pick(("gallery",), "shop"),
    figures=("R@1", "R@5", "R@10", "mAP"),
    curve=(1, 2, 5, 10, 20),
    deviations=("The authors classify the natural photos; retrieval of the iconic one is our own use of the set.",),
)

"""LookBench: live shop pictures, with a fine and a coarse truth."""

from __future__ import annotations

from wearabouts.evaluation.protocols.values import Pick, Retrieval

LOOKBENCH = Retrieval(
    name="lookbench",
    paper="LookBench, arXiv 2601.14706",
    question="LookBench: is the very product found, and one of its category?",
    reader="lookbench",
    asks=Pick(("query",), "street"),
    searched=Pick(("gallery",), "shop"),
    coarse="category",
    part="RealStreet",
    choices={
        "subset": {
            name: {"part": part, "reading": {"subset": name}}
            for name, part in (
                ("real_streetlook", "RealStreet"),
                ("real_studio_flat", "RealStudio"),
                ("aigen_streetlook", "AIGen-Street"),
                ("aigen_studio", "AIGen-Studio"),
            )
        }
    },
    crop="whole",
    figures=("R@1", "R@5", "R@10", "nDCG@5", "coarse R@1", "coarse R@5", "coarse R@10"),
    beside=("R@1", "nDCG@5"),
    curve=(1, 5, 10, 20, 50),
    deviations=(
        "R@k is the fine one: a photo of the query's item, by the set's item_ID, which programs that reproduce the "
        "published figures compare; the paper words it as the same category and attributes.",
        "nDCG@5 counts right or wrong, as the set's own code does; its paper speaks of graded overlap. The table that "
        "the repository's README calls Fine Recall@1 holds nDCG@5.",
    ),
)

"""Retrieval by class, as the hashing papers measure it: CIFAR-10 in its three published splits, and Fashion-MNIST."""

from __future__ import annotations

from dataclasses import replace

from wearabouts.evaluation.protocols.values import Pick, Retrieval

_DIVISOR = (
    "mAP@R divides by the relevant photos found among the first R, as the hashing papers' code does; "
    "“mAP@R of possible” divides by the most that could have been found, min(R, all relevant)."
)
_FLOATS = "Float vectors by cosine; the papers' figures are of binary codes by Hamming distance, whose ties move mAP."
_DRAWN = (
    "The papers draw queries and training photos by the order of the files; here they are drawn by the reader's seed."
)

CIFAR10_2 = Retrieval(
    name="cifar10-2",
    paper="Krizhevsky 2009; split of the deep hashing papers (DeepHash “cifar10-2”)",
    question="CIFAR-10: do the photos of the query's class come first?",
    reader="cifar10",
    reading={"protocol": "cifar10-2"},
    asks=Pick(("query",)),
    searched=Pick(("train",)),
    truth="category",
    figures=(
        "mAP", "mAP@1000", "mAP@5000", "mAP@1000 of possible", "mAP@5000 of possible", "P@100", "P@1000", "R@1",
    ),
    beside=("mAP",),
    curve=(1, 2, 5, 10, 20, 50),
    grouped=False,
    deviations=(_DIVISOR, _FLOATS),
)  # fmt: skip
CIFAR10 = replace(
    CIFAR10_2,
    name="cifar10",
    paper="Krizhevsky 2009; split of the deep hashing papers (DeepHash “cifar10”)",
    reading={"protocol": "cifar10"},
    searched=Pick(("gallery",)),
    deviations=(_DIVISOR, _FLOATS, _DRAWN),
)
CIFAR10_1 = replace(
    CIFAR10,
    name="cifar10-1",
    paper="Krizhevsky 2009; split of the deep hashing papers (DeepHash “cifar10-1”)",
    reading={"protocol": "cifar10-1"},
    searched=Pick(("train", "gallery")),
)
FASHION_MNIST = replace(
    CIFAR10_2,
    name="fashion_mnist",
    paper="Xiao, Rasul and Vollgraf 2017; measured as CIFAR-10's 50,000/10,000 split",
    question="Fashion-MNIST: do the photos of the query's class come first?",
    reader="fashion_mnist",
    reading={},
    beside=(),
    deviations=(_DIVISOR,),
)

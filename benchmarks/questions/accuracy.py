"""What a shortlist gives: how often the right product is among the first 20 once the first K have been judged.

A pair network learns from shortlists of drawn products of the part ``train``; street photos of products of the part
``test`` are searched for among all their shop photos. Beside each K stands its bound: how often the product is among
the first K by cosine at all. K = N is the network on everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from drawings import Seen

from wearabouts.models.wtbi import PairNetwork
from wearabouts.training import losses
from wearabouts.training.wtbi.mining import Deck, mine, shortlist
from wearabouts.types import Floats

HIDDEN = (256, 128)
BATCH, RATIO, RATE, DECAY = 512, 7, 1e-3, 1.0
MINED = 200  # length of the shortlists learned from
HELD = 8  # every eighth product learned from is kept back, to weigh network and cosine
WEIGHTS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)  # of the cosine beside the network's log-odds
WEIGHED = 100  # candidates of a query on which that weight is chosen
AT_ONCE = 8_192  # pairs at once

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """Street photos and a gallery: query n shows product n.

    Attributes:
        street: Of Q products.
        shop: Of N products, Q or more.
    """

    street: Seen
    shop: Seen

    def cosine(self) -> Floats:
        """(Q, N) similarities."""
        found: Floats = self.street.vectors @ self.shop.vectors.T
        return found

    def of_kind(self) -> npt.NDArray[np.bool_]:
        """(Q, N): the product is of the kind the query is taken for."""
        return self.street.kinds.argmax(1)[:, None] == self.shop.kind[None]


def learned(known: Asked, steps: int, seed: int) -> tuple[PairNetwork, float]:
    """A pair network from mined pairs, and the weight of the cosine beside it, chosen on products kept back."""
    torch.manual_seed(seed)
    net = PairNetwork(known.shop.vectors.shape[1], HIDDEN)
    net.start_from_differences()
    own = np.arange(len(known.shop))
    back = own % HELD == HELD - 1
    street, shop, products = known.street.vectors[~back], known.shop.vectors[~back], own[~back]
    blank = np.zeros(len(products), np.int64)
    pairs = mine(shortlist(street, shop, blank, blank, MINED), products, products, blank)
    deck = Deck(pairs, np.arange(len(pairs)))
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 + np.cos(np.pi * step / steps)) / 2
        rows = deck.draw(step, seed=seed, count=BATCH, ratio=RATIO)
        logits = net(torch.from_numpy(street[pairs.street[rows]]), torch.from_numpy(shop[pairs.shop[rows]]))
        loss = losses.same_item(logits, torch.from_numpy(pairs.same[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    held = Asked(_rows(known.street, back), _rows(known.shop, back))
    similarity, logits = held.cosine(), judged(net, held)
    truth = np.arange(len(held.street))
    quality = [(1 / ranks(similarity, logits + w * similarity, truth, [WEIGHED])[WEIGHED]).mean() for w in WEIGHTS]
    return net, WEIGHTS[int(np.argmax(quality))]


def _rows(seen: Seen, mask: npt.NDArray[np.bool_]) -> Seen:
    return Seen(seen.vectors[mask], seen.kinds[mask], seen.kind[mask])


@torch.inference_mode()
def judged(net: PairNetwork, asked: Asked) -> Floats:
    """(Q, N) log-odds of every query and every photo, from kept halves."""
    halves = net.shop_half(torch.from_numpy(asked.shop.vectors))
    street = torch.from_numpy(asked.street.vectors)
    found = np.empty((len(street), len(halves)), np.float32)
    for query in range(len(street)):
        for start in range(0, len(halves), AT_ONCE):
            logits = net.tail(net.meet(street[query : query + 1], halves[start : start + AT_ONCE]))
            found[query, start : start + AT_ONCE] = (logits[:, 1] - logits[:, 0]).numpy()
    return found


def ranks(similarity: Floats, score: Floats, truth: Integers, ks: Sequence[int]) -> dict[int, Integers]:
    """Rank of each query's product once the first K by similarity have been put in order of the score.

    Args:
        similarity: (Q, N); -inf for what a query does not ask, which then never ranks.
        score: (Q, N), larger is likelier.
        truth: (Q,) column of the right product.
        ks: Lengths of shortlists; 0 for none.

    Returns:
        K → (Q,) int64 ranks from 1; ties count against the product. One that is not asked at all ranks N + 1.
    """
    found: dict[int, Integers] = {k: np.empty(len(truth), np.int64) for k in ks}
    for query, right in enumerate(truth):
        row = similarity[query]
        place = int((row > row[right]).sum() + (row[:right] == row[right]).sum())
        order = np.argsort(-row, kind="stable")
        better = np.cumsum(score[query][order] >= score[query][right])
        for k in ks:
            if not np.isfinite(row[right]):
                found[k][query] = len(row) + 1
            else:
                found[k][query] = better[min(k, len(row)) - 1] if place < k else place + 1
    return found


def hits(asked: Asked, known: Asked, ks: Sequence[int], steps: int, seeds: int) -> dict[str, Any]:
    """Accuracy of each K by each judge, and what could be reached.

    Returns:
        ``shortlists``: of each K; ``category``: of all products of the kind the query is taken for; ``weights`` of the
        cosine beside each network.
    """
    similarity, truth = asked.cosine(), np.arange(len(asked.street))
    everything = len(asked.shop)
    ks = sorted({*(k for k in ks if k < everything), everything})
    kind = np.where(asked.of_kind(), similarity, -np.inf)
    bound = ranks(similarity, similarity, truth, [0])[0]
    shares: dict[str, list[dict[int, Doubles]]] = {"pair": [], "both": []}
    of_kind, weights = [], []
    for seed in range(seeds):
        net, weight = learned(known, steps, seed)
        weights.append(weight)
        logits = judged(net, asked)
        shares["pair"].append(ranks(similarity, logits, truth, ks))
        shares["both"].append(ranks(similarity, logits + weight * similarity, truth, ks))
        of_kind.append(ranks(kind, logits, truth, [everything])[everything])
    rows = [
        {"k": k, "bound": share(bound, k)}
        | {judge: {f"R@{at}": spread([share(one[k], at) for one in every]) for at in (1, 20)}
           for judge, every in shares.items()}
        for k in ks
    ]  # fmt: skip
    return {
        "queries": len(truth),
        "gallery": everything,
        "learned": len(known.shop),
        "cosine": {f"R@{at}": share(bound, at) for at in (1, 20)},
        "shortlists": rows,
        "category": {
            "photos": round(float(asked.of_kind().sum(1).mean())),
            "bound": round(float(np.isfinite(kind[truth, truth]).mean()), 4),
            "pair": {f"R@{at}": spread([share(one, at) for one in of_kind]) for at in (1, 20)},
        },
        "weights": weights,
        "hidden": HIDDEN,
        "mined": MINED,
    }


def share(found: Integers, at: int) -> float:
    """Of queries whose product is among so many first."""
    return round(float((found <= at).mean()), 4)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean, least and most."""
    return {"mean": round(float(np.mean(values)), 4), "least": round(min(values), 4), "most": round(max(values), 4)}

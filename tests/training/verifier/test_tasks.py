"""Both networks learn a few products by heart; a garment's copy learns its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from wearabouts.garments import GARMENTS
from wearabouts.models.wtbi import Verifier
from wearabouts.training.loop import fit
from wearabouts.training.run import Run
from wearabouts.training.verifier.recipe import VerifierRecipe
from wearabouts.training.verifier.shortlists import Shortlists
from wearabouts.training.verifier.tasks import Matcher, Matching, Owner, Owning, cells, log_odds, vectors

from .worlds import made_kept

CPU = torch.device("cpu")
RECIPE = VerifierRecipe.model_validate(
    {
        "name": "by-heart",
        "network": {"reduced": 12, "dim": 12, "width": 16, "hidden": 16, "dropout": 0.0, "pair": [256, 32]},
        "lists": {"queries": 10, "right": 2, "near": 10, "among": 19, "random": 0, "grocery": 0.0, "first": False},
        "losses": {"beside": False},
        "steps": {"count": 200, "rate": 0.01, "warm_up": 0.1, "clip": 5.0, "checkpoint": 50},
        "own": {"steps": {"count": 40, "rate": 0.003}},
    }
)


def _found(said: torch.Tensor, right: np.ndarray) -> float:
    """Share of the queries whose likeliest candidate is right."""
    return float(right[np.arange(len(said)), said.argmax(1).numpy()].mean())


def test_twenty_products_are_learned_by_heart(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    kept = made_kept(20)
    lists = Shortlists(kept, RECIPE.lists, seed=0)
    net = Matcher(RECIPE, 4, 16)
    queries, gallery = np.flatnonzero(kept.street), np.flatnonzero(kept.first)
    right = kept.item[queries][:, None] == kept.item[gallery][None]

    def judged() -> tuple[float, float]:
        pairs = np.repeat(queries, len(gallery)), np.tile(gallery, len(queries))
        with torch.inference_mode():
            a, b = (vectors(kept, rows, CPU) for rows in pairs)
            c, d = (net.regions(cells(kept, rows, CPU)) for rows in pairs)
            said = [log_odds(net.pair(a, b)), net.local(c, d)]
        return tuple(_found(each.view(len(queries), -1), right) for each in said)

    by_cosine = _found(torch.from_numpy(kept.vector[queries] @ kept.vector[gallery].T), right)
    before = judged()
    fit(Matching(RECIPE, net, lists), RECIPE.steps, Run(tmp_path / "run", RECIPE), "pairs")
    pair, local = judged()
    assert by_cosine < 0.3
    assert before[0] < 0.5
    assert pair > 0.6  # of 40 photos, each with a vector of noise
    assert local > 0.9


def test_a_garments_copy_learns_and_the_network_of_all_stays(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    lists = Shortlists(made_kept(20), RECIPE.lists, seed=0)
    verifier = Verifier(16, (256, 32), len(GARMENTS), [0, 1], "last")
    verifier.independent.requires_grad_(False)
    verifier.begin_copies()
    before = {name: value.clone() for name, value in verifier.state_dict().items()}
    owner = Owner(verifier, 3.0)
    task = Owning(RECIPE, owner, lists)
    rows = task.batch(0)
    assert sorted(set(lists.kept.garment[rows])) == [0, 1]
    costs = [float(sum(task.losses(task.see(rows, 0), rows, 0).values()).detach())]
    fit(task, RECIPE.own.steps, Run(tmp_path / "run", RECIPE), "own")
    costs.append(float(sum(task.losses(task.see(rows, 0), rows, 0).values()).detach()))
    assert costs[1] < costs[0]
    for name, value in verifier.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("independent")

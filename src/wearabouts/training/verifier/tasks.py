"""What the shared loop trains: regions with the network over them, the pair network, and its copies for garments."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from wearabouts.models.verifying import LocalNetwork, RegionHead
from wearabouts.models.wtbi import PairNetwork, Verifier
from wearabouts.training import losses
from wearabouts.training.verifier.kept import Kept
from wearabouts.training.verifier.recipe import VerifierRecipe
from wearabouts.training.verifier.shortlists import Rows, Shortlists, Shown

LEARNED = ("local", "pair")


class Matcher(nn.Module):
    """Both networks of all garments, which share nothing, and what only their losses need.

    Args:
        recipe: The run's.
        count: R, regions of a photo.
        dim: D, floats of a vector.
    """

    def __init__(self, recipe: VerifierRecipe, count: int, dim: int) -> None:
        super().__init__()
        net = recipe.network
        self.regions = RegionHead(net.reduced, net.dim, count)
        self.regions.start_from_components()
        self.local = LocalNetwork(net.dim, net.width, net.hidden, net.dropout)
        self.pair = PairNetwork(dim, net.pair)
        self.pair.start_from_differences()
        # Log-odds of *none of them*; how much the cosine adds to the regions' say in training.
        self.none = nn.ParameterDict({name: nn.Parameter(torch.tensor(3.0)) for name in LEARNED})
        self.beside = nn.Parameter(torch.tensor(10.0))


class Matching:
    """Which candidate of its shortlist a street photo shows, by each network.

    Args:
        recipe: The run's.
        net: To be trained.
        lists: Street photos and their candidates.
    """

    watched = ""

    def __init__(self, recipe: VerifierRecipe, net: Matcher, lists: Shortlists) -> None:
        self.recipe, self.net, self.lists = recipe, net, lists
        self.device = net.beside.device

    def batch(self, step: int) -> Rows:
        """See `wearabouts.training.loop.task.Task.batch`."""
        return self.lists.draw(step, self.recipe.lists.queries)

    def see(self, rows: Rows, step: int) -> Mapping[str, Tensor]:
        """Logits of each list, and which places are right and which hold something."""
        shown, net, kept = self.lists.shown(rows, step), self.net, self.lists.kept
        length = shown.shop.shape[1]
        street, shop = (vectors(kept, part, self.device) for part in (rows, shown.shop.ravel()))
        street = street.repeat_interleave(length, 0)
        a, b = (net.regions(cells(kept, part, self.device)) for part in (rows, shown.shop.ravel()))
        local = net.local(a.repeat_interleave(length, 0), b)
        if self.recipe.losses.beside:
            local = local + net.beside * (street * shop).sum(1)
        said = {"local": local, "pair": log_odds(net.pair(street, shop))}
        return {name: each.view(len(rows), length) for name, each in said.items()} | _places(shown, self.device)

    def losses(self, seen: Mapping[str, Tensor], rows: Rows, step: int) -> Mapping[str, Tensor]:
        """The list's and the pairs' loss of each network."""
        return {
            name: _loss(self.recipe, seen[name], seen["right"], seen["there"], self.net.none[name]) for name in LEARNED
        }

    def validate(self) -> Mapping[str, float]:
        """Nothing: the judge is fitted and measured on other items afterwards."""
        return {}


class Owner(nn.Module):
    """The pair network with its copies, and each copy's log-odds of *none of them*."""

    def __init__(self, verifier: Verifier, none: float) -> None:
        super().__init__()
        self.verifier = verifier
        self.none = nn.Parameter(torch.full((max(1, verifier.categories),), none))


class Owning:
    """The same lists, each garment's judged by its own copy.

    Args:
        recipe: The run's.
        net: Its copies are trained.
        lists: Street photos and their candidates.
    """

    watched = ""

    def __init__(self, recipe: VerifierRecipe, net: Owner, lists: Shortlists) -> None:
        self.recipe, self.net, self.lists = recipe, net, lists
        self.device = net.none.device

    def batch(self, step: int) -> Rows:
        """See `wearabouts.training.loop.task.Task.batch`; the same number of each garment."""
        own = self.net.verifier.own
        each = max(1, 2 * self.recipe.lists.queries // len(own))
        return np.concatenate([self.lists.draw(step, each, garment) for garment in own])

    def see(self, rows: Rows, step: int) -> Mapping[str, Tensor]:
        """Logits of each list by the copy of the street photo's garment."""
        shown, kept, net = self.lists.shown(rows, step), self.lists.kept, self.net.verifier
        length = shown.shop.shape[1]
        parts = []
        garments = kept.garment[rows]
        for garment in net.own:  # rows come garment by garment, in this order
            of = garments == garment
            street = vectors(kept, rows[of], self.device).repeat_interleave(length, 0)
            shop = vectors(kept, shown.shop[of].ravel(), self.device)
            parts.append(log_odds(net.logits(street, shop, garment)).view(-1, length))
        return {"own": torch.cat(parts)} | _places(shown, self.device)

    def losses(self, seen: Mapping[str, Tensor], rows: Rows, step: int) -> Mapping[str, Tensor]:
        """The list's and the pairs' loss."""
        none = self.net.none[torch.from_numpy(self.lists.kept.garment[rows]).to(self.device)]
        return {"own": _loss(self.recipe, seen["own"], seen["right"], seen["there"], none)}

    def validate(self) -> Mapping[str, float]:
        """Nothing, see `Matching.validate`."""
        return {}


def log_odds(logits: Tensor) -> Tensor:
    """(N, 2) logits of another and of the same product → (N,)."""
    return logits[:, 1] - logits[:, 0]


def vectors(kept: Kept, rows: Rows, device: torch.device) -> Tensor:
    """(n, D) float32."""
    return torch.from_numpy(kept.vector[rows]).to(device)


def cells(kept: Kept, rows: Rows, device: torch.device) -> Tensor:
    """(n, R, P) float32."""
    return torch.from_numpy(kept.cells[rows]).to(device).float()


def _places(shown: Shown, device: torch.device) -> dict[str, Tensor]:
    return {name: torch.from_numpy(getattr(shown, name)).to(device) for name in ("right", "there")}


def _loss(recipe: VerifierRecipe, logits: Tensor, right: Tensor, there: Tensor, none: Tensor) -> Tensor:
    how = recipe.losses
    return how.listwise * losses.listwise(logits, right, there, none) + how.pairs * losses.each_pair(
        logits, right, there
    )

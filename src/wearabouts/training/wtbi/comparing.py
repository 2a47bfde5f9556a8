"""The pair network's two phases, on features that no longer change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from wearabouts.errors import SettingsError
from wearabouts.models.wtbi import Verifier, Wtbi
from wearabouts.training.data.supervision import Supervision, Vocabulary
from wearabouts.training.loop import fit
from wearabouts.training.run import Run
from wearabouts.training.wtbi.features import Features, features
from wearabouts.training.wtbi.measuring import figures
from wearabouts.training.wtbi.mining import Deck, Pairs, extended, mine, shortlist
from wearabouts.training.wtbi.recipe import WtbiRecipe
from wearabouts.training.wtbi.tasks import Pairing, judge

Told = dict[str, Any]


def compare(recipe: WtbiRecipe, net: Wtbi, learned: Supervision, held: Supervision, run: Run) -> tuple[Verifier, Told]:
    """Learn pairs, for all categories together and then, where the recipe says so, for each.

    Returns:
        The verifier, and what `run.json` should say: the pairs there were, the phases, and held-out photos searched
        for by ``cosine`` and by each network.

    Raises:
        SettingsError: No pair can be made of these photos.
    """
    scales, k = recipe.pairs.windows, recipe.pairs.shortlist
    known = features(net, learned, scales, run, "learned")
    shown = features(net, held, scales, run, "held") if len(held) else None
    lists = shortlist(known.street, known.shop, known.street_category, known.shop_category, k)
    lists = extended(lists, known, learned.different)
    pairs = mine(lists, known.street_product, known.shop_product, known.street_category)
    if not len(pairs):
        raise SettingsError(
            f"no pairs to learn from: none of {pairs.asked} street photos has its product among the first {k} of its "
            "category beside another product; raise [pairs] shortlist, or give photos of more products"
        )
    phases = _Phases(recipe, learned.vocabulary, known, shown, pairs, run)
    told: Told = {"pairs": _counted(pairs, learned.vocabulary)}
    measured: Told = {"cosine": figures(shown, None, 0)} if shown else {}
    verifier, told["independent"] = phases.independent()
    measured["independent"] = phases.measured(verifier)
    if recipe.pairs.method == "specific":
        verifier, told["specific"] = phases.specific(verifier)
        measured["specific"] = phases.measured(verifier)
    told["own"] = list(verifier.own)
    return verifier, told | ({"held_out": measured} if shown else {})


def build_verifier(recipe: WtbiRecipe, words: Vocabulary, own: list[int]) -> Verifier:
    """The verifier of a recipe, with a copy for each category of `own`, weights as they come."""
    return Verifier(recipe.network.dim, recipe.pairs.hidden, len(words.categories), own, recipe.tuning.layers)


@dataclass(frozen=True)
class _Phases:
    recipe: WtbiRecipe
    words: Vocabulary
    known: Features
    shown: Features | None
    pairs: Pairs
    run: Run

    def independent(self) -> tuple[Verifier, Told]:
        """One network, from the pairs of all categories or of those the recipe names."""
        how = self.recipe.pairs
        torch.manual_seed(self.recipe.seed)
        net = build_verifier(self.recipe, self.words, [])
        if how.start == "difference":
            net.independent.start_from_differences()
        chosen = [self.words.categories.index(name) for name in how.learned]
        places = self.pairs.of(*chosen) if chosen else self.pairs.of(*range(len(self.words.categories)))
        if not len(places):
            raise SettingsError(f"no pairs of {', '.join(how.learned)}; give other [pairs] learned, or none")
        net = net.to(self.run.device)
        task = Pairing(
            self.recipe, net, self.known, self.pairs, {None: Deck(self.pairs, places)}, how.batch, self.shown
        )
        return net, fit(task, how.steps, self.run, "independent")

    def specific(self, before: Verifier) -> tuple[Verifier, Told]:
        """A copy for each category with enough positives, from the independent network on."""
        how = self.recipe.tuning
        positives = self.pairs.positives(len(self.words.categories))
        own = [n for n, count in enumerate(positives) if count >= how.least]
        if not own:
            return before, {"steps": 0, "why": f"no category has {how.least} positives ([tuning] least)"}
        net = build_verifier(self.recipe, self.words, own)
        net.independent.load_state_dict(before.independent.state_dict())
        net.independent.requires_grad_(False)
        net.begin_copies()
        net = net.to(self.run.device)
        decks: dict[int | None, Deck] = {n: Deck(self.pairs, self.pairs.of(n)) for n in own}
        task = Pairing(self.recipe, net, self.known, self.pairs, decks, how.batch, self.shown)
        return net, fit(task, how.steps, self.run, "specific")

    def measured(self, net: Verifier) -> dict[str, float]:
        """Held-out photos searched for; empty where there are none."""
        if self.shown is None:
            return {}
        return figures(self.shown, judge(net), self.recipe.pairs.shortlist)


def _counted(pairs: Pairs, words: Vocabulary) -> Told:
    positives = pairs.positives(len(words.categories)).tolist()
    return {
        "pairs": len(pairs),
        "positives": dict(zip(words.categories, positives, strict=True)),
        "street_photos": pairs.asked,
        "street_photos_missed": pairs.missed,
    }

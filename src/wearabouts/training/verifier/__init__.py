"""`verifier`, trained: the second stage of a finished `mini`, from kept features to a judge and its calibration."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from wearabouts.calibration import fit as fit_calibration
from wearabouts.errors import SettingsError
from wearabouts.garments import GARMENTS
from wearabouts.models.mini import Mini
from wearabouts.models.verifying import LocalNetwork, RegionHead, folded
from wearabouts.models.wtbi import Verifier
from wearabouts.training.loop import fit
from wearabouts.training.mini import build_served
from wearabouts.training.mini.recipe import MiniRecipe
from wearabouts.training.recipe import parse
from wearabouts.training.run import RECIPE, WEIGHTS, Run, replace, write_tensors
from wearabouts.training.verifier import asking, judging, kept, sources
from wearabouts.training.verifier.asking import Networks
from wearabouts.training.verifier.recipe import VerifierRecipe
from wearabouts.training.verifier.shortlists import Shortlists
from wearabouts.training.verifier.tasks import Matcher, Matching, Owner, Owning

EDITION = 0  # goes up whenever the same photos are kept otherwise
START, JUDGE = "start.json", "judge.json"  # of a run's folder: the `mini` it stands on, and what the judge says
Told = dict[str, Any]


def train(recipe: VerifierRecipe, data: Path, run: Run) -> Told:
    """Train by a recipe of `verifier`; the arguments are those of every model, see `wearabouts.training.main_train`.

    Raises:
        SettingsError: There is no finished run of `mini` to stand on, or the recipe cannot be trained with this data.
        CatalogError: The data is not there.
    """
    net, start = load_start(Path(recipe.network.start))
    _claim(start, run)
    net = net.to(run.device).eval().requires_grad_(False)
    parts, made = _features(recipe, data, net, start, run)
    lists = Shortlists(parts["train"], recipe.lists, recipe.seed)
    torch.manual_seed(recipe.seed)
    count, dim = parts["train"].cells.shape[1], parts["train"].vector.shape[1]
    matcher = Matcher(recipe, count, dim).to(run.device)
    told: Told = {"start": start, "pairs": fit(Matching(recipe, matcher, lists), recipe.steps, run, "pairs")}
    verifier, told["own"] = _own(recipe, matcher, lists, run)
    nets = Networks(matcher.regions, matcher.local, verifier.eval())
    told |= _judged(recipe, parts, nets, run)
    _write(run, nets, made)
    photos = {name: len(part) for name, part in parts.items()}
    parameters = {name: sum(p.numel() for p in part.parameters()) for name, part in vars(nets).items()}
    told |= {"photos": photos, "parameters": parameters, "regions": count}
    return told | {"own_garments": [GARMENTS[n] for n in verifier.own]}


def load_start(folder: Path) -> tuple[Mini, Told]:
    """The finished `mini` of a run, and what tells it from another: its name, size and the hash of its weights.

    Raises:
        SettingsError: No finished run of `mini` is there.
    """
    path = folder / WEIGHTS
    if not path.is_file() or not (folder / RECIPE).is_file():
        raise SettingsError(
            f"{folder} holds no finished run of mini; train one (wearabouts train recipes/mini.toml --out {folder}) or "
            "change [network] start"
        )
    recipe = parse(json.loads((folder / RECIPE).read_text("utf-8")))
    if not isinstance(recipe, MiniRecipe):
        raise SettingsError(f"{folder} holds a run of {recipe.model!r}; [network] start needs one of 'mini'")
    net = build_served(recipe)
    net.load_state_dict({name.removeprefix("net."): value for name, value in load_file(path).items()})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return net, {"name": recipe.name, "size": recipe.network.size, "weights": digest}


def build(recipe: VerifierRecipe, cell: int, count: int, dim: int, own: list[int]) -> Networks:
    """The networks of a recipe as they are served, weights as they come.

    Args:
        recipe: Theirs.
        cell: Floats of a region's joined maps.
        count: Regions of a photo.
        dim: Floats of a vector.
        own: Garments with a copy of the pair network's last layers.
    """
    net = recipe.network
    return Networks(
        RegionHead(cell, net.dim, count),
        LocalNetwork(net.dim, net.width, net.hidden, net.dropout),
        Verifier(dim, net.pair, len(GARMENTS), own, "last"),
    )


def _claim(start: Told, run: Run) -> None:
    """Which `mini` the run stands on; another one under the same name, put there meanwhile, is refused."""
    path = run.folder / START
    before = json.loads(path.read_text("utf-8")) if path.is_file() else start
    if before != start:
        raise SettingsError(
            f"{run.folder} was begun on a mini with weights {before['weights'][:9]}…, which are now "
            f"{start['weights'][:9]}…; give --out another folder, or delete that one"
        )
    replace(path, json.dumps(start) + "\n")


def _features(
    recipe: VerifierRecipe, data: Path, net: Mini, start: Told, run: Run
) -> tuple[dict[str, kept.Kept], kept.Components]:
    how = recipe.network
    # Photos have seeds of their own: trainings of several seeds share what is kept.
    key = kept.key_of([EDITION, recipe.data.model_dump(), how.reduced, how.whitening, start])
    units = {part: sources.units(recipe, data, part, start["size"]) for part in ("train", "calibrate")}
    made = kept.components(net, units["train"], how.reduced, how.whitening, run, key)
    return {part: kept.compute(net, made, some, run, key, part) for part, some in units.items()}, made


def _own(recipe: VerifierRecipe, matcher: Matcher, lists: Shortlists, run: Run) -> tuple[Verifier, Told]:
    """The pair network with a copy of its last layers for each garment that enough street photos show."""
    garments = lists.kept.garment[lists.queries]
    seen = {n: int((garments == n).sum()) for n in range(len(GARMENTS))}
    enough = [n for n in sorted(seen, key=lambda n: -seen[n]) if seen[n] >= recipe.own.least]
    own = sorted(enough[: recipe.own.most])
    dim = lists.kept.vector.shape[1]
    verifier = Verifier(dim, recipe.network.pair, len(GARMENTS), own, "last").to(run.device)
    verifier.independent.load_state_dict(matcher.pair.state_dict())
    verifier.independent.requires_grad_(False)
    verifier.begin_copies()
    if not own:
        return verifier, {"steps": 0, "why": f"no garment has {recipe.own.least} street photos ([own] least)"}
    owner = Owner(verifier, float(matcher.none["pair"].detach())).to(run.device)
    told = fit(Owning(recipe, owner, lists), recipe.own.steps, run, "own")
    return verifier, told


def _judged(recipe: VerifierRecipe, parts: dict[str, kept.Kept], nets: Networks, run: Run) -> Told:
    """Weights of the signals and the curves over them, from the calibration items."""
    how = recipe.judging
    items = asking.joined(parts["calibrate"], parts["train"])
    places = asking.shops(items, how.queries, recipe.seed)
    orders = [asking.ranked(items, place) for place in places]
    recall = asking.recalls(items, places[0], orders[0], how.lists)
    longest = recall[max(recall)]
    shortlist = min((k for k, share in recall.items() if share >= longest - how.lost), default=max(recall))
    shortlist = max(2, min(shortlist, how.most))
    run.say(f"{recall[min(shortlist, max(recall))]:.1%} of the queries have their item among the first {shortlist}")
    asked = [asking.ask(items, nets, place, order, shortlist, run) for place, order in zip(places, orders, strict=True)]
    every = [one for some in asked for one in some]
    judge = judging.fit(every, how.ridge, how.certain)
    curves = fit_calibration(
        judging.shortlists(judge, every), verifier="", calibrated_on=_calibrated_on(recipe), share=how.share
    )
    alone = judging.Weights({"similarity": 1.0}, 0.0, 0.0)
    figures = {
        place.name: {
            "queries": len(some),
            "products": int(order.shape[1]),
            "recall@1 by cosine": judging.first(alone, some),
            "recall@1 judged": judging.first(judge, some),
        }
        for place, order, some in zip(places, orders, asked, strict=True)
    }
    told = {
        "judge": {
            **judge._asdict(),
            "sure": dict(judge.sure),
            "recall": {str(k): v for k, v in recall.items()},
            "shortlist": shortlist,
        },
        "calibration": curves.model_dump(mode="json"),
        "calibrated": figures,
    }
    replace(run.folder / JUDGE, json.dumps(told, indent=1) + "\n")
    return told


def _calibrated_on(recipe: VerifierRecipe) -> str:
    data = recipe.data
    drawn = f"{data.calibrate_products:,} products of the drawn shop's part for calibration"
    return f"{drawn}, and groceries marked for calibration" if data.grocery else drawn


def _write(run: Run, nets: Networks, made: kept.Components) -> None:
    """The weights to serve: the regions' reduction and projection as the one linear map they are."""
    whole = folded(nets.regions.cpu(), torch.from_numpy(made.mean), torch.from_numpy(made.weight))
    named = {"regions": whole, "local": nets.local, "verifier": nets.verifier}
    write_tensors(
        run.folder / WEIGHTS,
        {f"{part}.{name}": value for part, net in named.items() for name, value in net.state_dict().items()},
    )

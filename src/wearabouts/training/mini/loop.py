"""The training loop of `mini`: plain PyTorch over kept features, on the CPU or one GPU, resumed where it stopped."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wearabouts.errors import SettingsError
from wearabouts.garments import ATTRIBUTES
from wearabouts.models.mini import Mini
from wearabouts.training import losses
from wearabouts.training.mini.batches import Batch, Sampler
from wearabouts.training.mini.features import BATCH, Features
from wearabouts.training.mini.recipe import MiniRecipe
from wearabouts.training.mini.whitening import whitening
from wearabouts.training.run import Run
from wearabouts.types import Floats


@dataclass
class Task:
    """What one step needs: the network, the kept features, and what the network saw before it was trained."""

    recipe: MiniRecipe
    net: Mini
    features: Features
    teacher: dict[int, Tensor]
    kinds: nn.Linear
    device: torch.device


def prepare(recipe: MiniRecipe, net: Mini, features: Features, device: torch.device) -> Task:
    """Start the projections as whitenings; what identity gives then is also the teacher of `losses.relations`."""
    originals = np.flatnonzero(features.original)
    dim = recipe.network.identity_dim
    if len(originals) <= dim:
        raise SettingsError(
            f"{len(originals)} real photos cannot start an identity of {dim} floats; give more photos or fewer floats"
        )
    generic, garment, photo = _generic(net, features, originals, device)
    taught = _start(net.identity, generic, recipe.network.whitening, recipe.network.centring)
    _start(net.garment_colour.project, garment, 0.0, 1.0)
    _start(net.photo_colour, photo, 0.0, 0.0)
    kinds = nn.Linear(dim, net.garment.out_features, bias=False).to(device)
    return Task(recipe, net, features, dict(zip(originals.tolist(), taught, strict=True)), kinds, device)


def _generic(
    net: Mini, features: Features, rows: npt.NDArray[np.int64], device: torch.device
) -> tuple[Floats, Floats, Floats]:
    """What the untrained network pools of the rows, and both their colour histograms (rooted)."""
    parts = []
    with torch.inference_mode():
        for i in range(0, len(rows), BATCH):
            frozen = features.frozen(rows[i : i + BATCH], device)
            rgb = frozen.small.flatten(2).transpose(1, 2)
            even = torch.full(rgb.shape[:2], 1 / rgb.shape[1], device=device)
            parts.append((net.pool(frozen)[1], net.garment_colour.root(rgb, even), frozen.palette))
    generic, garment, photo = (torch.cat(column).cpu().numpy() for column in zip(*parts, strict=True))
    return generic, garment, photo


def _start(layer: nn.Linear, features: Floats, power: float, centring: float) -> Tensor:
    """Fill a layer with the whitening of its inputs; returns what it gives for them, unit vectors."""
    weight, bias = whitening(features, layer.out_features, power, centring)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    return F.normalize(torch.from_numpy(features @ weight.T + bias), dim=1)


def loss_terms(task: Task, batch: Batch) -> dict[str, Tensor]:
    """Every loss of one batch, already weighted."""
    rows, features, weights = batch.rows, task.features, task.recipe.losses
    frozen = features.frozen(rows, task.device)
    seen = task.net.upper(
        frozen._replace(small=frozen.small[:, :, ::2, ::2])
    )  # a quarter of the pixels tells the colours as well
    labels = {
        name: torch.from_numpy(getattr(features, name)[rows]).to(task.device)
        for name in ("item", "street", "garment", "mask")
    }
    attributes = torch.from_numpy(features.attributes[rows]).to(task.device)
    terms: dict[str, Tensor] = {}
    start = 0
    for name in ("clothing", "grocery", "drawn"):
        part = slice(start, start + len(getattr(batch, name)))
        start = part.stop
        if part.stop > part.start:
            sides = losses.across_sides(
                seen.vector[part], labels["item"][part], labels["street"][part], weights.temperature
            )
            terms[name] = getattr(weights, name) * sides
            if name == "drawn":
                shop = ~labels["street"][part]
                views = losses.among_views(seen.vector[part][shop], labels["item"][part][shop], weights.temperature)
                terms["views"] = weights.views * views
    kept = torch.stack([task.teacher[row] for row in batch.originals.tolist()]).to(task.device)
    terms["relations"] = weights.relations * losses.relations(seen.identity[start:], kept)
    terms["kind"] = weights.kind * losses.classes(seen.garment, labels["garment"], weights.smoothing)
    by_identity = 10 * F.linear(seen.identity, F.normalize(task.kinds.weight, dim=1))
    terms["kind_in_identity"] = weights.kind_in_identity * losses.classes(
        by_identity, labels["garment"], weights.smoothing
    )
    terms["focus"] = weights.focus * losses.focus(seen.saliency, labels["mask"])
    each = [losses.classes(seen.attributes[name], attributes[:, i], 0.05) for i, name in enumerate(ATTRIBUTES)]
    terms["attributes"] = weights.attributes * torch.stack(each).sum()
    return terms


def fit(task: Task, run: Run, order: int = 0) -> None:
    """Train, writing a checkpoint every so often; a run that was stopped goes on from its last one.

    Args:
        task: What to learn.
        run: Whose checkpoints.
        order: Another number draws other batches.

    Raises:
        SettingsError: The loss is not a number any more; says what to change.
    """
    steps = task.recipe.steps
    sampler = Sampler(task.features, steps, task.recipe.seed + order)
    parameters, optimizer = _optimizer(task)
    done = _resume(task, optimizer, run)
    for step in range(done, steps.count):
        share = _share(step, steps.count, steps.warm_up)
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * share
        terms = loss_terms(task, sampler.batch(step))
        loss = torch.stack(list(terms.values())).sum()
        if not math.isfinite(float(loss.detach())):
            raise SettingsError(
                f"the loss is {float(loss.detach())} at step {step}; lower [steps] rate ({steps.rate}) and run again"
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, steps.clip)
        optimizer.step()
        run.progress("steps", step + 1, steps.count)
        if (step + 1) % steps.checkpoint == 0 or step + 1 == steps.count:
            values = {name: round(float(term.detach()), 4) for name, term in terms.items()}
            run.log(step + 1, values)
            weights = {f"net.{name}": value for name, value in task.net.state_dict().items()}
            run.save(step + 1, {**weights, "kinds.weight": task.kinds.weight}, optimizer)


def _optimizer(task: Task) -> tuple[list[nn.Parameter], torch.optim.AdamW]:
    net, steps = task.net, task.recipe.steps
    identity = list(net.identity.parameters())
    trunk = net.trained()
    apart = {
        id(parameter)
        for parameter in (*identity, *net.photo_colour.parameters(), *net.v1.parameters(), *net.v2.parameters())
    }
    heads = [parameter for parameter in (*net.parameters(), *task.kinds.parameters()) if id(parameter) not in apart]
    groups = [
        {"params": heads, "rate": steps.rate, "weight_decay": steps.weight_decay},
        {"params": identity, "rate": steps.identity_rate, "weight_decay": 0.0},
        {"params": trunk, "rate": steps.trunk_rate, "weight_decay": 0.0},
    ]
    return [*heads, *identity, *trunk], torch.optim.AdamW(groups, lr=steps.rate)


def _share(step: int, count: int, warm_up: float) -> float:
    """Share of the full rate: up in a line, down along a half cosine."""
    at = (step + 1) / count
    return at / warm_up if at < warm_up else 0.5 + 0.5 * math.cos(math.pi * (at - warm_up) / (1 - warm_up))


def _resume(task: Task, optimizer: torch.optim.Optimizer, run: Run) -> int:
    """Load the newest whole checkpoint; 0 where there is none."""
    checkpoint = run.resume()
    if checkpoint is None:
        return 0
    weights = dict(checkpoint.weights)
    task.kinds.weight.data.copy_(weights.pop("kinds.weight"))
    task.net.load_state_dict({name.removeprefix("net."): value for name, value in weights.items()})
    checkpoint.restore(optimizer)
    return checkpoint.step

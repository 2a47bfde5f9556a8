"""The training loop of `residual`: one rate up and down, photos changed as they are seen, weights averaged."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from wearabouts.errors import SettingsError
from wearabouts.models.residual import Residual
from wearabouts.training import losses
from wearabouts.training.residual.changes import changed
from wearabouts.training.residual.recipe import ResidualRecipe, Steps
from wearabouts.training.residual.rows import Rows
from wearabouts.training.run import Run

WHITENED_FROM = 5_000  # photos whose patches the first layer is made from
AVERAGE = "average"  # what the averaged weights are called in a checkpoint


def build(recipe: ResidualRecipe, classes: int) -> Residual:
    """The network of a recipe, weights as they come."""
    net = recipe.network
    return Residual(
        classes,
        net.widths,
        net.dim,
        net.temperature,
        class_weight=net.class_weight,
        both_ways=recipe.steps.mirror,
    )


def fit(recipe: ResidualRecipe, rows: Rows, run: Run) -> Residual:
    """Train, writing a checkpoint every so often; a run that was stopped goes on from its last one.

    What happens at a step depends on the seed and the step alone, so it goes on as if it had not stopped.

    Returns:
        The network with the averaged weights, which is the one to serve.

    Raises:
        SettingsError: The batch is larger than the data, or the loss is not a number any more; says what to change.
    """
    steps = recipe.steps
    if len(rows) < steps.batch:
        raise SettingsError(f"{len(rows)} photos are less than one batch; lower [steps] batch ({steps.batch})")
    net = build(recipe, len(rows.names))
    pixels, labels = torch.from_numpy(rows.pixels).to(run.device), torch.from_numpy(rows.classes).to(run.device)
    net.whiten(_prepared(torch.from_numpy(rows.pixels)[_order(recipe.seed, len(rows), 0)[:WHITENED_FROM]]))
    net = net.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stub lacks it
    average = copy.deepcopy(net).requires_grad_(False)
    optimizer = _optimizer(net, steps)
    epoch_steps = len(rows) // steps.batch
    total = steps.epochs * epoch_steps
    done = _resume(net, average, optimizer, run)
    order = _order(recipe.seed, len(rows), done // epoch_steps)
    for step in range(done, total):
        epoch, n = divmod(step, epoch_steps)
        order = _order(recipe.seed, len(rows), epoch) if n == 0 else order
        for group in optimizer.param_groups:
            group["lr"] = steps.rate * share(step, total, steps.warm_up)
        chosen = order[n * steps.batch : (n + 1) * steps.batch]
        chance = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
        photos = changed(pixels[chosen], chance, shift=steps.shift, cutout=steps.cutout, mirror=steps.mirror)
        loss = losses.classes(net(_prepared(photos)).logits, labels[chosen], steps.smoothing)
        if not math.isfinite(loss.item()):
            raise SettingsError(
                f"the loss is {loss.item()} at step {step}; lower [steps] rate ({steps.rate}), run again"
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        follow(average, net, min(steps.average, (1 + step) / (10 + step)))
        run.progress("steps", step + 1, total)
        if (step + 1) % steps.checkpoint == 0 or step + 1 == total:
            run.log(step + 1, {"epoch": round((step + 1) / epoch_steps, 2), "loss": round(loss.item(), 4)})
            run.save(step + 1, _named(net, average), optimizer)
    return average.eval()


def share(step: int, count: int, warm_up: float) -> float:
    """Share of the full rate at a step: up in a line, down in a line to nearly nothing (Smith, *One cycle*, 2018)."""
    at = (step + 1) / (count + 1)
    return at / warm_up if at < warm_up else (1 - at) / (1 - warm_up)


def follow(average: nn.Module, net: nn.Module, kept: float) -> None:
    """Move the averaged weights towards the trained ones, keeping a share of them; batch statistics are taken over."""
    with torch.no_grad():
        for mean, now in zip(average.parameters(), net.parameters(), strict=True):
            mean.lerp_(now, 1 - kept)
        for kept_as, now_as in zip(average.buffers(), net.buffers(), strict=True):
            kept_as.copy_(now_as)


def _optimizer(net: Residual, steps: Steps) -> torch.optim.SGD:
    """Matrices and kernels decay towards zero; scales and shifts do not."""
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in trained if parameter.ndim > 1], "weight_decay": steps.weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=steps.rate, momentum=steps.momentum, nesterov=steps.momentum > 0)


def _order(seed: int, count: int, epoch: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + 500_000 + epoch))


def _prepared(photos: Tensor) -> Tensor:
    """(B, S, S, 3) uint8 → (B, 3, S, S) in [0, 1]; the bytes' own order is the one convolutions are quickest in."""
    return photos.permute(0, 3, 1, 2).float() / 255


def _named(net: Residual, average: Residual) -> dict[str, Tensor]:
    return {
        f"{name}.{key}": value
        for name, module in (("net", net), (AVERAGE, average))
        for key, value in module.state_dict().items()
    }


def served(recipe: ResidualRecipe, classes: int, weights: dict[str, Tensor]) -> Residual:
    """The network to serve, from the weights of a checkpoint."""
    net = build(recipe, classes)
    net.load_state_dict(_below(AVERAGE, weights))
    return net.eval()


def _below(name: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}


def _resume(net: Residual, average: Residual, optimizer: torch.optim.Optimizer, run: Run) -> int:
    """Load the newest whole checkpoint; 0 where there is none."""
    checkpoint = run.resume()
    if checkpoint is None:
        return 0
    net.load_state_dict(_below("net", checkpoint.weights))
    average.load_state_dict(_below(AVERAGE, checkpoint.weights))
    checkpoint.restore(optimizer)
    return checkpoint.step

"""What to change where a training cannot go on: errors that say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import torch

from wearabouts.errors import SettingsError
from wearabouts.training.loop.recipe import Steps
from wearabouts.training.run import Run

# What torch says when the machine has no more: torch.OutOfMemoryError on a card, plain words on a CPU.
SPENT = ("out of memory", "can't allocate memory", "not enough memory", "unable to allocate")
TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def precise(precision: str, device: torch.device) -> Callable[[], AbstractContextManager[object]]:
    """What makes a context in which a forward pass has a recipe's precision.

    Raises:
        SettingsError: This device cannot.
    """
    if precision == "fp32":
        return nullcontext
    if precision == "fp16" and device.type != "cuda":
        raise SettingsError(
            f'[steps] precision = "fp16" needs a graphics card, this is a {device.type}; "bf16" and "fp32" work here'
        )
    return lambda: torch.autocast(device.type, TYPES[precision])


def not_a_number(what: str, step: int, terms: Mapping[str, float], steps: Steps) -> SettingsError:
    """The error for a loss, gradient or weight that is infinite or no number; nothing of it has been written."""
    said = ", ".join(f"{name} {value:g}" for name, value in terms.items())
    precision = f' and precision "{steps.precision}" to "fp32"' if steps.precision != "fp32" else ""
    clip = f"lower clip ({steps.clip:g})" if steps.clip else "set clip, such as 5"
    return SettingsError(
        f"the {what} at step {step} is not a finite number ({said}); in [steps] lower rate ({steps.rate:g}), "
        f"lengthen warm_up ({steps.warm_up:g}), {clip}{precision}; then train into a new folder"
    )


def out_of_memory(error: BaseException, run: Run, steps: Steps, batch: int) -> SettingsError | None:
    """The error for a memory that was too small; None for errors of another kind."""
    spent = isinstance(error, (MemoryError, torch.OutOfMemoryError))
    if not spent and not any(words in str(error).lower() for words in SPENT):
        return None
    size = getattr(getattr(run.recipe, "network", None), "size", None)
    photos = f"{batch} photos a batch" + (f" of {size} x {size} pixels" if size else "")
    precision = '; or precision = "bf16"' if steps.precision == "fp32" else ""
    return SettingsError(
        f"the memory of {_named(run.device)} is too small for {photos} in {steps.precision}; give smaller batches"
        f"{', a smaller [network] size' if size else ''}{precision}; then train into a new folder"
    )


def _named(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "this machine"

"""The rate at each step, as a share of the recipe's."""

from __future__ import annotations

import math

from wearabouts.training.loop.recipe import Steps


def share(step: int, steps: Steps) -> float:
    """Share of the full rate at a step.

    Over the first w = round(warm_up · count) steps it is (step + 1) / w. From there on, with p the part of the
    remaining steps that is done, ``constant`` is 1, ``line`` 1 - p and ``cosine`` (1 + cos πp) / 2 (Loshchilov &
    Hutter, *SGDR*, 2017, without restarts); ``step`` is drop_by to the power of ⌊step / drop_every⌋.

    Args:
        step: From 0 on, below ``steps.count``.
        steps: The recipe's table.

    Returns:
        In (0, 1].
    """
    warm = round(steps.warm_up * steps.count)
    if step < warm:
        return (step + 1) / warm
    done = (step - warm) / max(steps.count - warm, 1)
    if steps.schedule == "line":
        return 1 - done
    if steps.schedule == "cosine":
        return 0.5 + 0.5 * math.cos(math.pi * done)
    if steps.schedule == "step" and steps.drop_every:
        return steps.drop_by ** (step // steps.drop_every)
    return 1.0

"""Pause: how long a user thinks between two turns."""

from __future__ import annotations

import random
from typing import Literal

Thinking = Literal["uniform", "constant", "exponential"]


def pause_s(kind: Thinking, mean_s: float, chance: random.Random) -> float:
    """Seconds until the next turn.

    Args:
        kind: `uniform`: evenly from half to one and a half of the mean; `constant`: the mean, always;
            `exponential`: as long as until the next event of a Poisson process, so that users' turns come
            independently of each other.
        mean_s: their mean.
        chance: what is drawn from.
    """
    if kind == "constant" or mean_s == 0:
        return mean_s
    if kind == "exponential":
        return chance.expovariate(1 / mean_s)
    return mean_s * chance.uniform(0.5, 1.5)

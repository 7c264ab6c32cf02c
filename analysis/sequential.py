"""Sequential: how strict each look must be when a run is judged again and again until it is decided.

Whoever looks often enough finds something: a rule that is wrong once in forty is wrong far more often when it
is asked after every block of a run and may stop at the first answer it likes. So the chance of a false alarm
is a budget for the whole run. A spending function says how much of it may be used up by the time a share of
the longest possible run is over, and each look gets what has become free since the one before. How strict a
look then is follows from how much it has in common with the looks before it: the statistic of a growing run
moves like Brownian motion, and the chance to cross all the limits so far is a chain of integrals.

Literature: Armitage, McPherson, Rowe (1969), J. R. Stat. Soc. A 132:235 (repeated looks, the integrals);
O'Brien, Fleming (1979), Biometrics 35:549 (limits for looks planned ahead); Lan, DeMets (1983), Biometrika
70:659 (spending: the number and the times of the looks need not be known); Kim, DeMets (1987), Biometrika
74:149 (spending as a power of the share). What it comes to for this engine, whose levels are no exact
p-values, is measured in docs/until-decided.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from analysis.intervals import normal_tail
from analysis.usable import Floats

ONE_LOOK = (1.0,)
"""Looks of a run that is judged once, when it is over."""

CHANGE_POWER, SAME_POWER = 3.0, 1.0
"""A change must be clearer the earlier it is claimed: an eighth of its budget is free after half of the
longest run, since short runs know little about how a rate wanders by itself. That nothing changes can only
be shown with many requests anyway: half is free after half. Other powers: docs/until-decided.md."""

CHANGE_SHARE = 0.5
"""A run that may end on the way has half of the budget for changes. Judged once, when it is over, most false
changes are found out to be none, since "constant" is asked first; who stops early forgoes that."""

POINTS = 401
LOWEST = -8.0
"""The statistic is followed on so many points, from eight standard deviations below 0 up to the limit."""
BISECTIONS = 50
HIGHEST_Z = 12.0


def spent(alpha: float, share: float, power: float) -> float:
    """How much of the budget `alpha` may be used up once `share` (0 to 1) of the longest run is over."""
    return float(alpha * np.clip(share, 0.0, 1.0) ** power)


def look_level(alpha: float, looks: Sequence[float], power: float) -> float:
    """One-sided p-value that the last of some looks must stay below.

    Args:
        alpha: chance of a false alarm over all looks together, the later ones included.
        looks: share of the longest possible run that was over at each look so far, the last one being this;
            `ONE_LOOK` gives `alpha` itself.
        power: how late the budget becomes free, see `spent`.

    Returns:
        The level; 0 where a look comes no later than the one before it.

    Raises:
        ValueError: there is no look.
    """
    if not looks:
        raise ValueError("a level needs at least one look")
    return _levels(alpha, tuple(looks), power)[-1]


@lru_cache(maxsize=256)
def _levels(alpha: float, looks: tuple[float, ...], power: float) -> tuple[float, ...]:
    """The level of every look. A look without any new share of the run is left out of the chain."""
    levels: list[float] = []
    reached, place, density = 0.0, np.zeros(1), np.ones(1)
    for share in looks:
        free = spent(alpha, share, power) - spent(alpha, reached, power)
        if free <= 0:
            levels.append(0.0)
            continue
        step = float(np.sqrt(share - reached))
        limit = _limit(free, place, density, step)
        levels.append(float(normal_tail(np.array([limit / np.sqrt(share)]))[0]))
        place, density = _moved(place, density, step, limit, float(np.sqrt(share)))
        reached = share
    return tuple(levels)


def _limit(free: float, place: Floats, density: Floats, step: float) -> float:
    """Where the limit must be so that exactly `free` crosses it at this look and not before."""
    low, high = LOWEST, HIGHEST_Z
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        crossing = float(density @ normal_tail((middle - place) / step))
        low, high = (middle, high) if crossing > free else (low, middle)
    return (low + high) / 2


def _moved(place: Floats, density: Floats, step: float, limit: float, sd: float) -> tuple[Floats, Floats]:
    """Where the runs that have not crossed are after this look: points, and the mass of each of them."""
    after = np.linspace(LOWEST * sd, limit, POINTS)
    apart = (after[:, None] - place[None, :]) / step
    height = np.exp(-0.5 * apart**2) @ density / (step * np.sqrt(2 * np.pi))
    width = np.full(POINTS, after[1] - after[0])
    width[[0, -1]] /= 2
    return after, height * width

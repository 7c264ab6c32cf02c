"""Knee: the load at which errors begin, sought only when they rise with load.

Three shapes are tried at every bend of a grid: a line that bends (errors grow with load), a capacity that is
exceeded (a fixed amount succeeds, the share 1 - bend/load fails: overload, rate limits) and a step. A bent
line alone puts the knee of a capacity too low where few levels were visited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.lines import Design, design
from analysis.usable import Floats, Ints
from analysis.verdict import Knee, LoadLevel
from analysis.windows import Windows

BENDS = 41
FIRST, LAST = 0.1, 0.9
"""Bends are tried between a tenth and nine tenths of the load range: outside nothing is left to fit."""
ROUNDS = 3
LEAST_F = 20.0
"""The bend must beat the straight line by this F: far above chance, since windows hang together."""
CUTOFF = 10.0
"""Bends whose loss exceeds the least one by less than so many residual variances belong to the interval.
Independent windows would need 3.8 (profile likelihood, Venzon, Moolgavkar 1988, Appl. Stat. 37:87); windows
hang together and the shape is only a guess, and 10 is what covered the truth in simulation."""
LEAST_HALF = 0.05
"""The interval reaches at least this share of the load range to either side."""
TIE = 1e-9
RIDGE = 1e-9


@dataclass(frozen=True, slots=True)
class _Profile:
    """Least loss per bend over all shapes, with the best bend and its fitted rates."""

    loss: Floats
    best: int
    fitted: Floats


def knee(windows: Windows, errors: Ints | None = None) -> Knee | None:
    """Where a bent line fits clearly better than a straight one, with the bends that fit almost as well."""
    plan = design(windows)
    if plan is None or len(plan.n) < 8:
        return None
    rate = plan.of(windows.errors if errors is None else errors) / plan.n
    bends = np.linspace(FIRST, LAST, BENDS)
    shapes = _shapes(plan, bends)
    weight = last = plan.n
    for _ in range(ROUNDS):
        last = weight
        found = _profile(shapes, plan.tau, rate, last)
        p = np.clip(found.fitted, 0.002, 0.998)
        weight = plan.n / (p * (1 - p))
    least = float(found.loss[found.best])
    variance = least / max(len(rate) - 4, 1)
    (straight,) = _losses(plan.x[None, :], plan.tau, rate, last)[0]
    if variance <= 0 or (straight - least) / variance < LEAST_F:
        return None
    bend, step = float(bends[found.best]), float(bends[1] - bends[0])
    inside = bends[found.loss <= least + CUTOFF * variance]
    low, high = min(inside[0] - step, bend - LEAST_HALF), max(inside[-1] + step, bend + LEAST_HALF)
    width = plan.high - plan.low
    return Knee(
        users=plan.low + bend * width,
        low=plan.low + max(0.0, float(low)) * width,
        high=plan.low + min(1.0, float(high)) * width,
    )


def within_levels(bend: Knee | None, levels: Sequence[LoadLevel]) -> Knee | None:
    """The bend moved into the stretch between the last level without more errors and the first with them.

    One bend fitted to a curve that saturates slides towards low load. The levels know better: errors cannot
    begin below a level that shows no more of them than the lowest, nor above one that clearly does.

    Returns:
        The bend, its interval cut to that stretch (or the stretch itself where they do not meet); None if
        there is no bend or no such stretch.
    """
    told = [level for level in levels if level.error_rate.low is not None and level.requests > 0]
    if bend is None or len(told) < 2:
        return None
    base = told[0].error_rate.high or 0.0
    first = next((i for i, level in enumerate(told) if (level.error_rate.low or 0.0) > base), None)
    if first is None or first == 0:
        return None
    low, high = told[first - 1].users_high, told[first].users_high
    if bend.low < high and bend.high > low:
        low, high = max(low, bend.low), min(high, bend.high)
    return Knee(users=float(np.clip(bend.users, low, high)), low=low, high=high)


def _shapes(plan: Design, bends: Floats) -> list[Floats]:
    """Bent line, exceeded capacity and step: for each a column (bends, windows) that is 0 up to the bend."""
    users = plan.low + bends[:, None] * (plan.high - plan.low)
    above = plan.x[None, :] - bends[:, None]
    exceeded = np.maximum(0.0, 1 - users / np.maximum(plan.load, TIE)[None, :])
    return [np.maximum(0.0, above), exceeded, (above > 0).astype(np.float64)]


def _profile(shapes: list[Floats], tau: Floats, rate: Floats, weight: Floats) -> _Profile:
    """The best shape at each bend; of bends that fit equally well, the middle one."""
    fits = [_losses(shape, tau, rate, weight) for shape in shapes]
    losses = np.stack([loss for loss, _ in fits])
    shape = int(np.argmin(losses.min(axis=1)))
    own = losses[shape]
    equal = np.flatnonzero(own <= own.min() * (1 + TIE))
    best = int(equal[len(equal) // 2])
    return _Profile(losses.min(axis=0), best, fits[shape][1][best])


def _losses(columns: Floats, tau: Floats, rate: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weighted residual sums of squares (bends,) and fitted rates (bends, windows) beside linear time."""
    basis = np.stack([np.ones_like(columns), columns, np.broadcast_to(tau, columns.shape)], axis=2)
    weighted = np.swapaxes(basis * weight[None, :, None], 1, 2)
    gram, moment = weighted @ basis, weighted @ rate
    ridge = RIDGE * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(3)
    solved = np.linalg.solve(gram + ridge, moment[..., None])
    fitted = np.asarray((basis @ solved)[..., 0], np.float64)
    return np.asarray(((rate - fitted) ** 2) @ weight, np.float64), fitted

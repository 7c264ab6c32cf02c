"""Knee: the load at which errors begin, sought only when they rise with load."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.lines import design
from analysis.usable import Floats, Ints
from analysis.verdict import Knee, LoadLevel
from analysis.windows import Windows

BENDS = 41
FIRST, LAST = 0.1, 0.9
"""Bends are tried between a tenth and nine tenths of the load range: outside nothing is left to fit."""
ROUNDS = 3
LEAST_F = 20.0
"""The bend must beat the straight line by this F: far above chance, since windows hang together."""
TOLERANCE = 0.10
"""Quoted as plus or minus a tenth of the peak: intervals from the fit itself covered the truth only 40 % of
the time in simulation, this one about 90 %."""


def knee(windows: Windows, errors: Ints | None = None) -> Knee | None:
    """Where a bent line fits clearly better than a straight one, or None."""
    plan = design(windows)
    if plan is None or len(plan.n) < 8:
        return None
    rate = plan.of(windows.errors if errors is None else errors) / plan.n
    straight = np.column_stack([np.ones(len(rate)), plan.x, plan.tau])
    weight = plan.n.copy()
    best, bend = np.zeros(len(rate)), 0.0
    for _ in range(ROUNDS):
        tried = [
            (_loss(_bent(plan.x, plan.tau, b), rate, weight), b) for b in np.linspace(FIRST, LAST, BENDS)
        ]
        (_, best), bend = min(((loss, b) for loss, b in tried), key=lambda item: item[0][0])
        p = np.clip(best, 0.002, 0.998)
        last_weight, weight = weight, plan.n / (p * (1 - p))
    bent_loss = _loss(_bent(plan.x, plan.tau, bend), rate, last_weight)[0]
    line_loss = _loss(straight, rate, last_weight)[0]
    if bent_loss <= 0 or (line_loss - bent_loss) / (bent_loss / (len(rate) - 4)) < LEAST_F:
        return None
    users = plan.low + float(bend) * (plan.high - plan.low)
    half = TOLERANCE * plan.high
    return Knee(users=users, low=max(plan.low, users - half), high=min(plan.high, users + half))


def within_levels(bend: Knee | None, levels: Sequence[LoadLevel]) -> Knee | None:
    """The bend moved into the stretch between the last level without more errors and the first with them.

    One bend fitted to a curve that saturates slides towards low load. The levels know better: errors cannot
    begin below a level that shows no more of them than the lowest, nor above one that clearly does.

    Returns:
        The bend with that stretch as its interval; None if there is no bend or no such stretch.
    """
    told = [level for level in levels if level.error_rate.low is not None and level.requests > 0]
    if bend is None or len(told) < 2:
        return None
    base = told[0].error_rate.high or 0.0
    first = next((i for i, level in enumerate(told) if (level.error_rate.low or 0.0) > base), None)
    if first is None or first == 0:
        return None
    low, high = told[first - 1].users_high, told[first].users_high
    return Knee(users=float(np.clip(bend.users, low, high)), low=low, high=high)


def _bent(x: Floats, tau: Floats, bend: float) -> Floats:
    return np.column_stack([np.ones(len(x)), np.maximum(0.0, x - bend), tau])


def _loss(basis: Floats, rate: Floats, weight: Floats) -> tuple[float, Floats]:
    """Weighted residual sum of squares and fitted rates."""
    root = np.sqrt(weight)
    coefficients, *_ = np.linalg.lstsq(basis * root[:, None], rate * root, rcond=None)
    fitted = basis @ coefficients
    return float(np.sum(weight * (rate - fitted) ** 2)), fitted

"""Slopes: the four lines that an answer about load or time rests on, and what counts as a slope at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.intervals import Coefficient
from analysis.lines import Design, fit
from analysis.load_axis import ARRIVALS, IN_FLIGHT, USERS, is_planned
from analysis.memory import Averaged, Averages, averaged
from analysis.usable import Floats
from analysis.verdict import YesNo

LEAST_REQUESTS = 200
"""Below this, three standard errors of a 16 % rate are as wide as the effect looked for."""
LEAST_WINDOWS = 20
"""Fewer windows than blocks cannot be left out in turn."""
LEAST_ERRORS = 15
"""Fewer errors: one of them moves the slope by more than the margin."""

LEAST_VARIED = {USERS: (1.5, 2.0), ARRIVALS: (1.5, 0.0), IN_FLIGHT: (2.0, 3.0)}
"""Load varied if the highest is so many times the lowest, and so much above it. Requests in flight vary with
the failures themselves, so more is asked of them. A rate has no smallest step, as users have."""

MARGIN_SHARE, MARGIN_LEAST, MARGIN_MOST = 0.5, 0.01, 0.10
"""What still counts as constant: half the error rate. If load caused every failure the slope would be about
twice the rate, if none zero; half the rate leaves under a third of the failures at load's door."""
SMALL_SHARE, SMALL_LEAST, SMALL_MOST = 0.25, 0.01, 0.05
"""An effect smaller than this is not worth the word "rises", however significant."""

CHANGE_LEVEL = 0.95
CONSTANT_LEVEL = 0.90
"""Two one-sided 5 % tests (Schuirmann 1987)."""

ONE_LINE = 0.9
"""From this correlation of load and time on, a fit with both says nothing about either."""
HIGH_LOAD = 2 / 3


@dataclass(frozen=True, slots=True)
class Slopes:
    """The fits behind one answer: load alone, load beside time, time beside load; time alone. And load and
    time averaged over how far and how long the rate may wander; None where that cannot be fitted."""

    alone: Coefficient
    beside_time: Coefficient
    trend: Coefficient
    trend_alone: Coefficient
    average: Averages | None = None


@dataclass(frozen=True, slots=True)
class Margins:
    """The overall error rate, what counts as no change and what as too small to name, as ratios."""

    rate: float
    same: float
    small: float


def margins(rate: float) -> Margins:
    """Margins for an overall error rate."""
    return Margins(
        rate=rate,
        same=float(np.clip(MARGIN_SHARE * rate, MARGIN_LEAST, MARGIN_MOST)),
        small=float(np.clip(SMALL_SHARE * rate, SMALL_LEAST, SMALL_MOST)),
    )


def slopes(plan: Design, errors: Floats, *, average: bool = False) -> Slopes:
    """All four fits, and the average if asked for, which takes a hundred times as long.

    Not over requests in flight: they follow the failures themselves, and the average takes that for load.
    """
    (alone,) = fit(plan, errors, plan.x)
    beside_time, trend = fit(plan, errors, plan.x, plan.tau)
    (trend_alone,) = fit(plan, errors, plan.tau)
    mean = averaged(plan, errors) if average and is_planned(plan.axis) else None
    return Slopes(alone, beside_time, trend, trend_alone, mean)


def load_varied(plan: Design) -> bool:
    """Whether the load range allows any statement about load."""
    times, above = LEAST_VARIED[plan.axis]
    return plan.high >= times * plan.low and plan.high - plan.low >= above


def within(slope: Coefficient | Averaged, margin: float, level: float = CONSTANT_LEVEL) -> bool:
    """Whether the whole interval lies inside the margin: the positive finding "no change"."""
    low, high = slope.interval(level)
    return -margin < low and high < margin


def drifted(trend: Coefficient, margin: Margins) -> YesNo:
    """Yes, no or inconclusive from a time coefficient."""
    if within(trend, margin.same):
        return "no"
    low, high = trend.interval(CHANGE_LEVEL)
    return "yes" if (low > 0 or high < 0) and abs(trend.value) >= margin.small else "inconclusive"


def came_down(plan: Design) -> bool:
    """Whether the lowest third of the load was seen again after the highest third."""
    top = np.flatnonzero(plan.x >= HIGH_LOAD)
    return bool(len(top)) and bool((plan.x[top[0] :] <= 1 - HIGH_LOAD).any())


def visits(plan: Design) -> int:
    """How many times the top third of the load was entered."""
    top = plan.x >= HIGH_LOAD
    return int(np.count_nonzero(top[1:] & ~top[:-1])) + int(top[0])

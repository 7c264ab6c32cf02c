"""Fitted: the curve of error rate against load behind an answer, with the band that it may lie in.

Computed here and only drawn elsewhere, so that the picture cannot say anything but the verdict. A straight
line has exactly the slope and interval of the answer; where errors begin at a knee, the curve bends there,
and its band holds both the fit's spread and the bend's own interval.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from analysis.decide import MOVED_TOGETHER
from analysis.intervals import Coefficient
from analysis.knee import CUTOFF, RIDGE, ROUNDS
from analysis.lines import Design, design, fit
from analysis.slopes import load_varied
from analysis.usable import Floats, Ints
from analysis.verdict import FittedPoint, Knee, LoadEffect
from analysis.windows import Windows

POINTS = 25
BENDS = 7
"""Bends tried over the knee's interval; each is weighted by how well it fits."""
WIDENED = CUTOFF / 3.84
"""The knee's interval is so much wider than independent windows would need (`knee.CUTOFF`); so are the
weights."""
LEAST_RATE = 0.005
"""Windows are weighted by what counting leaves uncertain at the fitted rate, as in `analysis.knee`."""
Shape = Callable[[Floats, float], Floats]
SHAPES: tuple[Shape, ...] = (
    lambda load, bend: np.maximum(0.0, load - bend),
    lambda load, bend: np.maximum(0.0, 1 - bend / np.maximum(load, 1e-9)),
    lambda load, bend: (load > bend).astype(np.float64),
)
"""The shapes of `analysis.knee`: bent line, exceeded capacity, step."""


def fitted(windows: Windows, load: LoadEffect, knee: Knee | None) -> list[FittedPoint]:
    """The curve behind the answer about all failures; empty where load and time are one line, or nothing
    fits."""
    plan = design(windows)
    if plan is None or load.slope is None or load.low is None or load.high is None:
        return []
    if not load_varied(plan) or (load.answer == "inconclusive" and plan.correlation >= MOVED_TOGETHER):
        return []
    errors = plan.of(windows.errors)
    if knee is not None:
        return _bent(plan, errors, knee)
    return _line(plan, errors, load.slope, load.low, load.high)


def fitted_class(windows: Windows, per_window: Ints, knee: Knee | None) -> list[FittedPoint]:
    """The curve of one class of failures, its band by stretches left out."""
    plan = design(windows)
    if plan is None or not load_varied(plan):
        return []
    errors = plan.of(per_window)
    if knee is not None:
        return _bent(plan, errors, knee)
    slope, _ = fit(plan, errors, plan.x, plan.tau)
    if not np.isfinite(slope.se):
        (slope,) = fit(plan, errors, plan.x)
    if not np.isfinite(slope.se) or errors.sum() == 0:
        return []
    return _line(plan, errors, slope.value, *slope.interval())


def _line(plan: Design, errors: Floats, slope: float, low: float, high: float) -> list[FittedPoint]:
    """A line through the mean rate at the mean load, where its slope has no say in the band."""
    n = plan.n
    middle = float(np.average(plan.x, weights=n))
    mean = float(errors.sum() / n.sum())
    half = _half_width_of_mean(plan, errors, mean + slope * (plan.x - middle))
    x = np.linspace(0, 1, POINTS)
    ends = np.stack([(x - middle) * (bound - slope) for bound in (low, high)])
    rate = mean + slope * (x - middle)
    below, above = (np.sqrt(half**2 + side**2) for side in (ends.min(axis=0), ends.max(axis=0)))
    return _points(plan.low + x * (plan.high - plan.low), rate, rate - below, rate + above)


def _half_width_of_mean(plan: Design, errors: Floats, line: Floats) -> float:
    """Half the 95 % interval of the mean rate, from what is left over when stretches are left out in turn."""
    left = errors - plan.n * line
    n, r = np.bincount(plan.block, plan.n), np.bincount(plan.block, left)
    n, r = n[n > 0], r[n > 0]
    m = len(n)
    if m < 2:
        return 1.0
    without = (r.sum() - r) / (n.sum() - n)
    se = float(np.sqrt((m - 1) / m * np.sum((without - r.sum() / n.sum()) ** 2)))
    return Coefficient(0.0, se, m - 1).interval()[1]


def _bent(plan: Design, errors: Floats, knee: Knee) -> list[FittedPoint]:
    """The shape that fits best with its bend at the knee; the band over all bends of the knee's interval."""
    rate, at = errors / plan.n, knee.users
    weight = plan.n
    for _ in range(ROUNDS):
        best = min(SHAPES, key=lambda shape: _fit(plan, rate, shape(plan.load, at), weight)[2])
        column = best(plan.load, at)
        full = _fit(plan, rate, column, weight)[0]
        p = np.clip(full[0] + full[1] * column + full[2] * plan.tau, LEAST_RATE, 1 - LEAST_RATE)
        weight = plan.n / (p * (1 - p))
    just_above = knee.users + 1e-6 * (plan.high - plan.low)
    load = np.union1d(np.linspace(plan.low, plan.high, POINTS), [knee.users, just_above])
    curve, _, least = _curve(plan, rate, weight, best, knee.users, load)
    variance = max(least / max(len(rate) - 4, 1), 1e-12)
    spread, total = np.zeros(len(load)), 0.0
    for bend in np.linspace(knee.low, knee.high, BENDS):
        other, squares, loss = _curve(plan, rate, weight, best, float(bend), load)
        likely = float(np.exp(min(0.0, least - loss) / (2 * variance * WIDENED)))
        spread += likely * (squares + (other - curve) ** 2)
        total += likely
    half = 2 * np.sqrt(spread / max(total, 1e-12))
    return _points(load, curve, curve - half, curve + half)


def _curve(
    plan: Design,
    rate: Floats,
    weight: Floats,
    shape: Shape,
    bend: float,
    load: Floats,
) -> tuple[Floats, Floats, float]:
    """Fitted rate at `load` and mean time, its variance by stretches left out, and the loss."""
    full, refits, loss = _fit(plan, rate, shape(plan.load, bend), weight)
    basis = np.column_stack([np.ones(len(load)), shape(load, bend), np.zeros(len(load))])
    m = len(refits)
    squares = (m - 1) / m * ((refits @ basis.T - basis @ full) ** 2).sum(axis=0)
    return basis @ full, squares, loss


def _fit(plan: Design, rate: Floats, column: Floats, weight: Floats) -> tuple[Floats, Floats, float]:
    """Coefficients of constant, column and time; the same with each stretch left out; the loss."""
    basis = np.column_stack([np.ones(len(rate)), column, plan.tau])
    blocks = int(plan.block.max()) + 1
    gram, moment = np.zeros((blocks, 3, 3)), np.zeros((blocks, 3))
    np.add.at(gram, plan.block, weight[:, None, None] * basis[:, :, None] * basis[:, None, :])
    np.add.at(moment, plan.block, (weight * rate)[:, None] * basis)
    whole, target = gram.sum(axis=0), moment.sum(axis=0)
    ridge = RIDGE * np.trace(whole) * np.eye(3)
    full = np.linalg.solve(whole + ridge, target)
    refits = np.linalg.solve(whole - gram + ridge, (target - moment)[:, :, None])[:, :, 0]
    return full, refits, float(weight @ (rate - basis @ full) ** 2)


def _points(load: Floats, rate: Floats, low: Floats, high: Floats) -> list[FittedPoint]:
    columns = (load, *(np.clip(values, 0.0, 1.0) for values in (rate, low, high)))
    return [
        FittedPoint(load=float(x), rate=float(y), low=float(a), high=float(b))
        for x, y, a, b in zip(*columns, strict=True)
    ]

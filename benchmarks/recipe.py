"""Recipe: the rule that the engine started from, kept as the baseline that it is measured against.

It is the recipe of docs/method.md before the calibration: straight lines and stretches left out in turn, one
rule for every run, a bent line for the knee. Frozen: improve the engine, not this. Windows, warm-up and the
fit with stretches left out are shared with the engine (`analysis.lines`, `analysis.slopes`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.intervals import Coefficient, share_upper
from analysis.lines import Design, design
from analysis.slopes import (
    HIGH_LOAD,
    LEAST_ERRORS,
    LEAST_REQUESTS,
    LEAST_WINDOWS,
    ONE_LINE,
    Margins,
    Slopes,
    drifted,
    load_varied,
    margins,
    slopes,
    visits,
    within,
)
from analysis.usable import Floats
from analysis.verdict import LoadAnswer, YesNo
from analysis.windows import Windows

RARE = 0.01
TOLERANCE = 0.10
LEAST_F = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the recipe says, and one minus the p-value of its weakest condition."""

    answer: LoadAnswer
    confidence: float | None = None


def load_answer(windows: Windows) -> Answer:
    """Load effect by the recipe."""
    plan = design(windows)
    if plan is None:
        return Answer("inconclusive")
    errors = plan.of(windows.errors)
    total, requests = float(errors.sum()), float(plan.n.sum())
    if requests < LEAST_REQUESTS or len(plan.n) < LEAST_WINDOWS or not load_varied(plan):
        return Answer("inconclusive")
    if total == 0:
        return Answer("constant", 0.95)
    if total < LEAST_ERRORS:
        thirds = [plan.x <= 1 - HIGH_LOAD, plan.x >= HIGH_LOAD]
        rare = max(share_upper(float(errors[t].sum()), float(plan.n[t].sum())) for t in thirds) < RARE
        return Answer("constant", 0.95) if rare else Answer("inconclusive")
    return _decide(plan, slopes(plan, errors), margins(total / requests))


def _decide(plan: Design, s: Slopes, m: Margins) -> Answer:
    one_line = plan.correlation >= ONE_LINE
    shown = s.alone if one_line or not np.isfinite(s.beside_time.se) else s.beside_time
    flat = s.alone if one_line else s.beside_time
    if within(flat, m.same):
        return Answer("constant", 1 - max(flat.chance_above(-m.same), flat.chance_below(m.same)))
    pair = (s.alone, s.beside_time)
    outweighed = abs(s.beside_time.value) < abs(s.trend.value) / 2
    if outweighed and visits(plan) <= 1 and drifted(s.trend, m) == "yes":
        return Answer("inconclusive")
    if shown.value >= m.small and min(c.interval(0.95)[0] for c in pair) > 0:
        return Answer("rises", _sure(pair, 1))
    if shown.value <= -m.small and max(c.interval(0.99)[1] for c in pair) < 0:
        return Answer("falls", _sure(pair, -1))
    return Answer("inconclusive")


def _sure(pair: tuple[Coefficient, ...], sign: int) -> float:
    return 1 - 2 * max(Coefficient(sign * c.value, c.se, c.df).chance_above(0) for c in pair)


def drift_answer(windows: Windows) -> YesNo:
    """Drift by the recipe."""
    plan = design(windows)
    if plan is None:
        return "inconclusive"
    errors = plan.of(windows.errors)
    total, requests = float(errors.sum()), float(plan.n.sum())
    if requests < LEAST_REQUESTS or len(plan.n) < LEAST_WINDOWS:
        return "inconclusive"
    if total < LEAST_ERRORS:
        return "inconclusive" if total else "no"
    s = slopes(plan, errors)
    return drifted(s.trend if load_varied(plan) else s.trend_alone, margins(total / requests))


def knee_users(windows: Windows) -> tuple[float, float, float] | None:
    """Knee by the recipe: users, and plus or minus a tenth of the peak."""
    plan = design(windows)
    if plan is None or len(plan.n) < 8:
        return None
    rate = plan.of(windows.errors) / plan.n
    last = weight = plan.n
    for _ in range(3):
        tried = [(*_loss(_bent(plan, bend), rate, weight), bend) for bend in np.linspace(0.1, 0.9, 41)]
        bent, fitted, bend = min(tried, key=lambda item: item[0])
        p = np.clip(fitted, 0.002, 0.998)
        last, weight = weight, plan.n / (p * (1 - p))
    bent = _loss(_bent(plan, bend), rate, last)[0]
    straight = _loss(np.column_stack([np.ones(len(rate)), plan.x, plan.tau]), rate, last)[0]
    if bent <= 0 or (straight - bent) / (bent / (len(rate) - 4)) < LEAST_F:
        return None
    users = plan.low + float(bend) * (plan.high - plan.low)
    half = TOLERANCE * plan.high
    return users, max(plan.low, users - half), min(plan.high, users + half)


def _bent(plan: Design, bend: float) -> Floats:
    return np.column_stack([np.ones(len(plan.x)), np.maximum(0.0, plan.x - bend), plan.tau])


def _loss(basis: Floats, rate: Floats, weight: Floats) -> tuple[float, Floats]:
    root = np.sqrt(weight)
    coefficients, *_ = np.linalg.lstsq(basis * root[:, None], rate * root, rcond=None)
    fitted = basis @ coefficients
    return float(np.sum(weight * (rate - fitted) ** 2)), fitted

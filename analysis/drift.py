"""Drift: does the error rate change with time, load being equal? Leaks, warming caches and outages do."""

from __future__ import annotations

import numpy as np

from analysis import phrases
from analysis.decide import decide_drift
from analysis.lines import Design, design, held
from analysis.load import HOPELESS_SE
from analysis.slopes import (
    CONSTANT_LEVEL,
    LEAST_ERRORS,
    LEAST_REQUESTS,
    LEAST_WINDOWS,
    ONE_LINE,
    load_varied,
    margins,
    slopes,
    within,
)
from analysis.usable import Floats, Ints
from analysis.verdict import TimeDrift
from analysis.windows import Windows


def time_drift(windows: Windows, errors: Ints | None = None) -> TimeDrift:
    """Judge drift from the time coefficient: of a long hold, else beside load if it varied."""
    plan = design(windows)
    if plan is None:
        return _unknown("no request was left to judge")
    steady_load = held(plan)
    plan = steady_load or plan
    k = plan.of(windows.errors if errors is None else errors)
    total, requests = float(k.sum()), float(plan.n.sum())
    if (early := _too_little(total, requests, len(plan.n))) is not None:
        return early
    varied = steady_load is None and load_varied(plan)
    s, m = slopes(plan, k, average=varied), margins(total / requests)
    trend = s.trend if varied else s.trend_alone
    value, (low, high) = trend.value, trend.interval()
    if abs(value) > (seen := _seen(plan, k)):
        # A line through a step rises by more than there is between its two ends.
        value = float(np.copysign(seen, value))
    low, high = max(min(low, value), -1.0), min(max(high, value), 1.0)
    answer = decide_drift(s, m, varied=varied)
    if not np.isfinite(trend.se) or (answer == "yes" and varied and plan.correlation >= ONE_LINE):
        return _unknown("load and time are the same line in this run, so a trend may be the load's")
    if trend.se > HOPELESS_SE:
        return _unknown("no trend is excluded: load and time moved together, or too little was measured")
    text = (
        f"from start to end the error rate {'rises' if value >= 0 else 'falls'} by "
        f"{phrases.points(abs(value))} points (95 % interval {phrases.points_range(low, high)})"
        f"{', while load was held' if steady_load else ', load being equal' if varied else ', on time alone'}"
    )
    if answer == "no":
        steady = trend if within(trend, m.same) or s.average is None else s.average.trend
        inner = phrases.points_range(*steady.interval(CONSTANT_LEVEL))
        margin = phrases.points(m.same)
        text += f"; its 90 % interval {inner} lies within ±{margin} points, which counts as steady"
    elif answer == "inconclusive":
        text += f": too wide for a trend and for ±{phrases.points(m.same)} points that count as steady"
    return TimeDrift.model_validate({"answer": answer, "slope": value, "low": low, "high": high, "why": text})


def _seen(plan: Design, errors: Floats) -> float:
    """How far the rate moved between stretches of the run, drawn out to its ends; 1 at most."""
    blocks = int(plan.block.max()) + 1
    n, k = np.bincount(plan.block, plan.n, blocks), np.bincount(plan.block, errors, blocks)
    rates = k[n > 0] / n[n > 0]
    return min(float(np.ptp(rates)) * blocks / max(blocks - 1, 1), 1.0)


def _too_little(total: float, requests: float, windows: int) -> TimeDrift | None:
    """The answer where next to nothing was measured, or next to nothing failed; else None."""
    if requests < LEAST_REQUESTS or windows < LEAST_WINDOWS:
        return _unknown(f"too few requests: {phrases.count(requests)} in {windows} windows")
    if total == 0:
        why = f"no failure in {phrases.count(requests)} requests"
        return TimeDrift(answer="no", slope=None, low=None, high=None, why=why)
    if total < LEAST_ERRORS:
        return _unknown(f"too few errors: {phrases.count(total)}; it takes {LEAST_ERRORS}")
    return None


def _unknown(why: str) -> TimeDrift:
    return TimeDrift(answer="inconclusive", slope=None, low=None, high=None, why=why)

"""Step: an error rate that changed at one moment and stayed so. A line through it tells the wrong story.

A service that is down for the last third of a run has no trend: a straight line through 0 % and 100 % rises
by more than there is. What was seen is told instead: the moment, and the rate before it and after it.
"""

from __future__ import annotations

import numpy as np

from analysis import phrases
from analysis.collapse import DOWN, UP, likeliest_change
from analysis.intervals import share, table_tail
from analysis.lines import Design, design
from analysis.usable import Floats, Usable
from analysis.verdict import StepInTime, TimeDrift
from analysis.windows import Windows

CHANCE = 0.001
LEAST_PART = 0.05
"""Part of the requests on either side: less is a burst at an end of the run."""
BETTER_F = 20.0
"""So much better than a straight line the step must fit, as a knee must."""
LEFT = 0.5
"""What the step leaves unexplained, of what load alone does: an outage that ended has no step to its end."""
BENDS = 41


def told_as_step(drift: TimeDrift, windows: Windows, rows: Usable) -> TimeDrift:
    """The drift with its step, if it is one; else as it was.

    An undecided drift keeps its answer, as one change shows no trend. Its step is told all the same where
    nothing else can be seen: from a moment on nearly everything failed, and most did not before.
    """
    # Of an undecided one only what went down is told, and mostly too few failed for that.
    least = 0.0 if drift.answer == "yes" else DOWN * LEAST_PART * rows.requests
    if drift.answer == "no" or drift.slope is None or rows.errors < least:
        return drift
    step = _step(windows, rows, rising=drift.slope > 0)
    if step is None:
        return drift
    facts = (
        f"from {phrases.moment(step.since_s)} on {phrases.percent(step.after)} of requests failed, and "
        f"{phrases.percent(step.before)} before"
    )
    if drift.answer == "yes":
        return drift.model_copy(
            update={
                "slope": step.after - step.before,
                "low": step.low,
                "high": step.high,
                "why": f"{facts}: a step of {phrases.points(step.after - step.before)} points (95 % interval "
                f"{phrases.points_range(step.low, step.high)}), which fits better than a straight line",
                "step": step,
            }
        )
    if step.after < DOWN or step.before > UP:
        return drift
    return drift.model_copy(update={"why": f"{facts}; one change shows no trend", "step": step})


def _step(windows: Windows, rows: Usable, *, rising: bool) -> StepInTime | None:
    plan = design(windows)
    if plan is None or rows.errors == 0:
        return None
    weight = rows.weight.astype(np.float64)
    n, k = np.cumsum(weight), np.cumsum(weight * rows.failed)
    at = likeliest_change(n, k)
    before_n, before_k = round(float(n[at])), round(float(k[at]))
    after_n, after_k = round(float(n[-1])) - before_n, round(float(k[-1])) - before_k
    if min(before_n, after_n) < LEAST_PART * n[-1]:
        return None
    before, after = before_k / before_n, after_k / after_n
    more, less = ((after_k, after_n), (before_k, before_n))[:: 1 if rising else -1]
    if (after > before) is not rising or table_tail(*more, *less) >= CHANCE:
        return None
    since_s = float(rows.samples.start_s[at + 1]) - windows.origin_s
    if not _fits(plan, windows, since_s):
        return None
    first, then = share(before_k, before_n), share(after_k, after_n)
    return StepInTime(
        since_s=since_s,
        before=before,
        after=after,
        low=(then.low or 0.0) - (first.high or 0.0),
        high=(then.high or 0.0) - (first.low or 0.0),
    )


def _fits(plan: Design, windows: Windows, since_s: float) -> bool:
    """Whether a step fits better than a line, than any line that begins to rise or fall later, and at all."""
    errors = plan.of(windows.errors)
    begin = windows.start_s[plan.rows]
    step = np.clip((begin + windows.width_s - since_s) / windows.width_s, 0.0, 1.0)
    bends = np.linspace(float(plan.tau.min()), float(plan.tau.max()), BENDS)[:-1]
    alone, stepped = _left(plan, errors), _left(plan, errors, step)
    straight = min(_left(plan, errors, np.maximum(plan.tau - bend, 0.0)) for bend in bends)
    freedom = max(len(plan.n) - 4, 1)
    return stepped <= LEFT * alone and straight - stepped >= BETTER_F / freedom * stepped


def _left(plan: Design, errors: Floats, *columns: Floats) -> float:
    """Squares that a weighted fit on load and these columns leaves."""
    root = np.sqrt(plan.n)
    basis = np.stack([np.ones(len(plan.n)), plan.x, *columns], axis=1) * root[:, None]
    weights, *_ = np.linalg.lstsq(basis, errors / root, rcond=None)
    return float(np.sum((errors / root - basis @ weights) ** 2))

"""Outline: a plan cut into stretches of equal length, to be drawn before anything is sent."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from dataclasses import dataclass

from scenarios.loads.arrivals import due_times_s
from scenarios.loads.plan import Plan

MOST_ARRIVALS = 2_000_000
"""More are not drawn one by one just to be counted."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a plan.

    Attributes:
        start_s: seconds since the run's start.
        end_s: seconds since the run's start.
        level: mean level over it.
        due: arrivals due in it; None where the load is closed, or too large to count.
    """

    start_s: float
    end_s: float
    level: float
    due: int | None = None


def outline(plan: Plan, seed: int | None, most: int) -> list[Stretch]:
    """The plan in at most `most` stretches of as many whole seconds each; the last one may be shorter.

    Without a seed no arrivals are drawn.
    """
    width_s = max(1, math.ceil(plan.duration_s / most))
    count = max(1, math.ceil(plan.duration_s / width_s))
    edges = [*(width_s * i for i in range(count)), plan.duration_s]
    areas = [0.0] * count
    for stage in plan.stages:
        first = min(count - 1, max(0, bisect_right(edges, stage.start_s) - 1))
        for place in range(first, count):
            low, high = max(stage.start_s, edges[place]), min(stage.end_s, edges[place + 1])
            if low >= high:
                break
            areas[place] += stage.level_at((low + high) / 2) * (high - low)
    due = None if seed is None else _due(plan, seed, edges)
    return [
        Stretch(edges[i], edges[i + 1], areas[i] / (edges[i + 1] - edges[i]), due[i] if due else None)
        for i in range(count)
    ]


def expected_arrivals(plan: Plan) -> float:
    """Arrivals to expect in all; of even ones their number."""
    return sum(stage.area for stage in plan.stages)


def _due(plan: Plan, seed: int, edges: list[float]) -> list[int] | None:
    if plan.open is None or expected_arrivals(plan) > MOST_ARRIVALS:
        return None
    counts = [0] * (len(edges) - 1)
    for moment_s in itertools.islice(due_times_s(plan, seed), 2 * MOST_ARRIVALS):
        counts[min(len(counts) - 1, bisect_right(edges, moment_s) - 1)] += 1
    return counts

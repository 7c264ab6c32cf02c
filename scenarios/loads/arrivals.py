"""Arrivals: the moments at which the requests of an open load are due, drawn before the run.

They depend on plan and seed alone, never on answers: a target that stops answering does not stop them, so its
silence is seen by everybody who would have come meanwhile.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator

from scenarios.loads.plan import Plan, Spread, Stage


def due_times_s(plan: Plan, seed: int) -> Iterator[float]:
    """When requests are due, seconds since the run's start, ascending.

    A request is due whenever the expected number of arrivals so far passes the next mark. Even marks are one
    apart; Poisson marks are apart by a draw from the exponential distribution, which makes the arrivals of
    any changing rate a Poisson process.
    """
    if plan.open is None:
        return
    marks = _marks(plan.open.spread, seed)
    mark, expected = next(marks), 0.0
    for stage in plan.stages:
        while mark < expected + stage.area:
            yield stage.start_s + _moment_s(stage, mark - expected)
            mark = next(marks)
        expected += stage.area


def share_of(times_s: Iterator[float], index: int, nodes: int) -> Iterator[float]:
    """Every `nodes`-th of them from `index` on: one process's part.

    So the processes of a run together send what one process would, whatever their number. A process that came
    later than all shares were dealt has none.
    """
    return itertools.islice(times_s, index, None, nodes) if index < nodes else iter(())


def _marks(spread: Spread, seed: int) -> Iterator[float]:
    if spread == "even":
        yield from (number + 0.5 for number in itertools.count())
    draw, mark = random.Random(f"arrivals/{seed}"), 0.0
    while True:
        mark += draw.expovariate(1.0)
        yield mark


def _moment_s(stage: Stage, area: float) -> float:
    """Seconds from a stage's start until so many arrivals are expected in it."""
    length_s = stage.end_s - stage.start_s
    slope = (stage.level_to - stage.level_from) / length_s
    root = math.sqrt(max(0.0, stage.level_from**2 + 2 * slope * area))
    # The form of the quadratic's solution that loses no digits where the slope is small.
    return min(length_s, 2 * area / (stage.level_from + root)) if area > 0 else 0.0

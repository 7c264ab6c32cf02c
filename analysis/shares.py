"""Shares: what a class of failures adds to the error rate, and to its slope over load.

A straight line fitted by weighted least squares is linear in the counts, so the slopes of classes that share
no failure add up to that of their sum, as their rates do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.lines import Design, design, fit
from analysis.slopes import ONE_LINE, load_varied
from analysis.usable import Ints
from analysis.verdict import LoadLevel
from analysis.windows import Windows

LEAST_REQUESTS = 20
"""Rates are only quoted of levels with this many requests."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Lowest and highest load level with enough requests: their places, loads and requests."""

    place: tuple[int, int]
    load: tuple[float, float]
    requests: tuple[int, int]

    @classmethod
    def of(cls, table: Sequence[LoadLevel]) -> Ends | None:
        """None unless two levels have enough requests."""
        told = [i for i, level in enumerate(table) if level.requests >= LEAST_REQUESTS]
        if len(told) < 2:
            return None
        low, high = table[told[0]], table[told[-1]]
        return cls((told[0], told[-1]), (low.users_low, high.users_high), (low.requests, high.requests))


@dataclass(frozen=True, slots=True)
class Shares:
    """What it takes to say how much any set of failures adds.

    Attributes:
        plan: the windows that lines are fitted on; None where load did not vary.
        level: (n,) load level of each row.
        ends: the levels whose rates are quoted.
    """

    plan: Design | None
    level: Ints
    ends: Ends | None

    @classmethod
    def of(cls, windows: Windows, level: Ints, table: Sequence[LoadLevel]) -> Shares:
        """Prepare a run."""
        plan = design(windows)
        return cls(plan if plan is not None and load_varied(plan) else None, level, Ends.of(table))

    def slope(self, per_window: Ints) -> float | None:
        """Slope of one line on load, and on time where the two can be told apart."""
        if self.plan is None:
            return None
        columns = (self.plan.x,) if self.plan.correlation >= ONE_LINE else (self.plan.x, self.plan.tau)
        found = fit(self.plan, self.plan.of(per_window), *columns)[0]
        return found.value if np.isfinite(found.se) else None

    def rates(self, level: Ints, weight: Ints) -> tuple[float | None, float | None]:
        """Of all requests, how many failed so at lowest and at highest load.

        Args:
            level: (f,) load level of each failing row.
            weight: (f,) requests that each stands for.
        """
        if self.ends is None:
            return None, None
        counts = [float(weight[level == place].sum()) for place in self.ends.place]
        low, high = (count / n for count, n in zip(counts, self.ends.requests, strict=True))
        return low, high

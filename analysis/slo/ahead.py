"""Ahead: how many requests are still to come in a run that goes on, at most, as far as its plan tells.

The pace is the highest that any five seconds have shown for each user, or arrival, that was planned. Where
requests fail it may be far from that of good ones: who is refused makes no further request in that turn, who
waits for a time-out makes none meanwhile, and who gets no connection waits before the next. So unless half of
one such stretch went well, and all of it connected, ten times as many may come.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from analysis.slo.grammar import Bound
from analysis.slo.selection import Cells, Rows, Selection
from analysis.usable import Bools, Floats, Ints, Usable
from recording.outcomes import NEVER_SENT
from recording.planned import USERS, PlannedPart

PACE_S = 5.0
"""The pace of requests is taken over stretches of this length."""
STEP_S = 0.5
MOST_STEPS = 200_000
"""More are not cut, whatever the timestamps claim: eleven days of paces."""

EARLY_S = 5.0
"""Clocks of processes differ by less: what was sent so long before the start is damaged."""

HURRY = 10.0
"""How many times as fast good requests may come as those of a run in which nothing has gone well yet."""

LAG_S = 5.0
"""Users come and go so much later than planned: who leaves finishes a request."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is still planned of a run that goes on.

    Attributes:
        parts: its whole plan; () if it is not known.
        start_s: the plan's second 0, epoch seconds.
        until_s: up to here all is known, epoch seconds.
        most: requests after which it ends; None without such a limit.
    """

    parts: tuple[PlannedPart, ...]
    start_s: float
    until_s: float
    most: int | None = None

    @property
    def is_sound(self) -> bool:
        """Whether the run has begun and its plan is not over, which damaged clocks deny."""
        if not math.isfinite(self.start_s) or not self.start_s < self.until_s < math.inf:
            return False
        return not self.parts or self.until_s <= self.start_s + self.planned_s

    def fits(self, rows: Usable) -> bool:
        """Whether there are rows, and the times that they tell can be true as well."""
        if not self.is_sound or rows.broken or rows.requests == 0:
            return False
        # Rows are in order of their start.
        first_s, last_s = rows.samples.start_s[[0, -1]].tolist()
        return bool(self.start_s - EARLY_S <= first_s and last_s <= self.until_s)

    @property
    def planned_s(self) -> float:
        """Seconds until the plan ends."""
        return max(float(part.stages[-1, 1]) for part in self.parts)

    @property
    def units(self) -> set[str]:
        """What the plan's levels count."""
        return {part.unit for part in self.parts}

    def requests(self, chosen: Selection, good: Iterable[Rows]) -> float | None:
        """At most so many of the requests that are meant are to come; None if nobody can say.

        Args:
            chosen: what is meant.
            good: rows that went well.
        """
        pace = self._pace(replace(chosen, at=()), good)
        if pace is None:
            return None
        begin_s = self.until_s - self.start_s
        left_s = max(self.planned_s - begin_s, 0.0)
        count = int(np.clip(math.ceil(left_s / STEP_S), 1, MOST_STEPS))
        elapsed_s = begin_s + left_s / count * (np.arange(count, dtype=np.float64) + 0.5)
        low, high = self._between(elapsed_s)
        level = np.where(self._may_be(low, high, chosen.at), high, 0.0)
        to_come = math.ceil(pace * float(level.mean()) * left_s)
        return to_come if self.most is None else min(to_come, max(self.most - chosen.rows.requests, 0))

    def _pace(self, chosen: Selection, good: Iterable[Rows]) -> float | None:
        """The most requests that may come in a second for each user, or arrival, that is planned.

        With several parts nobody can say: each has a pace of its own, and they may take turns.
        """
        whole = int((self.until_s - self.start_s) / PACE_S)
        if len(self.parts) != 1 or not 1 <= whole <= MOST_STEPS:
            return None
        cells = Cells(self.start_s, PACE_S, whole + 1)
        requests, went_well = chosen.tally(chosen.slabs(), cells)[:-1], chosen.tally(good, cells)[:-1]
        inner = (np.arange(10, dtype=np.float64) + 0.5) / 10
        level = self._level(PACE_S * (np.arange(whole)[:, None] + inner)).mean(axis=1)
        there = level > 0
        if not there.any():
            return None
        in_vain = chosen.tally(_never_sent(chosen), cells, any_endpoint=True)[:-1]
        telling = there & (requests > 0) & (went_well >= requests / 2) & (in_vain == 0)
        seen = float((requests[there] / level[there]).max() / PACE_S)
        # Of an open load some arrivals may have been skipped so far; each that is not makes a request.
        return max(seen, 0.0 if self.units == {USERS} else 1.0) * (1.0 if telling.any() else HURRY)

    def _between(self, elapsed_s: Floats) -> tuple[Floats, Floats]:
        """The lowest and the highest level that there may be at moments: users lag behind their plan."""
        lag_s = LAG_S if self.units == {USERS} else 0.0
        ends = self._level(elapsed_s), self._level(np.maximum(elapsed_s - lag_s, 0.0))
        return np.minimum(*ends), np.maximum(*ends)

    def _may_be(self, low: Floats, high: Floats, at: tuple[Bound, ...]) -> Bools:
        """Where a load that is meant may come; users are whole numbers, whatever is planned between two."""
        slack = 1.0 if self.units == {USERS} else 0.0
        low, high = low - slack, high + slack
        held = np.ones(len(low), bool)
        for bound in at:
            held &= bound.holds(low) | bound.holds(high) | ((low <= bound.value) & (bound.value <= high))
        return held

    def _level(self, elapsed_s: Floats) -> Floats:
        """The level planned at moments, of all parts together."""
        return np.asarray(np.sum([part.level_at(elapsed_s) for part in self.parts], axis=0), np.float64)


def _never_sent(chosen: Selection) -> Iterator[Ints]:
    """Rows of requests that got no connection."""
    outcome = chosen.rows.samples.outcome
    is_meant = np.array([name in NEVER_SENT for name in outcome.names], bool)
    return (rows.start + np.flatnonzero(is_meant[outcome.codes[rows]]) for rows in chosen.slabs())

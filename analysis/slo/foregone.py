"""Foregone: targets that a run which goes on can no longer meet, whatever is still to come.

A window or a freeze that misses its target stays missed. A share of the whole run, percentiles among them, is
foregone once it would be missed even if everything that is still to come were good, and came as fast as at
the fastest so far for the load that is planned. Nothing here is a matter of chance, so looks may be many.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from analysis import phrases
from analysis.latency import least
from analysis.slo.figure import Basis
from analysis.slo.grammar import SloTarget
from analysis.slo.judge import judge
from analysis.slo.measure import counted, measure
from analysis.slo.selection import AXIS_NAMES, Cells, Rows, Selection
from analysis.slo.withheld import untold
from analysis.usable import Floats, Ints
from recording.planned import PlannedPart

PACE_S = 5.0
"""The pace of requests is taken over stretches of this length."""
STEP_S = 0.5
MOST_STEPS = 200_000


class Foregone(NamedTuple):
    """A target that is missed for certain, and why as a clause."""

    target: str
    text: str


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is still planned of a run that goes on.

    Attributes:
        parts: its whole plan.
        start_s: the plan's second 0, epoch seconds.
        until_s: up to here all is known, epoch seconds.
        most: requests after which it ends; None without such a limit.
    """

    parts: tuple[PlannedPart, ...]
    start_s: float
    until_s: float
    most: int | None = None

    def requests(self, chosen: Selection) -> float | None:
        """At most so many of the requests that are meant are to come; None if nobody can say."""
        pace = self._pace(replace(chosen, at=()))
        if pace is None:
            return None
        begin_s = self.until_s - self.start_s
        left_s = max(max(float(part.stages[-1, 1]) for part in self.parts) - begin_s, 0.0)
        count = int(np.clip(math.ceil(left_s / STEP_S), 1, MOST_STEPS))
        level = self._level(begin_s + left_s / count * (np.arange(count, dtype=np.float64) + 0.5))
        for bound in chosen.at:
            level = np.where(bound.holds(level), level, 0.0)
        to_come = pace * float(level.mean()) * left_s
        return to_come if self.most is None else min(to_come, max(self.most - chosen.rows.requests, 0.0))

    def _pace(self, chosen: Selection) -> float | None:
        """The most requests that came in a second for each user, or arrival, that was planned."""
        whole = int((self.until_s - self.start_s) / PACE_S)
        if len(self.units) != 1 or whole < 1:
            return None
        requests = chosen.tally(chosen.slabs(), Cells(self.start_s, PACE_S, whole))
        inner = (np.arange(10, dtype=np.float64) + 0.5) / 10
        level = self._level(PACE_S * (np.arange(whole)[:, None] + inner)).mean(axis=1)
        there = level > 0
        return float((requests[there] / level[there]).max() / PACE_S) if there.any() else None

    @property
    def units(self) -> set[str]:
        """What the plan's levels count; users and arrivals per second cannot be added up."""
        return {part.unit for part in self.parts}

    def _level(self, elapsed_s: Floats) -> Floats:
        """The level planned at moments, of all parts together."""
        return np.asarray(np.sum([part.level_at(elapsed_s) for part in self.parts], axis=0), np.float64)


def foregone(target: SloTarget, basis: Basis, ahead: Ahead) -> Foregone | None:
    """Why a target is missed for certain; None if it may still be met.

    Args:
        target: what is asked.
        basis: the part of the run that is settled; `until_s` is set.
        ahead: what is to come.
    """
    if basis.rows.requests == 0 or untold(target, basis):
        return None
    if target.window_s is not None or target.metric == "freeze":
        result = judge(target, measure(target, basis))
        is_seen = result.outcome == "missed" and result.value is not None
        return Foregone(target.text, result.text.removeprefix(f"{target.text}: ")) if is_seen else None
    # A throughput can be caught up with, how far nobody knows; in_flight is not planned.
    is_planned = all(AXIS_NAMES[bound.axis] in ahead.units for bound in target.at)
    if target.metric == "throughput" or not is_planned:
        return None
    return _out_of_reach(target, basis, ahead)


def _out_of_reach(target: SloTarget, basis: Basis, ahead: Ahead) -> Foregone | None:
    chosen = Selection.of(target, basis.rows, basis.windows)
    to_come = ahead.requests(chosen)
    if to_come is None:
        return None
    requests = chosen.tally(_asked(target, chosen))[0]
    part = chosen.tally(_part(target, basis, chosen))[0]
    total = requests + to_come
    if requests == 0 or _can_be_met(target, part, to_come, requests, total):
        return None
    what = "are too slow" if target.share is not None else "count for it"
    return Foregone(
        target.text,
        f"{phrases.count(part)} of {phrases.counted(requests, 'request')} {what}, and at most "
        f"{phrases.count(math.ceil(to_come))} more are to come",
    )


def _can_be_met(target: SloTarget, part: float, to_come: float, requests: float, total: float) -> bool:
    """Whether it would be met if everything that is to come were good."""
    if target.share is not None:
        within = requests - part + to_come
        return requests < least(target.share) or within >= math.ceil(target.share * total - 1e-9)
    return bool(target.holds((part if target.is_upper else part + to_come) / total))


def _asked(target: SloTarget, chosen: Selection) -> Iterator[Rows]:
    """Rows that a share is taken of."""
    if not target.ok:
        return chosen.slabs()
    return (rows.start + np.flatnonzero(~chosen.rows.failed[rows]) for rows in chosen.slabs())


def _part(target: SloTarget, basis: Basis, chosen: Selection) -> Iterable[Ints]:
    """Rows that are the share: failures, those with a status; of a percentile the slow ones."""
    if target.metric == "unclear_errors":
        return [rows for clear, rows in basis.clear() if clear is False]
    return counted(target, chosen) if target.share is None else _slow(target, chosen)


def _slow(target: SloTarget, chosen: Selection) -> Iterator[Ints]:
    for rows in _asked(target, chosen):
        slow = np.flatnonzero(~target.holds(chosen.rows.samples.duration_ms[rows]))
        yield rows.start + slow if isinstance(rows, slice) else rows[slow]

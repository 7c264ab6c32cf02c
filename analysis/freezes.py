"""Freezes: stretches in which nothing was answered although requests were waiting.

A frozen target does not show in error rates or percentiles of a closed loop: nobody sends, so hardly
anything fails. It shows as silence while requests are in flight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.levels import Levels
from analysis.usable import Bools, Floats, Ints, bounds
from analysis.verdict import Freeze
from recording.sample import TIMEOUT_OUTCOMES, Samples

LEAST_S = 2.0
"""Shorter silences are called stalls by nobody who waits for them."""
USUAL_GAPS = 5.0
"""A freeze is this many times longer than the usual gap between answers at that load."""
USUAL_ANSWERS = 2.0
"""And longer than this many usual (p95) answers, shared by those who wait: one user's slow answer is no
freeze, twenty users' silence of the same length is."""
SHORTEST_S = 0.1
MOST = 1000


@dataclass(frozen=True, slots=True)
class Silences:
    """Freezes found, and the longest silence of any length that was out of proportion (0 if none)."""

    freezes: tuple[Freeze, ...]
    longest_s: float


def silences(samples: Samples, levels: Levels, least_s: float = LEAST_S) -> Silences:
    """Search usable samples; time-outs and unfinished requests are no answers, the run's end ends a silence.

    Only time in which a request was waiting counts: a silence begins with the last answer, or with the
    send of the oldest request that waits, whichever is later.
    """
    if len(samples) == 0:
        return Silences((), 0.0)
    first, last = bounds(samples)
    answered = _answered(samples)
    ends = np.sort(samples.end_s[answered])
    marks = np.unique(np.concatenate([[first], ends, [last]]))
    gaps = np.diff(marks)
    longest = np.argsort(-gaps, kind="stable")[:MOST]
    usual_gap, usual_ms = _usual(samples, levels, marks, answered)
    oldest = _OldestWaiting(samples)
    found = []
    for i in longest[gaps[longest] >= SHORTEST_S]:
        begin, in_flight = oldest.during(marks[i], marks[i + 1])
        length = marks[i + 1] - begin
        level = oldest.level(levels, marks[i])
        limit = max(USUAL_GAPS * usual_gap[level], USUAL_ANSWERS * usual_ms[level] / 1000 / max(in_flight, 1))
        if in_flight and length > limit and length >= SHORTEST_S:
            found.append(Freeze(start_s=float(begin - first), duration_s=float(length), in_flight=in_flight))
    long_ones = sorted((f for f in found if f.duration_s > least_s), key=lambda f: f.start_s)
    return Silences(tuple(long_ones), max((f.duration_s for f in found), default=0.0))


def _answered(samples: Samples) -> Bools:
    """Rows whose end is a sign of life of the target. A foreign "no answer" is none."""
    silent = samples.outcome.isin(TIMEOUT_OUTCOMES | {"unfinished"})
    return np.asarray(~(silent | (samples.outcome.equals("unknown") & (samples.status == 0))), np.bool_)


def _usual(samples: Samples, levels: Levels, marks: Floats, answered: Bools) -> tuple[Floats, Floats]:
    """Per level: median gap between answers (s) and p95 of answers (ms); the last entry: load unknown."""
    count = len(levels) + 1
    starts = np.searchsorted(samples.start_s, marks[:-1], side="right") - 1
    gap_level = _known(levels.place[np.maximum(starts, 0)], count)
    row_level = _known(levels.place, count)
    gaps = np.diff(marks)
    usual_gap, usual_ms = np.zeros(count), np.zeros(count)
    for level in range(count):
        here = gaps[gap_level == level]
        usual_gap[level] = float(np.median(here)) if len(here) >= 3 else 0.0
        answers = samples.duration_ms[(row_level == level) & answered]
        usual_ms[level] = float(np.percentile(answers, 95)) if len(answers) >= 3 else 0.0
    return usual_gap, usual_ms


def _known(place: Ints, count: int) -> Ints:
    return np.where(place < 0, count - 1, place)


class _OldestWaiting:
    """Who waits during a silence: looked up in rows sorted by start, with the latest end so far."""

    def __init__(self, samples: Samples) -> None:
        self._start = samples.start_s
        self._end = samples.end_s
        self._latest_end = np.maximum.accumulate(self._end)

    def during(self, begin_s: float, end_s: float) -> tuple[float, int]:
        """Begin of the waiting (not before `begin_s`) and the number that waited before the silence ended."""
        after = int(np.searchsorted(self._start, end_s, side="left"))
        first = int(np.searchsorted(self._latest_end, begin_s, side="right"))
        waiting = self._end[first:after] > begin_s
        if not waiting.any():
            return end_s, 0
        oldest = self._start[first + int(np.argmax(waiting))]
        return max(begin_s, float(oldest)), int(np.count_nonzero(waiting))

    def level(self, levels: Levels, time_s: float) -> int:
        """Load level of the latest send before a time; the last index for unknown load."""
        row = max(int(np.searchsorted(self._start, time_s, side="right")) - 1, 0)
        place = int(levels.place[row])
        return place if place >= 0 else len(levels)

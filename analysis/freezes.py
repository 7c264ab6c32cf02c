"""Freezes: stretches in which nothing was answered although requests were waiting.

A frozen target does not show in error rates or percentiles of a closed loop: nobody sends, so hardly
anything fails. It shows as silence while requests are in flight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.levels import Levels
from analysis.slo.grammar import SHORTEST_FREEZE_S
from analysis.usable import Bools, Floats, Ints, bounds, weights
from analysis.verdict import Freeze
from analysis.windows import ranked
from recording.outcomes import TIMEOUT_OUTCOMES
from recording.sample import Samples

LEAST_S = 2.0
"""Shorter silences are called stalls by nobody who waits for them."""
USUAL_GAPS = 5.0
"""A freeze is this many times longer than the usual gap between answers at that load."""
USUAL_ANSWERS = 2.0
"""And longer than this many usual (p95) answers, shared by those who wait: one user's slow answer is no
freeze, twenty users' silence of the same length is."""
STALL_S = 1.0
MOST = 1000


@dataclass(frozen=True, slots=True)
class Silences:
    """Freezes found, the longest silence of any length that was out of proportion (0 if none), and those that
    are shorter than a freeze and last a second at least, in order of time: stalls, if there are several.
    `found` are all that were out of proportion, in order of time."""

    freezes: tuple[Freeze, ...]
    longest_s: float
    stalls: tuple[Freeze, ...] = ()
    found: tuple[Freeze, ...] = ()


def silences(samples: Samples, levels: Levels, least_s: float = LEAST_S) -> Silences:
    """Search usable samples; time-outs and unfinished requests are no answers, the run's end ends a silence.

    Only time in which a request was waiting counts: a silence begins with the last answer, or with the
    send of the oldest request that waits, whichever is later. While the load generator stood still it read
    no answer, so that time does not count either. Nor does time after the last send of all, unless most of
    those who could wait did: at the end of a load a single slow answer is all there is to wait for.
    """
    if len(samples) == 0:
        return Silences((), 0.0)
    first, last = bounds(samples)
    answered, end_s = _answered(samples), samples.end_s
    marks = np.full(int(np.count_nonzero(answered)) + 2, first)
    np.compress(answered, end_s, out=marks[1:-1])
    marks[1:-1].sort()
    marks[-1] = last
    candidates = _longest(np.diff(marks))
    if len(candidates) == 0:
        return Silences((), 0.0)
    usual = _Usual(samples, levels, marks, answered)
    oldest = _OldestWaiting(samples, end_s)
    found = []
    for i in candidates.tolist():
        begin, in_flight, stood_s = oldest.during(marks[i], marks[i + 1])
        end = marks[i + 1] if oldest.are_most(in_flight) else min(marks[i + 1], oldest.last_send_s)
        length = end - begin - stood_s
        if not in_flight or length < SHORTEST_FREEZE_S:
            continue
        gap_s, answer_s = usual.at(oldest.level(levels, marks[i]))
        if length > max(USUAL_GAPS * gap_s, USUAL_ANSWERS * answer_s / in_flight):
            found.append(Freeze(start_s=float(begin - first), duration_s=float(length), in_flight=in_flight))
    found.sort(key=lambda silence: silence.start_s)
    return Silences(
        tuple(silence for silence in found if silence.duration_s > least_s),
        max((silence.duration_s for silence in found), default=0.0),
        tuple(silence for silence in found if STALL_S <= silence.duration_s <= least_s),
        tuple(found),
    )


def _longest(gaps: Floats) -> Ints:
    """Gaps long enough to look at, the longest first."""
    long = np.flatnonzero(gaps >= SHORTEST_FREEZE_S)
    return long[np.argsort(-gaps[long], kind="stable")[:MOST]]


def _answered(samples: Samples) -> Bools:
    """Rows whose end is a sign of life of the target. A foreign "no answer" is none, nor is what an earlier
    answer kept from being sent."""
    silent = samples.outcome.isin(TIMEOUT_OUTCOMES | {"unfinished"})
    unsaid = samples.outcome.isin({"unknown", "wrong_content"}) & (samples.status == 0)
    return np.asarray(~(silent | unsaid), np.bool_)


class _Usual:
    """What is usual at a load level: the median gap between answers and their p95, worked out when asked."""

    def __init__(self, samples: Samples, levels: Levels, marks: Floats, answered: Bools) -> None:
        self._samples, self._marks, self._answered = samples, marks, answered
        self._levels = levels
        self._weight = weights(samples)
        self._told: dict[int, tuple[float, float]] = {}

    def at(self, level: int) -> tuple[float, float]:
        """Both in seconds, 0 where there are under three; the last level is that of unknown load."""
        if level not in self._told:
            here = self._levels.place == (level if level < len(self._levels) else -1)
            self._told[level] = self._gap_s(here), self._answer_s(np.flatnonzero(here & self._answered))
        return self._told[level]

    def _gap_s(self, here: Bools) -> float:
        """Gaps that begin while the latest send is one of `here`."""
        edges = np.flatnonzero(np.diff(np.concatenate([[False], here, [False]])))
        times = np.append(self._samples.start_s, np.inf)[edges]
        places = np.searchsorted(self._marks[:-1], times, side="left").tolist()
        pairs = zip(places[::2], places[1::2], strict=True)
        gaps = np.concatenate([np.diff(self._marks[first : end + 1]) for first, end in pairs])
        gaps = gaps[gaps > 0]
        return float(np.median(gaps)) if len(gaps) >= 3 else 0.0

    def _answer_s(self, rows: Ints) -> float:
        answers = self._samples.duration_ms[rows]
        return _p95(answers, self._weight[rows]) / 1000 if len(rows) >= 3 else 0.0


def _p95(values: Floats, weight: Ints) -> float:
    if int(weight.min()) == int(weight.max()):
        return float(np.percentile(values, 95))
    order = np.argsort(values)
    return ranked(values[order], np.cumsum(weight[order]), (0.95,))[0]


class _OldestWaiting:
    """Who waits during a silence: looked up in rows sorted by start, with the latest end so far."""

    def __init__(self, samples: Samples, end_s: Floats) -> None:
        self._start = samples.start_s
        self._weight = weights(samples)
        self._stood_s = samples.stood_s
        self._end = end_s
        self._latest_end = np.maximum.accumulate(self._end)
        closed = bool(np.all(samples.delay_ms < 0))
        self._users_at_last = max(int(samples.users[-1]), 0) if closed else 0

    def during(self, begin_s: float, end_s: float) -> tuple[float, int, float]:
        """Begin of the waiting (not before `begin_s`), the number that waited before the silence ended, and
        the seconds for which the oldest of them was held up by the load generator."""
        after = int(np.searchsorted(self._start, end_s, side="left"))
        first = int(np.searchsorted(self._latest_end, begin_s, side="right"))
        waiting = self._end[first:after] > begin_s
        if not waiting.any():
            return end_s, 0, 0.0
        oldest = first + int(np.argmax(waiting))
        in_flight = int(self._weight[first:after][waiting].sum())
        return max(begin_s, float(self._start[oldest])), in_flight, float(self._stood_s[oldest])

    @property
    def last_send_s(self) -> float:
        """When the last request was sent."""
        return float(self._start[-1])

    def are_most(self, waiting: int) -> bool:
        """Whether as many as these can be half of all who could wait at the end: users of a closed load, or
        of any other as many as ever waited at once."""
        return 2 * waiting >= (self._users_at_last or self._most_at_once)

    @cached_property
    def _most_at_once(self) -> int:
        ends = np.argsort(self._end, kind="stable")
        over = np.append(0, np.cumsum(self._weight[ends]))
        under_way = (
            np.cumsum(self._weight) - over[np.searchsorted(self._end[ends], self._start, side="right")]
        )
        return int(under_way.max())

    def level(self, levels: Levels, time_s: float) -> int:
        """Load level of the latest send before a time; the last index for unknown load."""
        row = max(int(np.searchsorted(self._start, time_s, side="right")) - 1, 0)
        place = int(levels.place[row])
        return place if place >= 0 else len(levels)

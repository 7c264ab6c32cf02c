"""Freezes: stretches in which nothing was answered although requests were waiting.

A frozen target does not show in error rates or percentiles of a closed loop: nobody sends, so hardly
anything fails. It shows as silence while requests are in flight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

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
QUICK_ANSWERS = 0.25
"""This share of the answers at a load level is quicker than the time that an answer needs there. A low share,
so that freezes themselves do not count as the usual."""
STALL_S = 1.0
MOST = 1000
LEAST_ANSWERS = 3
"""Fewer tell nothing about what is usual at a level."""


@dataclass(frozen=True, slots=True)
class Silences:
    """Freezes found, the longest silence of any length that was out of proportion (0 if none), and those that
    are shorter than a freeze and last a second at least, in order of time: stalls, if there are several.
    `found` are all that were out of proportion, in order of time."""

    freezes: tuple[Freeze, ...]
    longest_s: float
    stalls: tuple[Freeze, ...] = ()
    found: tuple[Freeze, ...] = ()


def silences(
    samples: Samples, levels: Levels, least_s: float = LEAST_S, *, users_known: bool = True
) -> Silences:
    """Search usable samples; time-outs and unfinished requests are no answers, the run's end ends a silence.

    Only time in which an answer was due counts: a silence begins with the last answer, or when the first of
    those who wait would have been answered, had it taken as long as answers need at its load; whichever is
    later. Users who walk in step wait together for answers that take their time. While the load generator
    stood still it read no answer, so that time does not count either. Nor does time in which nobody waited,
    as between a request that was given up and the next one of a user who thinks; nor time after the last send
    of all, unless most of those who could wait did: at the end of a load a few slow answers are all there is
    to wait for.

    Args:
        samples: usable rows in order of time.
        levels: the same cut by load.
        least_s: a silence is a freeze from here on.
        users_known: the users are those of the run's own load. In a file of another tool they may be no more
            than the requests in flight.
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
    waiting = _Waiting(samples, end_s, levels, usual, users_known=users_known)
    gaps = ((marks[i], marks[i + 1]) for i in candidates.tolist())
    found = [one for begin, end in gaps if (one := _freeze(waiting, usual, begin, end, first)) is not None]
    found.sort(key=lambda silence: silence.start_s)
    return Silences(
        tuple(silence for silence in found if silence.duration_s > least_s),
        max((silence.duration_s for silence in found), default=0.0),
        tuple(silence for silence in found if STALL_S <= silence.duration_s <= least_s),
        tuple(found),
    )


def _freeze(waiting: _Waiting, usual: _Usual, begin_s: float, end_s: float, origin_s: float) -> Freeze | None:
    """The stretch between two answers, as far as someone waited in it for longer than usual; else None."""
    wait = waiting.during(begin_s, end_s)
    if wait is None:
        return None
    if end_s > waiting.last_send_s and not waiting.are_most(wait.in_flight, begin_s):
        end_s = waiting.last_send_s
    silence = wait.until(end_s)
    if silence is None or silence.overdue_s < SHORTEST_FREEZE_S:
        return None
    gap_s, answer_s, _ = usual.at(waiting.level(begin_s))
    # Usual gaps hold the pauses of users too, usual answers do not.
    if (
        silence.passed_s <= USUAL_GAPS * gap_s
        or silence.waited_s <= USUAL_ANSWERS * answer_s / wait.in_flight
    ):
        return None
    return Freeze(
        start_s=float(silence.due_s - origin_s),
        end_s=float(silence.end_s - origin_s),
        duration_s=silence.overdue_s,
        in_flight=wait.in_flight,
        oldest_s=waiting.age_s(begin_s, end_s),
    )


def _longest(gaps: Floats) -> Ints:
    """Gaps long enough to look at, the longest first."""
    long = np.flatnonzero(gaps >= SHORTEST_FREEZE_S)
    return long[np.argsort(-gaps[long], kind="stable")[:MOST]]


def _answered(samples: Samples) -> Bools:
    """Rows whose end is a sign of life of the target. A foreign "no answer" is none, nor is what was
    not sent."""
    silent = samples.outcome.isin(TIMEOUT_OUTCOMES | {"unfinished"})
    unsaid = samples.outcome.equals("unknown") & (samples.status == 0)
    return np.asarray(~(silent | unsaid | _unsent(samples)), np.bool_)


def _unsent(samples: Samples) -> Bools:
    """Rows of requests that were not sent, since an earlier answer kept them from it or their name got no
    address: nobody waits for the target there, however long the name server takes."""
    return np.asarray(samples.is_unsent | samples.outcome.equals("dns"), np.bool_)


class _Usual:
    """What is usual at a load level, worked out when asked: the median gap between answers, their p95, and
    the time that an answer needs (`QUICK_ANSWERS`)."""

    def __init__(self, samples: Samples, levels: Levels, marks: Floats, answered: Bools) -> None:
        self._samples, self._marks, self._answered = samples, marks, answered
        self._levels = levels
        self._weight = weights(samples)
        self._told: dict[int, tuple[float, float, float]] = {}

    def at(self, level: int) -> tuple[float, float, float]:
        """All in seconds, 0 where there are under three; the last level is that of unknown load."""
        if level not in self._told:
            here = self._levels.place == (level if level < len(self._levels) else -1)
            self._told[level] = self._gap_s(here), *self._answers_s(np.flatnonzero(here & self._answered))
        return self._told[level]

    def _gap_s(self, here: Bools) -> float:
        """Gaps that begin while the latest send is one of `here`."""
        edges = np.flatnonzero(np.diff(np.concatenate([[False], here, [False]])))
        times = np.append(self._samples.start_s, np.inf)[edges]
        places = np.searchsorted(self._marks[:-1], times, side="left").tolist()
        pairs = zip(places[::2], places[1::2], strict=True)
        gaps = np.concatenate([np.diff(self._marks[first : end + 1]) for first, end in pairs])
        gaps = gaps[gaps > 0]
        return float(np.median(gaps)) if len(gaps) >= LEAST_ANSWERS else 0.0

    def _answers_s(self, rows: Ints) -> tuple[float, float]:
        if len(rows) < LEAST_ANSWERS:
            return 0.0, 0.0
        shares = 0.95, QUICK_ANSWERS
        slow_ms, quick_ms = _ranked(self._samples.duration_ms[rows], self._weight[rows], shares)
        return slow_ms / 1000, quick_ms / 1000


def _ranked(values: Floats, weight: Ints, shares: tuple[float, float]) -> tuple[float, float]:
    if int(weight.min()) == int(weight.max()):
        first, second = np.percentile(values, [share * 100 for share in shares])
    else:
        order = np.argsort(values)
        first, second = ranked(values[order], np.cumsum(weight[order]), shares)
    return float(first), float(second)


class _Silence(NamedTuple):
    """A stretch without answers, up to a moment.

    Attributes:
        due_s: when the first answer was due that did not come.
        end_s: when the last who waited had an answer, or gave up.
        passed_s: seconds from when someone began to wait in it.
        waited_s: seconds of these in which someone waited.
        overdue_s: seconds of these in which an answer was due: the length of a freeze.
    """

    due_s: float
    end_s: float
    passed_s: float
    waited_s: float
    overdue_s: float


class _Wait(NamedTuple):
    """Who waits in a stretch without answers.

    Attributes:
        begins_s, dues_s, ends_s: of each part of it in which someone waited, when it began, when its first
            answer was due, and when it ended.
        in_flight: the most that waited at once.
        stood_s: seconds for which the load generator held up the first that was due.
    """

    begins_s: Floats
    dues_s: Floats
    ends_s: Floats
    in_flight: int
    stood_s: float

    def until(self, end_s: float) -> _Silence | None:
        """What of it was silence up to a moment; None if no answer was due before.

        Once one has not come, a part that nobody's answer ended counts from its begin: the target was silent
        all the while. One that ended with an answer counts from when that was due.
        """
        ends_s = np.minimum(self.ends_s, end_s)
        overdue = np.flatnonzero(self.dues_s < ends_s)
        if len(overdue) == 0:
            return None
        first = int(overdue[0])
        from_s = np.where(self.ends_s < end_s, self.begins_s, self.dues_s)[first:]
        from_s[0] = self.dues_s[first]
        lengths_s = np.maximum(ends_s[first:] - from_s, 0.0)
        return _Silence(
            due_s=float(self.dues_s[first]),
            end_s=float(ends_s[-1]),
            passed_s=float(ends_s[-1] - self.begins_s[0]) - self.stood_s,
            waited_s=float(np.maximum(ends_s - self.begins_s, 0.0).sum()) - self.stood_s,
            overdue_s=float(lengths_s.sum()) - self.stood_s,
        )


class _Waiting:
    """Who waits during a silence: looked up in rows sorted by start, with the latest end so far."""

    def __init__(
        self, samples: Samples, end_s: Floats, levels: Levels, usual: _Usual, *, users_known: bool
    ) -> None:
        self._start = samples.start_s
        self._weight = weights(samples)
        self._stood_s = samples.stood_s
        self._end = end_s
        self._latest_end = np.maximum.accumulate(self._end)
        self._sent = ~_unsent(samples)
        self._levels, self._usual = levels, usual
        self._users = samples.users
        self._closed = users_known and bool(np.all(samples.delay_ms < 0)) and int(samples.users[-1]) > 0

    def during(self, begin_s: float, end_s: float) -> _Wait | None:
        """Who waited between two answers; None if nobody did."""
        rows = self._waiting(begin_s, end_s)
        in_flight = _most_at_once(self._start[rows], self._end[rows], self._weight[rows]) if len(rows) else 0
        if not in_flight:  # also where every one of them ended before it began
            return None
        start, end = self._start[rows], self._end[rows]
        due_s = start + self._needed_s(self._levels.place[rows])
        earliest = int(np.argmin(due_s))
        so_far = np.maximum.accumulate(end)
        parts = np.flatnonzero(np.append(True, start[1:] > so_far[:-1] + SHORTEST_FREEZE_S))
        return _Wait(
            begins_s=np.maximum(start[parts], begin_s),
            dues_s=np.maximum(np.minimum.reduceat(due_s, parts), begin_s),
            ends_s=np.append(so_far[parts[1:] - 1], so_far[-1]),
            in_flight=in_flight,
            stood_s=float(self._stood_s[rows[earliest]]),
        )

    def _needed_s(self, place: Ints) -> Floats:
        """The time that an answer needs at each of these levels."""
        levels, of = np.unique(np.where(place >= 0, place, len(self._levels)), return_inverse=True)
        return np.array([self._usual.at(level)[2] for level in levels.tolist()])[of]

    def age_s(self, begin_s: float, end_s: float) -> float:
        """The longest that one of those had waited when the silence or its own limit ended that, without what
        the load generator held it up."""
        rows = self._waiting(begin_s, end_s)
        return float(np.max(np.minimum(self._end[rows], end_s) - self._start[rows] - self._stood_s[rows]))

    def _waiting(self, begin_s: float, end_s: float) -> Ints:
        """Rows that were sent before the end and had no end by the begin, the oldest first."""
        after = int(np.searchsorted(self._start, end_s, side="left"))
        first = int(np.searchsorted(self._latest_end, begin_s, side="right"))
        return first + np.flatnonzero((self._end[first:after] > begin_s) & self._sent[first:after])

    @property
    def last_send_s(self) -> float:
        """When the last request was sent."""
        return float(self._start[-1])

    def are_most(self, waiting: int, begin_s: float) -> bool:
        """Whether the silence from `begin_s` on shows a target that hangs, or only the end of a load.

        In a closed load half of its usual number of users wait, or all that are left, two at least. In any
        other someone was still sent and waits, with half as many as usually were there and as ever waited at
        once: a load that ends leaves the slow answers, and its users may be no more than those who wait.
        """
        usually = float(np.median(self._users))
        if self._closed:
            return 2 * waiting >= usually or waiting >= max(int(self._users[-1]), 2)
        return begin_s < self.last_send_s and 2 * waiting >= max(usually, self._most_at_once)

    @cached_property
    def _most_at_once(self) -> int:
        return _most_at_once(self._start, self._end, self._weight)

    def level(self, time_s: float) -> int:
        """Load level of the latest send before a time; the last index for unknown load."""
        row = max(int(np.searchsorted(self._start, time_s, side="right")) - 1, 0)
        place = int(self._levels.place[row])
        return place if place >= 0 else len(self._levels)


def _most_at_once(start_s: Floats, end_s: Floats, weight: Ints) -> int:
    """The most requests under way at the same time; sorted by start."""
    ends = np.argsort(end_s, kind="stable")
    over = np.append(0, np.cumsum(weight[ends]))
    under_way = np.cumsum(weight) - over[np.searchsorted(end_s[ends], start_s, side="right")]
    return int(under_way.max())

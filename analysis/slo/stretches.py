"""Stretches: targets that hold `for 10 s`, which is in every window of that length.

Windows begin every half of their length, from the first request on, so that nothing hides on the border
between two. What is left over at the end, less than half a window, is judged together with the last one. A
request belongs where it was sent. A window is judged if it holds so many requests that a bad one alone cannot
miss the target, or if the bad ones among the few that it holds are too many to be chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis import phrases
from analysis.intervals import LEVEL, binomial_tail
from analysis.slo.figure import Measured
from analysis.slo.grammar import SloTarget
from analysis.slo.selection import Cells
from analysis.usable import Bools, Floats, bounds
from recording.sample import Samples

MOST_CELLS = 200_000
"""More are not cut, whatever the timestamps claim: 27 hours in windows of a second."""

MOST_UNJUDGED = 0.1
"""Windows with too few requests may hold this share of all; beyond it nobody knows whether every one held."""


@dataclass(frozen=True, slots=True)
class Halves:
    """A run in half windows.

    Attributes:
        cells: the halves, and a last cell for what is left over.
        window_s: seconds of a window.
        last_s: epoch seconds of the run's end; None of a run that goes on: what is left over will be part
            of a window that is not over yet.
    """

    cells: Cells
    window_s: float
    last_s: float | None

    @classmethod
    def of(
        cls, samples: Samples, window_s: float, until_s: float | None = None, end_s: float | None = None
    ) -> Halves | str:
        """Two and more; or why there are none.

        Args:
            samples: usable rows, at least one.
            window_s: seconds of a window.
            until_s: of a run that goes on: up to here all is known, epoch seconds. Only windows that are over
                by the last send are cut: should nobody send again, the run will have ended there.
            end_s: of a run that is over, where it ends, epoch seconds; None: with the last send.
        """
        first, _ = bounds(samples)
        last_s = float(samples.start_s[-1]) if end_s is None else end_s
        length_s = (last_s if until_s is None else min(until_s, last_s)) - first
        count = int(length_s / (window_s / 2) + 1e-9)
        if count < 2:
            return f"requests were sent for {phrases.seconds(length_s)} only"
        if count > MOST_CELLS:
            return "the run is too long for windows so short"
        return cls(Cells(first, window_s / 2, count + 1), window_s, last_s if until_s is None else None)

    @property
    def begin_s(self) -> Floats:
        """(w,) where windows begin, seconds since the first request. The last two begin together."""
        begin = self.cells.width_s * np.arange(self.cells.count - 2, dtype=np.float64)
        return begin if self.last_s is None else np.concatenate([begin, begin[-1:]])

    @property
    def length_s(self) -> Floats:
        """(w,) seconds of each window."""
        length = np.full(len(self.begin_s), self.window_s)
        if self.last_s is not None:
            length[-1] = self.last_s - self.cells.origin_s - self.begin_s[-1]
        return length

    def whole(self, cells: Floats) -> Floats:
        """(w,) sums of windows from sums of cells."""
        windows = cells[:-2] + cells[1:-1]
        return windows if self.last_s is None else np.append(windows, windows[-1] + cells[-1])


@dataclass(frozen=True, slots=True)
class Judged:
    """Windows of one target, w of them.

    Attributes:
        value: (w,) its figure; NaN where there is none.
        worst: (w,) what it may really be.
        requests: (w,) behind it.
        counts: (w,) which windows are judged.
        halves: where they lie.
    """

    value: Floats
    worst: Floats
    requests: Floats
    counts: Bools
    halves: Halves


def enough(bad_share: float, *, may_be_reached: bool) -> int:
    """Requests of which a bad one alone does not miss a target that allows this share of them."""
    if bad_share <= 0:
        return 1
    fitting = round(1 / bad_share, 6)
    return math.ceil(fitting) if may_be_reached else math.floor(fitting) + 1


def no_chance(bad: Floats, requests: Floats, bad_share: float) -> Bools:
    """(w,) where so many are bad that it is no chance, though at most this share of them should be.

    The level is shared by all windows, since one in forty would be called by chance alone.
    """
    tail = binomial_tail(bad, requests, np.full(len(bad), bad_share))
    return np.asarray(tail <= (1 - LEVEL) / 2 / max(len(bad), 1), np.bool_)


def across(target: SloTarget, windows: Judged, least: int) -> Measured:
    """All windows as one figure: that of the worst one.

    Args:
        target: what is asked.
        windows: the answer of each.
        least: requests that a window needs.
    """
    assert target.window_s is not None
    length, counts = phrases.seconds(target.window_s), windows.counts
    if windows.halves.last_s is None:
        # What is no chance so far may be taken for chance when there are more windows.
        counts = counts & (windows.requests >= least)
    if not counts.any():
        return Measured(
            None, note=f"no window of {length} holds the {phrases.counted(least, 'request')} that it needs"
        )
    missed = counts & ~target.holds(windows.value)
    left_out = float(windows.requests[~counts].sum() / max(windows.requests.sum(), 1.0))
    few = f"windows with under {phrases.counted(least, 'request')} hold {phrases.percent(left_out)} of all"
    if not missed.any() and left_out > MOST_UNJUDGED:
        return Measured(None, note=few)
    i = _worst(target, windows.value, missed) if missed.any() else _worst(target, windows.worst, counts)
    note = (
        f"the worst of {phrases.counted(int(counts.sum()), 'window')} of {length}, "
        f"from {phrases.seconds(float(windows.halves.begin_s[i]))} on"
    )
    if missed.any():
        number = int(missed.sum())
        note += f", {phrases.count(number)} of them miss{'es' if number == 1 else ''} it"
    return Measured(
        float(windows.value[i]),
        n=round(float(windows.requests[i])),
        note=f"{note}; {few}" if left_out > 0 else note,
        worst=float(windows.worst[i]),
    )


def _worst(target: SloTarget, figure: Floats, among: Bools) -> int:
    pick: Callable[[Floats], np.intp] = np.argmax if target.is_upper else np.argmin
    return int(np.flatnonzero(among)[pick(figure[among])])

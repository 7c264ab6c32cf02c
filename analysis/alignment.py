"""Alignment: do bursts begin when the load changes?

A plan that changes the load every few seconds makes every burst begin near some change. So the share of the
run that lies near a change is measured first, and only more bursts than that share explains are called
aligned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis import phrases
from analysis.intervals import binomial_tail
from analysis.load_axis import USERS, is_planned
from analysis.usable import Bools, Floats
from analysis.verdict import Alignment, YesNo
from analysis.windows import Windows

LEAST_BURSTS = 3
BEFORE_S, AFTER_S = 1.0, 3.0
"""A burst belongs to a change of load if it begins up to so long before it began or after it was complete."""
AFTER_GAPS = 3.0
"""Where requests are rare, so many usual gaps between two of them instead."""
STEP_SHARE, LEAST_STEP = 0.05, 0.5
LEAST_RATE_STEP = 1e-6
"""A change moves the load by a twentieth of its range, and by half a user; a planned rate has no noise."""
CHANCE = 0.01
MOST_NEAR = 0.8
"""Where more of the run than this lies near a change, the question has no answer."""
ENOUGH = 0.5
"""Aligned means at least half of the bursts; not aligned, that fewer are caused by a change for certain."""
DOUBT = 0.05


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of load in order: when each began and when it was complete, seconds since the run's start."""

    begin_s: Floats
    end_s: Floats

    def __len__(self) -> int:
        return len(self.begin_s)


def load_changes(windows: Windows, time_s: Floats, level: Floats) -> Changes | None:
    """Where the load changed; None where neither users nor planned arrivals are known.

    Requests in flight are no substitute: they move with the errors themselves.

    Args:
        windows: the run; its loads say that there was a change.
        time_s: (n,) send time of each request, ascending, seconds since the run's start.
        level: (n,) load at each send; it says when exactly.
    """
    filled = np.flatnonzero(np.isfinite(windows.load))
    if not is_planned(windows.axis) or len(filled) == 0:
        return None
    load = windows.load[filled]
    least = LEAST_STEP if windows.axis == USERS else LEAST_RATE_STEP * float(load.max())
    step = max(STEP_SHARE * float(np.ptp(load)), least)
    moving = np.concatenate([[False], np.abs(np.diff(load)) > step, [False]])
    edges = np.flatnonzero(np.diff(moving.astype(int)))
    found = [
        _exact(windows, filled[first], filled[after], load[first], load[after], time_s, level)
        for first, after in zip(edges[::2], edges[1::2], strict=True)
    ]
    return Changes(np.array([begin for begin, _ in found]), np.array([end for _, end in found]))


def _exact(
    windows: Windows, first: int, last: int, before: float, after: float, time_s: Floats, level: Floats
) -> tuple[float, float]:
    """From the last window before a change to the window where it is complete, cut down to the change
    itself."""
    low, high = float(windows.start_s[first]), float(windows.start_s[last]) + windows.width_s
    rows = slice(*np.searchsorted(time_s, [low, high]))
    near = abs(after - before) / 4
    left = np.flatnonzero(np.abs(level[rows] - before) > near)
    arriving = np.flatnonzero(np.abs(level[rows] - after) > near)
    if near == 0 or len(left) == 0 or len(arriving) == 0:
        return low, high
    begin = float(time_s[rows][left[0]])
    return begin, max(begin, float(time_s[rows][arriving[-1]]))


def alignment(
    start_s: Floats, changes: Changes | None, length_s: float, gap_s: float
) -> tuple[Alignment, list[bool | None]]:
    """Judge all bursts together, and tell for each whether it begins near a change.

    Args:
        start_s: (b,) where each burst begins, seconds since the run's start.
        changes: as `load_changes` gives them.
        length_s: length of the run.
        gap_s: usual time between two requests.

    Returns:
        The answer, and per burst whether it begins near a change; None where no change is known.
    """
    if changes is None:
        return _unknown(len(start_s), "the source does not tell the users, so no change of load is known")
    if len(changes) == 0:
        return _unknown(len(start_s), "the load was never changed at once")
    after_s = max(AFTER_S, AFTER_GAPS * gap_s)
    low, high = changes.begin_s - BEFORE_S, changes.end_s + after_s
    near = _near(start_s, low, high)
    chance = _covered(low, high, length_s)
    count, bursts = int(near.sum()), len(start_s)
    tail = float(binomial_tail(np.array([count]), np.array([bursts]), np.array([chance]))[0])
    answer, doubt = _decide(count, bursts, chance, tail)
    begin = "begins" if count == 1 else "begin"
    why = (
        f"{count} of {phrases.counted(bursts, 'burst')} {begin} within {phrases.seconds(after_s)} of a "
        f"change of load, where {phrases.percent(chance)} of the run lies ({phrases.p_value(tail)}){doubt}"
    )
    found = Alignment(
        answer=answer,
        aligned=count,
        bursts=bursts,
        changes=len(changes),
        near_share=chance,
        within_s=after_s,
        p_value=tail,
        why=why,
    )
    return found, [bool(flag) for flag in near]


def _decide(count: int, bursts: int, chance: float, tail: float) -> tuple[YesNo, str]:
    """The answer, and why there is none."""
    if chance > MOST_NEAR:
        return "inconclusive", ": the load changed too often to tell"
    if bursts < LEAST_BURSTS:
        return "inconclusive", f": {LEAST_BURSTS} bursts are needed"
    if tail < CHANCE and count >= ENOUGH * bursts:
        return "yes", ""
    # P(X <= count) if half of the bursts came from changes and the others fell where they liked.
    if_half = ENOUGH + (1 - ENOUGH) * chance
    more = float(binomial_tail(np.array([count + 1.0]), np.array([bursts]), np.array([if_half]))[0])
    if count < bursts and 1 - more < DOUBT:
        return "no", ""
    return "inconclusive", ": too few bursts to tell from chance"


def _near(start_s: Floats, low: Floats, high: Floats) -> Bools:
    """Which bursts begin within any of the stretches."""
    return np.asarray(((start_s[:, None] >= low) & (start_s[:, None] <= high)).any(axis=1))


def _covered(low: Floats, high: Floats, length_s: float) -> float:
    """Share of the run that the stretches cover together; they come in order."""
    low, high = np.clip(low, 0, length_s), np.clip(high, 0, length_s)
    reached = np.maximum.accumulate(np.concatenate([[0.0], high[:-1]]))
    return float(np.maximum(0.0, high - np.maximum(low, reached)).sum() / max(length_s, 1e-9))


def _unknown(bursts: int, why: str) -> tuple[Alignment, list[bool | None]]:
    return Alignment(answer="inconclusive", bursts=bursts, why=why), [None] * bursts

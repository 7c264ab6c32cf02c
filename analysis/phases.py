"""Phases: which phase of a request takes longer under load, by the target's own log.

Requests of one moment hang together, so the interval of a mean comes from how the means of stretches differ
(ratio estimate in clusters; Cochran: Sampling Techniques, 6.3), not from the number of lines. Stretches that
follow each other hang together too: their covariance counts (Newey, West 1987, one lag). The interval of a
change holds for all phases at once (Bonferroni), since the one that grows most is picked out of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis import phrases
from analysis.intervals import LEVEL, Coefficient
from analysis.levels import Levels
from analysis.told_by_target import Told
from analysis.usable import Bools, Floats, Ints
from analysis.verdict import Interval, Phase, PhaseAnswer, PhaseLevel

COUNT, WHOLE, OWN = "phase_count", "phase_ms", "phase_own_ms"
"""What the probe leaves per second and phase: lines, mean time, mean without the phases within."""
TOTAL, OTHER = "total", "other"

STRETCH_S, STRETCHES, LEAST_STRETCHES = 5.0, 6, 3
LEAST_LINES = 10
"""Of a level, to be compared with another."""
GROWTH = 4 / 3
"""A phase that takes a third longer at the highest load than at the lowest has grown."""
SMALL_SHARE, SMALL_MS = 0.02, 0.5
"""A change below this part of the whole request explains nothing, however certain."""
OTHER_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class _Sums:
    """Of one phase: per moment of the log its place, lines, and milliseconds in all (own and whole)."""

    time_s: Floats
    place: Ints
    lines: Floats
    own_ms: Floats
    whole_ms: Floats

    def at(self, level: int) -> Bools:
        return np.asarray(self.place == level, np.bool_)


def phases(told: Told, levels: Levels, axis: str) -> list[Phase]:
    """Every phase against load, those that grow most first; the whole request last."""
    known = {name: _sums(told, name) for name in told.labels(COUNT)}
    if not known:
        return []
    total = known.pop(TOTAL, None)
    if total is not None and (other := _other(total, known)) is not None:
        known[OTHER] = other
    spent = total.own_ms.sum() if total is not None else sum(s.own_ms.sum() for s in known.values())
    per_level = [
        float(sum(s.own_ms[s.at(i)].sum() for s in ([total] if total is not None else known.values())))
        for i in range(len(levels))
    ]
    scale_ms = _longest(total, len(levels))
    certainty = 1 - (1 - LEVEL) / (len(known) + (total is not None))
    found = [
        _phase(name, s, levels, axis, float(spent), per_level, scale_ms, certainty)
        for name, s in known.items()
    ]
    found.sort(key=lambda phase: (phase.with_load != "grows", -(phase.change_ms or 0.0), phase.name))
    if total is not None:
        found.append(_phase(TOTAL, total, levels, axis, float(spent), per_level, scale_ms, certainty))
    return found


def phases_text(found: list[Phase]) -> str:
    """The finding in a sentence; "" where there is nothing to say."""
    grown = [phase for phase in found if phase.with_load == "grows" and phase.name != TOTAL]
    parts = [phase for phase in found if phase.name != TOTAL]
    if grown:
        first = grown[0]
        rest = f"; also {phrases.listed([p.name for p in grown[1:]])}" if len(grown) > 1 else ""
        low, high = first.levels[0].share, first.levels[-1].share
        parts_of_it = f"{phrases.percent(low)}, then {phrases.percent(high)}"
        shares = f"; its share of the time: {parts_of_it}" if high else ""
        return f"{first.name} grows with load: {first.why}{shares}{rest}"
    decided = [phase for phase in parts if phase.with_load in ("constant", "falls")]
    if decided and len(decided) == len(parts):
        return f"no phase grows with load ({phrases.listed([p.name for p in parts], 5)})"
    longest = max(parts, key=lambda phase: phase.share or 0.0, default=None)
    if longest is None or longest.share is None:
        return ""
    return (
        f"cannot tell which phase grows with load; {longest.name} takes {phrases.percent(longest.share)} of "
        "the time"
    )


def _sums(told: Told, name: str) -> _Sums:
    counted, own, whole = (told.rows(kind, name) for kind in (COUNT, OWN, WHOLE))
    lines = told.value[counted]
    # The three are written together; a tear between them costs the last moment.
    n = min(len(lines), int(own.sum()), int(whole.sum()))
    return _Sums(
        told.time_s[counted][:n],
        told.place[counted][:n],
        lines[:n],
        told.value[own][:n] * lines[:n],
        told.value[whole][:n] * lines[:n],
    )


def _other(total: _Sums, known: dict[str, _Sums]) -> _Sums | None:
    """What the phases leave of the whole, moment by moment; None if that is next to nothing."""
    seconds = np.floor(total.time_s).astype(np.int64)
    left = total.own_ms.copy()
    if not len(seconds):
        return None
    first = int(seconds.min())
    size = int(seconds.max()) - first + 1
    spent = np.zeros(size)
    for sums in known.values():
        place = np.floor(sums.time_s).astype(np.int64) - first
        inside = (place >= 0) & (place < size)
        np.add.at(spent, place[inside], sums.own_ms[inside])
    all_of_it = np.bincount(seconds - first, total.own_ms, minlength=size)
    # A second may have been written in two parts: each bears its part of what the phases took.
    share = np.divide(spent, all_of_it, out=np.ones(size), where=all_of_it > 0)
    left *= np.clip(1 - share[seconds - first], 0.0, 1.0)
    if left.sum() < OTHER_SHARE * total.own_ms.sum():
        return None
    return _Sums(total.time_s, total.place, total.lines, left, left)


def _longest(total: _Sums | None, levels: int) -> float:
    """Mean of the whole request where it is longest, ms."""
    if total is None:
        return 0.0
    means = [_mean(total, i) for i in range(levels)]
    return max((m.value for m in means if m is not None), default=0.0)


def _mean(sums: _Sums, level: int) -> Coefficient | None:
    """Mean own time at a level; its error is infinite where there are too few stretches."""
    rows = sums.at(level) & (sums.lines > 0)
    if not rows.any():
        return None
    time_s, lines, spent = sums.time_s[rows], sums.lines[rows], sums.own_ms[rows]
    seconds = len(np.unique(np.floor(time_s)))
    width = float(np.clip(seconds / STRETCHES, 1.0, STRETCH_S))
    which, stretch = np.unique(np.floor(time_s / width), return_inverse=True)
    n, s = np.bincount(stretch, lines), np.bincount(stretch, spent)
    mean, count = float(s.sum() / n.sum()), len(n)
    if count < LEAST_STRETCHES:
        return Coefficient(mean, math.inf, 0)
    off = s - mean * n
    neighbours = np.diff(which) == 1
    together = max(0.0, 2 * float((off[1:] * off[:-1])[neighbours].sum()))
    variance = (float((off**2).sum()) + together) * count / (count - 1) / float(n.sum()) ** 2
    return Coefficient(mean, math.sqrt(variance), count - 1)


def _phase(
    name: str,
    sums: _Sums,
    levels: Levels,
    axis: str,
    spent_ms: float,
    per_level_ms: list[float],
    scale_ms: float,
    certainty: float,
) -> Phase:
    table = [row for i in range(len(levels)) if (row := _level(sums, levels, i, per_level_ms[i])) is not None]
    told = [i for i in range(len(levels)) if float(sums.lines[sums.at(i)].sum()) >= LEAST_LINES]
    answer: PhaseAnswer = "inconclusive"
    why, change = "too few lines at two load levels to compare", None
    bounds: tuple[float, float] | None = None
    if len(told) > 1:
        low, high = _mean(sums, told[0]), _mean(sums, told[-1])
        assert low is not None
        assert high is not None
        change = Coefficient(
            high.value - low.value, math.hypot(low.se, high.se), max(1, min(low.df, high.df))
        )
        answer = _answer(low.value, high.value, change, scale_ms, certainty)
        at = [f"{phrases.load(float(levels.high[i]))} {axis}" for i in (told[0], told[-1])]
        why = f"{phrases.milliseconds(low.value)} at {at[0]}, {phrases.milliseconds(high.value)} at {at[1]}"
        if math.isfinite(change.se):
            bounds = change.interval(certainty)
            why += f" (95 %: {_signed(bounds[0])} to {_signed(bounds[1])} ms)"
    return Phase(
        name=name,
        with_load=answer,
        why=why,
        change_ms=None if change is None else change.value,
        low=None if bounds is None else bounds[0],
        high=None if bounds is None else bounds[1],
        share=float(sums.own_ms.sum()) / spent_ms if spent_ms > 0 else None,
        lines=round(float(sums.lines.sum())),
        levels=table,
    )


def _answer(
    low_ms: float, high_ms: float, change: Coefficient, scale_ms: float, certainty: float
) -> PhaseAnswer:
    if not math.isfinite(change.se):
        return "inconclusive"
    lower, upper = change.interval(certainty)
    small = max(SMALL_MS, SMALL_SHARE * scale_ms)
    if lower > 0 and change.value >= small and high_ms >= GROWTH * low_ms:
        return "grows"
    if upper < 0 and -change.value >= small and low_ms >= GROWTH * high_ms:
        return "falls"
    # That all are constant needs each of them to be: nothing is picked out, so their own intervals do.
    lower, upper = change.interval()
    margin = max(small, (GROWTH - 1) * low_ms)
    return "constant" if -margin < lower and upper < margin else "inconclusive"


def _level(sums: _Sums, levels: Levels, i: int, all_ms: float) -> PhaseLevel | None:
    mean = _mean(sums, i)
    if mean is None:
        return None
    rows = sums.at(i)
    lines = float(sums.lines[rows].sum())
    known = math.isfinite(mean.se)
    low, high = mean.interval() if known else (None, None)
    return PhaseLevel(
        users_low=float(levels.low[i]),
        users_high=float(levels.high[i]),
        own_ms=Interval(
            value=mean.value, low=None if low is None else max(0.0, low), high=high, n=round(lines)
        ),
        whole_ms=float(sums.whole_ms[rows].sum()) / lines,
        share=float(sums.own_ms[rows].sum()) / all_ms if all_ms > 0 else None,
    )


def _signed(value: float) -> str:
    size = f"{abs(value):.1f}".removesuffix(".0") if abs(value) < 10 else f"{abs(value):,.0f}"
    return size if size == "0" else f"{'−' if value < 0 else '+'}{size}"

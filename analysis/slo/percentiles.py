"""Percentiles of the requests that a target asks about, of the whole run or of every window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from analysis import phrases
from analysis.latency import NAMES, Distribution, least
from analysis.ranked import Stretches, stretch_effect
from analysis.slo.figure import Basis, Measured
from analysis.slo.grammar import SloTarget
from analysis.slo.selection import Rows, Selection, timed
from analysis.slo.stretches import Halves, Judged, across, no_chance
from analysis.usable import Bools, Floats, Ints
from recording.sample import picked


def percentile(target: SloTarget, basis: Basis, chosen: Selection) -> Measured:
    """Of the whole run, with its interval."""
    share = _share(target)
    times = _of_run(target, basis) if chosen.is_everything else _Times.of(target, chosen, slice(None))
    found, at_worst = times.all, times.at_worst
    value, measured = found.percentile(share), found.measured
    if value is None or measured < least(share):
        low = None if value is not None else found.interval(share)[0]
        note = (
            f"it needs {phrases.counted(least(share), 'measured request')} and has {phrases.count(measured)}"
        )
        return Measured(None, low, None, found.n, note)
    if not (chosen.is_everything and share in NAMES.values()):
        found = replace(found, effects=((share, _effect(target, basis, chosen, value, _thinning(found))),))
    worst = at_worst.at_rank(share * at_worst.n)
    low, high = found.interval(share)
    note = "requests never answered may push it higher" if worst > value else ""
    return Measured(value, low, high, found.n, note, worst)


def percentile_of_windows(target: SloTarget, basis: Basis, chosen: Selection) -> Measured:
    """Of every window."""
    assert target.window_s is not None
    samples, share = chosen.rows.samples, _share(target)
    halves = Halves.of(samples, target.window_s, basis.until_s)
    if isinstance(halves, str):
        return Measured(None, note=halves)
    begin_s = halves.cells.origin_s + halves.begin_s
    begin, end = (np.searchsorted(samples.start_s, edge) for edge in (begin_s, begin_s + target.window_s))
    if halves.last_s is not None:
        end[-1] = len(samples)
    value, worst = np.full((2, len(begin)), np.nan)
    requests, measured, slow = np.zeros((3, len(begin)))
    for i in np.flatnonzero(end > begin).tolist():
        times = _Times.of(target, chosen, slice(int(begin[i]), int(end[i])))
        requests[i] = n = times.all.n
        if n:
            value[i], worst[i] = times.all.at_rank(share * n), times.at_worst.at_rank(share * n)
            # Where successes are thinned, one that was measured stands for several and proves one.
            measured[i] = times.all.measured
            slow[i] = measured[i] - times.within(target)
    needed = least(share)
    counts = (measured >= needed) | no_chance(slow, measured, 1 - share)
    return across(target, Judged(value, worst, requests, counts & (requests > 0), halves), needed)


@dataclass(frozen=True, slots=True)
class _Times:
    """Durations: unfinished requests with their age, and as infinitely slow."""

    all: Distribution
    at_worst: Distribution

    @classmethod
    def of(cls, target: SloTarget, chosen: Selection, rows: slice) -> _Times:
        """Those of some neighbouring rows."""
        parts = [_kept(target, chosen, piece) for piece in _pieces(chosen, rows)]
        ended, weight, open_, open_weight = (np.concatenate(column) for column in zip(*parts, strict=True))
        done = Distribution.of(ended, weight)
        if not len(open_):
            return cls(done, done)
        every = Distribution.of(np.concatenate([ended, open_]), np.concatenate([weight, open_weight]))
        return cls(every, replace(done, infinite=int(open_weight.sum())))

    def within(self, target: SloTarget) -> int:
        """Measured requests that the limit holds for."""
        side: Literal["left", "right"] = "right" if target.operator == "<=" else "left"
        return int(np.searchsorted(self.all.values, target.limit, side=side))


def _of_run(target: SloTarget, basis: Basis) -> _Times:
    """All of it: sorted already."""
    times = basis.times()
    return _Times(times.ok, times.ok) if target.ok else _Times(times.all, times.all_at_worst)


def _pieces(chosen: Selection, rows: slice) -> list[slice]:
    return [rows] if rows.start is not None else list(chosen.slabs())


def _kept(target: SloTarget, chosen: Selection, rows: slice) -> tuple[Floats, Ints, Floats, Ints]:
    """Durations and weights of the requests that ended, and of those that did not."""
    samples, meant = chosen.rows.samples, _meant(target, chosen, rows)
    duration_ms, weight = samples.duration_ms[rows], chosen.weight(rows)
    if target.ok or "unfinished" not in samples.outcome.names:
        return duration_ms[meant], picked(weight, meant), np.zeros(0), np.zeros(0, np.int64)
    waits = samples.outcome.codes[rows] == samples.outcome.names.index("unfinished")
    ended, waiting = meant & ~waits, meant & waits
    return duration_ms[ended], picked(weight, ended), duration_ms[waiting], picked(weight, waiting)


def _meant(target: SloTarget, chosen: Selection, rows: Rows) -> Bools:
    return chosen.chosen(rows) & timed(target, chosen.rows, rows)


def _effect(target: SloTarget, basis: Basis, chosen: Selection, value: float, thinning: float) -> float:
    """How far requests sent close together hang together, as `analysis.ranked` has it for the whole run."""
    samples, cut = chosen.rows.samples, basis.levels()
    levels = len(cut) + 1
    stretches = Stretches.of(samples.start_s)
    total, below = np.zeros((2, levels * stretches.count), np.int64)
    for rows in chosen.slabs():
        meant = _meant(target, chosen, rows)
        level = np.where(cut.place[rows] < 0, levels - 1, cut.place[rows])
        cell = (level * stretches.count + stretches.place(samples.start_s[rows]))[meant]
        weight, short = picked(chosen.weight(rows), meant), samples.duration_ms[rows][meant] <= value
        total += np.bincount(cell, weight, len(total)).astype(np.int64)
        below += np.bincount(cell[short], picked(weight, short), len(total)).astype(np.int64)
    shape = (levels, stretches.count)
    return stretch_effect(below.reshape(shape), total.reshape(shape)) * thinning


def _thinning(times: Distribution) -> float:
    """How many times as uncertain a share is because some requests stand for several (Kish 1965)."""
    if times.reached is None:
        return 1.0
    weight = np.diff(times.reached, prepend=0).astype(np.float64)
    return float((weight**2).sum() / weight.sum()) if weight.sum() else 1.0


def _share(target: SloTarget) -> float:
    share = target.share
    assert share is not None
    return share

"""Levels: the run cut by load instead of time, and the capacity read off it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.intervals import rate_interval, share
from analysis.ranked import Ranked
from analysis.usable import Floats, Ints, Usable, sums, weights
from analysis.verdict import Capacity, LoadLevel
from recording.cores import on_cores
from recording.sample import Samples, picked

MOST_LEVELS = 8
STEP_SHARE = 0.02
"""A number of users with this share of the requests is a step of the plan, not a moment between two."""
STEPS_HOLD = 0.7
"""The plan has steps if they hold this share of all requests together."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Requests sorted into load levels.

    Attributes:
        low, high: (l,) load at both ends of each level, ascending.
        place: (n,) level of each row; -1 where its load is unknown.
        seconds: (l,) time spent at each level: the gaps between sends, each counted to the earlier one.
    """

    low: Floats
    high: Floats
    place: Ints
    seconds: Floats

    def __len__(self) -> int:
        return len(self.low)


def cut_levels(samples: Samples, load: Floats) -> Levels:
    """Levels of a plan with steps (its steps, rows between two go to the nearer), else up to eight bins.

    Args:
        samples: usable rows in order of their start.
        load: (n,) load of each row, NaN if unknown; see `windows.row_load`.
    """
    known = np.isfinite(load)
    if not known.any():
        none = np.zeros(0)
        return Levels(none, none, np.full(len(samples), -1, np.int64), none)
    if known.all():
        place, low, high = _placed(load, weights(samples))
    else:
        place = np.full(len(samples), -1, np.int64)
        place[known], low, high = _placed(load[known], picked(weights(samples), known))
    return Levels(low, high, place, _seconds(samples.start_s, place, len(low)))


def _placed(load: Floats, weight: Ints) -> tuple[Ints, Floats, Floats]:
    """The level of each row, and the load at both ends of each level."""
    steps = _steps(load, weight)
    if not len(steps):
        return _bins(load)
    return np.searchsorted((steps[1:] + steps[:-1]) / 2, load, side="left"), steps, steps


def _steps(load: Floats, weight: Ints) -> Floats:
    """The loads that the plan stayed at, or none if it moved all the time."""
    distinct, held = _distinct(load, weight)
    held = held / held.sum()
    if len(distinct) <= MOST_LEVELS:
        return distinct
    often = held >= STEP_SHARE
    fits = 0 < np.count_nonzero(often) <= MOST_LEVELS and held[often].sum() >= STEPS_HOLD
    return distinct[often] if fits else distinct[:0]


def _distinct(load: Floats, weight: Ints) -> tuple[Floats, Floats]:
    """Distinct values and the weight of each; whole numbers, the usual case, without sorting."""
    whole = load.astype(np.int64)
    if load.max() < 1e6 and bool(np.all(whole == load)):
        counts = sums(whole, weight, int(whole.max()) + 1)
        found = np.flatnonzero(counts)
        return found.astype(np.float64), counts[found]
    starts = _runs(load)
    distinct, inverse = np.unique(load[starts], return_inverse=True)
    return distinct, np.bincount(inverse, np.add.reduceat(weight, starts)).astype(np.float64)


def _runs(load: Floats) -> Ints:
    """Where each run of one load begins: a smoothed load is that of its window, row after row."""
    return np.flatnonzero(np.append(True, load[1:] != load[:-1]))


def _bins(load: Floats) -> tuple[Ints, Floats, Floats]:
    whole = load.astype(np.int64)
    if load.max() < 1e6 and bool(np.all(whole == load)):
        # Whole numbers, the usual case: each distinct one is put into its bin, not each row.
        distinct = np.flatnonzero(np.bincount(whole))
        place, low, high = _bins_of(distinct.astype(np.float64))
        table = np.zeros(int(distinct[-1]) + 1, np.int64)
        table[distinct] = place
        return table[whole], low, high
    starts = _runs(load)
    place, low, high = _bins_of(load[starts])
    return np.repeat(place, np.diff(np.append(starts, len(load)))), low, high


def _bins_of(load: Floats) -> tuple[Ints, Floats, Floats]:
    edges = np.linspace(load.min(), load.max(), MOST_LEVELS + 1)
    raw = np.clip(np.searchsorted(edges, load, side="right") - 1, 0, MOST_LEVELS - 1)
    filled, place = np.unique(raw, return_inverse=True)
    low = np.array([load[raw == i].min() for i in filled])
    high = np.array([load[raw == i].max() for i in filled])
    return place.astype(np.int64), low, high


def _seconds(start_s: Floats, place: Ints, count: int) -> Floats:
    if len(start_s) < 2:
        return np.zeros(count)
    gaps, before = np.diff(start_s), place[:-1]
    known = before >= 0
    if not known.all():
        gaps, before = gaps[known], before[known]
    return np.bincount(before, gaps, minlength=count).astype(np.float64)


def level_table(usable: Usable, levels: Levels, ranked: Ranked | None = None) -> list[LoadLevel]:
    """One row per level, lowest load first; `ranked` are its durations, sorted here if not given."""
    ranked = Ranked.of(usable, levels.place, len(levels)) if ranked is None else ranked
    requests = _per_level(levels.place, usable.weight, len(levels))
    errors = _per_level(levels.place[usable.failed], picked(usable.weight, usable.failed), len(levels))
    return on_cores(
        lambda i: _row(levels, i, int(requests[i]), int(errors[i]), ranked),
        range(len(levels)),
        len(levels.place),
    )


def _per_level(place: Ints, weight: Ints, count: int) -> Floats:
    """Requests of each level; those of unknown load (-1) are counted first and left out."""
    return sums(place + 1, weight, count + 1)[1:]


def _row(levels: Levels, i: int, requests: int, errors: int, ranked: Ranked) -> LoadLevel:
    figures = ranked.latencies(i).report()
    return LoadLevel(
        users_low=float(levels.low[i]),
        users_high=float(levels.high[i]),
        requests=requests,
        errors=errors,
        error_rate=share(errors, requests),
        rate_per_s=requests / float(levels.seconds[i]) if levels.seconds[i] > 0 else None,
        ok_p50_ms=figures.ok.p50,
        ok_p95_ms=figures.ok.p95,
        ok_p99_ms=figures.ok.p99,
        latency_ms=figures,
    )


def capacity(table: list[LoadLevel], levels: Levels, error_limit: float) -> Capacity | None:
    """Successes per second at the highest load whose whole error-rate interval is below the target.

    Levels above one that surely missed the target do not count: what fails at 10 users and not at 15 has
    another cause than load. With one level only, this is a rate that held, not the most that can be had.
    """
    best = None
    for i, level in enumerate(table):
        low, high = level.error_rate.low, level.error_rate.high
        if low is None or high is None or low > error_limit:
            break
        if high < error_limit and levels.seconds[i] > 0:
            best = i
    if best is None:
        return None
    ok, seconds = table[best].requests - table[best].errors, float(levels.seconds[best])
    low, high = rate_interval(ok, seconds)
    return Capacity(rate_per_s=ok / seconds, low=low, high=high, users=table[best].users_high)

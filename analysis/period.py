"""Period: do bursts come back at regular intervals, or only look as if they did?

A few bursts at random moments are often about evenly spaced, and any list of moments fits some period if one
may choose it. So the regularity found is compared with that of bursts put at random into the same run: with
the same lengths, never closer than the listed ones can be, and searched for a period in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.usable import Floats
from analysis.verdict import Period

LEAST_BURSTS = 4
"""Three bursts make two intervals, which are often alike by chance."""
MOST_TESTED = 100
CHANCE = 0.005
"""Half of the hundredth wanted: what is listed of random bursts is a little more regular than random."""
DRAWS, SEED = 999, 20_100
"""Random placements compared with; the seed makes the answer the same every time."""
LEAST_SEEN = 0.6
"""A period must account for this share of the bursts that it predicts."""
MISSED_POWER = 2
"""Regularity is divided by the share of predicted bursts that were seen to this power. With it, six bursts
with a jitter of a tenth of the period suffice; without it, one and a half times as many are needed."""
STARTS = (0.25, 0.5)
"""Quantiles of the intervals that the search for a period begins at; below the median lies the period where
single bursts are missing."""
ROUNDS = 2
EDGE = 0.15
"""A burst is not called missing if its moment lies within this part of a period of the run's start or end."""
IMPOSSIBLE = 9.0


@dataclass(frozen=True, slots=True)
class _Fit:
    """One row per list of bursts: period in seconds, deviation from it (lower is more regular), bursts
    predicted, standard error of the period."""

    period_s: Floats
    deviation: Floats
    predicted: Floats
    se_s: Floats


def period(start_s: Floats, end_s: Floats, length_s: float, width_s: float) -> Period | None:
    """The period of the bursts, or None where it cannot be told from chance.

    Args:
        start_s: (b,) where each burst begins, ascending, seconds since the run's start.
        end_s: (b,) where each ends.
        length_s: length of the run.
        width_s: width of the windows that the bursts were found in: closer ones are listed as one.
    """
    start_s, end_s = start_s[:MOST_TESTED], end_s[:MOST_TESTED]
    if len(start_s) < LEAST_BURSTS:
        return None
    if len(start_s) == MOST_TESTED:
        length_s = float(end_s[-1])
    found = _fit(start_s[None, :], length_s)
    if found.deviation[0] >= IMPOSSIBLE:
        return None
    chance = _fit(_random_starts(start_s, end_s, length_s, width_s), length_s)
    p_value = (1 + np.count_nonzero(chance.deviation <= found.deviation[0])) / (DRAWS + 1)
    if p_value > CHANCE:
        return None
    half = 2 * float(found.se_s[0])
    return Period(
        period_s=float(found.period_s[0]),
        low_s=float(found.period_s[0]) - half,
        high_s=float(found.period_s[0]) + half,
        seen=len(start_s),
        expected=round(float(found.predicted[0])),
        p_value=p_value,
    )


def _random_starts(start_s: Floats, end_s: Floats, length_s: float, width_s: float) -> Floats:
    """(draws, b) onsets of the same bursts put at random, with calm stretches no shorter than can be
    listed."""
    lengths = end_s - start_s
    calm = start_s[1:] - end_s[:-1]
    least = max(0.0, min(1.5 * width_s, float(calm.min())))
    free = max(length_s - float(lengths.sum()) - least * len(calm), 0.0)
    stretches = np.random.default_rng(SEED).dirichlet(np.ones(len(start_s) + 1), DRAWS)[:, :-1] * free
    stretches[:, 1:] += least
    before = np.concatenate([[0.0], np.cumsum(lengths[:-1])])
    return np.asarray(np.cumsum(stretches, axis=1) + before, np.float64)


def _fit(start_s: Floats, length_s: float) -> _Fit:
    """The most regular period of each row of onsets."""
    fits = [_fit_from(start_s, length_s, quantile) for quantile in STARTS]
    best = np.argmin([fit.deviation for fit in fits], axis=0)

    def chosen(column: str) -> Floats:
        values = np.stack([getattr(fit, column) for fit in fits])
        return np.asarray(np.take_along_axis(values, best[None, :], axis=0)[0], np.float64)

    return _Fit(chosen("period_s"), chosen("deviation"), chosen("predicted"), chosen("se_s"))


def _fit_from(start_s: Floats, length_s: float, quantile: float) -> _Fit:
    """Which cycle each burst belongs to, and the line of onsets through the cycles: its slope is the
    period."""
    between = np.diff(start_s, axis=1)
    rough = np.quantile(between, quantile, axis=1)
    for _ in range(ROUNDS):
        cycles = np.maximum(1, np.rint(between / rough[:, None]))
        rough = (between * cycles).sum(axis=1) / (cycles**2).sum(axis=1)
    cycles = np.maximum(1, np.rint(between / rough[:, None]))
    number = np.concatenate([np.zeros((len(start_s), 1)), np.cumsum(cycles, axis=1)], axis=1)
    number -= number.mean(axis=1, keepdims=True)
    onset = start_s - start_s.mean(axis=1, keepdims=True)
    spread = (number**2).sum(axis=1)
    period_s = (onset * number).sum(axis=1) / spread
    residual = onset - period_s[:, None] * number
    squares = (residual**2).sum(axis=1)
    count = start_s.shape[1]
    predicted = 1 + cycles.sum(axis=1) + _at_the_edges(start_s, length_s, period_s)
    deviation = np.sqrt(squares / count) / period_s * (predicted / count) ** MISSED_POWER
    deviation = np.where(count < LEAST_SEEN * predicted, IMPOSSIBLE, deviation)
    return _Fit(period_s, deviation, predicted, np.sqrt(squares / (count - 2) / spread))


def _at_the_edges(start_s: Floats, length_s: float, period_s: Floats) -> Floats:
    """Bursts predicted before the first and after the last one."""
    before = np.floor(start_s[:, 0] / period_s - EDGE)
    after = np.floor((length_s - start_s[:, -1]) / period_s - EDGE)
    return np.asarray(np.maximum(before, 0) + np.maximum(after, 0), np.float64)

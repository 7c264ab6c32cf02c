"""Temporal: do errors come in bursts or evenly, load and time allowed for?

Plain tests for clustering call every knee, drift and rate limit a burst, since they do not first allow for
load and time. Here the expected rate comes from the load level and a straight line in time, and only what
is left over counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analysis import phrases
from analysis.filled import FILLED
from analysis.intervals import chi_square_tail
from analysis.usable import Bools, Floats, Ints
from analysis.verdict import Burst, Temporal
from analysis.windows import Windows

LEAST_ERRORS = 10
"""Below ten errors a pattern is in the eye of the beholder."""
LEAST_VARIATION = 0.7
"""Windows differing by more than this share of the mean rate are bursts; slow wandering stays below."""
BETWEEN, BETWEEN_PARTS = 0.05, 0.4
"""So close to that limit neither is said: another cut of the same run would turn the answer round. Where a
part of the run is known to be missing, the whole of it might: then the distance is the second."""
LEAST_DISPERSION = 1.5
CHANCE = 0.001
TENTH = 0.1
HALF = 0.5
"""Half of all errors within one contiguous tenth of the requests is a burst whatever its cause."""
MOST_LEVELS, BINS = 8, 6
BURST_SIGMAS, BURST_FACTOR, BURST_ERRORS = 3.0, 1.5, 3
"""A window is part of a burst with 3 errors, 3 standard errors over the expected and 1.5 times of it."""
MOST_BURSTS = 1000
"""More are never found in earnest; `bursts.MOST_BURSTS` of them are listed."""


@dataclass(frozen=True, slots=True)
class Excess:
    """What is left when load and time are allowed for: the excess coefficient of variation and its test."""

    expected: Floats
    variation: float
    dispersion: float
    p_value: float


def temporal(
    windows: Windows, positions: Floats, errors: Ints | None = None, *, partial: bool = False
) -> Temporal:
    """Judge one kind of failure.

    Args:
        windows: the run, warm-up included.
        positions: for each failure, the number of requests sent before it, in ascending order (a failing
            row with weight k counts once per request).
        errors: failures per window; default all failures.
        partial: requests are known to be missing, such as those of a worker that was lost.
    """
    counts = (windows.errors if errors is None else errors).astype(float)
    total = float(counts.sum())
    requests = float(windows.requests.sum())
    if requests == 0:
        return Temporal(answer="inconclusive", why="no request was left to judge")
    if total == 0:
        return Temporal(answer="none", why=f"no failure in {phrases.counted(requests, 'request')}")
    if total < LEAST_ERRORS:
        why = f"too few errors: {phrases.count(total)}; it takes {LEAST_ERRORS} to see a pattern"
        return Temporal(answer="inconclusive", why=why)
    dense = densest_tenth(positions, requests)
    left = excess(windows, counts)
    clustered = _varied(left) or dense >= HALF
    if _between(left, dense, partial=partial):
        why = f"{_why(left, dense, False, total, 0)}: between bursts and an even spread"
        return Temporal(answer="inconclusive", why=why, excess_variation=left.variation, p_value=left.p_value)
    if not clustered and windows.filled is not None and windows.filled.holds:
        # What is expected at a load may be the bursts themselves.
        without = excess(replace(windows, load=np.zeros(len(windows))), counts)
        if _varied(without):
            why = f"{FILLED}, and without it windows differ by {phrases.percent(without.variation)}"
            return Temporal(
                answer="inconclusive", why=why, excess_variation=left.variation, p_value=left.p_value
            )
    bursts = []
    if clustered:
        bursts = _bursts(windows, counts, left.expected) or [_densest(windows, counts, positions)]
    return Temporal(
        answer="clustered" if clustered else "distributed",
        why=_why(left, dense, clustered, total, len(bursts)),
        excess_variation=left.variation,
        p_value=left.p_value,
        bursts=bursts,
    )


def _varied(left: Excess) -> bool:
    """Whether windows differ by more than load, time and counting explain."""
    return left.variation >= LEAST_VARIATION and left.dispersion > LEAST_DISPERSION and left.p_value < CHANCE


def _between(left: Excess, dense: float, *, partial: bool) -> bool:
    """Whether a run lies too near the limit of bursts to be on one side of it."""
    near = BETWEEN_PARTS if partial else BETWEEN
    if partial and abs(dense / HALF - 1) < near:
        return True
    beyond_chance = left.p_value < CHANCE or partial
    return dense < HALF and beyond_chance and abs(left.variation / LEAST_VARIATION - 1) < near


def densest_tenth(positions: Floats, requests: float) -> float:
    """Largest share of the errors that falls into one contiguous tenth of the requests."""
    if len(positions) == 0:
        return 0.0
    after = np.searchsorted(positions, positions + TENTH * requests, side="left")
    return float((after - np.arange(len(positions))).max()) / len(positions)


def excess(windows: Windows, counts: Floats) -> Excess:
    """Variation between windows beyond load level, linear time and counting noise."""
    rows = windows.requests > 0
    n, k = windows.requests[rows].astype(float), counts[rows]
    basis = _basis(windows.load[rows], windows.time_s[rows])
    root = np.sqrt(n)
    rank = int(np.linalg.matrix_rank(basis * root[:, None]))
    weights, *_ = np.linalg.lstsq(basis * root[:, None], k / root, rcond=None)
    overall = float(k.sum() / n.sum())
    p = np.clip(basis @ weights, overall / 100, 1 - 1e-6)
    noise = n * p * (1 - p) * (1 - p + p * windows.thinning)
    surplus = float(np.sum((k - n * p) ** 2 - noise))
    df = max(len(n) - rank, 1)
    expected = np.zeros(len(rows))
    expected[rows] = n * p
    return Excess(
        expected=expected,
        variation=float(np.sqrt(max(surplus, 0.0) / np.sum((n * p) ** 2))),
        dispersion=float(np.sum((k - n * p) ** 2) / noise.sum()),
        p_value=chi_square_tail(float(np.sum((k - n * p) ** 2 / noise)), df),
    )


def _basis(load: Floats, time_s: Floats) -> Floats:
    """One column per load level (six bins if there are more than eight levels), and time."""
    known = np.where(np.isfinite(load), load, np.nanmean(load) if np.isfinite(load).any() else 0.0)
    level = np.rint(known)
    distinct = np.unique(level)
    if len(distinct) > MOST_LEVELS:
        edges = np.linspace(known.min(), known.max(), BINS + 1)
        level = np.clip(np.searchsorted(edges, known, side="right") - 1, 0, BINS - 1)
        distinct = np.unique(level)
    columns = (level[:, None] == distinct[None, :]).astype(float)
    width = float(time_s.max() - time_s.min())
    time = (time_s - time_s.mean()) / width if width > 0 else np.zeros(len(time_s))
    return np.asarray(np.column_stack([columns, time]), np.float64)


def _bursts(windows: Windows, counts: Floats, expected: Floats) -> list[Burst]:
    """Stretches of windows that hold clearly more errors than expected; a gap of one window is bridged.

    The bursts themselves raise what is expected, so it is asked again with the calm windows' share of it:
    otherwise those at low load, which hold few errors, are missed.
    """
    high = _above(counts, expected)
    calm, usual = float(counts[~high].sum()), float(expected[~high].sum())
    high = _above(counts, expected * (min(1.0, calm / usual) if usual > 0 else 1.0))
    high[1:-1] |= high[:-2] & high[2:] & (counts[1:-1] > 0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], high.astype(int), [0]])))
    total = counts.sum()
    found = [
        Burst(
            start_s=float(windows.start_s[first]),
            end_s=float(windows.start_s[after - 1] + windows.width_s),
            errors=round(float(counts[first:after].sum())),
            share=float(counts[first:after].sum() / total),
        )
        for first, after in zip(edges[::2], edges[1::2], strict=True)
    ]
    strongest = sorted(found, key=lambda burst: (-burst.errors, burst.start_s))[:MOST_BURSTS]
    return sorted(strongest, key=lambda burst: burst.start_s)


def _densest(windows: Windows, counts: Floats, positions: Floats) -> Burst:
    """The densest tenth as a burst, cut to the windows with errors in it.

    Where load alone explains it (a peak that was visited once) no window holds more than expected; yet the
    errors came in one piece, and a pattern of bursts without a burst tells nothing.
    """
    tenth = TENTH * float(windows.requests.sum())
    after = np.searchsorted(positions, positions + tenth, side="left")
    begin = float(positions[int(np.argmax(after - np.arange(len(positions))))])
    reached = np.cumsum(windows.requests)
    within = (reached >= begin) & (reached - windows.requests < begin + tenth) & (counts > 0)
    place = np.flatnonzero(within)
    first, after_last = int(place[0]), int(place[-1]) + 1
    errors = float(counts[first:after_last].sum())
    return Burst(
        start_s=float(windows.start_s[first]),
        end_s=float(windows.start_s[after_last - 1] + windows.width_s),
        errors=round(errors),
        share=errors / float(counts.sum()),
    )


def _above(counts: Floats, expected: Floats) -> Bools:
    """Windows that hold clearly more errors than expected."""
    sigma = np.sqrt(np.maximum(expected, 1.0))
    clear = (counts - expected > BURST_SIGMAS * sigma) & (counts > BURST_FACTOR * expected)
    return np.asarray(clear & (counts >= BURST_ERRORS))


def _why(left: Excess, dense: float, clustered: bool, total: float, bursts: int) -> str:
    variation = (
        f"beyond load, time and chance, windows differ by {phrases.percent(left.variation)} of the mean rate "
        f"(bursts from {phrases.percent(LEAST_VARIATION)} on; {phrases.p_value(left.p_value)})"
    )
    failures = phrases.counted(total, "failure")
    tenth = f"the worst tenth of the run in one piece holds {phrases.percent(dense)} of the {failures}"
    if not clustered:
        return f"{variation}, and {tenth}"
    seen = f"; {phrases.counted(bursts, 'burst')} found" if bursts else ""
    return f"{tenth}, and {variation}{seen}"

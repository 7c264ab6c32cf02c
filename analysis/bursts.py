"""Bursts: what is told of each burst, and of all together, once `temporal` has found the stretches.

Windows say that there was a burst; the requests say when it began and ended, whether the load had just
changed, which endpoints it hit, and whether bursts come back at regular intervals.
"""

from __future__ import annotations

import numpy as np

from analysis import phrases
from analysis.alignment import alignment, load_changes
from analysis.burst_reach import Reach, Rows, at_most, inside, reach
from analysis.classes import Judge
from analysis.period import period
from analysis.usable import Bools, Floats, Ints, bounds, status_labels
from analysis.verdict import Alignment, Burst, BurstReach, Period, Temporal
from analysis.windows import row_load

MOST_BURSTS = 50
"""So many are listed, the strongest; the period is sought among all."""
EDGE_WINDOWS = 2
"""The exact begin is sought within so many windows after the start of the burst's first one, and one
before."""


def described(pattern: Temporal, judge: Judge, failed: Bools) -> Temporal:
    """The same pattern with exact bursts, their period, their alignment with the load and their reach.

    Args:
        pattern: as `Judge.temporal` gives it.
        judge: the run.
        failed: (n,) the failures that the pattern was found among.
    """
    if not pattern.bursts:
        return pattern
    samples, windows = judge.rows.samples, judge.windows
    first, last = bounds(samples)
    length_s = last - first
    rows = Rows(
        time_s=samples.start_s - windows.origin_s,
        weight=judge.weight,
        failed=failed,
        endpoint=at_most(samples.endpoint),
        status=status_labels(samples, failed),
    )
    start_s, end_s = exact(pattern.bursts, rows, windows.width_s)
    again = period(start_s, end_s, length_s, windows.width_s)
    gap_s = length_s / max(judge.rows.requests, 1)
    near, flags = alignment(
        start_s, load_changes(windows, rows.time_s, row_load(samples, windows)), length_s, gap_s
    )
    place = inside(rows.time_s, start_s, end_s)
    extent = reach(rows, place, len(start_s))
    listed = _listed(start_s, end_s, _errors(rows, place, len(start_s)), flags, extent)
    return pattern.model_copy(
        update={
            "bursts": listed,
            "period_s": None if again is None else again.period_s,
            "period": again,
            "alignment": near,
            "reach": extent.overall,
            "why": "; ".join([pattern.why, *_words(again, near, extent.overall)]),
        }
    )


def exact(bursts: list[Burst], rows: Rows, width_s: float) -> tuple[Floats, Floats]:
    """Begin and end of each burst to the request: the stretch in which failures outweigh the calm around it.

    The classical estimate of a change point: the sum of (failed − half of the burst's rate) is least just
    before the burst and greatest at its end (Page 1954, Biometrika 41:100).
    """
    starts, ends = [], []
    borders = [-np.inf, *(burst.start_s for burst in bursts), np.inf]
    for number, burst in enumerate(bursts):
        low = max(burst.start_s - width_s, bursts[number - 1].end_s if number else -np.inf)
        high = min(burst.end_s + width_s, borders[number + 2])
        middle_low = min(burst.end_s, burst.start_s + EDGE_WINDOWS * width_s)
        middle_high = max(burst.start_s, burst.end_s - EDGE_WINDOWS * width_s)
        start = _strongest(rows, low, middle_low)[0]
        end = _strongest(rows, middle_high, high)[1]
        starts.append(burst.start_s if start is None else start)
        ends.append(max(starts[-1], burst.end_s if end is None else end))
    return np.array(starts), np.array(ends)


def _strongest(rows: Rows, low: float, high: float) -> tuple[float | None, float | None]:
    """First and last moment of the stretch between two moments that holds most failures beyond half its
    rate."""
    begin, after = np.searchsorted(rows.time_s, [low, high])
    weight = rows.weight[begin:after].astype(float)
    failures = np.where(rows.failed[begin:after], weight, 0.0)
    if failures.sum() == 0:
        return None, None
    half = min(0.5, max(0.05, float(failures.sum() / weight.sum())))
    reached = np.concatenate([[0.0], np.cumsum(failures - half * weight)])
    lowest = np.minimum.accumulate(reached)
    end = int(np.argmax(reached[1:] - lowest[:-1]))
    start = int(np.argmin(reached[: end + 1]))
    return float(rows.time_s[begin + start]), float(rows.time_s[begin + end])


def _errors(rows: Rows, place: Ints, count: int) -> Floats:
    """(count + 1,) failures per burst, and all failures of the run last."""
    failing = rows.failed & (place >= 0)
    counts = np.bincount(place[failing], rows.weight[failing], minlength=count)
    return np.append(counts.astype(np.float64), float(rows.weight[rows.failed].sum()))


def _listed(
    start_s: Floats, end_s: Floats, errors: Floats, near: list[bool | None], extent: Reach
) -> list[Burst]:
    """The strongest bursts in order of time."""
    count = len(start_s)
    strongest = sorted(range(count), key=lambda i: (-errors[i], start_s[i]))[:MOST_BURSTS]
    return [
        Burst(
            start_s=float(start_s[i]),
            end_s=float(end_s[i]),
            errors=round(float(errors[i])),
            share=float(errors[i] / errors[count]),
            aligned=near[i],
            endpoints=extent.endpoints[i],
            statuses=extent.statuses[i],
        )
        for i in sorted(strongest)
    ]


def _words(again: Period | None, near: Alignment, extent: BurstReach) -> list[str]:
    """Period, alignment and reach as clauses; what is not known is left out."""
    clauses = []
    if again is not None:
        clauses.append(
            f"they come every {phrases.seconds_about(again.period_s)} ({again.seen} of {again.expected} that "
            f"this predicts were seen; {phrases.p_value(again.p_value)})"
        )
    if near.answer != "inconclusive":
        clauses.append(near.why)
    reached = reach_words(extent)
    return [*clauses, reached] if reached else clauses


def reach_words(extent: BurstReach) -> str:
    """Which endpoints are hit, as a clause; "" where a run has one endpoint, or it is not known."""
    if extent.answer is None or len(extent.by_endpoint) < 2:
        return ""
    if extent.answer == "all":
        return f"all {len(extent.by_endpoint)} endpoints are hit at once"
    hit, spared = phrases.listed(extent.endpoints), phrases.listed(extent.spared)
    return f"they hit {hit} and spare {spared}" if spared else f"they hit {hit}"

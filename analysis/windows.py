"""Windows: a run cut into short stretches of equal length, each with its counts, load and latency.

A request belongs to the window of its start: a time-out that ends late must not blame a later load. Pictures
are drawn from Windows, and the relations to load and time are fitted on them.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analysis.filled import Filled, failing_in_flight, filled, follow
from analysis.load_axis import ARRIVALS, IN_FLIGHT, USERS, LoadAxis, axis_of
from analysis.usable import Floats, Ints, Usable, bounds, failure_labels, sums, usable
from recording.run import Run
from recording.sample import Samples, is_constant, picked

WIDTH_S = 5.0
"""Usual width: short enough to see a burst, long enough to hold several requests."""

PER_RUN = 60
"""A short run gets this many windows, however short they become: the fits need points."""

MOST = 20_000
"""More windows than this are never cut, whatever the timestamps claim; they grow wider instead."""

ROLLING = 5
"""Requests in flight react to every burst of failures; their median over this many windows on either side
follows the load and not the burst. Without it, one foreign file in ten was given a confident wrong answer."""

MOST_ASKED = 1 << 20
"""The mean of requests in flight is worked out from so many sends, evenly picked: it changes slowly."""

NO_PLAN = LoadAxis()


@dataclass(frozen=True, slots=True)
class Windows:
    """w windows of one width that cover a run without gaps; generator failures are left out.

    Attributes:
        origin_s: epoch seconds of the run's start (first send); all other times count from it.
        width_s: seconds per window.
        start_s: (w,) float64, where each window begins, seconds since the run's start.
        time_s: (w,) float64, mean send time of its requests; the middle of an empty window.
        requests: (w,) int64, requests sent in it.
        errors: (w,) int64, those of them that failed.
        axis: what `load` measures: "users"; "arrivals/s" where the load was open; or "requests in flight"
            where neither is known.
        load: (w,) float64, mean load seen by its requests; NaN in an empty window. Requests in flight are
            smoothed by a rolling median over eleven windows, see `ROLLING`.
        users: (w,) float64, mean active users; NaN in an empty window, and everywhere if unknown.
        in_flight: (w,) float64, mean number of requests in flight at its sends, from starts and durations.
        classes: labels of the columns of `by_class`: "ok" first, then failures by status ("503") or, without
            a failing status, by outcome ("total_timeout"), the most frequent first.
        by_class: (w, c) int64, requests per window and class; rows sum to `requests`.
        ok_p50_ms: (w,) float64, median duration of successes; NaN where there was none.
        ok_p99_ms: (w,) float64, 99th percentile (nearest rank) of successes; NaN where there was none.
        thinning: how many requests a success stands for on average (sum of squared weights over weights); the
            number of requests is then itself a sample's estimate, and counting noise grows with it.
        measure: how the load of a row on the axis is found.
        filled: how the requests in flight grew, where they stand for the load; else None.
    """

    origin_s: float
    width_s: float
    start_s: Floats
    time_s: Floats
    requests: Ints
    errors: Ints
    axis: str
    load: Floats
    users: Floats
    in_flight: Floats
    classes: tuple[str, ...]
    by_class: Ints
    ok_p50_ms: Floats
    ok_p99_ms: Floats
    thinning: float = 1.0
    measure: LoadAxis = NO_PLAN
    filled: Filled | None = None

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def error_rate(self) -> Floats:
        """(w,) share of failed requests; NaN in an empty window."""
        return _ratio(self.errors.astype(float), self.requests.astype(float))

    @property
    def mid_s(self) -> Floats:
        """(w,) middle of each window, seconds since the run's start."""
        return self.start_s + self.width_s / 2


def windows(
    samples: Samples,
    start_s: float | None = None,
    end_s: float | None = None,
    width_s: float | None = None,
) -> Windows:
    """Cut samples into windows.

    Args:
        samples: any rows in any order; unusable ones are left out.
        start_s: epoch seconds of the run's start; default the first send.
        end_s: epoch seconds of the run's end; default the last end.
        width_s: width of a window; default 5 s, or a sixtieth of a short run.
    """
    return cut_windows(usable(samples), start_s, end_s, width_s)


def cut_windows(
    rows: Usable,
    start_s: float | None = None,
    end_s: float | None = None,
    width_s: float | None = None,
    measure: LoadAxis = NO_PLAN,
) -> Windows:
    """The same for rows that are prepared already, on the axis that suits their run."""
    first, last = bounds(rows.samples)
    origin = first if start_s is None else start_s
    length = max(0.0, (last if end_s is None else end_s) - origin)
    width = width_s or default_width(length)
    count = max(1, int(np.ceil(length / width - 1e-9))) if len(rows.samples) else 0
    place = window_of(rows.samples.start_s, origin, width, count)
    return _cut(rows, place, origin, width, count, measure)


def cut_run(run: Run, rows: Usable) -> Windows:
    """The windows of a run; of a thinned one they begin and end where its sums are exact."""
    if run.thinned is None:
        return cut_windows(rows, measure=axis_of(run))
    first, last = bounds(rows.samples)
    width = default_width(last - first)
    grid = run.thinned.grid_s
    width = max(1, round(width / grid)) * grid
    return cut_windows(rows, run.thinned.origin_s, width_s=width, measure=axis_of(run))


def default_width(length_s: float) -> float:
    """5 s, or a sixtieth of a run under five minutes; wider only if there would be too many windows."""
    return max(min(WIDTH_S, length_s / PER_RUN), length_s / MOST) or 1.0


def window_of(start_s: Floats, origin_s: float, width_s: float, count: int) -> Ints:
    """Index of the window that each start falls into."""
    place = start_s - origin_s
    # In place: a new array of millions of rows costs more than the arithmetic.
    place /= width_s
    np.clip(np.floor(place, out=place), 0, max(count - 1, 0), out=place)
    return place.astype(np.int64)


def row_load(samples: Samples, cut: Windows) -> Floats:
    """(n,) load of each row on the axis of `cut`: its users, the rate planned at its start, or the smoothed
    load of its window."""
    if cut.axis == USERS or not len(cut):
        return _users(samples)
    if cut.axis == ARRIVALS:
        return cut.measure.rate_at(samples.start_s)
    return np.asarray(cut.load[window_of(samples.start_s, cut.origin_s, cut.width_s, len(cut))], np.float64)


def in_flight_at_start(rows: Usable, chosen: Ints) -> Floats:
    """Requests in flight just after each of the chosen sends (it included), from starts and ends over all
    nodes."""
    samples, weight = rows.samples, rows.weight
    end_s, start_s = samples.end_s, samples.start_s[chosen]
    if is_constant(weight):
        end_s.sort()
        over = np.searchsorted(end_s, start_s, side="right") * weight[0]
        started = (chosen + 1) * weight[0]
    else:
        order = np.argsort(end_s)
        done = np.concatenate([[0], np.cumsum(weight[order])])
        over = done[np.searchsorted(end_s[order], start_s, side="right")]
        started = np.cumsum(weight)[chosen]
    return np.asarray(np.maximum(started - over, 1), np.float64)


def _mean_in_flight(rows: Usable, place: Ints, count: int) -> Floats:
    """(w,) the mean over the sends of each window; of millions of sends every second or third is asked."""
    step = -(-len(place) // MOST_ASKED)
    chosen = np.arange(len(place))
    if step > 1:
        edges = pairwise(np.searchsorted(place, np.arange(count + 1)).tolist())
        # From the middle of each stretch; of a window with less than half a stretch, its last.
        parts = [chosen[min(low + step // 2, high - 1) : high : step] for low, high in edges if high > low]
        chosen = np.concatenate(parts)
    where, weight = place[chosen], picked(rows.weight, chosen)
    return _ratio(sums(where, weight, count, in_flight_at_start(rows, chosen)), sums(where, weight, count))


def _users(samples: Samples) -> Floats:
    """Active users at each row's start; NaN where the source does not tell."""
    users: Floats = samples.users.astype(np.float64)
    users[samples.users < 0] = np.nan
    return users


def _cut(
    usable_rows: Usable, place: Ints, origin: float, width: float, count: int, measure: LoadAxis
) -> Windows:
    rows, weight = usable_rows.samples, usable_rows.weight
    start = np.arange(count, dtype=np.float64) * width

    def total(values: Floats | None = None) -> Floats:
        return sums(place, weight, count, values)

    requests = total()
    failing = np.flatnonzero(usable_rows.failed)
    classes, by_class = _classes(usable_rows, place, failing, requests)
    with ThreadPoolExecutor(1) as second:
        in_flight_later = second.submit(_mean_in_flight, usable_rows, place, count)
        ok = ~usable_rows.failed
        timed = ok & ~rows.is_held_up
        p50, p99 = grouped_percentiles(
            rows.duration_ms[timed], place[timed], picked(weight, timed), count, (0.5, 0.99)
        )
        mean_time = _ratio(total(rows.start_s - origin), requests)
    mean_in_flight = in_flight_later.result()
    # The planned rate of an open load, or active users where the source tells them. Otherwise the requests in
    # flight, which are partly a consequence of the errors (slow failures raise them, quick ones lower them):
    # the second-best axis.
    known = rows.users >= 0
    axis = measure.name or (USERS if bool(known.any()) else IN_FLIGHT)
    if axis == ARRIVALS:
        mean_load = _ratio(total(measure.rate_at(rows.start_s)), requests)
    elif axis == USERS:
        mean_load = _ratio(total(np.where(known, rows.users, 0.0)), total(known.astype(np.float64)))
    else:
        mean_load = _rolling_median(mean_in_flight)
    return Windows(
        origin_s=origin,
        width_s=width,
        start_s=start,
        time_s=np.where(np.isfinite(mean_time), mean_time, start + width / 2),
        requests=np.rint(requests).astype(np.int64),
        errors=by_class[:, 1:].sum(axis=1),
        axis=axis,
        load=mean_load,
        users=mean_load if axis == USERS else np.full(count, np.nan),
        in_flight=mean_in_flight,
        classes=classes,
        by_class=by_class,
        ok_p50_ms=p50,
        ok_p99_ms=p99,
        thinning=float(np.dot(weight[ok], weight[ok]) / weight[ok].sum()) if ok.any() else 1.0,
        measure=measure,
        filled=_filled(usable_rows, axis, mean_load, mean_in_flight, requests, origin, width),
    )


def _filled(
    usable_rows: Usable,
    axis: str,
    load: Floats,
    in_flight: Floats,
    requests: Floats,
    origin: float,
    width: float,
) -> Filled | None:
    """How the count grew; None where load is planned, or nothing failed."""
    planned = axis == ARRIVALS or (axis == USERS and not follow(usable_rows.samples.users, load, in_flight))
    if planned or not usable_rows.failed.any():
        return None
    failing = failing_in_flight(usable_rows, origin, width, len(load))
    return filled(in_flight, failing, np.rint(requests).astype(np.int64), width)


def _classes(rows: Usable, place: Ints, failing: Ints, requests: Floats) -> tuple[tuple[str, ...], Ints]:
    """Names, "ok" first and then failures, the most frequent first; requests per window and class."""
    labels = failure_labels(rows.samples, failing)
    count, width = len(requests), len(labels.names)
    table = sums(place[failing] * width + labels.codes, picked(rows.weight, failing), count * width).reshape(
        count, width
    )
    totals = table.sum(axis=0)
    order = sorted(range(width), key=lambda i: (-totals[i], labels.names[i]))
    ok = requests - table.sum(axis=1)
    by_class = np.rint(np.column_stack([ok, table[:, order]])).astype(np.int64)
    return ("ok", *(labels.names[i] for i in order)), by_class


def grouped_percentiles(
    values: Floats, group: Ints, weight: Ints, count: int, shares: tuple[float, ...]
) -> list[Floats]:
    """Nearest-rank percentiles of each of `count` groups, weights counted; NaN for an empty group.

    Args:
        values: of all groups.
        group: group of each value, ascending.
        weight: how often each value counts, at least once.
        count: number of groups.
        shares: which percentiles, 0 to 1.
    """
    edges = np.searchsorted(group, np.arange(count + 1))
    found = np.full((len(shares), count), np.nan)
    alike = is_constant(weight)
    for i in np.flatnonzero(np.diff(edges)).tolist():
        here = slice(edges[i], edges[i + 1])
        if alike:
            # All count the same: the rank among the values is enough.
            found[:, i] = _at_ranks(values[here], shares)
        else:
            order = np.argsort(values[here])
            found[:, i] = ranked(values[here][order], np.cumsum(weight[here][order]), shares)
    return list(found)


def _at_ranks(values: Floats, shares: tuple[float, ...]) -> Floats:
    """Nearest-rank percentiles of values in any order."""
    places = [max(1, math.ceil(share * len(values) - 1e-9)) - 1 for share in shares]
    return np.asarray(np.partition(values, places)[places], np.float64)


def ranked(values: Floats, reached: Ints, shares: tuple[float, ...]) -> list[float]:
    """Nearest-rank percentiles of ascending values; `reached`: requests up to and including each."""
    ranks = [max(1, math.ceil(share * int(reached[-1]) - 1e-9)) for share in shares]
    return [float(value) for value in values[np.searchsorted(reached, ranks, side="left")]]


def _rolling_median(values: Floats) -> Floats:
    """Median over `ROLLING` windows on either side; empty windows stay NaN and do not count."""
    filled = np.isfinite(values)
    if not filled.any():
        return values
    kept = values[filled]
    padded = np.concatenate([np.full(ROLLING, np.nan), kept, np.full(ROLLING, np.nan)])
    result = values.copy()
    result[filled] = np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, 2 * ROLLING + 1), axis=1)
    return result


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0), np.float64)

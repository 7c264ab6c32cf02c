"""Usable rows: the requests of a run that can be judged, in one canonical order, and what was left out.

Left out are the generator's own failures (they say nothing about the target) and rows whose times are no
times. Every other module starts from here, so that none of them has to think about either again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recording.order import in_order
from recording.sample import Category, Samples, constant, is_constant

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MOST_COUNTED = 1 << 22
"""Keys within this span are counted instead of sorted."""


@dataclass(frozen=True, slots=True)
class Usable:
    """What can be judged of a run, and how much could not.

    Attributes:
        samples: rows in order of their start, without generator failures and broken times.
        weight: (n,) requests that each row stands for, at least 1.
        failed: (n,) which rows are failures.
        requests: requests that can be judged.
        errors: failures among them.
        broken: requests (by weight) dropped because start or duration was negative, NaN or infinite.
        broken_errors: how many of those were failures of the target.
        generator: requests that failed through our own fault.
    """

    samples: Samples
    weight: Ints
    failed: Bools
    requests: int
    errors: int
    broken: int
    broken_errors: int
    generator: int


def usable(samples: Samples, *, ordered: bool = False) -> Usable:
    """Split off what cannot be judged and sort the rest; doing it twice changes nothing.

    Args:
        samples: the rows of a run.
        ordered: they are in order already, see `Run.ordered`.
    """
    weight = weights(samples)
    sound = np.isfinite(samples.start_s) & np.isfinite(samples.duration_ms) & (samples.duration_ms >= 0)
    own_fault = samples.is_generator
    kept = sound & ~own_fault
    broken = ~sound & ~own_fault
    rows = samples if bool(kept.all()) else samples.take(kept)
    rows = rows if ordered else in_order(rows)
    row_weight, failed = weights(rows), rows.is_error
    return Usable(
        samples=rows,
        weight=row_weight,
        failed=failed,
        requests=int(row_weight.sum()),
        errors=int(row_weight[failed].sum()),
        broken=int(weight[broken].sum()),
        broken_errors=int(weight[broken & samples.is_error].sum()),
        generator=int(weight[own_fault].sum()),
    )


def weights(samples: Samples) -> Ints:
    """Requests per row as int64; a missing weight counts as one request."""
    weight = samples.weight
    if is_constant(weight) or (len(weight) and bool(np.all(weight == weight[0]))):
        # By far the usual case: one number, not a column of them.
        return constant(max(int(weight[0]), 1), len(weight), np.int64)
    return np.maximum(weight.astype(np.int64), 1)


def sums(place: Ints | NDArray[np.int32], weight: Ints, count: int, values: Floats | None = None) -> Floats:
    """(count,) requests of each place, or what their values add up to; quicker where rows weigh the same.

    Args:
        place: (n,) where each row belongs, below `count`.
        weight: (n,) requests per row; `picked` keeps it constant where it is.
        count: number of places.
        values: (n,) what to add up, a request's value once for each request that its row stands for.
    """
    total: Floats | Ints
    if not is_constant(weight):
        total = np.bincount(place, weight if values is None else values * weight, minlength=count)
    elif values is None and is_constant(place):
        total = np.zeros(count)
        total[place[0]] = len(place) * weight[0]
    else:
        total = np.bincount(place, values, minlength=count) * weight[0]
    return np.asarray(total, np.float64)


def bounds(samples: Samples) -> tuple[float, float]:
    """First send and last end of usable rows, epoch seconds; (0, 0) without rows."""
    if len(samples) == 0:
        return 0.0, 0.0
    return float(samples.start_s.min()), float(samples.end_s.max())


def failure_labels(samples: Samples, failing: Ints) -> Category:
    """What each failure is called in `by_status`: its status, or its outcome where that is the failure.

    Args:
        samples: usable rows.
        failing: indices of the failing ones; the result has one entry for each.
    """
    width = max(len(samples.outcome.names), 1)
    key = samples.status[failing].astype(np.int64) * width + samples.outcome.codes[failing]
    distinct, inverse = distinct_of(key)
    names = [_status_label(int(k // width), samples.outcome.names[int(k % width)]) for k in distinct.tolist()]
    unique = sorted(set(names))
    place = np.array([unique.index(name) for name in names], np.int32)
    return Category(place[inverse] if names else np.zeros(0, np.int32), tuple(unique))


def status_labels(samples: Samples, failed: Bools) -> Category:
    """The same for every row, successes being "ok"."""
    labels = failure_labels(samples, np.flatnonzero(failed))
    codes = np.zeros(len(samples), np.int32)
    codes[failed] = labels.codes + 1
    return Category(codes, ("ok", *labels.names))


def distinct_of(key: Ints) -> tuple[Ints, Ints]:
    """Distinct whole numbers, ascending, and which of them each entry is; without sorting where few fit."""
    low = int(key.min(initial=0))
    span = int(key.max(initial=0)) - low + 1
    if span > MOST_COUNTED:
        distinct, inverse = np.unique(key, return_inverse=True)
        return distinct, inverse
    found = np.flatnonzero(np.bincount(key - low, minlength=span))
    place = np.zeros(span, np.int64)
    place[found] = np.arange(len(found))
    return found + low, place[key - low]


def counted(key: Ints, weight: Ints) -> tuple[Ints, Ints]:
    """Distinct whole numbers, ascending, and the requests of each."""
    low = int(key.min(initial=0))
    span = int(key.max(initial=0)) - low + 1
    if span > MOST_COUNTED:
        distinct, place = np.unique(key, return_inverse=True)
        return distinct, np.rint(sums(place, weight, len(distinct))).astype(np.int64)
    totals = np.rint(sums(key - low, weight, span)).astype(np.int64)
    found = np.flatnonzero(totals)
    return found + low, totals[found]


def _status_label(status: int, outcome: str) -> str:
    if status == 0:
        return outcome
    if outcome == "http_error" or (status >= 400 and outcome != "ok"):
        return str(status)
    return outcome

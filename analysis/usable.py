"""Usable rows: the requests of a run that can be judged, in one canonical order, and what was left out.

Left out are the generator's own failures (they say nothing about the target) and rows whose times are no
times. Every other module starts from here, so that none of them has to think about either again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recording.sample import Category, Samples

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


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


def usable(samples: Samples) -> Usable:
    """Split off what cannot be judged and sort the rest; doing it twice changes nothing."""
    weight = weights(samples)
    sound = np.isfinite(samples.start_s) & np.isfinite(samples.duration_ms) & (samples.duration_ms >= 0)
    own_fault = samples.is_generator
    kept = sound & ~own_fault
    broken = ~sound & ~own_fault
    rows = _in_order(samples if bool(kept.all()) else samples.take(kept))
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
    return np.maximum(samples.weight.astype(np.int64), 1)


def _in_order(samples: Samples) -> Samples:
    """Rows by start; ties by what was seen, never by the order of the file."""
    if len(samples) < 2:
        return samples
    start = samples.start_s
    order = np.arange(len(start))
    if not bool(np.all(start[1:] >= start[:-1])):
        order = np.argsort(start, kind="stable")
    same = start[order[1:]] == start[order[:-1]]
    tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    if len(tied):
        rows = order[tied]
        order[tied] = rows[np.lexsort(_tie_keys(samples, rows, start[rows]))]
    return samples.take(order)


def _tie_keys(samples: Samples, rows: Ints, start: Floats) -> list[NDArray[Any]]:
    """What tells rows of one instant apart wherever their order counts, the most important last."""
    names = (samples.code, samples.outcome)
    numbers = (samples.weight, samples.users, samples.status, samples.duration_ms)
    keys: list[NDArray[Any]] = [name_ranks(column.take(rows)) for column in names]
    keys += [values[rows] for values in numbers]
    return [*(key for key in keys if key.min() != key.max()), start]


def name_ranks(column: Category) -> Ints:
    """Each row's name as its place in the alphabet, whatever order the codes were given in."""
    order = np.argsort(np.asarray(column.names, np.str_), kind="stable")
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks[column.codes] if len(order) else np.zeros(len(column.codes), np.int64)


def bounds(samples: Samples) -> tuple[float, float]:
    """First send and last end of usable rows, epoch seconds; (0, 0) without rows."""
    if len(samples) == 0:
        return 0.0, 0.0
    return float(samples.start_s.min()), float(samples.end_s.max())


def status_labels(samples: Samples, failed: Bools) -> Category:
    """What each failure is called in `by_status`: its status, or its outcome where that is the failure.

    Successes are labelled "ok".
    """
    width = max(len(samples.outcome.names), 1)
    key = samples.status[failed].astype(np.int64) * width + samples.outcome.codes[failed]
    distinct, inverse = np.unique(key, return_inverse=True)
    names = [_status_label(int(k // width), samples.outcome.names[int(k % width)]) for k in distinct.tolist()]
    unique = sorted({"ok", *names})
    codes = np.full(len(samples), unique.index("ok"), np.int32)
    if names:
        codes[failed] = np.array([unique.index(name) for name in names], np.int32)[inverse]
    return Category(codes, tuple(unique))


def _status_label(status: int, outcome: str) -> str:
    if status == 0:
        return outcome
    if outcome == "http_error" or (status >= 400 and outcome != "ok"):
        return str(status)
    return outcome

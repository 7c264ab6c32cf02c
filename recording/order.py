"""Order: rows by their start, so that a run is the same whatever order its rows were written in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recording.sample import Category, Samples, picked

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_PACKED_LIMIT = 2**62


def in_order(samples: Samples) -> Samples:
    """Rows by start; ties by what was seen (duration, status, users ...), never by the order of the file.

    Finite starts and durations expected. Rows that are in order already are returned as they are.
    """
    start, duration = samples.start_s, samples.duration_ms
    order = None
    if not _ascending(start, duration):
        order = _order(start, duration)
        start, duration = start[order], duration[order]
    return _break_ties(samples, order, start, duration)


def _order(start: Floats, duration: Floats) -> Ints:
    """Order by start, then duration; the earlier and the later half each on a core of its own."""
    middle = start[len(start) // 2]
    halves = [np.flatnonzero(start < middle), np.flatnonzero(start >= middle)]

    def of_half(rows: Ints) -> Ints:
        # A complex number sorts by its real part, then by its imaginary one: two keys in one pass.
        return rows[np.argsort(start[rows] + 1j * duration[rows], kind="stable")]

    with ThreadPoolExecutor(2) as pool:
        return np.concatenate(list(pool.map(of_half, halves)))


def _ascending(start: Floats, duration: Floats) -> bool:
    if not bool(np.all(start[1:] >= start[:-1])):
        return False
    same = np.flatnonzero(start[1:] == start[:-1])
    return bool(np.all(duration[same + 1] >= duration[same]))


def _break_ties(samples: Samples, order: Ints | None, start: Floats, duration: Floats) -> Samples:
    """Among rows of one start and duration, and only where they differ in more than that: by the rest."""
    same = (start[1:] == start[:-1]) & (duration[1:] == duration[:-1])
    tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    if len(tied) == 0:
        return samples if order is None else samples.take(order)
    rows = tied if order is None else order[tied]
    keys = _rest_of(samples, rows)
    if not _out_of_order(keys, same[tied[:-1]]):
        return samples if order is None else samples.take(order)
    order = np.arange(len(start)) if order is None else order
    groups = np.cumsum(np.append(0, ~same[tied[:-1]]))
    order[tied] = rows[_order_within(groups, keys)]
    return samples.take(order)


def _order_within(groups: Ints, keys: list[NDArray[Any]]) -> Ints:
    """Order of rows by group, then by the keys; the groups ascend already.

    All of them packed into one number sort several times as fast as one after another.
    """
    packed, size = groups.astype(np.int64), int(groups[-1]) + 1
    for key in keys:
        least, width = int(key.min()), int(key.max()) - int(key.min()) + 1
        size *= width
        if size >= _PACKED_LIMIT:
            return np.lexsort([*reversed(keys), groups])
        packed = packed * width + (key - least)
    return np.argsort(packed, kind="stable")


def _rest_of(samples: Samples, rows: NDArray[Any]) -> list[NDArray[Any]]:
    """What tells rows of one instant apart wherever their order counts, the most important first."""
    numbers = (samples.status, samples.users, samples.weight)
    keys = [picked(values, rows) for values in numbers]
    keys += [name_ranks(column.take(rows)) for column in (samples.outcome, samples.code)]
    return [key for key in keys if key.min() != key.max()]


def _out_of_order(keys: list[NDArray[Any]], equal: NDArray[np.bool_]) -> bool:
    """Whether any row that is `equal` to the next one so far ought to come after it."""
    for key in keys:
        if bool(np.any(equal & (key[1:] < key[:-1]))):
            return True
        equal = equal & (key[1:] == key[:-1])
    return False


def name_ranks(column: Category) -> Ints:
    """Each row's name as its place in the alphabet, whatever order the codes were given in."""
    order = np.argsort(np.asarray(column.names, np.str_), kind="stable")
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks[column.codes] if len(order) else np.zeros(len(column.codes), np.int64)

"""Order: rows by their start, so that a run is the same whatever order its rows were written in."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recording.cores import CORES, on_cores
from recording.sample import Category, Samples, is_constant, picked

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SLAB = 1 << 20
MOST_STRETCHES = 4
"""Rows are put in order about a million at a time: memory for all at once takes longer than the sorting."""

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
    """Order by start, then duration; several stretches of time, each on whichever core has time."""
    count = int(np.clip(len(start) // SLAB, CORES, MOST_STRETCHES))
    edges = np.sort(start[np.linspace(0, len(start) - 1, count + 1).astype(np.int64)[1:-1]])

    def of_stretch(ends: tuple[float, float]) -> Ints:
        low, high = ends
        rows = np.flatnonzero((start >= low) & (start < high))
        # A complex number sorts by its real part, then by its imaginary one: two keys in one pass.
        both = np.empty(len(rows), np.complex128)
        both.real, both.imag = start[rows], duration[rows]
        return rows[np.argsort(both, kind="stable")]

    return np.concatenate(on_cores(of_stretch, pairwise([-np.inf, *edges.tolist(), np.inf]), len(start)))


def _ascending(start: Floats, duration: Floats) -> bool:
    if not bool(np.all(start[1:] >= start[:-1])):
        return False
    same = np.flatnonzero(start[1:] == start[:-1])
    return bool(np.all(duration[same + 1] >= duration[same]))


def _break_ties(samples: Samples, order: Ints | None, start: Floats, duration: Floats) -> Samples:
    """Among rows of one start and duration, and only where they differ in more than that: by the rest."""

    def of_slab(ends: tuple[int, int]) -> tuple[Ints, Ints] | None:
        return _broken_ties(samples, order, start, duration, *ends)

    changed = [
        found
        for found in on_cores(of_slab, pairwise(_slabs(start, duration)), len(start))
        if found is not None
    ]
    if order is None and changed:
        order = np.arange(len(start))
    for places, rows in changed:
        assert order is not None
        order[places] = rows
    return samples if order is None else _taken(samples, order, start, duration)


def _slabs(start: Floats, duration: Floats) -> list[int]:
    """Where to cut so that rows of one start and duration stay together, and little is held at a time."""
    edges = [0]
    for at in range(SLAB, len(start), SLAB):
        here, before = slice(at, at + SLAB), slice(at - 1, min(at + SLAB, len(start)) - 1)
        other = (start[here] != start[before]) | (duration[here] != duration[before])
        if other.any():
            edges.append(at + int(np.argmax(other)))
    return [*edges, len(start)]


def _broken_ties(
    samples: Samples, order: Ints | None, start: Floats, duration: Floats, first: int, end: int
) -> tuple[Ints, Ints] | None:
    """Places within a slab that other rows belong to, and those rows; None where nothing needs to change."""
    s, d = start[first:end], duration[first:end]
    same = (s[1:] == s[:-1]) & (d[1:] == d[:-1])
    tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    if len(tied) == 0:
        return None
    places = first + tied
    rows = places if order is None else order[places]
    keys, equal = _rest_of(samples, rows), same[tied[:-1]]
    wrong = _out_of_order(keys, equal)
    if not wrong.any():
        return None
    groups = np.cumsum(np.append(0, ~equal))
    hot = np.zeros(int(groups[-1]) + 1, np.bool_)
    hot[groups[:-1][wrong]] = True
    again = np.flatnonzero(hot[groups])
    rows = rows[again]
    return places[again], rows[_order_within(groups[again], [key[again] for key in keys])]


def _taken(samples: Samples, order: Ints, start: Floats, duration: Floats) -> Samples:
    """The rows in an order in which two columns are already."""
    known: dict[str, Any] = {"start_s": start, "duration_ms": duration}
    rest = [column.name for column in fields(Samples) if column.name not in known]

    def taken(name: str) -> Any:
        column = getattr(samples, name)
        return column.take(order) if isinstance(column, Category) else picked(column, order)

    return Samples(**known, **dict(zip(rest, on_cores(taken, rest, len(order)), strict=True)))


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
    names = (samples.outcome, samples.code)
    keys = [picked(values, rows) for values in numbers if not is_constant(values)]
    keys += [name_ranks(column.take(rows)) for column in names if not is_constant(column.codes)]
    return [key for key in keys if key.min() != key.max()]


def _out_of_order(keys: list[NDArray[Any]], equal: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which rows, of those that are `equal` to the next one so far, ought to come after it."""
    wrong = np.zeros(len(equal), np.bool_)
    for key in keys:
        wrong |= equal & (key[1:] < key[:-1])
        equal = equal & (key[1:] == key[:-1])
    return wrong


def name_ranks(column: Category) -> Ints:
    """Each row's name as its place in the alphabet, whatever order the codes were given in."""
    order = np.argsort(np.asarray(column.names, np.str_), kind="stable")
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks[column.codes] if len(order) else np.zeros(len(column.codes), np.int64)

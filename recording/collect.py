"""Collect: pieces of a run become its samples, in bounded memory however many pieces there are.

Up to a budget every row is kept. Beyond it rows are thinned: of neighbours in one stratum (a short stretch of
time and everything that is counted: endpoint, status, outcome, code, users, node) one is kept and stands for
all of them in its `weight`. So the sum of every stratum stays exact, and with it all counts and rates;
durations, accounts, in_flight, connection ages and sizes become a sample. Successes are thinned first;
failures only once they alone would fill half of the budget.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recording.cores import on_cores
from recording.run import Thinned
from recording.sample import SCHEMA, Category, Samples, is_constant

BUDGET = 10_500_000
"""Rows that are held at most: under a gigabyte, and more than a percentile can make use of."""

FILLED = 0.6
"""Thinning goes on until this share of the budget is in use, so that it need not begin again at once."""

GRID_S = 0.625
"""First length of a stratum in time; it is doubled while there are too many strata, and divides 5 s."""

LONGEST_GRID_S = 1e9
MOST_EACH = 1 << 30
SLAB = 1 << 20
SEED = 20_260_101
_COUNTED = ("status", "outcome", "endpoint", "method", "code", "users", "node", "stage")
_NAMES = tuple(SCHEMA.names)


class Collector:
    """Takes pieces in any order and of any size.

    Attributes:
        rows: rows that were added.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self.rows = 0
        self._budget = budget
        self._held = 0
        self._columns: dict[str, list[NDArray[Any]]] = {name: [] for name in _NAMES}
        self._index: dict[str, dict[str, int]] = {}
        self._thin: _Thinning | None = None

    def add(self, piece: Samples) -> None:
        """Add rows; names of categories may differ from piece to piece."""
        self.rows += len(piece)
        piece = self._known(piece)
        self._keep(piece if self._thin is None else self._thin(piece))
        if self._held > self._budget:
            self._tighten()

    @property
    def thinned(self) -> Thinned | None:
        """How rows were thinned; None while every row is kept."""
        if self._thin is None:
            return None
        return Thinned(origin_s=self._thin.origin_s, grid_s=self._thin.grid_s, rows=self.rows)

    def samples(self) -> Samples:
        """Everything that was added, in the order in which it was; the collector is empty afterwards.

        Once rows are thinned it is the filled share of the budget at most: judging rows with weights takes
        more memory than judging rows without.
        """
        if self._thin is not None and self._held > FILLED * self._budget:
            self._tighten()
        return self._taken()

    def _taken(self) -> Samples:
        if not self._index:
            return Samples.empty()

        def column(name: str) -> NDArray[Any] | Category:
            found = _joined(self._columns[name])
            self._columns[name] = []
            return Category(found, tuple(self._index[name])) if name in self._index else found

        columns: dict[str, Any] = dict(zip(_NAMES, on_cores(column, _NAMES, self._held), strict=True))
        self._held = 0
        # Arrow's columns are copied by now, and it would keep their memory for later.
        pa.default_memory_pool().release_unused()
        return Samples(**columns)

    def _known(self, piece: Samples) -> Samples:
        """The piece with codes that mean the same in every piece."""
        changed: dict[str, Any] = {}
        for name in _NAMES:
            column = getattr(piece, name)
            if isinstance(column, Category):
                index = self._index.setdefault(name, {})
                codes = [index.setdefault(value, len(index)) for value in column.names]
                changed[name] = _recoded(column, codes, tuple(index))
        return replace(piece, **changed)

    def _keep(self, piece: Samples) -> None:
        for name in _NAMES:
            column = getattr(piece, name)
            self._columns[name].append(column.codes if isinstance(column, Category) else column)
        self._held += len(piece)

    def _tighten(self) -> None:
        """Thin what is held, ever more, until it fits."""
        held = self._taken()
        if self._thin is None:
            finite = held.start_s[np.isfinite(held.start_s)]
            self._thin = _Thinning(float(finite.min(initial=np.inf)) if len(finite) else 0.0)
        before = len(held)
        while len(held) > FILLED * self._budget and self._thin.grid_s < LONGEST_GRID_S:
            self._thin.more(held, self._budget)
            held = self._thin(held)
            if len(held) > 0.9 * before:
                self._thin.grid_s *= 2
            before = len(held)
        self._keep(held)


class _Thinning:
    """How far rows are thinned by now.

    Attributes:
        origin_s: where the first stretch of time begins, epoch seconds.
        grid_s: length of a stretch.
        each_ok, each_failure: requests that a kept row stands for, where there are that many.
    """

    def __init__(self, origin_s: float) -> None:
        self.origin_s, self.grid_s = origin_s, GRID_S
        self.each_ok = self.each_failure = 1
        self._chance = np.random.default_rng(SEED)

    def more(self, held: Samples, budget: int) -> None:
        """Thin twice as much; failures only where they alone fill half of the budget."""
        failures = int(np.count_nonzero(held.is_error))
        if failures > budget * FILLED / 2:
            self.each_failure = min(2 * self.each_failure, MOST_EACH)
        if len(held) - failures > budget * FILLED / 2:
            self.each_ok = min(2 * self.each_ok, MOST_EACH)

    def __call__(self, samples: Samples) -> Samples:
        """The rows that are kept, in their order, with the weight of those that are not."""
        if len(samples) == 0:
            return samples
        key = self._strata(samples)
        order = np.argsort(key)
        key = key[order]
        kept, stands_for = [], []
        for first, end in _slabs(key):
            rows = order[first:end]
            weight = np.maximum(samples.weight[rows].astype(np.int64), 1)
            each = np.where(samples.is_error_at(rows), self.each_failure, self.each_ok)
            drawn, total = _picks(key[first:end], weight, each, self._chance)
            kept.append(rows[drawn])
            stands_for.append(total)
        rows = np.concatenate(kept)
        back = np.argsort(rows)
        weight = np.concatenate(stands_for)[back].astype(np.int32)
        return replace(samples.take(rows[back]), weight=weight)

    def _strata(self, samples: Samples) -> NDArray[np.int64]:
        """A number per row; rows of one number may stand for each other. Broken rows only for broken ones."""
        sound = np.isfinite(samples.start_s) & np.isfinite(samples.duration_ms) & (samples.duration_ms >= 0)
        stretch = np.floor((np.where(sound, samples.start_s, self.origin_s) - self.origin_s) / self.grid_s)
        key = np.where(sound, np.clip(stretch, -1e9, 1e9) + 1, -2e9).astype(np.int64)
        for name in _COUNTED:
            column = getattr(samples, name)
            key = _combined(key, column.codes if isinstance(column, Category) else column)
        return key


def _slabs(key: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Stretches of sorted keys that hold whole strata, short enough to need little memory each."""
    inner = {int(np.searchsorted(key, key[at])) for at in range(SLAB, len(key), SLAB)}
    return list(pairwise(sorted({0, len(key), *inner})))


def _combined(key: NDArray[np.int64], column: NDArray[Any]) -> NDArray[np.int64]:
    """Both as one number; numbers that grow too large are replaced by their ranks."""
    if is_constant(column):
        return key
    low = int(column.min())
    span = int(column.max()) - low + 1
    if span == 1:
        return key
    if (int(np.abs(key).max()) + 1) * span >= 2**62:
        key = np.unique(key, return_inverse=True)[1].astype(np.int64)
    return key * span + (column.astype(np.int64) - low)


def _picks(
    key: NDArray[np.int64], weight: NDArray[np.int64], each: NDArray[np.int64], chance: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which rows are kept and how many requests each stands for.

    Rows of one stratum are cut into groups that begin at every multiple of `each` requests; of each group
    one row is drawn with a chance in proportion to its weight, and takes the weight of all.
    """
    upto = np.cumsum(weight)
    before = upto - weight
    first = np.concatenate([[True], key[1:] != key[:-1]])
    begin = before[np.maximum.accumulate(np.where(first, np.arange(len(key)), 0))]
    group = (before - begin) // each
    opens = np.flatnonzero(first | np.concatenate([[True], group[1:] != group[:-1]]))
    base = before[opens]
    total = np.diff(np.append(base, upto[-1]))
    drawn = base + np.floor(chance.random(len(base)) * total).astype(np.int64)
    return np.searchsorted(upto, drawn, side="right"), total


def _recoded(column: Category, codes: list[int], names: tuple[str, ...]) -> Category:
    if codes == list(range(len(codes))):
        return Category(column.codes, names)
    table = np.array(codes or [0], np.int32)
    if is_constant(column.codes):
        return Category(np.broadcast_to(table[column.codes[0]], len(column.codes)), names)
    return Category(table[column.codes], names)


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """One column of all parts, free of memory where all of them hold one same value."""
    filled = [part for part in parts if len(part)] or parts[:1]
    if all(is_constant(part) for part in filled) and len({part[0].item() for part in filled}) == 1:
        return np.broadcast_to(filled[0][0], sum(map(len, filled)))
    return filled[0] if len(filled) == 1 else np.concatenate(filled)


def collected(pieces: Iterator[Samples], budget: int = BUDGET) -> tuple[Samples, Thinned | None]:
    """All pieces as one."""
    collector = Collector(budget)
    for piece in pieces:
        collector.add(piece)
    return collector.samples(), collector.thinned

"""Selection: the requests that a target asks about, found a slab of rows at a time.

Runs hold millions of rows: no column of them is made here, only what a slab needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from analysis.load_axis import ARRIVALS, IN_FLIGHT, USERS
from analysis.slo.grammar import Bound, SloTarget
from analysis.usable import Bools, Floats, Ints, Usable, sums
from analysis.windows import Windows, window_of
from recording.sample import Category, picked

SLAB = 1 << 20
"""Rows looked at together."""

AXIS_NAMES = {"users": USERS, "arrivals": ARRIVALS, "in_flight": IN_FLIGHT}
"""The words of a target, and what the verdict calls them."""

Rows = slice | Ints
"""Some rows of a run: neighbours, or picked ones."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Equal stretches of time; the last one takes what is left. One cell: all of the run.

    Attributes:
        origin_s: epoch seconds at which the first begins.
        width_s: seconds of each.
        count: how many.
    """

    origin_s: float = 0.0
    width_s: float = float("inf")
    count: int = 1

    def place(self, start_s: Floats) -> Ints:
        """(n,) the cell of each start."""
        if self.count == 1:
            return np.zeros(len(start_s), np.int64)
        return window_of(start_s, self.origin_s, self.width_s, self.count)


WHOLE = Cells()


@dataclass(frozen=True, slots=True)
class Selection:
    """Requests to an endpoint, at a load.

    Attributes:
        rows: the run.
        windows: the run in windows, which know how its load is measured.
        endpoints: (names,) which names of the column are meant; None for all.
        methods: likewise.
        at: the load that is meant; () for any.
    """

    rows: Usable
    windows: Windows
    endpoints: Bools | None = None
    methods: Bools | None = None
    at: tuple[Bound, ...] = ()

    @classmethod
    def of(cls, target: SloTarget, rows: Usable, windows: Windows) -> Selection:
        """What a target asks about."""
        if not target.endpoint:
            return cls(rows, windows, at=target.at)
        endpoint, method = rows.samples.endpoint, rows.samples.method
        if target.endpoint in endpoint.names:
            return cls(rows, windows, _meant(endpoint, target.endpoint), at=target.at)
        # "POST /login", where the source has both apart.
        verb, _, name = target.endpoint.partition(" ")
        return cls(rows, windows, _meant(endpoint, name), _meant(method, verb), target.at)

    @property
    def is_everything(self) -> bool:
        """Whether no request is left out."""
        return self.endpoints is None and not self.at

    def slabs(self) -> Iterator[slice]:
        """All rows, some at a time."""
        for begin in range(0, len(self.rows.samples), SLAB):
            yield slice(begin, min(begin + SLAB, len(self.rows.samples)))

    def chosen(self, rows: Rows) -> Bools:
        """Which of some rows are meant."""
        found = self.at_load(rows)
        if self.endpoints is not None:
            found &= self.endpoints[self.rows.samples.endpoint.codes[rows]]
        if self.methods is not None:
            found &= self.methods[self.rows.samples.method.codes[rows]]
        return found

    def weight(self, rows: Rows) -> Ints:
        """Requests that each of some rows stands for."""
        weight = self.rows.weight
        return weight[rows] if isinstance(rows, slice) else picked(weight, rows)

    def at_load(self, rows: Rows) -> Bools:
        """Which of some rows were sent at the load that is meant."""
        start_s = self.rows.samples.start_s[rows]
        found = np.ones(len(start_s), bool)
        if self.at:
            load = self._load(rows, start_s)
            for bound in self.at:
                found &= bound.holds(load)
        return found

    def of_unknown_load(self) -> int:
        """Requests that would be meant if their load were known and right."""
        if not self.at or self.windows.axis != USERS:
            return 0
        anywhere = replace(self, at=())
        unknown = (rows.start + np.flatnonzero(self.rows.samples.users[rows] < 0) for rows in self.slabs())
        return round(float(anywhere.tally(unknown)[0]))

    def tally(self, pieces: Iterable[Rows], cells: Cells = WHOLE, *, any_endpoint: bool = False) -> Floats:
        """(cells,) requests among some rows that are meant."""
        total = np.zeros(cells.count)
        choose = self.at_load if any_endpoint else self.chosen
        for rows in pieces:
            kept = choose(rows)
            place = cells.place(self.rows.samples.start_s[rows][kept])
            if len(place):
                total += sums(place, picked(self.weight(rows), kept), cells.count)
        return total

    def _load(self, rows: Rows, start_s: Floats) -> Floats:
        """Load at some rows, as `windows.row_load` has it for all."""
        cut = self.windows
        if cut.axis == USERS:
            users = self.rows.samples.users[rows].astype(np.float64)
            users[users < 0] = np.nan
            return users
        if cut.axis == ARRIVALS:
            return cut.measure.rate_at(start_s)
        return np.asarray(cut.load[window_of(start_s, cut.origin_s, cut.width_s, len(cut))], np.float64)


def timed(target: SloTarget, run: Usable, rows: Rows) -> Bools:
    """Which of some rows a percentile may be taken of: those whose duration is the target's."""
    held_up: Bools = run.samples.stood_s[rows] > 0
    return ~(held_up | run.failed[rows]) if target.ok else ~held_up


def _meant(endpoint: Category, name: str) -> Bools:
    """Which names of the column are the one that is meant."""
    return np.array([known == name for known in endpoint.names] or [False], bool)

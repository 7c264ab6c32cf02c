"""Classes: every kind of failure judged on its own, all requests being the denominator.

A constant 401 bug and a load-driven 503 hide each other in the total; apart, each shows its own pattern.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.collapse import collapse
from analysis.load import class_effect, load_effect
from analysis.looks import ONCE, Looks
from analysis.shares import Shares
from analysis.temporal import temporal
from analysis.usable import Bools, Floats, Ints, Usable, failure_labels, sums, usable
from analysis.verdict import LoadEffect, StatusClass, Temporal
from analysis.windows import Windows, cut_windows, window_of
from analysis.withheld import no_load_effect
from recording.sample import is_constant, picked

MOST_POSITIONS = 2_000_000
"""The densest tenth is a share: that many failures, evenly picked, tell it to a millionth."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A run prepared so that any set of failing rows can be judged.

    Attributes:
        rows: the usable rows in order.
        windows: the run in windows.
        weight: (n,) requests per row.
        reached: (n,) requests sent up to and including each row; None where each row is one request.
        asked: requests of each endpoint.
        doubt: why nothing can be said about load and pattern, "" where something can; see `withheld`.
        shares: what it takes to attribute the total to classes; None where that is not asked.
        looks: shares of the run at which it was looked at, see `analysis.looks`.
        before: the first rows alone, where a look at them has decided what load does.
        partial: requests are known to be missing.
        short: why the planned loads were not made, "" where they were: then nothing is the same at all loads.
    """

    rows: Usable
    windows: Windows
    weight: Ints
    reached: Ints | None
    asked: Floats
    doubt: str = ""
    shares: Shares | None = None
    looks: tuple[float, ...] = ONCE.shares
    before: Judge | None = None
    partial: bool = False
    short: str = ""

    @classmethod
    def of(
        cls,
        rows: Usable,
        windows: Windows,
        doubt: str = "",
        shares: Shares | None = None,
        looks: Looks = ONCE,
        *,
        partial: bool = False,
        short: str = "",
    ) -> Judge:
        """Prepare a run."""
        before = None
        if looks.until_s is not None:
            first = usable(rows.samples.take(np.flatnonzero(rows.samples.start_s < looks.until_s)))
            before = cls.of(
                first,
                cut_windows(first, measure=windows.measure),
                doubt,
                looks=Looks(looks.shares),
                short=short,
            )
        reached = None if is_constant(rows.weight) and rows.weight[0] == 1 else np.cumsum(rows.weight)
        endpoint = rows.samples.endpoint
        asked = sums(endpoint.codes, rows.weight, len(endpoint.names))
        return cls(
            rows, windows, rows.weight, reached, asked, doubt, shares, looks.shares, before, partial, short
        )

    @property
    def failing(self) -> Ints:
        """Indices of all failing rows."""
        return np.flatnonzero(self.rows.failed)

    def load(self, failed: Bools | Ints, *, several: bool = False) -> LoadEffect:
        """Relation of the chosen failures to load; `several`: they are one class among several."""
        if self.doubt:
            return no_load_effect(self.windows.axis, self.doubt)
        if self.before is not None:
            return self.before.load(_first(failed, len(self.before.rows.samples)), several=several)
        counts = self.per_window(failed)
        judge = class_effect if several else load_effect
        found = judge(self.windows, counts, looks=self.looks)
        if self.short and found.answer in ("constant", "falls"):
            return found.model_copy(update={"answer": "inconclusive", "confidence": None, "why": self.short})
        if found.answer not in ("constant", "inconclusive"):
            return found
        down = collapse(self.rows, failed, self.asked, self.windows.origin_s)
        if down is None or (found.answer == "inconclusive" and not down.load_came_back):
            return found
        told = {"answer": "inconclusive", "confidence": None, "why": down.text, "down_since_s": down.since_s}
        return found.model_copy(update=told)

    def temporal(self, failed: Bools | Ints) -> Temporal:
        """Pattern of the chosen failures in time."""
        if self.doubt:
            return Temporal(answer="inconclusive", why=self.doubt)
        return temporal(self.windows, self._positions(failed), self.per_window(failed), partial=self.partial)

    def answers(self, failed: Bools | Ints, *, several: bool) -> dict[str, Any]:
        """The fields of a `verdict.JudgedClass`."""
        load = self.load(failed, several=several)
        return {
            "load_effect": load.answer,
            "temporal": self.temporal(failed).answer,
            **{name: getattr(load, name) for name in ("slope", "low", "high", "confidence", "why")},
            **self._shares(failed),
        }

    def _shares(self, failed: Bools | Ints) -> dict[str, float | None]:
        """What the chosen failures add to the total, over load."""
        if self.shares is None or self.doubt:
            return {}
        low, high = self.shares.rates(self.shares.level[failed], self.weight[failed])
        slope = self.shares.slope(self.per_window(failed))
        return {"slope_part": slope, "at_lowest_load": low, "at_highest_load": high}

    def per_window(self, failed: Bools | Ints) -> Ints:
        """Chosen failures per window."""
        cut = self.windows
        place = window_of(self.rows.samples.start_s[failed], cut.origin_s, cut.width_s, len(cut))
        counts = sums(place, picked(self.weight, failed), len(cut))
        return np.rint(counts).astype(np.int64)

    def _positions(self, failed: Bools | Ints) -> Floats:
        """Requests sent before each failing request; of millions of them, every second or third is enough."""
        failed = np.flatnonzero(failed) if failed.dtype == bool else np.asarray(failed, np.int64)
        upto = np.cumsum(self.weight[failed])
        total = int(upto[-1]) if len(upto) else 0
        step = max(1, -(-total // MOST_POSITIONS))
        if step == 1 and total == len(upto):
            return self._reached(failed)
        rows = np.searchsorted(upto, np.arange(1, total + 1, step), side="left")
        return self._reached(failed[rows])

    def _reached(self, rows: Ints) -> Floats:
        return np.asarray(rows + 1 if self.reached is None else self.reached[rows], np.float64)


def _first(chosen: Bools | Ints, rows: int) -> Bools | Ints:
    """The chosen among the first rows, as a mask or as indices."""
    return chosen[:rows] if chosen.dtype == bool else chosen[chosen < rows]


def by_status(judge: Judge) -> dict[str, StatusClass]:
    """Failures by status, or by outcome where the status is not the failure; the most frequent first."""
    failing = judge.failing
    labels = failure_labels(judge.rows.samples, failing)
    totals = sums(labels.codes, picked(judge.weight, failing), len(labels.names))
    order = sorted(range(len(labels.names)), key=lambda i: (-totals[i], labels.names[i]))
    requests = max(judge.rows.requests, 1)
    classes = {}
    for i in order:
        answers = judge.answers(failing[labels.codes == i], several=len(order) > 1)
        classes[labels.names[i]] = StatusClass(
            count=int(totals[i]), share=float(totals[i] / requests), **answers
        )
    return classes

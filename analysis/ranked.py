"""Ranked: the durations of a run sorted once, in cells of load level, kind of end and stretch of time.

Every percentile of every view and level is read off these cells, and so is how far requests that were sent
close together hang together: percentiles of a queue are known less well than their number of requests says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.intervals import variance_factor
from analysis.latency import NAMES, Distribution, Latencies, joined
from analysis.usable import Floats, Ints, Usable
from recording.cores import on_cores

Codes = NDArray[np.uint16]

OK, ANSWERED, GAVE_UP, UNFINISHED, HELD_UP = range(5)
"""Kinds of end: a success; a failure that the target answered; one without an answer; none yet; any, of a
request that the load generator held up: in no view."""
KINDS = 5
KIND_OF = {"ok": OK, "http_error": ANSWERED, "wrong_content": ANSWERED, "unfinished": UNFINISHED}
"""By outcome. Any other failure had no answer: its duration is a limit, or the time to the failure."""

STRETCH_S = 5.0
LEAST_STRETCHES, MOST_STRETCHES = 20, 120
"""Requests hang together within a stretch of 5 s; longer in long runs, shorter in very short ones."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Durations in cells (level, kind, stretch), ascending within each.

    Attributes:
        values: (n,) milliseconds, cell after cell.
        reached: (n + 1,) requests before each value, all cells counted; None where each row is one request.
        start: (l + 1, 5, s) where each cell begins in `values`; the last level is that of unknown load.
        stop: (l + 1, 5, s) where it ends.
    """

    values: Floats
    reached: Ints | None
    start: Ints
    stop: Ints

    @classmethod
    def of(cls, rows: Usable, place: Ints | None = None, levels: int = 0) -> Ranked:
        """Sort usable rows.

        Args:
            rows: the run.
            place: (n,) load level of each row, -1 where unknown; default: no levels.
            levels: how many there are.
        """
        stretch, stretches = _stretches(rows.samples.start_s)
        cell = np.full(len(rows.samples), levels, np.uint16)
        if place is not None:
            np.copyto(cell, place.astype(np.uint16), where=place >= 0)
        cell = np.asarray((cell * KINDS + _kinds(rows)) * stretches + stretch, np.uint16)
        shape = (levels + 1, KINDS, stretches)
        stop = np.cumsum(np.bincount(cell, minlength=math.prod(shape)))
        start = np.concatenate([[0], stop[:-1]])
        values, reached = _sorted(rows, cell, start, stop)
        return cls(values, reached, start.reshape(shape), stop.reshape(shape))

    def latencies(self, level: int | None = None) -> Latencies:
        """All views of one level, or of the whole run."""
        ok, rejected, gave_up, unfinished = (self._of_kind(level, kind) for kind in range(HELD_UP))
        answered = joined([ok, rejected])
        ended = joined([answered, gave_up])
        errors = joined([rejected, gave_up, unfinished])
        every = (OK, ANSWERED, GAVE_UP, UNFINISHED)
        return Latencies(
            ok=self._judged(ok, level, (OK,)),
            answered=self._judged(answered, level, (OK, ANSWERED)),
            errors=self._judged(errors, level, every[1:]),
            all=self._judged(joined([ended, unfinished]), level, every),
            all_at_worst=replace(ended, infinite=unfinished.n),
            failures_infinite=self._judged(replace(ok, infinite=errors.n), level, (OK,), every[1:]),
        )

    def _of_kind(self, level: int | None, kind: int) -> Distribution:
        chosen = slice(None) if level is None else slice(level, level + 1)
        ends = zip(self.start[chosen, kind, 0], self.stop[chosen, kind, -1], strict=True)
        parts = [slice(int(begin), int(end)) for begin, end in ends if end > begin]
        values = np.concatenate([self.values[part] for part in parts] or [np.zeros(0)])
        if self.reached is None:
            values.sort()
            return Distribution(values)
        weights = [np.diff(self.reached[part.start : part.stop + 1]) for part in parts]
        return Distribution.of(values, np.concatenate(weights or [np.zeros(0, np.int64)]))

    def _judged(
        self, found: Distribution, level: int | None, kinds: tuple[int, ...], endless: tuple[int, ...] = ()
    ) -> Distribution:
        """The same with the effect that stretches have on each of its percentiles."""
        if found.n == 0:
            return found
        chosen = slice(None) if level is None else slice(level, level + 1)
        limits = np.array([found.at_rank(share * found.n) for share in NAMES.values()])
        start, stop = (border[chosen][:, kinds, :] for border in (self.start, self.stop))
        below = (self._before(self._up_to(start, stop, limits)) - self._before(start)[..., None]).sum(axis=1)
        every = kinds + endless
        total = (
            self._before(self.stop[chosen][:, every, :]) - self._before(self.start[chosen][:, every, :])
        ).sum(axis=1)
        effects = (stretch_effect(below[..., i], total) for i in range(len(limits)))
        return replace(found, effects=tuple(zip(NAMES.values(), effects, strict=True)))

    def _before(self, place: Ints) -> Ints:
        return place if self.reached is None else self.reached[place]

    def _up_to(self, start: Ints, stop: Ints, limits: Floats) -> Ints:
        """Where in each cell the values above each limit begin: (..., limits). A bisection of all at once."""
        shape = (*start.shape, len(limits))
        low = np.broadcast_to(start[..., None], shape).copy()
        high = np.broadcast_to(stop[..., None], shape).copy()
        while (open_ := low < high).any():
            middle = (low + high) // 2
            within = open_ & (self.values[np.minimum(middle, len(self.values) - 1)] <= limits)
            high = np.where(open_ & ~within, middle, high)
            low = np.where(within, middle + 1, low)
        return low


def stretch_effect(below: Ints, total: Ints) -> float:
    """How many times as variable a share is as among independent requests, at least 1.

    The share of requests up to a value is compared between stretches of one level, since levels differ by
    plan and not by chance (variance of a ratio in clusters, Cochran: Sampling Techniques, 9A and 11), and
    what neighbouring stretches have in common is added as long as it is positive (Geyer 1992, Stat. Sci.
    7:473). With few stretches that is itself known badly, so it grows by Student's t.

    Args:
        below: (levels, stretches) requests up to the value.
        total: (levels, stretches) all requests.
    """
    n, k = float(total.sum()), float(below.sum())
    cells, levels = int((total > 0).sum()), int(total.any(axis=1).sum())
    if not 0 < k < n or cells <= levels:
        return 1.0
    rate = below.sum(axis=1, keepdims=True) / np.maximum(total.sum(axis=1, keepdims=True), 1)
    apart, together = _variances((below - rate * total).sum(axis=0))
    df = cells - levels
    known = variance_factor(max(1.0, df * apart / together)) if together > 0 else 1.0
    return max(1.0, together * cells / df / (k * (1 - k / n)) * known)


def _variances(left: Floats) -> tuple[float, float]:
    """Variance of a sum of what is left over in each stretch: as if stretches were independent, and as they
    are."""
    lags = max(2, len(left) // 3)
    shared = np.correlate(left, left, "full")[len(left) - 1 :][: lags - lags % 2]
    pairs = shared.reshape(-1, 2).sum(axis=1)
    kept = pairs[: int(np.argmax(pairs <= 0)) if (pairs <= 0).any() else len(pairs)]
    return float(shared[0]), max(float(shared[0]), 2 * float(kept.sum()) - float(shared[0]))


@dataclass(frozen=True, slots=True)
class Stretches:
    """The stretches of a run: where they begin and end in epoch seconds, and how many there are."""

    first_s: float
    last_s: float
    count: int

    @classmethod
    def of(cls, start_s: Floats) -> Stretches:
        """Those of a run with at least one row."""
        first, last = float(start_s.min()), float(start_s.max())
        return cls(first, last, int(np.clip((last - first) // STRETCH_S, LEAST_STRETCHES, MOST_STRETCHES)))

    def place(self, start_s: Floats) -> Codes:
        """The stretch that each row starts in."""
        place = (start_s - self.first_s) * (self.count / max(self.last_s - self.first_s, 1e-9))
        return np.minimum(place, self.count - 1).astype(np.uint16)


def _stretches(start_s: Floats) -> tuple[Codes, int]:
    """The stretch that each row starts in, and how many there are."""
    if not len(start_s):
        return np.zeros(0, np.uint16), 1
    stretches = Stretches.of(start_s)
    return stretches.place(start_s), stretches.count


def _kinds(rows: Usable) -> Codes:
    """The kind of each row's end. A foreign failure of unknown kind was answered if it has a status."""
    outcome = rows.samples.outcome
    kinds = np.array([KIND_OF.get(name, GAVE_UP) for name in outcome.names] or [OK], np.uint16)[outcome.codes]
    if "unknown" in outcome.names:
        kinds[outcome.equals("unknown") & (rows.samples.status > 0)] = ANSWERED
    kinds[rows.samples.is_unsent] = GAVE_UP
    kinds[rows.samples.is_held_up] = HELD_UP
    return kinds


def _sorted(rows: Usable, cell: Codes, start: Ints, stop: Ints) -> tuple[Floats, Ints | None]:
    duration, weight = rows.samples.duration_ms, rows.weight
    if len(weight) and int(weight.max()) > 1:
        order = np.lexsort((duration, cell))
        return duration[order], np.concatenate([[0], np.cumsum(weight[order])])
    # Sorting cells of a few thousand values is three times as fast as one argsort of all.
    values = duration[np.argsort(cell, kind="stable")]

    def sort(cells: slice) -> None:
        for begin, end in zip(start[cells].tolist(), stop[cells].tolist(), strict=True):
            values[begin:end].sort()

    # To each core as many rows as to the other, not as many cells.
    middle = int(np.searchsorted(stop, len(values) // 2))
    on_cores(sort, (slice(None, middle), slice(middle, None)), len(values))
    return values, None

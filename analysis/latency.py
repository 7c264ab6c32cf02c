"""Latency: percentiles by nearest rank from raw samples, told apart by what became of the request.

Percentiles of successes hide time-outs, percentiles of everything flatter quick rejections. So they are
given three ways: answered as wanted; all with time-outs at their limit; failures as infinitely slow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from analysis.intervals import LEVEL, order_ranks
from analysis.usable import Floats, Ints, Usable
from analysis.verdict import LatencyMs, Percentiles

LEAST = {0.50: 1, 0.95: 20, 0.99: 100}
"""Samples without which a percentile is only the largest value under another name."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Durations in ascending order, and how many more requests were infinitely slow.

    Attributes:
        values: (v,) milliseconds, ascending.
        reached: (v,) requests up to and including each value.
        infinite: requests beyond all of them.
    """

    values: Floats
    reached: Ints
    infinite: int = 0

    @classmethod
    def of(cls, duration_ms: Floats, weight: Ints) -> Distribution:
        """Sort durations, each standing for `weight` requests."""
        if len(weight) and int(weight.max()) > 1:
            order = np.argsort(duration_ms, kind="stable")
            return cls(duration_ms[order], np.cumsum(weight[order]))
        return cls(np.sort(duration_ms), np.arange(1, len(weight) + 1))

    @property
    def n(self) -> int:
        """Requests in all."""
        return self.infinite + (int(self.reached[-1]) if len(self.reached) else 0)

    def at_rank(self, rank: float) -> float:
        """The value of a rank from 1 (rounded up), never an invented one in between; inf beyond the last."""
        place = int(np.searchsorted(self.reached, max(1, math.ceil(rank - 1e-9)), side="left"))
        return float(self.values[place]) if place < len(self.values) else math.inf

    def percentile(self, share: float) -> float | None:
        """Nearest-rank percentile; None where there are too few samples or the value is infinite."""
        return _finite(self.at_rank(share * self.n)) if self.n >= LEAST[share] else None

    def interval(self, share: float, level: float = LEVEL) -> tuple[float | None, float | None]:
        """Distribution-free interval of a percentile from order statistics; None where n cannot bound it."""
        if self.n == 0:
            return None, None
        low, high = order_ranks(self.n, share, level)
        return _finite(self.at_rank(low)), _finite(self.at_rank(high)) if high <= self.n else None

    def percentiles(self) -> Percentiles:
        """p50, p95, p99 and maximum."""
        p50, p95, p99 = (self.percentile(share) for share in LEAST)
        longest = None if self.n == 0 or self.infinite else float(self.values[-1])
        return Percentiles(n=self.n, p50=p50, p95=p95, p99=p99, max=longest)


@dataclass(frozen=True, slots=True)
class Latencies:
    """The distributions of a run's usable requests.

    Attributes:
        ok: successes.
        errors: failures, time-outs at their limit and unfinished requests with their age.
        all: both.
        all_at_worst: both, unfinished requests as infinitely slow, since their age is only a lower bound.
    """

    ok: Distribution
    errors: Distribution
    all: Distribution
    all_at_worst: Distribution

    @classmethod
    def of(cls, rows: Usable) -> Latencies:
        """Sort every kind once."""
        duration, weight, failed = rows.samples.duration_ms, rows.weight, rows.failed
        everything = Distribution.of(duration, weight)
        unfinished = rows.samples.outcome.equals("unfinished")
        at_worst = everything
        if unfinished.any():
            finished = Distribution.of(duration[~unfinished], weight[~unfinished])
            at_worst = replace(finished, infinite=int(weight[unfinished].sum()))
        return cls(
            ok=Distribution.of(duration[~failed], weight[~failed]),
            errors=Distribution.of(duration[failed], weight[failed]),
            all=everything,
            all_at_worst=at_worst,
        )

    def report(self) -> LatencyMs:
        """All four views, for the verdict."""
        infinite = Distribution(self.ok.values, self.ok.reached, self.errors.n)
        return LatencyMs(
            ok=self.ok.percentiles(),
            errors=self.errors.percentiles(),
            all=self.all.percentiles(),
            failures_infinite=infinite.percentiles(),
        )


def percentiles(duration_ms: Floats, weight: Ints) -> Percentiles:
    """p50, p95, p99 and maximum of one set of durations."""
    return Distribution.of(duration_ms, weight).percentiles()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

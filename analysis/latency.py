"""Latency: percentiles by nearest rank from raw samples, told apart by what became of the request.

Percentiles of successes hide time-outs, percentiles of everything flatter quick rejections. So they are
given three ways beside the successes: answered only; all with time-outs at their limit; failures as
infinitely slow. Each has its interval.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from analysis.intervals import LEVEL, order_ranks
from analysis.usable import Floats, Ints
from analysis.verdict import LatencyMs, Percentiles

NAMES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
MERGED = 1 << 20
"""Up to so many values, several distributions become one array. Beyond it they stay apart, and a value is
looked up in all of them: memory for another column of millions takes longer than that."""


def least(share: float) -> int:
    """Samples without which a percentile is only the largest value under another name: 20 for p95."""
    return 1 if share <= 0.5 else math.ceil(round(1 / (1 - share), 6))


@dataclass(frozen=True, slots=True)
class Distribution:
    """Durations in ascending order, and how many more requests were infinitely slow.

    Attributes:
        values: (v,) milliseconds, ascending.
        reached: (v,) requests up to and including each value; None where each value is one request.
        more: further values, each array ascending, of one request each: see `MERGED`.
        infinite: requests beyond all of them.
        effects: by share, how many times the variance of the rank is that of independent requests.
    """

    values: Floats
    reached: Ints | None = None
    more: tuple[Floats, ...] = ()
    infinite: int = 0
    effects: tuple[tuple[float, float], ...] = ()

    @classmethod
    def of(cls, duration_ms: Floats, weight: Ints) -> Distribution:
        """Sort durations, each standing for `weight` requests."""
        if len(weight) and int(weight.max()) > 1:
            order = np.argsort(duration_ms, kind="stable")
            return cls(duration_ms[order], np.cumsum(weight[order]))
        return cls(np.sort(duration_ms))

    @property
    def n(self) -> int:
        """Requests in all."""
        if self.reached is None or not len(self.reached):
            return self.infinite + self.measured
        return self.infinite + int(self.reached[-1])

    @property
    def measured(self) -> int:
        """Values that are known: fewer than requests where one stands for several."""
        return sum(map(len, (self.values, *self.more)))

    def at_rank(self, rank: float) -> float:
        """The value of a rank from 1 (rounded up), never an invented one in between; inf beyond the last."""
        place = max(1, math.ceil(rank - 1e-9))
        if self.more:
            return _of_rank(place, (self.values, *self.more))
        place = place - 1 if self.reached is None else int(np.searchsorted(self.reached, place, side="left"))
        return float(self.values[place]) if place < len(self.values) else math.inf

    def percentile(self, share: float) -> float | None:
        """Nearest-rank percentile; None where there are too few samples or the value is infinite."""
        return _finite(self.at_rank(share * self.n)) if self.n >= least(share) else None

    def interval(self, share: float, level: float = LEVEL) -> tuple[float | None, float | None]:
        """Distribution-free interval of a percentile from order statistics; None where n cannot bound it.

        Ranks are widened by the measured dependence between requests (`effects`), as Woodruff (1952),
        J. Am. Stat. Assoc. 47:635, does for samples that come in clusters.
        """
        low, high = self._bounds(share, level)
        return _finite(low), _finite(high)

    def _bounds(self, share: float, level: float) -> tuple[float | None, float | None]:
        """The same with inf where a bound falls among the infinite."""
        if self.n == 0:
            return None, None
        low, high = order_ranks(self.n, share, level, dict(self.effects).get(share, 1.0))
        endless = self.at_rank(share * self.n) == math.inf
        upper = math.inf if endless else self.at_rank(high) if high <= self.n else None
        return self.at_rank(low) if low >= 1 else None, upper

    def percentiles(self) -> Percentiles:
        """p50, p95, p99 with their intervals, and the maximum."""
        figures = {**dict(self._figures()), "max": self.at_rank(self.n) if self.n else None}
        return Percentiles(
            n=self.n,
            infinite=[name for name, value in figures.items() if value == math.inf],
            **{name: _finite(value) for name, value in figures.items()},
        )

    def _figures(self) -> Iterator[tuple[str, float | None]]:
        for name, share in NAMES.items():
            enough = self.n >= least(share)
            low, high = self._bounds(share, LEVEL) if enough else (None, None)
            yield name, self.at_rank(share * self.n) if enough else None
            yield f"{name}_low", low
            yield f"{name}_high", high


def joined(parts: list[Distribution]) -> Distribution:
    """Several distributions as one; without their effects."""
    infinite = sum(part.infinite for part in parts)
    filled = [part for part in parts if len(part.values)]
    if len(filled) == 1:
        return replace(filled[0], infinite=infinite, effects=())
    if not filled:
        return Distribution(np.zeros(0), infinite=infinite)
    if any(part.reached is not None for part in filled):
        filled = [flat for part in filled for flat in (part, *map(Distribution, part.more))]
        weight = np.concatenate([_weight(part) for part in filled])
        return replace(
            Distribution.of(np.concatenate([part.values for part in filled]), weight), infinite=infinite
        )
    first, *more = (values for part in filled for values in (part.values, *part.more))
    if sum(map(len, (first, *more))) > MERGED:
        return Distribution(first, more=tuple(more), infinite=infinite)
    return Distribution(np.sort(np.concatenate([first, *more])), infinite=infinite)


def _weight(part: Distribution) -> Ints:
    return np.ones(len(part.values), np.int64) if part.reached is None else np.diff(part.reached, prepend=0)


def _of_rank(rank: int, parts: tuple[Floats, ...]) -> float:
    """The least value that `rank` values are no greater than; inf where there are fewer."""

    def reached(value: float) -> int:
        return sum(int(np.searchsorted(part, value, side="right")) for part in parts)

    places = [bisect_left(part, rank, key=reached) for part in parts]
    found = [float(part[place]) for part, place in zip(parts, places, strict=True) if place < len(part)]
    return min(found, default=math.inf)


@dataclass(frozen=True, slots=True)
class Latencies:
    """The distributions of a set of requests.

    Attributes:
        ok: successes.
        answered: successes and failures that the target answered (503, wrong content).
        errors: failures, time-outs at their limit and unfinished requests with their age.
        all: successes and errors.
        all_at_worst: both, unfinished requests as infinitely slow, since their age is only a lower bound.
        failures_infinite: successes, each failure as infinitely slow.
    """

    ok: Distribution
    answered: Distribution
    errors: Distribution
    all: Distribution
    all_at_worst: Distribution
    failures_infinite: Distribution

    def report(self) -> LatencyMs:
        """All views, for the verdict."""
        return LatencyMs(
            ok=self.ok.percentiles(),
            answered=self.answered.percentiles(),
            errors=self.errors.percentiles(),
            all=self.all.percentiles(),
            failures_infinite=self.failures_infinite.percentiles(),
        )


def percentiles(duration_ms: Floats, weight: Ints) -> Percentiles:
    """p50, p95, p99 and maximum of one set of durations, as if its requests were independent."""
    return Distribution.of(duration_ms, weight).percentiles()


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None

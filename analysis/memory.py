"""Memory: lines through a rate that wanders, with intervals that know how long it remembers.

An error rate that drifts up and down by itself looks like an effect of load wherever a level was visited
only once or twice. How far it wanders (its strength) and for how long (its memory) are unknown, and so is the
shape of the effect of load, so none is fixed: three shapes are fitted under each of a grid of strengths and
memories, and the fits are averaged with the weights that the run itself gives them (restricted likelihood
times a prior). A rate with purely binomial noise gets an interval as narrow as counting allows; bursts and
slow wandering get the wide one that they deserve.

Literature: Patterson, Thompson (1971), Biometrika 58:545 (restricted likelihood); Hoeting et al. (1999),
Stat. Sci. 14:382 (model averaging); Uhlenbeck, Ornstein (1930), Phys. Rev. 36:823 (the wandering). Grid,
prior and levels were chosen on simulated runs, see docs/method.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analysis.intervals import LEVEL, normal_tail
from analysis.lines import Design
from analysis.usable import Floats

CELLS = 60
"""Neighbouring windows are merged into at most so many cells: each fit costs their number cubed."""

STRENGTHS = np.array([0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.0, 1.5, 2.5, 4.0, 6.0])
"""Standard deviation of the wandering as a share of the mean rate; 6 is a burst."""
STEADY_PRIOR = 0.25
"""Prior weight of no wandering at all; the other strengths share the rest evenly."""

MEMORIES = 5
LEAST_MEMORY_S = 2.0
LONGEST_PRIOR = 0.1
"""Memories from one cell to the whole run, evenly on a log scale; the longest has a tenth of the prior of the
shortest. With equal priors no single up-and-down would ever show anything; with none for long memories,
slow wandering under one up-and-down passes for load."""

SHRINK_ERRORS = 50.0
"""With few errors the fitted rate, which the counting noise is computed from, is drawn towards the mean rate:
a level that had none by chance is not known to be free of noise."""
LEAST_RATE_SHARE, MOST_RATE = 0.25, 0.98
ROUNDS = 2
BISECTIONS = 60

BENDS = (0.0, 0.3, 0.6)
SHAPE_PRIOR = (0.5, 0.25, 0.25)
"""Shapes of the effect of load: straight, and flat up to a share of the load range. A straight line misses an
exceeded capacity by so much, for so long, that the miss looks like wandering with a long memory."""
STRAIGHT, TIME = 2, 1
"""Columns of `_Cells`: a constant, time, then one column a shape, the straight one first."""


@dataclass(frozen=True, slots=True)
class Averaged:
    """A coefficient averaged over fits: a mixture of normal distributions.

    Attributes:
        weight: share of each fit, summing to 1.
        mean: coefficient of each fit.
        sd: its standard error in each fit.
    """

    weight: Floats
    mean: Floats
    sd: Floats

    @property
    def value(self) -> float:
        """Mean of the mixture."""
        return float(self.weight @ self.mean)

    @property
    def se(self) -> float:
        """Standard deviation of the mixture."""
        return float(np.sqrt(self.weight @ (self.sd**2 + self.mean**2) - self.value**2))

    def chance_above(self, bound: float) -> float:
        """Chance that the coefficient is below `bound`: small if it is clearly above."""
        return float(self.weight @ normal_tail((self.mean - bound) / self.sd))

    def chance_below(self, bound: float) -> float:
        """Chance that the coefficient is above `bound`: small if it is clearly below."""
        return float(self.weight @ normal_tail((bound - self.mean) / self.sd))

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Two-sided interval with equal tails."""
        tail = (1 - level) / 2
        return self._quantile(tail), self._quantile(1 - tail)

    def _quantile(self, share: float) -> float:
        low, high = float((self.mean - 9 * self.sd).min()), float((self.mean + 9 * self.sd).max())
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            if self.chance_above(middle) < share:
                low = middle
            else:
                high = middle
        return (low + high) / 2


@dataclass(frozen=True, slots=True)
class Averages:
    """Load beside time, and time beside load, and how the rate wanders by itself.

    Attributes:
        load: error rate at the highest load minus that at the lowest, time being equal.
        trend: the same from start to end of the run, load being equal.
        brief: chance that it does not wander for longer than a stretch left out.
        strength: expected standard deviation of the wandering as a share of the mean rate.
    """

    load: Averaged
    trend: Averaged
    brief: float
    strength: float


@dataclass(frozen=True, slots=True)
class _Cells:
    """Neighbouring windows merged.

    Attributes:
        n: (c,) requests.
        rate: (c,) error rate.
        columns: (c, 2 + shapes) a constant, time, and load in each shape, from 0 at the lowest to 1 at the
            highest load of the run.
        shapes: which of `BENDS` can be told from constant and time in this run.
        time_s: (c,) seconds.
    """

    n: Floats
    rate: Floats
    columns: Floats
    shapes: tuple[int, ...]
    time_s: Floats

    @classmethod
    def of(cls, plan: Design, errors: Floats) -> _Cells:
        place = np.arange(len(plan.n)) // int(np.ceil(len(plan.n) / CELLS))
        n = np.asarray(np.bincount(place, plan.n), np.float64)

        def mean(values: Floats) -> Floats:
            return np.asarray(np.bincount(place, plan.n * values) / n, np.float64)

        bent = [mean(np.maximum(0.0, plan.x - bend) / (1 - bend)) for bend in BENDS]
        columns = np.column_stack([np.ones(len(n)), mean(plan.tau), *bent])
        told = [
            i for i in range(len(BENDS)) if np.linalg.matrix_rank(columns[:, [0, TIME, STRAIGHT + i]]) == 3
        ]
        return cls(n, np.bincount(place, errors) / n, columns, tuple(told), mean(plan.time_s))

    @property
    def line(self) -> Floats:
        """(c, 3) constant, time and load as a straight line."""
        return self.columns[:, : STRAIGHT + 1]


def averaged(plan: Design, errors: Floats) -> Averages | None:
    """Load beside time and time beside load; None where they are one line or nothing failed.

    Args:
        plan: the windows to judge by.
        errors: failures in each of them.
    """
    cells = _Cells.of(plan, errors)
    total = float(errors.sum())
    if total <= 0 or 0 not in cells.shapes or len(cells.n) < 8:
        return None
    mean = total / float(cells.n.sum())
    fits = _fits(cells, mean, _counting_noise(cells, mean, total) * (1 - mean + mean * plan.thinning))
    if not all(np.isfinite(column).all() for column in fits) or (fits.variance <= 0).any():
        return None
    weight = np.exp(fits.log_weight - fits.log_weight.max())
    weight /= weight.sum()
    load, trend = (Averaged(weight, fits.coefficient[:, i], np.sqrt(fits.variance[:, i])) for i in (0, 1))
    by_memory = weight.reshape(-1, MEMORIES, len(STRENGTHS)).sum(axis=0)
    lasting = _memories(cells) > plan.block_s
    return Averages(
        load,
        trend,
        brief=1 - float(by_memory[lasting][:, STRENGTHS > 0].sum()),
        strength=float(by_memory.sum(axis=0) @ STRENGTHS),
    )


def _counting_noise(cells: _Cells, mean: float, total: float) -> Floats:
    """Binomial variance of each cell's rate, at a rate between the fitted line and the overall mean."""
    weight = cells.n
    trust = total / (total + SHRINK_ERRORS)
    rate = np.full(len(cells.n), mean)
    for _ in range(ROUNDS):
        root = np.sqrt(weight)
        line = np.linalg.lstsq(cells.line * root[:, None], cells.rate * root, rcond=None)[0]
        rate = np.clip(mean + trust * (cells.line @ line - mean), LEAST_RATE_SHARE * mean, MOST_RATE)
        weight = cells.n / (rate * (1 - rate))
    return np.asarray(1 / weight, np.float64)


class _Fits(NamedTuple):
    """All fits, one row each: log weight up to a constant, coefficients of load and time, their variances."""

    log_weight: Floats
    coefficient: Floats
    variance: Floats


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums of squares and products under every memory and strength: (memories, strengths, ...)."""

    gram: Floats
    moment: Floats
    square: Floats
    log_det: Floats

    @classmethod
    def of(cls, cells: _Cells, mean: float, noise: Floats) -> _Sums:
        """Eigenvectors per memory make cells independent, with weights 1 / (1 + strength² λ)."""
        scale = np.sqrt(noise)
        root = mean / scale
        apart = np.abs(cells.time_s[:, None] - cells.time_s[None, :])
        alike = np.exp(-apart / _memories(cells)[:, None, None]) * (root[:, None] * root[None, :])
        values, vectors = np.linalg.eigh(alike)
        turned = np.swapaxes(vectors, 1, 2)
        columns, rate = turned @ (cells.columns / scale[:, None]), turned @ (cells.rate / scale)
        weight = 1 / (1 + STRENGTHS[None, :, None] ** 2 * np.maximum(values, 0.0)[:, None, :])
        outer = columns[:, :, :, None] * columns[:, :, None, :]
        return cls(
            gram=np.einsum("msc,mcpq->mspq", weight, outer, optimize=True),
            moment=np.einsum("msc,mcp->msp", weight, columns * rate[:, :, None], optimize=True),
            square=np.einsum("msc,mc->ms", weight, rate**2),
            log_det=np.log(weight).sum(axis=-1),
        )


def _memories(cells: _Cells) -> Floats:
    """Seconds, from one cell to the whole run."""
    length = float(cells.time_s[-1] - cells.time_s[0])
    least = max(length / len(cells.n), LEAST_MEMORY_S)
    return np.asarray(np.geomspace(least, max(length, LEAST_MEMORY_S), MEMORIES), np.float64)


def _fits(cells: _Cells, mean: float, noise: Floats) -> _Fits:
    """Every shape under every memory and strength."""
    sums = _Sums.of(cells, mean, noise)
    parts = [_fit(sums, shape) for shape in cells.shapes]
    return _Fits(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _fit(sums: _Sums, shape: int) -> _Fits:
    """One shape of load beside a constant and time; columns span 0 to 1, so that fits can be compared."""
    chosen = np.array([STRAIGHT + shape, TIME, 0])
    gram, moment = sums.gram[:, :, chosen[:, None], chosen], sums.moment[:, :, chosen]
    inverse = np.linalg.inv(gram)
    solved = np.einsum("mspq,msq->msp", inverse, moment)
    left = sums.square - np.einsum("msp,msp->ms", moment, solved)
    fit = 0.5 * (sums.log_det - np.linalg.slogdet(gram)[1] - left) + _log_prior() + np.log(SHAPE_PRIOR[shape])
    variance = np.einsum("mspp->msp", inverse)
    return _Fits(fit.ravel(), solved.reshape(-1, 3)[:, :2], variance.reshape(-1, 3)[:, :2])


def _log_prior() -> Floats:
    """(memories, strengths) log prior weights, up to a constant."""
    wandering = (1 - STEADY_PRIOR) / (len(STRENGTHS) - 1)
    strength = np.where(STRENGTHS == 0, STEADY_PRIOR, wandering)
    memory = np.geomspace(1.0, LONGEST_PRIOR, MEMORIES)
    return np.asarray(np.log(strength)[None, :] + np.log(memory)[:, None], np.float64)

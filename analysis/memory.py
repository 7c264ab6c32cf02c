"""Memory: lines through a rate that wanders, with intervals that know how long it remembers.

An error rate that drifts up and down by itself looks like an effect of load wherever a level was visited only
once or twice. How far it wanders (its strength) and for how long (its memory) are unknown, so neither is
fixed: the line is fitted under each of a grid of both, and the fits are averaged with the weights that the
run itself gives them (restricted likelihood times a prior). A rate with purely binomial noise gets an
interval as narrow as counting allows; bursts and slow wandering get the wide one that they deserve.

Literature: Patterson, Thompson (1971), Biometrika 58:545 (restricted likelihood); Hoeting et al. (1999),
Stat. Sci. 14:382 (model averaging); Uhlenbeck, Ornstein (1930), Phys. Rev. 36:823 (the wandering). Grid,
prior and levels were chosen on simulated runs, see docs/method.md.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """Load beside time, and time beside load."""

    load: Averaged
    trend: Averaged


@dataclass(frozen=True, slots=True)
class _Cells:
    """Neighbouring windows merged: requests, error rate, the columns of the fit, seconds."""

    n: Floats
    rate: Floats
    basis: Floats
    time_s: Floats

    @classmethod
    def of(cls, plan: Design, errors: Floats) -> _Cells:
        place = np.arange(len(plan.n)) // int(np.ceil(len(plan.n) / CELLS))
        n = np.asarray(np.bincount(place, plan.n), np.float64)

        def mean(values: Floats) -> Floats:
            return np.asarray(np.bincount(place, plan.n * values) / n, np.float64)

        columns = [np.ones(len(n)), mean(plan.x), mean(plan.tau)]
        return cls(n, np.bincount(place, errors) / n, np.column_stack(columns), mean(plan.time_s))


def averaged(plan: Design, errors: Floats) -> Averages | None:
    """Load beside time and time beside load; None where they are one line or nothing failed.

    Args:
        plan: the windows to judge by.
        errors: failures in each of them.
    """
    cells = _Cells.of(plan, errors)
    total = float(errors.sum())
    if total <= 0 or np.linalg.matrix_rank(cells.basis) < 3 or len(cells.n) < 8:
        return None
    mean = total / float(cells.n.sum())
    noise = _counting_noise(cells, mean, total)
    weight, coefficient, variance = _fits(cells, mean, noise)
    if not (np.isfinite(coefficient).all() and np.isfinite(variance).all() and (variance > 0).all()):
        return None
    load, trend = (Averaged(weight, coefficient[:, i], np.sqrt(variance[:, i])) for i in (1, 2))
    return Averages(load, trend)


def _counting_noise(cells: _Cells, mean: float, total: float) -> Floats:
    """Binomial variance of each cell's rate, at a rate between the fitted line and the overall mean."""
    weight = cells.n
    trust = total / (total + SHRINK_ERRORS)
    rate = np.full(len(cells.n), mean)
    for _ in range(ROUNDS):
        root = np.sqrt(weight)
        line = np.linalg.lstsq(cells.basis * root[:, None], cells.rate * root, rcond=None)[0]
        rate = np.clip(mean + trust * (cells.basis @ line - mean), LEAST_RATE_SHARE * mean, MOST_RATE)
        weight = cells.n / (rate * (1 - rate))
    return np.asarray(1 / weight, np.float64)


def _fits(cells: _Cells, mean: float, noise: Floats) -> tuple[Floats, Floats, Floats]:
    """Weight, coefficients (fits, 3) and their variances under every memory and strength.

    Eigenvectors per memory turn every strength into independent cells with weights 1 / (1 + strength² λ).
    """
    root = mean / np.sqrt(noise)
    length = float(cells.time_s[-1] - cells.time_s[0])
    memory = np.geomspace(max(length / len(cells.n), LEAST_MEMORY_S), max(length, LEAST_MEMORY_S), MEMORIES)
    apart = np.abs(cells.time_s[:, None] - cells.time_s[None, :])
    alike = np.exp(-apart / memory[:, None, None]) * (root[:, None] * root[None, :])
    values, vectors = np.linalg.eigh(alike)
    turned = np.swapaxes(vectors, 1, 2)
    basis, rate = turned @ (cells.basis / np.sqrt(noise)[:, None]), turned @ (cells.rate / np.sqrt(noise))
    weight = 1 / (1 + STRENGTHS[None, :, None] ** 2 * np.maximum(values, 0.0)[:, None, :])
    outer = basis[:, :, :, None] * basis[:, :, None, :]
    gram = np.einsum("msc,mcpq->mspq", weight, outer, optimize=True)
    moment = np.einsum("msc,mcp->msp", weight, basis * rate[:, :, None], optimize=True)
    solved = np.linalg.solve(gram, moment[..., None])[..., 0]
    left = np.einsum("msc,mc->ms", weight, rate**2) - np.einsum("msp,msp->ms", moment, solved)
    fit = 0.5 * (np.log(weight).sum(axis=-1) - np.linalg.slogdet(gram)[1] - left) + _log_prior()
    share = np.exp(fit - fit.max())
    variance = np.einsum("mspp->msp", np.linalg.inv(gram))
    p = solved.shape[-1]
    return (share / share.sum()).ravel(), solved.reshape(-1, p), variance.reshape(-1, p)


def _log_prior() -> Floats:
    """(memories, strengths) log prior weights, up to a constant."""
    wandering = (1 - STEADY_PRIOR) / (len(STRENGTHS) - 1)
    strength = np.where(STRENGTHS == 0, STEADY_PRIOR, wandering)
    memory = np.geomspace(1.0, LONGEST_PRIOR, MEMORIES)
    return np.asarray(np.log(strength)[None, :] + np.log(memory)[:, None], np.float64)

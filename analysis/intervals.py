"""Intervals: how far a share, a count or a coefficient can be trusted. Plain formulas over scipy.special.

scipy.special is imported on first use: it takes as long to load as everything else together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.usable import Floats
from analysis.verdict import Interval

LEVEL = 0.95


def _special() -> Any:
    from scipy import special

    return special


def share_interval(errors: float, requests: float, level: float = LEVEL) -> tuple[float, float]:
    """Clopper-Pearson interval of a share: exact, a little too wide, right at 0 and at 1 as well.

    Clopper, Pearson (1934), Biometrika 26:404. (0, 1) without requests.
    """
    if requests <= 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    low = 0.0 if errors <= 0 else float(_special().betaincinv(errors, requests - errors + 1, tail))
    high = (
        1.0 if errors >= requests else float(_special().betaincinv(errors + 1, requests - errors, 1 - tail))
    )
    return low, high


def share_upper(errors: float, requests: float, level: float = LEVEL) -> float:
    """One-sided Clopper-Pearson upper bound; with no error about 3/n (the rule of three)."""
    return share_interval(errors, requests, 2 * level - 1)[1]


def share(errors: int, requests: int, level: float = LEVEL) -> Interval:
    """A share with its Clopper-Pearson interval; all None without requests."""
    if requests <= 0:
        return Interval(value=None, low=None, high=None, n=0)
    low, high = share_interval(errors, requests, level)
    return Interval(value=errors / requests, low=low, high=high, n=requests)


def rate_interval(events: int, seconds: float, level: float = LEVEL) -> tuple[float, float]:
    """Exact Poisson interval of a rate per second (Garwood 1936); events > 0 and seconds > 0 expected."""
    tail = (1 - level) / 2
    low = float(_special().gammaincinv(events, tail)) if events else 0.0
    return low / seconds, float(_special().gammaincinv(events + 1, 1 - tail)) / seconds


def order_ranks(n: int, quantile: float, level: float = LEVEL, effect: float = 1.0) -> tuple[int, int]:
    """Ranks (from 1) of the order statistics that bound a quantile; 0 and n + 1 where n is too small.

    Distribution free: the number of values below the quantile is binomial, here in its normal
    approximation with continuity correction (David, Nagaraja: Order Statistics, 7.1). `effect` is how many
    times as variable it is as that, where requests hang together.
    """
    half = float(_special().ndtri((1 + level) / 2)) * math.sqrt(n * quantile * (1 - quantile) * effect)
    low = math.floor(n * quantile - half)
    high = math.ceil(n * quantile + half) + 1
    # Below the first rank the smallest value still bounds if it is above the quantile by rare chance only.
    if low < 1:
        low = 1 if (1 - quantile) ** (n / effect) <= (1 - level) / 2 else 0
    return low, min(high, n + 1)


def variance_factor(df: float, level: float = LEVEL) -> float:
    """How many times larger a variance known from `df` degrees of freedom counts, by Student's t."""
    tail = (1 + level) / 2
    return float(_special().stdtrit(df, tail) / _special().ndtri(tail)) ** 2


def student_z(df: float, level: float = LEVEL) -> float:
    """So many standard errors hold a level of Student's t distribution, to both sides."""
    return float(_special().stdtrit(df, (1 + level) / 2))


def student_tail(t: float, df: float) -> float:
    """P(T >= t) for Student's t."""
    return float(_special().stdtr(df, -t))


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A fitted coefficient with its standard error and degrees of freedom; `se` infinite if undetermined."""

    value: float
    se: float
    df: int

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Two-sided t interval."""
        if not math.isfinite(self.se):
            return -math.inf, math.inf
        half = student_z(self.df, level) * self.se
        return self.value - half, self.value + half

    def chance_above(self, bound: float) -> float:
        """One-sided p-value of "the coefficient is below `bound`": small if it is clearly above."""
        if not math.isfinite(self.se):
            return 1.0
        if self.se == 0:
            return 0.0 if self.value > bound else 1.0
        return student_tail((self.value - bound) / self.se, self.df)

    def chance_below(self, bound: float) -> float:
        """One-sided p-value of "the coefficient is above `bound`": small if it is clearly below."""
        return Coefficient(-self.value, self.se, self.df).chance_above(-bound)


def binomial_tail(errors: Floats, requests: Floats, rate: Floats) -> Floats:
    """P(X >= errors) for X binomial(requests, rate), elementwise; 1 where there are no errors."""
    k = np.maximum(errors, 1.0)
    tail = _special().betainc(k, np.maximum(requests - k + 1, 1.0), np.clip(rate, 0.0, 1.0))
    return np.asarray(np.where(errors <= 0, 1.0, tail), np.float64)


MOST_TERMS = 20_000
"""Terms of a tail that are added up: some standard deviations even of millions of failures."""


def table_tail(k: float, n: float, others_k: float, others_n: float) -> float:
    """Chance of k or more failures among n requests if they fail no more often than the others.

    Both samples count, so few others prove little (Fisher's exact test, one-sided). Counts are rounded.
    """
    mine, theirs, failed = round(n), round(others_n), round(k) + round(others_k)
    most = min(mine, failed, round(k) + MOST_TERMS)
    x = np.arange(round(k), most + 1, dtype=np.float64)

    def ways(of: float, pick: Floats | float) -> Floats:
        log = _special().gammaln
        return np.asarray(log(of + 1) - log(pick + 1) - log(of - pick + 1), np.float64)

    possible = x[failed - x <= theirs]
    chance = np.exp(ways(mine, possible) + ways(theirs, failed - possible) - ways(mine + theirs, failed))
    return float(min(chance.sum(), 1.0))


def poisson_tail(events: int, expected: float) -> float:
    """P(X >= events) for a Poisson count, events > 0."""
    return float(_special().gammainc(events, expected)) if expected > 0 else 0.0


def normal_tail(z: Floats) -> Floats:
    """P(Z >= z) for a standard normal Z, elementwise."""
    return np.asarray(_special().ndtr(-z), np.float64)


def chi_square_tail(statistic: float, df: int) -> float:
    """P(X >= statistic) for chi-square with df degrees of freedom."""
    return float(_special().chdtrc(df, statistic))


def holm(p_values: Floats) -> Floats:
    """Holm's step-down correction for looking at many values (Holm 1979, Scand. J. Stat. 6:65)."""
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    scaled = np.maximum.accumulate(p_values[order] * (m - np.arange(m))) if m else p_values
    result = np.empty(m)
    result[order] = np.minimum(scaled, 1.0)
    return result

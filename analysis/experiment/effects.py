"""Effects: what the change did to an error rate, to the P99 and to the throughput, with 95 % intervals.

An error rate of a state is a share of requests that hang together (bursts: design effect of windows within
arms, Cochran, as for percentiles in `analysis.ranked`) in arms that differ (`moderated`). Both make its
requests count as fewer; Clopper and Pearson's interval of so many is the interval of the state. The intervals
of two states become that of their ratio and difference by the method of variance estimates recovery (Zou,
Donner 2008, Stat. Med. 27:1693; Donner, Zou 2012, Stat. Methods Med. Res. 21:347), which works at 0 errors as
well. P99 and throughput are compared as logarithms, arm by arm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.experiment.arms import Arm
from analysis.experiment.moderated import USUAL_SD, Z95, Spread, level_for, moderated
from analysis.intervals import share_interval
from analysis.ranked import stretch_effect
from analysis.usable import Ints
from analysis.verdict import Percentiles

Count = Callable[[Arm], Ints]
"""Which failures of an arm are counted, per window."""


@dataclass(frozen=True, slots=True)
class Rate:
    """An error rate of one state: what was counted, and its interval."""

    errors: int
    requests: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """Share of requests."""
        return self.errors / self.requests


@dataclass(frozen=True, slots=True)
class RateEffect:
    """Error rate before and with the change; `ratio` and `difference` are changed against first."""

    first: Rate
    changed: Rate
    ratio: tuple[float, float, float]
    difference: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class LogEffect:
    """A figure before and with the change (geometric means of the arms), and their ratio with interval."""

    first: float
    changed: float
    ratio: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much longer: so many times the arms, each so many times as long. (1, 1) is what was measured."""

    arms: float = 1.0
    length: float = 1.0


AS_MEASURED = Plan()


def rate_effect(
    first: Sequence[Arm],
    changed: Sequence[Arm],
    count: Count,
    plan: Plan = AS_MEASURED,
    within: tuple[Sequence[Arm], Sequence[Arm]] | None = None,
) -> RateEffect:
    """The effect on the share of requests that `count` counts; both states need requests.

    `within` are the arms of each state cut by load, where it changes within them: bursts are looked for at
    each level, since levels differ by plan.
    """
    states = (first, changed)
    # Where bursts are rare, the state with few errors shows none: both count as if they had the same ones.
    effect = max(burst_effect(arms, count) for arms in within or states)
    spread = moderated([_between(arms, count, effect) for arms in states])
    one, other = (_rate(arms, count, effect, spread, plan) for arms in states)
    return RateEffect(one, other, ratio_of(one, other), _difference(one, other))


def burst_effect(arms: Sequence[Arm], count: Count) -> float:
    """How many times as variable a share of one state is as among independent requests, within arms."""
    width = sum(len(arm.requests) for arm in arms)
    errors, requests = np.zeros((len(arms), width), np.int64), np.zeros((len(arms), width), np.int64)
    at = 0
    for row, arm in enumerate(arms):
        here = slice(at, at + len(arm.requests))
        errors[row, here], requests[row, here] = count(arm), arm.requests
        at = here.stop
    return stretch_effect(errors, requests)


def _between(arms: Sequence[Arm], count: Count, effect: float) -> tuple[float, float]:
    """Variance of the log odds between arms of a state beyond that within them, and how far it is known."""
    n = np.array([arm.requests.sum() for arm in arms], float)
    errors = np.array([count(arm).sum() for arm in arms], float)
    n, errors = n[n > 0], errors[n > 0]
    if len(n) < 2 or not 0 < errors.sum() < n.sum():
        return 0.0, 0.0
    rate = errors.sum() / n.sum()
    variation = rate * (1 - rate)
    total = float((n * (errors / n - rate) ** 2).sum()) / (len(n) - 1)
    mean = float(n.mean())
    # With few errors, arms that differ as usual cannot be told from counting noise.
    known = 1 / (1 + effect / (mean * variation * USUAL_SD**2))
    return (total - effect * variation) / (mean * variation**2), (len(n) - 1) * known


def _rate(arms: Sequence[Arm], count: Count, effect: float, spread: Spread, plan: Plan) -> Rate:
    errors = int(sum(count(arm).sum() for arm in arms))
    requests = int(sum(arm.requests.sum() for arm in arms))
    rate = errors / requests
    per_request = effect / (requests * plan.arms * plan.length)
    per_arm = spread.variance * rate * (1 - rate) / (len(arms) * plan.arms)
    worth = 1 / (per_request + per_arm)
    low, high = share_interval(rate * worth, worth, level_for(spread.widening))
    return Rate(errors, requests, low, high)


def ratio_of(first: Rate, changed: Rate) -> tuple[float, float, float]:
    """Changed over first with its interval; infinite where `first` may be 0."""
    a, b = first.value, changed.value
    if a <= 0:
        return math.nan, 0.0, math.inf
    middle = a * b
    inner = max(0.0, middle**2 - changed.low * first.high * (2 * b - changed.low) * (2 * a - first.high))
    low_part = changed.low * (2 * b - changed.low)
    low = low_part / (middle + math.sqrt(inner)) if low_part > 0 else 0.0
    if first.low <= 0:
        return b / a, low, math.inf
    outer = max(0.0, middle**2 - changed.high * first.low * (2 * b - changed.high) * (2 * a - first.low))
    return b / a, low, (middle + math.sqrt(outer)) / (first.low * (2 * a - first.low))


def _difference(first: Rate, changed: Rate) -> tuple[float, float, float]:
    value = changed.value - first.value
    down = math.hypot(changed.value - changed.low, first.high - first.value)
    up = math.hypot(changed.high - changed.value, first.value - first.low)
    return value, value - down, value + up


def p99_effect(first: Sequence[Arm], changed: Sequence[Arm], plan: Plan = AS_MEASURED) -> LogEffect | None:
    """The effect on the P99 of successes; None where an arm has too few of them (100)."""
    return percentile_effect([arm.ok for arm in first], [arm.ok for arm in changed], "p99", plan)


def percentile_effect(
    first: Sequence[Percentiles], changed: Sequence[Percentiles], name: str, plan: Plan = AS_MEASURED
) -> LogEffect | None:
    """The effect on a percentile ("p50", "p95", "p99"); None where an arm has none, or an infinite one."""
    values = [[getattr(one, name) for one in state] for state in (first, changed)]
    if any(value is None or value <= 0 for state in values for value in state):
        return None
    within = float(np.mean([_log_sd(one, name) ** 2 for one in (*first, *changed)]))
    return _log_effect([np.log(np.array(state, float)) for state in values], within, plan)


def _log_sd(found: Percentiles, name: str) -> float:
    """Standard deviation of the logarithm of a percentile, from its interval."""
    value, low, high = (getattr(found, f"{name}{end}") for end in ("", "_low", "_high"))
    if not low:
        return 1.0
    if not high:
        # Few requests bound it on one side only.
        return math.log(value / low) / Z95
    return math.log(high / low) / (2 * Z95)


def throughput_effect(
    first: Sequence[Arm], changed: Sequence[Arm], within: Sequence[Arm] = ()
) -> LogEffect | None:
    """The effect on successes per second; None where an arm has none. `within` as in `rate_effect`, of both
    states."""
    arms = (*first, *changed)
    if any(arm.successes == 0 or arm.length_s <= 0 for arm in arms):
        return None
    effect = max(1.0, float(np.mean([_count_effect(arm) for arm in within or arms])))
    each = float(np.mean([effect / arm.successes for arm in arms]))
    values = [np.log([arm.successes / arm.length_s for arm in state]) for state in (first, changed)]
    return _log_effect(values, each, AS_MEASURED)


def _count_effect(arm: Arm) -> float:
    """Variance over mean of the successes per window that has requests."""
    counts = (arm.requests - arm.errors)[arm.requests > 0]
    return float(np.var(counts, ddof=1) / counts.mean()) if len(counts) > 1 and counts.mean() > 0 else 1.0


def _log_effect(states: Sequence[np.ndarray], within: float, plan: Plan) -> LogEffect:
    """Ratio of geometric means; `within` is the variance of an arm's logarithm known from within it."""
    usual = USUAL_SD**2 + within
    spread = moderated([(float(np.var(s, ddof=1)), len(s) - 1.0) for s in states if len(s) > 1], usual)
    longer = (USUAL_SD**2 + within / plan.length) / usual
    variance = spread.variance * longer * sum(1 / (len(s) * plan.arms) for s in states)
    half = Z95 * math.sqrt(variance * spread.widening)
    one, other = (float(s.mean()) for s in states)
    ratio = (math.exp(other - one), math.exp(other - one - half), math.exp(other - one + half))
    return LogEffect(math.exp(one), math.exp(other), ratio)

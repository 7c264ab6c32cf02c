"""Step: are the latest nights another level than those before? One figure, plain numbers.

A *night* is what one scheduled call made: one run, or several at once.

Runs of one service under one load differ, by a tenth to a fifth, for reasons of the machine. How far is
learnt from the runs themselves, those of earlier levels too, together with what is usual, as if that had
been seen in some runs more (Smyth 2004, as in `analysis.experiment.moderated`): a history of two runs
shows next to nothing about it. Shares of requests are taken as arcsines of their roots, whose chance does
not depend on the share, so that no failures at all are a value like any other (Anscombe 1948, Biometrika
35:246); durations as logarithms.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from analysis.comparison.report import Unit
from analysis.experiment.moderated import Z95
from analysis.intervals import student_tail, student_z
from analysis.trend.entry import Figure

USUAL_SD = 0.15
"""Runs of one scenario on different days differ by so much of a figure, arms of an experiment by less."""
USUAL_DF = 6.0
LEAST_POINTS = 0.005
"""A share of requests that differs by less than half a point is no news, however certain."""
LEAST_SHARE = 0.1
"""Nor is a duration that differs by less than a tenth."""


class Night(NamedTuple):
    """One figure in the runs of one night, on the scale on which runs are compared.

    Attributes:
        unit: the figure's.
        runs: how many.
        mean: of the runs' values.
        squares: of their deviations from it, summed.
        chance: variance of one run's value by the number of its requests alone.
    """

    unit: Unit
    runs: int
    mean: float
    squares: float
    chance: float


def night(figures: Sequence[Figure]) -> Night:
    """What the runs of one night show together; at least one is needed."""
    unit = figures[0].unit
    scaled = [_angle(one.value) if unit == "share" else math.log(one.value) for one in figures]
    mean = statistics.fmean(scaled)
    chance = statistics.fmean(map(_angle_variance, figures)) if unit == "share" else 0.0
    return Night(unit, len(figures), mean, sum((value - mean) ** 2 for value in scaled), chance)


class Deviations(NamedTuple):
    """Squares of deviations, less what the number of requests explains, and their degrees of freedom."""

    squares: float = 0.0
    df: int = 0

    def plus(self, other: Deviations) -> Deviations:
        """Both together."""
        return Deviations(self.squares + other.squares, self.df + other.df)


class Noise(NamedTuple):
    """How runs of one level differ, seen twice: every run from the level, and every night's mean, which
    counts as often as the night has runs. Where runs do not depend on their night, both show one variance."""

    runs: Deviations = Deviations()
    nights: Deviations = Deviations()

    def plus(self, other: Noise) -> Noise:
        """Both together."""
        return Noise(self.runs.plus(other.runs), self.nights.plus(other.nights))

    def and_level(self, nights: Sequence[Night]) -> Noise:
        """With one level more."""
        return self.plus(_level(nights).noise)


UNSEEN = Noise()


@dataclass(frozen=True, slots=True)
class Step:
    """What the latest runs show against the earlier ones.

    Attributes:
        unit: the figure's.
        base, new: the two levels.
        low, high: 95 % interval of the new level's difference (shares) or ratio (durations), less 0 or 1.
        change: new / base - 1; None from 0.
        se: standard error of the step, of the scaled figure (about a share of the duration).
        p_value: chance of so large a step, to this side, if there was none.
        runs_base, runs_new: how many runs each level rests on.
        nights_new: in how many nights those of the new one were made.
    """

    unit: Unit
    base: float
    new: float
    low: float
    high: float
    change: float | None
    se: float
    p_value: float
    runs_base: int
    runs_new: int
    nights_new: int

    @property
    def matters(self) -> bool:
        """Whether it is large enough to speak of."""
        return matters(self.unit, self.base, self.new)

    @property
    def worse(self) -> bool:
        """More failures, or longer."""
        return self.new > self.base


def matters(unit: Unit, base: float, new: float) -> bool:
    """Whether two levels of a figure differ by enough to speak of."""
    if unit == "share":
        return abs(new - base) >= LEAST_POINTS
    return abs(new / base - 1) >= LEAST_SHARE


def step(base: Sequence[Night], new: Sequence[Night], noise: Noise = UNSEEN) -> Step:
    """The step from one level to the other; both need at least one night, all of one unit.

    Args:
        base, new: nights of each level.
        noise: what earlier levels showed.
    """
    unit, one, other = base[0].unit, _level(base), _level(new)
    middle = (one.mean * one.runs + other.mean * other.runs) / (one.runs + other.runs)
    # Of a share what is usual is that of its smaller part: 95 % failures are 5 % successes.
    usual_sd = USUAL_SD / 2 * math.tan(min(middle, math.pi / 2 - middle)) if unit == "share" else USUAL_SD
    found = _difference(one, other, noise, usual_sd**2)
    before, after = (_plain(unit, level.mean) for level in (one, other))
    low, high = _bounds(unit, found, before, after, middle)
    return Step(
        unit=unit,
        base=before,
        new=after,
        low=low,
        high=high,
        change=after / before - 1 if before > 0 else None,
        se=found.se,
        p_value=found.p_value,
        runs_base=one.runs,
        runs_new=other.runs,
        nights_new=len(new),
    )


class _Level(NamedTuple):
    """Nights together: runs, their mean, variance of one by the number of its requests, and their noise."""

    runs: int
    mean: float
    chance: float
    noise: Noise


def _level(nights: Sequence[Night]) -> _Level:
    runs = sum(one.runs for one in nights)
    mean = sum(one.runs * one.mean for one in nights) / runs
    chance = sum(one.runs * one.chance for one in nights) / runs
    among = sum(one.runs * (one.mean - mean) ** 2 for one in nights)
    within = sum(one.squares for one in nights)
    noise = Noise(_beyond(within + among, runs - 1, chance), _beyond(among, len(nights) - 1, chance))
    return _Level(runs, mean, chance, noise)


def _beyond(squares: float, df: int, chance: float) -> Deviations:
    return Deviations(squares - df * chance, df)


class _Difference(NamedTuple):
    """Of two means, on the scale on which runs are compared: size, standard error, half the 95 % interval,
    and one-sided chance."""

    size: float
    se: float
    half: float
    p_value: float


def _difference(one: _Level, other: _Level, noise: Noise, usual: float) -> _Difference:
    """Difference of the means of two levels; `usual` is the variance between runs where nothing is known.

    Runs of one night may share what that night was like, so the larger of both variances counts: that of
    runs, or that of nights.
    """
    seen = noise.plus(one.noise).plus(other.noise)
    between, df = max(_moderated(deviations, usual) for deviations in seen)
    se = math.sqrt(sum((level.chance + between) / level.runs for level in (one, other)))
    size = other.mean - one.mean
    return _Difference(size, se, student_z(df) * se, student_tail(abs(size) / se, df))


def _moderated(seen: Deviations, usual: float) -> tuple[float, float]:
    """Variance between runs, and its degrees of freedom."""
    df = USUAL_DF + seen.df
    return (USUAL_DF * usual + max(0.0, seen.squares)) / df, df


def _bounds(
    unit: Unit, found: _Difference, before: float, after: float, middle: float
) -> tuple[float, float]:
    """The 95 % interval as `Step` holds it."""
    ends = found.size - found.half, found.size + found.half
    if unit != "share":
        return math.expm1(ends[0]), math.expm1(ends[1])
    # A step of the angle in points: as steep as from the one level to the other, or as at both where equal.
    slope = (after - before) / found.size if found.size else math.sin(2 * middle)
    return ends[0] * slope, ends[1] * slope


def _plain(unit: Unit, scaled: float) -> float:
    """From the scale on which runs are compared back to the figure's own."""
    return math.sin(scaled) ** 2 if unit == "share" else math.exp(scaled)


def _angle(share: float) -> float:
    return math.asin(math.sqrt(min(max(share, 0.0), 1.0)))


def _angle_variance(figure: Figure) -> float:
    """Variance of the angle: as wide as the share's interval, which allows for bursts; else by requests."""
    if figure.low is None or figure.high is None:
        return 0.25 / max(figure.n, 1)
    return ((_angle(figure.high) - _angle(figure.low)) / (2 * Z95)) ** 2

"""Step: are the latest runs another level than those before? One figure, plain numbers.

Runs of one service under one load differ, by a tenth to a fifth, for reasons of the machine. How far is
learnt from the runs themselves, those of earlier levels too, together with what is usual, as if that had
been seen in some runs more (Smyth 2004, as in `analysis.experiment.moderated`): a history of two runs
shows next to nothing about it. Shares of requests are taken as arcsines of their roots, whose chance does
not depend on the share, so that no failures at all are a value like any other (Anscombe 1948, Biometrika
35:246); durations as logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analysis.comparison.report import Unit
from analysis.experiment.moderated import Z95
from analysis.intervals import student_tail, student_z
from analysis.trend.entry import Figure
from analysis.usable import Floats

USUAL_SD = 0.15
"""Runs of one scenario on different days differ by so much of a figure, arms of an experiment by less."""
USUAL_DF = 6.0
LEAST_POINTS = 0.005
"""A share of requests that differs by less than half a point is no news, however certain."""
LEAST_SHARE = 0.1
"""Nor is a duration that differs by less than a tenth."""


class Noise(NamedTuple):
    """What earlier levels showed of how runs differ: squares of deviations, and their degrees of freedom."""

    squares: float = 0.0
    df: int = 0

    def and_level(self, level: Sequence[Figure]) -> Noise:
        """With the runs of one level more."""
        scaled = _scaled(level)
        return Noise(self.squares + _squares(scaled), self.df + len(level) - 1)


UNSEEN = Noise()


@dataclass(frozen=True, slots=True)
class Step:
    """What the latest runs show against the earlier ones.

    Attributes:
        unit: the figure's.
        base, new: the two levels.
        low, high: 95 % interval of the new level's difference (shares) or ratio (durations), less 0 or 1.
        change: new / base - 1; None from 0.
        noise: standard deviation between runs, of the scaled figure (about a share of the duration), without
            what the number of requests explains.
        p_value: chance of so large a step, to this side, if there was none.
        runs_base, runs_new: how many runs each level rests on.
    """

    unit: Unit
    base: float
    new: float
    low: float
    high: float
    change: float | None
    noise: float
    p_value: float
    runs_base: int
    runs_new: int

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


def step(base: Sequence[Figure], new: Sequence[Figure], noise: Noise = UNSEEN) -> Step:
    """The step from one level to the other; both need at least one run, all of one unit."""
    return (_share_step if base[0].unit == "share" else _log_step)(base, new, noise)


def _share_step(base: Sequence[Figure], new: Sequence[Figure], noise: Noise) -> Step:
    one, other = _scaled(base), _scaled(new)
    middle = float(np.concatenate([one, other]).mean())
    chances = tuple(float(np.mean([_angle_variance(figure) for figure in side])) for side in (base, new))
    found = _difference(one, other, noise, chances, usual=(USUAL_SD / 2 * math.tan(middle)) ** 2)
    before, after = (float(np.sin(side.mean()) ** 2) for side in (one, other))
    # A step of the angle in points: as steep as from the one level to the other, or as at both where equal.
    slope = (after - before) / found.size if found.size else math.sin(2 * middle)
    return Step(
        unit="share",
        base=before,
        new=after,
        low=(found.size - found.half) * slope,
        high=(found.size + found.half) * slope,
        change=after / before - 1 if before > 0 else None,
        noise=found.between,
        p_value=found.p_value,
        runs_base=len(base),
        runs_new=len(new),
    )


def _log_step(base: Sequence[Figure], new: Sequence[Figure], noise: Noise) -> Step:
    one, other = _scaled(base), _scaled(new)
    found = _difference(one, other, noise, (0.0, 0.0), usual=USUAL_SD**2)
    return Step(
        unit=base[0].unit,
        base=math.exp(one.mean()),
        new=math.exp(other.mean()),
        low=math.expm1(found.size - found.half),
        high=math.expm1(found.size + found.half),
        change=math.expm1(found.size),
        noise=found.between,
        p_value=found.p_value,
        runs_base=len(base),
        runs_new=len(new),
    )


class _Difference(NamedTuple):
    """Of two means, on the scale of `_scaled`: size, half the 95 % interval, one-sided chance, and standard
    deviation between runs."""

    size: float
    half: float
    p_value: float
    between: float


def _difference(
    one: Floats, other: Floats, noise: Noise, chances: tuple[float, ...], usual: float
) -> _Difference:
    """Difference of the means of two levels.

    Args:
        one, other: values of the runs of each level.
        noise: of earlier levels.
        chances: of each level, the variance of a value by the number of its requests alone.
        usual: variance between runs beyond that, where nothing is known.
    """
    sides = list(zip((one, other), chances, strict=True))
    # What earlier levels showed is as much by chance as what the one before the step shows.
    expected = sum((len(side) - 1) * chance for side, chance in sides) + noise.df * chances[0]
    df = len(one) + len(other) - 2 + noise.df
    beyond = _squares(one) + _squares(other) + noise.squares - expected
    between = (USUAL_DF * usual + max(0.0, beyond)) / (USUAL_DF + df)
    se = math.sqrt(sum((chance + between) / len(side) for side, chance in sides))
    size = float(other.mean() - one.mean())
    half = student_z(USUAL_DF + df) * se
    return _Difference(size, half, student_tail(abs(size) / se, USUAL_DF + df), math.sqrt(between))


def _squares(values: Floats) -> float:
    return float(((values - values.mean()) ** 2).sum())


def _scaled(level: Sequence[Figure]) -> Floats:
    """Values on the scale on which runs are compared."""
    of = _angle if level[0].unit == "share" else math.log
    return np.array([of(figure.value) for figure in level])


def _angle(share: float) -> float:
    return math.asin(math.sqrt(min(max(share, 0.0), 1.0)))


def _angle_variance(figure: Figure) -> float:
    """Variance of the angle: as wide as the share's interval, which allows for bursts; else by requests."""
    if figure.low is None or figure.high is None:
        return 0.25 / max(figure.n, 1)
    return ((_angle(figure.high) - _angle(figure.low)) / (2 * Z95)) ** 2

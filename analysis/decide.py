"""Decide: rises, constant, falls or neither, from the fitted coefficients of load alone.

Two kinds of interval are asked. Leaving out stretches (`analysis.lines`) assumes little and is coarse where a
run has few stretches; averaging over memories (`analysis.memory`) is sharp and assumes that the rate wanders
smoothly. Either one's interval within the margin is "constant". A rise or fall needs one of them clearly and
the other at least leaning the same way, so that what fools one of them alone decides nothing. Levels are
chosen on simulated runs, docs/method.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.intervals import Coefficient
from analysis.lines import Design
from analysis.load_axis import IN_FLIGHT
from analysis.memory import Averaged, Averages
from analysis.sequential import CHANGE_POWER, CHANGE_SHARE, ONE_LOOK, SAME_POWER, look_level
from analysis.slopes import ONE_LINE, Margins, Slopes, came_down, drifted, visits, within
from analysis.verdict import LoadAnswer, YesNo

MOVED_TOGETHER = 0.7
"""From this correlation of load and time on, both kinds of interval must be clear."""

Fitted = Coefficient | Averaged
"""What a decision can rest on; both kinds have a value, an interval and one-sided chances."""


@dataclass(frozen=True, slots=True)
class Levels:
    """One-sided p-values that an answer must stay below.

    Attributes:
        same: both ends of the interval inside the margin: "constant" (Schuirmann 1987).
        rises: averaged over memories, above zero.
        falls: the same below zero; stricter, since falling with load is rare and usually an artefact.
        lean_rises: what the stretches left out must show besides, with time and without.
        lean_falls: the same downwards.
        lean_average: what the average must show where the stretches left out are the clear ones, as a
            multiple of its own level.
        lean_bursts: the same where the rate comes in bursts, which the stretches are made for.
    """

    same: float = 0.05
    rises: float = 0.025
    falls: float = 0.001
    lean_rises: float = 0.15
    lean_falls: float = 0.05
    lean_average: float = 2.0
    lean_bursts: float = 0.1

    def at(self, looks: Sequence[float]) -> Levels:
        """The same budgets spread over several looks; how far the other interval must lean stays."""
        share = CHANGE_SHARE if tuple(looks) != ONE_LOOK else 1.0
        return replace(
            self,
            same=look_level(self.same, looks, SAME_POWER),
            rises=look_level(self.rises * share, looks, CHANGE_POWER),
            falls=look_level(self.falls * share, looks, CHANGE_POWER),
        )

    def of(self, answer: LoadAnswer) -> float:
        """The level of one answer."""
        return {"constant": self.same, "rises": self.rises, "falls": self.falls}[answer]


ONE = Levels()
SEVERAL = Levels(same=0.01, rises=0.005, falls=0.001, lean_rises=0.1, lean_falls=0.05, lean_bursts=0.02)
"""One class of failure among several: looking many times finds something by chance."""
RELIABILITY: dict[str, tuple[tuple[float, float], ...]] = {
    "rises": (
        (1e-5, 0.999),
        (1e-4, 0.992),
        (5e-4, 0.965),
        (1.5e-3, 0.95),
        (4e-3, 0.93),
        (9e-3, 0.90),
        (1.8e-2, 0.86),
        (5e-2, 0.80),
    ),
    "constant": ((1e-3, 0.999), (1e-2, 0.997), (2e-2, 0.992), (3.2e-2, 0.985), (4.7e-2, 0.95)),
    "falls": ((1e-6, 0.999), (3e-5, 0.97), (2e-4, 0.955), (6e-4, 0.92), (1e-3, 0.85)),
}
"""p-value of the decision and the share of right answers measured there (tuning seeds); checked on fresh
seeds in docs/method.md. Below the first p-value and above the last the share stays."""
DRIFT, DRIFT_AVERAGE, DRIFT_LEAN = 0.005, 0.01, 0.1
"""One-sided p-values for a trend: by stretches left out alone, or by the average with those leaning. Stricter
than for load, as every run has a time axis and most do not drift."""
NEARLY_SAME = 0.25
"""An effect that is so nearly proven to be within the margin is no rise either: without a stretch of
"inconclusive" between them, a few rows more or less would turn "constant" into "rises"."""
ONCE, ONCE_MOST, ONCE_POWER = 0.4, 0.6, 3.0
"""High load visited once: a wandering rate has one chance to mimic it. Wandering seldom moves a rate by as
much as the rate itself, a load that causes the failures moves it by about twice as much. So the level for a
rise is multiplied by 0.4 times the third power of effect over rate (less what drift adds), at most by 0.6."""
ONCE_FALLS = 0.5
BRIEF, STRONG = 0.85, 0.7
"""Bursts: wandering that is over within a stretch left out (this chance at least) and moves the rate by this
share of it. Gaussian wandering is a poor picture of bursts, stretches left out a good one."""


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer, the coefficient it rests on, and the one-sided p-value of its weakest condition."""

    answer: LoadAnswer
    shown: Fitted
    chance: float | None = None
    one_event: bool = False


def decide(
    plan: Design, s: Slopes, m: Margins, *, several: bool, looks: Sequence[float] = ONE_LOOK
) -> Decision:
    """Constant first, then rises or falls: a tiny slope in a long run is significant and still no rise."""
    levels = (SEVERAL if several else ONE).at(looks)
    one_line = plan.correlation >= ONE_LINE
    flat = s.alone if one_line or not np.isfinite(s.beside_time.se) else s.beside_time
    steady: list[Fitted] = [s.alone if one_line else s.beside_time]
    steady += [s.average.load] if s.average and came_down(plan) else []
    chance, chosen = min(((_outside(c, m.same), c) for c in steady), key=lambda found: found[0])
    if chance < levels.same:
        return Decision("constant", chosen, chance)
    if chance < NEARLY_SAME:
        return Decision("inconclusive", _least_clear(flat, s))
    if looks[-1] < 1:
        # A change within the margin may yet turn out to be none: no reason to end a run.
        m = replace(m, small=m.same)
    for answer, sign in (("rises", 1), ("falls", -1)):
        found = _changes(plan, s, m, levels, flat, sign)
        if found is None or (sign < 0 and plan.axis == IN_FLIGHT):
            continue
        if _mid_run_event(plan, s, m):
            return Decision("inconclusive", flat, one_event=True)
        return Decision("rises" if answer == "rises" else "falls", *found)
    return Decision("inconclusive", _least_clear(flat, s))


def _least_clear(flat: Coefficient, s: Slopes) -> Fitted:
    """The coefficient to show where nothing was decided: one that says so, the wider one of two."""
    asked: list[Fitted] = [flat, s.average.load] if s.average else [flat]
    return max(asked, key=lambda c: (min(c.chance_above(0.0), c.chance_below(0.0)) >= ONE.rises, c.se))


def _outside(slope: Fitted, margin: float) -> float:
    """One-sided p-value of "the slope is outside the margin"."""
    return max(slope.chance_above(-margin), slope.chance_below(margin))


def _changes(
    plan: Design, s: Slopes, m: Margins, levels: Levels, flat: Coefficient, sign: int
) -> tuple[Fitted, float] | None:
    """The coefficient that shows a change in the direction of `sign`, and its p-value; None if none does."""

    def clear(slope: Fitted) -> float:
        return slope.chance_above(0.0) if sign > 0 else slope.chance_below(0.0)

    level, lean = (levels.rises, levels.lean_rises) if sign > 0 else (levels.falls, levels.lean_falls)
    stretches = max(clear(s.alone), clear(s.beside_time))
    named = sign * flat.value >= m.small and stretches < level
    if s.average is None:
        return (flat, stretches) if named else None
    average = s.average.load
    level_average = level * _once(s.average, m.rate, sign) if visits(plan) <= 1 else level
    together = plan.correlation >= MOVED_TOGETHER
    leaning = stretches < (level if together else lean)
    if sign * average.value >= m.small and clear(average) < level_average and leaning:
        return average, clear(average)
    limit = levels.lean_average * level_average
    if sign > 0 and _in_bursts(s.average):
        limit = max(limit, levels.lean_bursts)
    if named and not together and clear(average) < limit:
        return flat, clear(average)
    return None


def _once(average: Averages, rate: float, sign: int) -> float:
    """Share of the level that is left where high load was visited once."""
    if sign < 0:
        return ONCE_FALLS
    without_drift = max(rate - abs(average.trend.value) / 2, rate / 2)
    effect = max(average.load.value, 0.0) / without_drift
    return float(min(ONCE * effect**ONCE_POWER, ONCE_MOST))


def _in_bursts(average: Averages) -> bool:
    return average.brief >= BRIEF and average.strength >= STRONG


def _mid_run_event(plan: Design, s: Slopes, m: Margins) -> bool:
    """High load visited once under a clear drift that outweighs the effect: cannot be told from one event."""
    outweighed = abs(s.beside_time.value) < abs(s.trend.value) / 2
    return outweighed and visits(plan) <= 1 and drifted(s.trend, m) == "yes"


def decide_drift(s: Slopes, m: Margins, *, varied: bool) -> YesNo:
    """Yes if stretches left out show a trend for certain, or lean that way where the average is clear."""
    if not varied or s.average is None:
        return _drift_by_stretches(s.trend if varied else s.trend_alone, m)
    if within(s.trend, m.same):
        return "no"
    sign = 1 if s.trend.value >= 0 else -1
    stretches, average = (
        c.chance_above(0.0) if sign > 0 else c.chance_below(0.0) for c in (s.trend, s.average.trend)
    )
    clear = stretches < DRIFT or (average < DRIFT_AVERAGE and stretches < DRIFT_LEAN)
    nearly = min(_outside(c, m.same) for c in (s.trend, s.average.trend)) < NEARLY_SAME
    if clear and abs(s.trend.value) >= m.small and not nearly:
        return "yes"
    return "no" if within(s.average.trend, m.same) else "inconclusive"


def _drift_by_stretches(trend: Coefficient, m: Margins) -> YesNo:
    """Without an average the stretches left out decide alone, at the same level."""
    if within(trend, m.same):
        return "no"
    clear = min(trend.chance_above(0.0), trend.chance_below(0.0)) < DRIFT
    nearly = _outside(trend, m.same) < NEARLY_SAME
    return "yes" if clear and not nearly and abs(trend.value) >= m.small else "inconclusive"


def confidence(decision: Decision, looks: Sequence[float] = ONE_LOOK) -> float | None:
    """Measured share of right answers among made-up runs decided with about this p-value; None if undecided.

    Interpolated on the log of the p-value. All kinds of truth, shapes and lengths count alike, so it is the
    chance of being right only as far as the runs at hand are like that mixture. A p-value found at one of
    several looks counts as much larger as that look had to be stricter.
    """
    if decision.chance is None:
        return None
    known = RELIABILITY[decision.answer]
    at, right = np.log10([p for p, _ in known]), [share for _, share in known]
    stricter = ONE.of(decision.answer) / max(ONE.at(looks).of(decision.answer), 1e-12)
    return float(np.interp(np.log10(max(decision.chance * stricter, 1e-12)), at, right))

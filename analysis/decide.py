"""Decide: rises, constant, falls or neither, from the fitted coefficients of load alone.

Two kinds of interval are asked. Leaving out stretches (`analysis.lines`) assumes little and is coarse where a
run has few stretches; averaging over memories (`analysis.memory`) is sharp and assumes that the rate wanders
smoothly. Either one's interval within the margin is "constant". A rise or fall needs one of them clearly and
the other at least leaning the same way, so that what fools one of them alone decides nothing. Levels are
chosen on simulated runs, docs/method.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.intervals import Coefficient
from analysis.lines import Design
from analysis.memory import Averaged
from analysis.slopes import ONE_LINE, Margins, Slopes, drifted, visits
from analysis.verdict import LoadAnswer
from analysis.windows import IN_FLIGHT

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
    """

    same: float = 0.05
    rises: float = 0.025
    falls: float = 0.005
    lean_rises: float = 0.15
    lean_falls: float = 0.05
    lean_average: float = 2.0


ONE = Levels()
SEVERAL = Levels(same=0.01, rises=0.005, falls=0.005, lean_rises=0.1, lean_falls=0.05)
"""One class of failure among several: looking many times finds something by chance."""
ONCE = 0.5
"""High load visited once: a wandering rate has one chance to mimic it, so half the level is left."""


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer, the coefficient it rests on, and the one-sided p-value of its weakest condition."""

    answer: LoadAnswer
    shown: Fitted
    chance: float | None = None
    one_event: bool = False


def decide(plan: Design, s: Slopes, m: Margins, *, several: bool) -> Decision:
    """Constant first, then rises or falls: a tiny slope in a long run is significant and still no rise."""
    levels = SEVERAL if several else ONE
    one_line = plan.correlation >= ONE_LINE
    flat = s.alone if one_line or not np.isfinite(s.beside_time.se) else s.beside_time
    best: Fitted = s.average if s.average else flat
    steady: list[Fitted] = [s.alone if one_line else s.beside_time]
    steady += [s.average] if s.average else []
    chance, chosen = min(((_outside(c, m.same), c) for c in steady), key=lambda found: found[0])
    if chance < levels.same:
        return Decision("constant", chosen, chance)
    for answer, sign in (("rises", 1), ("falls", -1)):
        found = _changes(plan, s, m, levels, flat, sign)
        if found is None or (sign < 0 and plan.axis == IN_FLIGHT):
            continue
        if _mid_run_event(plan, s, m):
            return Decision("inconclusive", flat, one_event=True)
        return Decision("rises" if answer == "rises" else "falls", *found)
    return Decision("inconclusive", best)


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
    average = s.average
    level_average = level * ONCE if visits(plan) <= 1 else level
    together = plan.correlation >= MOVED_TOGETHER
    leaning = stretches < (level if together else lean)
    if sign * average.value >= m.small and clear(average) < level_average and leaning:
        return average, clear(average)
    if named and not together and clear(average) < levels.lean_average * level_average:
        return flat, clear(average)
    return None


def _mid_run_event(plan: Design, s: Slopes, m: Margins) -> bool:
    """High load visited once under a clear drift that outweighs the effect: cannot be told from one event."""
    outweighed = abs(s.beside_time.value) < abs(s.trend.value) / 2
    return outweighed and visits(plan) <= 1 and drifted(s.trend, m) == "yes"


def confidence(decision: Decision) -> float | None:
    """One minus the two-sided p-value, for now."""
    return None if decision.chance is None else 1 - 2 * decision.chance

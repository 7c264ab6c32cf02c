"""Moderated: how much arms of one state differ, learnt from few arms and from what is usual.

Two arms of a state show next to nothing about how far arms differ, and Student's t with one degree of freedom
makes every interval useless. So what they show is averaged with what is usual, as if that had been seen in
`USUAL_DF` more arms (Smyth 2004, Stat. Appl. Genet. Mol. Biol. 3:3): wider wherever arms do differ, and never
as narrow as if arms were alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from analysis.intervals import variance_factor

USUAL_SD = 0.1
"""Arms of one state differ by about a tenth: of their odds of failure, their P99, their throughput."""
USUAL_DF = 3.0

Z95 = 1.959964
"""95 % of a normal distribution lie within so many standard deviations."""


class Spread(NamedTuple):
    """Variance between arms of one state, and the degrees of freedom it is known with."""

    variance: float
    df: float

    @property
    def widening(self) -> float:
        """How many times larger a variance counts because it is an estimate."""
        return variance_factor(self.df)


def moderated(seen: Sequence[tuple[float, float]], usual: float = USUAL_SD**2) -> Spread:
    """The spread from what each state shows.

    Args:
        seen: variance between arms of a state, and degrees of freedom (a state whose arms say little about
            it counts as less than one arm less one).
        usual: variance that is usual.
    """
    df = sum(weight for _, weight in seen)
    observed = sum(max(0.0, variance) * weight for variance, weight in seen)
    return Spread((USUAL_DF * usual + observed) / (USUAL_DF + df), USUAL_DF + df)


def level_for(widening: float) -> float:
    """The level at which a normal interval is as wide as a 95 % one with so many times the variance."""
    return math.erf(Z95 * math.sqrt(widening / 2))

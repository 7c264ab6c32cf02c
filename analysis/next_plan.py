"""Next plan: levels, length and repeats of the run that would settle a question about load, as numbers.

How many requests it takes follows from what the run at hand saw: where a line could be fitted, from the
standard error of its slope, which holds counting noise, wandering and bursts as they were; where not, from
the error rate and how much windows differ. How often such a run decides: docs/until-decided.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.load import DECISIVE_SE, decisive_requests
from analysis.load_axis import ARRIVALS, USERS
from analysis.slopes import margins
from analysis.verdict import LatencyMs, LoadEffect, Temporal
from analysis.windows import Windows
from recording.run import Run

STEPS = "steps"
"""The default scenario, and the shape of load whose levels come in shuffled order."""
OPEN_STEPS = "open-login"
"""The same for arrivals."""
_DEFAULT = {USERS: STEPS, ARRIVALS: OPEN_STEPS}
LEVEL_SHARES = (0.1, 0.3, 0.55, 0.8, 1.0)
"""Levels as shares of the highest load seen: evenly spread, and none so low that hardly anything is sent."""
LEAST_PEAK = 5
"""Fewer users at the top leave no five levels apart."""
SPREAD = 0.29
"""Standard deviation of the load over the requests of such levels, the whole range being 1."""

LEAST_REQUESTS = 2_000.0
"""So that the lowest third of the load, a seventh of the requests, has the 300 that show a rate under 1 %."""

STEP_S, LONG_STEP_S, SHORT_STEP_S = 30.0, 60.0, 10.0
"""Per level: usually; where failures take seconds, so that a level is not mostly waiting; in short runs."""
SLOW_S = 3.0
LEAST_BLOCKS = 4
BURSTS = 40
"""So many bursts show that they follow load, if each level sees its share of them."""
LOGIN = "login"
LONGEST_S = 7_200.0
"""Longer than two hours is no advice; what else to do is."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the run at hand tells about the next one.

    Attributes:
        length_s: from its first send to its last answer.
        mean_load: on the average over time, on the axis of the load effect; NaN if unknown.
        slow_s: how long a slow failure takes (95 of 100 are quicker); 0 if unknown.
        logins_only: whether nothing but logins was sent.
        target: the target as it was given on the command line; None if unknown.
        scenario: the run's own as it was given, if its levels are shuffled already or it has parts; else the
            default one.
        unit: what its levels count, users or arrivals per second.
        has_parts: whether it has several loads at the same time, which no command line changes.
    """

    length_s: float
    mean_load: float = math.nan
    slow_s: float = 0.0
    logins_only: bool = False
    target: str | None = None
    scenario: str = STEPS
    unit: str = USERS
    has_parts: bool = False


def seen(run: Run, cut: Windows, length_s: float, latency: LatencyMs) -> Seen:
    """Gather it."""
    known = bool(np.isfinite(cut.load).any())
    endpoints = [name for name in run.samples.endpoint.names if name]
    has_parts = bool(run.scenario.get("parts"))
    own = has_parts or (run.scenario.get("load") or {}).get("shape") == STEPS
    unit = ARRIVALS if cut.axis == ARRIVALS else USERS
    return Seen(
        length_s=length_s,
        mean_load=float(np.nanmean(cut.load)) if known else math.nan,
        slow_s=(latency.errors.p95 or 0.0) / 1000,
        logins_only=bool(endpoints) and all(LOGIN in name.lower() for name in endpoints),
        target=_given(run, "target"),
        scenario=(_given(run, "scenario") if own else None) or _DEFAULT[unit],
        unit=unit,
        has_parts=has_parts,
    )


def _given(run: Run, option: str) -> str | None:
    """What was said on the command line of the run."""
    said = (run.manifest.get("options") or {}).get(option)
    value = said.get("value") if isinstance(said, dict) else None
    return value if isinstance(value, str) and value else None


@dataclass(frozen=True, slots=True)
class Plan:
    """A run of shuffled blocks.

    Attributes:
        levels: users, or arrivals per second.
        step_s: seconds per level.
        blocks: visits of every level.
        requests: how many are needed.
        needed_s: how long that takes at the request rate seen; `duration_s` is cut at two hours.
    """

    levels: tuple[float, ...]
    step_s: float
    blocks: int
    requests: float
    needed_s: float

    @property
    def duration_s(self) -> float:
        """Length of the run."""
        return self.step_s * len(self.levels) * self.blocks

    @property
    def is_too_long(self) -> bool:
        """Whether this would not be reasonable to run."""
        return self.needed_s > LONGEST_S


def levels(peak: float, unit: str = USERS) -> tuple[float, ...]:
    """About 10, 30, 55, 80 and 100 % of a peak: whole users, or arrivals per second of two digits."""
    if unit == ARRIVALS:
        return tuple(sorted({_two_digits(peak * share) for share in LEVEL_SHARES}))
    top = max(LEAST_PEAK, round(peak))
    return tuple(sorted({max(1, math.floor(top * share + 0.5)) for share in LEVEL_SHARES}))


def plan_by_slope(load: LoadEffect, seen: Seen) -> Plan | None:
    """Long enough for the slope's standard error to become small against the margin, or against the slope."""
    if load.se is None or load.slope is None:
        return None
    return _plan(load, seen, decisive_requests(load.requests, load.slope, load.se, _margin(load)))


def plan_by_counts(load: LoadEffect, temporal: Temporal, seen: Seen) -> Plan | None:
    """The same where no slope is known: counting noise, multiplied by how much windows differ beyond it."""
    rate = max(load.errors, 1) / max(load.requests, 1)
    noise = rate * (1 - min(rate, 0.99))
    per_window = load.requests / max(load.windows, 1)
    beyond = (temporal.excess_variation or 0.0) ** 2 * rate**2 * per_window
    return _plan(load, seen, (noise + beyond) * (DECISIVE_SE / SPREAD / _margin(load)) ** 2)


def plan_by_bursts(load: LoadEffect, temporal: Temporal, seen: Seen) -> Plan | None:
    """Long enough for so many bursts as it takes to see what they follow."""
    return _plan(load, seen, load.requests * BURSTS / max(len(temporal.bursts), 1))


def _plan(load: LoadEffect, seen: Seen, requests: float) -> Plan | None:
    if seen.has_parts or not load.load_high or load.requests <= 0 or seen.length_s <= 0:
        return None
    users = levels(load.load_high, seen.unit)
    needed = max(requests, LEAST_REQUESTS)
    known = math.isfinite(seen.mean_load) and seen.mean_load > 0
    busier = sum(users) / len(users) / seen.mean_load if known else 1.0
    needed_s = needed / (load.requests / seen.length_s * busier)
    step_s = _step_s(min(needed_s, LONGEST_S) / LEAST_BLOCKS / len(users), seen.slow_s)
    blocks = math.ceil(min(needed_s, LONGEST_S) / (step_s * len(users)))
    return Plan(users, step_s, max(blocks, LEAST_BLOCKS), needed, needed_s)


def _two_digits(value: float) -> float:
    rounded = float(f"{value:.2g}")
    return int(rounded) if rounded.is_integer() else rounded


def _step_s(at_most_s: float, slow_s: float) -> float:
    if slow_s > SLOW_S:
        return LONG_STEP_S
    return float(min(STEP_S, max(SHORT_STEP_S, math.ceil(at_most_s))))


def _margin(load: LoadEffect) -> float:
    return load.margin or margins(load.errors / max(load.requests, 1)).same

"""Next run: what to run to learn what this run could not show, computed from what it did show."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable

from analysis import phrases
from analysis.filled import FILLED
from analysis.load_axis import ARRIVALS, USERS
from analysis.next_plan import (
    BURSTS,
    LONGEST_S,
    Plan,
    Seen,
    plan_by_bursts,
    plan_by_counts,
    plan_by_slope,
)
from analysis.verdict import LoadEffect, NextRun, Temporal
from analysis.withheld import DOUBTS

Planner = Callable[[LoadEffect, Temporal, Seen], Plan | None]


def _nothing(load: LoadEffect, temporal: Temporal, seen: Seen) -> Plan | None:
    """What a source cannot tell, it cannot be planned from either."""
    del load, temporal, seen
    return None


ROUTES: tuple[tuple[str, Planner, str], ...] = (
    (
        "load did not vary",
        plan_by_counts,
        "the load never changed, so it must: levels visited several times in shuffled order",
    ),
    (
        "load and time moved together",
        plan_by_counts,
        "load and time were one line; shuffled levels separate them",
    ),
    (
        "high load was reached only once",
        plan_by_counts,
        "visit high load several times, so that one event cannot pose as load",
    ),
    *(
        (
            why,
            _nothing,
            "only a row for every request tells: record the run here, or have the tool write its log",
        )
        for _, why in DOUBTS
    ),
    (
        FILLED,
        _nothing,
        "the load must be planned and not counted, so record the run here, with users or arrivals per second",
    ),
    ("too few requests", plan_by_counts, "there were too few requests to judge"),
    ("too few errors", plan_by_counts, "there were too few failures to judge"),
    ("no failure in", plan_by_counts, "there were too few requests to judge"),
)
"""Beginning of the reason (see `analysis.load`), how to plan, why. Order does not matter."""

_MORE = {USERS: "more users, less think time", ARRIVALS: "more arrivals per second"}
CONCURRENT = "concurrent-login"
SPARE = 1.5
"""A run that ends by itself may take so many times the planned length: looking costs some of its power."""


def next_run(load: LoadEffect, temporal: Temporal, errors: int, seen: Seen) -> NextRun | None:
    """The run that would settle an inconclusive answer; None if nothing failed or all is settled."""
    if load.answer != "inconclusive":
        return None
    if errors == 0 and not load.why.startswith("too few requests"):
        return None
    for beginning, planner, why in ROUTES:
        if load.why.startswith(beginning):
            return _steps(why, planner(load, temporal, seen), seen)
    if temporal.answer == "clustered":
        return _for_bursts(load, temporal, seen)
    plan = plan_by_slope(load, seen)
    counted = f": {_requests(plan, load)}" if plan else ""
    return _steps(f"the interval is too wide{counted}", plan, seen)


def _for_bursts(load: LoadEffect, temporal: Temporal, seen: Seen) -> NextRun:
    found = phrases.counted(len(temporal.bursts), "burst")
    why = (
        f"the sample is the number of bursts, not of requests: {found} here, about {BURSTS} show it if they "
        "follow load, and several times as many if they do not"
    )
    plan = plan_by_bursts(load, temporal, seen)
    if not seen.logins_only or seen.unit != USERS or seen.has_parts:
        return _steps(why, plan, seen)
    provoked = f"{why}; logins at the same instant provoke them, waiting takes {_length(plan)}"
    return NextRun(scenario=CONCURRENT, why=provoked, command=_command(CONCURRENT, seen))


def _steps(why: str, plan: Plan | None, seen: Seen) -> NextRun:
    if seen.has_parts:
        why = f"{why}; in one part of the scenario, while the loads of the others are held"
    if plan is None:
        return NextRun(scenario=seen.scenario, why=why, unit=seen.unit, command=_command(seen.scenario, seen))
    levels = ",".join(map(str, plan.levels))
    at_most_min = math.ceil(min(plan.duration_s * SPARE, LONGEST_S) / 60)
    option = "--arrivals" if seen.unit == ARRIVALS else "--users"
    options = f"{option} {levels} --step {plan.step_s:g}s --until-decided --at-most {at_most_min}m"
    return NextRun(
        scenario=seen.scenario,
        why=f"{why}; {_shape(plan, seen.unit)}",
        levels=list(plan.levels),
        unit=seen.unit,
        step_s=plan.step_s,
        blocks=plan.blocks,
        duration_s=plan.duration_s,
        requests=round(plan.requests),
        command=_command(seen.scenario, seen, options),
    )


def _shape(plan: Plan, unit: str) -> str:
    users = f"levels of {phrases.listed([str(level) for level in plan.levels], len(plan.levels))} {unit}"
    if not plan.is_too_long:
        return f"{users} for {plan.step_s:g} s each, {plan.blocks} times: {_length(plan)}"
    return (
        f"that takes {_length(plan)} at this request rate, which is too long: send more "
        f"({_MORE[unit]}) or look at each kind of failure by itself; two hours of {users} show only effects "
        f"{phrases.factor(math.sqrt(plan.needed_s / LONGEST_S))} as large"
    )


def _length(plan: Plan | None) -> str:
    if plan is None:
        return "20 to 40 minutes"
    length_s = plan.needed_s if plan.is_too_long else plan.duration_s
    minutes = math.ceil(length_s / 60)
    return f"about {minutes} minutes" if minutes <= 120 else f"about {math.ceil(minutes / 60):,} hours"


def _requests(plan: Plan, load: LoadEffect) -> str:
    needed = phrases.count(float(f"{plan.requests:.2g}"))
    return f"about {needed} requests would decide, {phrases.count(load.requests)} were judged"


def _command(scenario: str, seen: Seen, options: str = "") -> str:
    """A line to type; the lab is the default target."""
    target = "" if seen.target == "lab" else f"--target {shlex.quote(seen.target or 'TARGET')}"
    return " ".join(part for part in ("loadverdict run", shlex.quote(scenario), target, options) if part)

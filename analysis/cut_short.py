"""Cut short: when the log of a process breaks off, and how much of the load is missing from then on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis import phrases
from analysis.usable import Floats, Usable
from recording.planned import ARRIVALS, USERS, PlannedPart, planned_parts
from recording.run import Readings, Run

GOES_ON_S = 1.0
"""A process whose log ends so much later than another's went on without it."""

STEP_S = 0.05
"""The planned load is summed up in steps of this length."""

Series = Mapping[str, tuple[Floats, Floats]]
"""Times and values of one figure, by process."""


def last_signs(run: Run, rows: Usable) -> dict[str, str]:
    """Of each process whose log has no end mark: its last entry and what is missing after it, in words."""
    start_s = run.manifest.get("start_s")
    if run.health is None or run.readings is None or not isinstance(start_s, int | float):
        return {}
    running = _series(run.readings, "users_running", run.health.nodes)
    ends_s = {node: float(time_s[-1]) for node, (time_s, _) in running.items()}
    load_end_s = float(rows.samples.start_s.max(initial=start_s))
    told = {}
    for node in run.health.nodes_without_end:
        if node in ends_s:
            since_s = ends_s[node]
            others = [name for name, end_s in ends_s.items() if end_s > since_s + GOES_ON_S]
            missing = _missing(run, running, node, others, load_end_s) if others else ""
            told[node] = f" (last entry after {phrases.seconds(max(0.0, since_s - start_s))}{missing})"
    return told


def _missing(run: Run, running: Series, node: str, others: list[str], load_end_s: float) -> str:
    """What went with a process that the others outlived, in words; "" where that cannot be told."""
    planned = planned_parts(run.manifest)
    units = {part.unit for part in planned}
    since_s = float(running[node][0][-1])
    text = ""
    if ARRIVALS not in units:  # at work on arrivals are more users, the slower the target
        own, total = _users_at(running, node, since_s)
        if own == 0:
            return ""
        text = f" with {own:.0f} of {phrases.counted(total, 'user')}"
    end_s = min(load_end_s, run.manifest["start_s"] + max((p.stages[-1, 1] for p in planned), default=0.0))
    if run.readings is None or len(units) != 1 or end_s <= since_s:
        return text
    wanted = _sum_of_plan(planned, since_s - run.manifest["start_s"], end_s - run.manifest["start_s"])
    if units == {USERS}:
        made = sum(_area(*running[name], since_s, end_s) for name in others)
    else:
        due = _series(run.readings, "arrivals_due", others)
        made = sum(_growth(*series, since_s, end_s) for series in due.values())
    part = 1 - made / wanted if wanted > 0 else 0.0
    # Figures are told every 80 ms: more digits would be made up.
    return (
        f"{text}; {phrases.percent(round(part, 2))} of the load planned from then on is missing"
        if part > 0
        else text
    )


def _series(readings: Readings, name: str, nodes: tuple[str, ...] | list[str]) -> Series:
    """One figure of processes that have told it at all."""
    found = {node: readings.of_node(node, name) for node in nodes}
    return {node: series for node, series in found.items() if len(series[0])}


def _users_at(running: Series, node: str, moment_s: float) -> tuple[float, float]:
    """Users of a process at a moment, and of all that were alive then."""
    alive = {name: (t, v) for name, (t, v) in running.items() if t[0] <= moment_s <= t[-1] + GOES_ON_S}
    users = {name: float(v[np.searchsorted(t, moment_s, side="right") - 1]) for name, (t, v) in alive.items()}
    return users[node], sum(users.values())


def _sum_of_plan(parts: tuple[PlannedPart, ...], begin_s: float, end_s: float) -> float:
    """Planned level times seconds, between two moments after the run's start."""
    count = max(1, round((end_s - begin_s) / STEP_S))
    width_s = (end_s - begin_s) / count
    middle_s: Floats = begin_s + (np.arange(count, dtype=np.float64) + 0.5) * width_s
    return float(sum(part.level_at(middle_s).sum() for part in parts)) * width_s


def _area(time_s: Floats, value: Floats, begin_s: float, end_s: float) -> float:
    """Value times seconds; each value holds for the time that ends with it."""
    return float(np.dot(value[1:], np.diff(np.clip(time_s, begin_s, end_s))))


def _growth(time_s: Floats, value: Floats, begin_s: float, end_s: float) -> float:
    """By how much a figure that only grows has grown."""
    before, after = np.interp((begin_s, end_s), time_s, value)
    return float(after - before)

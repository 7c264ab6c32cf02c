"""Seen: a run as a comparison looks at it, whole and at each of its levels of load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis import phrases
from analysis.comparison.report import Unlike
from analysis.diagnose import diagnose
from analysis.experiment.arms import Arm, counted
from analysis.filled import follow
from analysis.levels import cut_levels
from analysis.load_axis import USERS, is_planned
from analysis.standstill import marked
from analysis.usable import Usable, bounds, usable
from analysis.verdict import Quality, Verdict
from analysis.windows import cut_run, row_load
from recording.run import Run

LEVELS = "levels of load"
MOST_STEPS = 3
"""More levels than this are told as from where to where."""
Level = tuple[float, float]
"""Load at both ends of a level."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One run.

    Attributes:
        run: what was recorded.
        verdict: on it.
        whole: its counts and durations.
        levels: the same at each level of load; empty where load is not known.
        axis: what the levels are in.
        planned: whether that is a plan, and no count of what waits for its answer.
    """

    run: Run
    verdict: Verdict
    whole: Arm
    levels: dict[Level, Arm]
    axis: str
    planned: bool


def seen(run: Run, verdict: Verdict | None = None) -> Seen:
    """Look at a run; `verdict` is what is known of it already."""
    verdict = verdict or diagnose(run)
    run = marked(run)
    rows = usable(run.samples, ordered=run.ordered)
    cut = cut_run(run, rows)
    whole = _arm(rows, run, verdict.quality)
    levels: dict[Level, Arm] = {}
    if verdict.levels:
        found = cut_levels(rows.samples, row_load(rows.samples, cut))
        for i in range(len(found)):
            at = usable(rows.samples.take(np.flatnonzero(found.place == i)), ordered=True)
            arm = replace(_arm(at, run, verdict.quality), length_s=float(found.seconds[i]))
            levels[float(found.low[i]), float(found.high[i])] = arm
    follows = cut.axis == USERS and follow(rows.samples.users, cut.load, cut.in_flight)
    return Seen(run, verdict, whole, levels, cut.axis, is_planned(cut.axis) and not follows)


def _arm(rows: Usable, run: Run, quality: Quality) -> Arm:
    first, last = bounds(rows.samples)
    length_s = last - first if run.length_s is None else run.length_s
    return counted(rows, "first", run.id, first, length_s, quality)


MUST_MATCH: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("scenario", ("scenario", "name")),
    ("what the scenario does (its hash)", ("scenario", "hash")),
    ("target", ("target", "name")),
    ("HTTP client", ("client",)),
    ("generator's cores", ("host", "cores")),
    ("generator's CPU", ("host", "cpu_model")),
)
"""Where a manifest holds what runs must have in common."""


PROCESSES = "load generating processes"


def likeness(run: Run) -> dict[str, str]:
    """What runs must have in common to be compared, as far as this one tells."""
    found = {"source": run.source}
    for what, keys in MUST_MATCH:
        value = _at(run.manifest, keys)
        if value is not None:
            found[what] = str(value)
    if run.health is not None and run.health.nodes:
        found[PROCESSES] = str(len(run.health.nodes))
    return found


def unlike(base: Run, new: Run) -> list[Unlike]:
    """What two runs do not have in common; what either of them does not tell is not held against them."""
    one, other = likeness(base), likeness(new)
    if one["source"] != other["source"]:
        return [Unlike(what="source", base=one["source"], new=other["source"])]
    return [
        Unlike(what=what, base=one[what], new=other[what])
        for what in one
        if what in other and one[what] != other[what]
    ]


def load_apart(base: Sequence[Seen], new: Sequence[Seen]) -> Unlike | None:
    """That the sides share no level of load, where it is known: errors and latency then tell of the load.

    Requests in flight do not count, nor users that follow them. They tell how quickly a target answers.
    """
    runs = (*base, *new)
    axes = {one.axis for one in runs}
    if len(axes) > 1 or not all(one.planned and one.levels for one in runs):
        return None
    sides = [[level for one in side for level in one.levels] for side in (base, new)]
    if any(low <= high_too and low_too <= high for low, high in sides[0] for low_too, high_too in sides[1]):
        return None
    shown = [_loads(levels, runs[0].axis) for levels in sides]
    return Unlike(what=LEVELS, base=shown[0], new=shown[1])


def _loads(levels: Sequence[Level], axis: str) -> str:
    """The loads of one side: each of a few steps, or from where to where."""
    steps = sorted(set(levels))
    if all(low == high for low, high in steps) and len(steps) <= MOST_STEPS:
        shown = ", ".join(phrases.load(low) for low, _ in steps)
    else:
        shown = f"{phrases.load(steps[0][0])} to {phrases.load(max(high for _, high in steps))}"
    return f"{shown} {axis}"


def _at(manifest: dict[str, Any], keys: tuple[str, ...]) -> Any:
    found: Any = manifest
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found

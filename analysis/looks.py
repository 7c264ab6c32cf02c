"""Looks: how often a run was judged while it was going on, and what that leaves for the judgement at hand.

A run that repeats its levels until it is decided notes every look in its events. The same run folder judged
again must give the answer that ended it: the data up to that look, at the level of that look. What came in
afterwards, until the load had ended, counts in every figure but not in the answer. A run that no look has
decided is judged whole, with what is left of the budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.sequential import ONE_LOOK
from recording.run import Run

LOOK = "look"
"""Kind of the events that note a look."""
UNDECIDED = "inconclusive"


@dataclass(frozen=True, slots=True)
class Looks:
    """What the answer about load rests on.

    Attributes:
        shares: share of the longest possible run that was over at each look, the one at hand included.
        until_s: epoch seconds from which requests no longer count for the answer; None for all of them.
    """

    shares: tuple[float, ...] = ONE_LOOK
    until_s: float | None = None


ONCE = Looks()
"""A run that was judged when it was over, like all that do not end by themselves."""


def looks_of(run: Run) -> Looks:
    """What was looked at before, as the run's own events tell it."""
    planned_s, start_s = (_number(run.manifest, key) for key in ("planned_s", "start_s"))
    if not run.manifest.get("until_decided") or not planned_s or start_s is None:
        return ONCE
    shares: list[float] = []
    for event in run.events:
        until_s = _number(event, "until_s")
        if event.get("kind") != LOOK or until_s is None:
            continue
        shares.append(min(until_s / planned_s, 1.0))
        if event.get("answer") != UNDECIDED:
            return Looks(tuple(shares), start_s + until_s)
    return Looks((*shares, 1.0))


def next_look(run: Run, until_s: float) -> Looks:
    """The look at a run that is going on, `until_s` seconds after its start."""
    before = looks_of(run)
    planned_s = _number(run.manifest, "planned_s") or until_s
    start_s = _number(run.manifest, "start_s") or 0.0
    return Looks((*before.shares[:-1], min(until_s / planned_s, 1.0)), start_s + until_s)


def _number(values: Mapping[str, Any], key: str) -> float | None:
    value = values.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

"""Load axis: what the load of a run is measured in, so that the failures themselves do not move it.

A closed load is its users. An open one has none: what is in flight, and what is answered per second, follow
from how quickly the target answers and fails, and made one burst in three look like an effect of load. So its
load is the planned rate of arrivals, which nothing that happens in the run can change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.usable import Floats
from analysis.verdict import Finding
from recording.planned import ARRIVALS, USERS, PlannedPart, planned_parts
from recording.run import Run

__all__ = ["ARRIVALS", "IN_FLIGHT", "USERS", "LoadAxis", "axis_findings", "axis_of", "is_planned"]

IN_FLIGHT = "requests in flight"
"""Where nothing better is known."""


@dataclass(frozen=True, slots=True)
class LoadAxis:
    """What load is measured in.

    Attributes:
        name: `ARRIVALS`, `IN_FLIGHT`; None for users where the rows know them, else requests in flight.
        parts: whose planned rates together are the load, on the axis `ARRIVALS`.
        start_s: the plan's second 0, epoch seconds.
    """

    name: str | None = None
    parts: tuple[PlannedPart, ...] = ()
    start_s: float = 0.0

    def rate_at(self, time_s: Floats) -> Floats:
        """Arrivals per second planned at moments in epoch seconds; after the plan's end those of its end, as
        what is sent then was begun before."""
        last_s = max(float(part.stages[-1, 1]) for part in self.parts)
        elapsed_s = np.minimum(time_s - self.start_s, np.nextafter(last_s, 0.0))
        rates = np.stack([part.level_at(elapsed_s) for part in self.parts])
        return np.asarray(rates.sum(axis=0), np.float64)


def axis_of(run: Run) -> LoadAxis:
    """The axis of a run: arrivals where they alone were planned, or were all that was to change.

    Users and arrivals per second cannot be added up: where the plan changes both, requests in flight remain.
    """
    planned = planned_parts(run.manifest)
    start_s = run.manifest.get("start_s")
    is_open = tuple(part for part in planned if part.unit == ARRIVALS)
    if not is_open or not isinstance(start_s, int | float):
        return LoadAxis()
    closed = [part for part in planned if part.unit == USERS]
    if any(part.varies for part in closed):
        return LoadAxis(IN_FLIGHT if any(part.varies for part in is_open) else None)
    return LoadAxis(ARRIVALS, is_open, float(start_s))


def axis_findings(run: Run) -> Iterator[Finding]:
    """That there is no good measure of the load, where there is none."""
    if axis_of(run).name == IN_FLIGHT:
        yield Finding(
            code="mixed_load",
            severity="warning",
            text="Users and arrivals per second both changed during the run, and nothing measures them "
            "together: the relation to load goes by requests in flight, which failures move. Change one of "
            "them at a time.",
        )


def is_planned(axis: str) -> bool:
    """Whether nothing that happens in a run moves this measure of its load."""
    return axis != IN_FLIGHT

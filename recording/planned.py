"""Planned: the load that a run was to have, as its manifest tells it: part by part, in straight lines.

The observed load of a closed part is its users. Of an open one nothing observed will do: what is in flight,
and what is answered per second, are consequences of how the target answers. Its planned rate is its load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEY = "planned_load"
"""Of the manifest: a list of parts, each with `part` (its name, "" for a single load), `unit`, and `stages`:
[start_s, end_s, level_from, level_to], seconds since the run's start."""

USERS, ARRIVALS = "users", "arrivals/s"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """The plan of one part.

    Attributes:
        name: of the part; "" where the run has a single load.
        unit: what its levels count: "users" or "arrivals/s".
        stages: (s, 4) start and end in seconds since the run's start, level at both; in order, without gaps.
    """

    name: str
    unit: str
    stages: Floats

    @property
    def varies(self) -> bool:
        """Whether its level changes at all."""
        return bool(np.ptp(self.stages[:, 2:]) > 0)

    def level_at(self, elapsed_s: Floats) -> Floats:
        """Level at moments, seconds since the run's start; 0 after its end, its first level before."""
        start_s, end_s, begin, end = self.stages.T
        place = np.clip(np.searchsorted(start_s, elapsed_s, side="right") - 1, 0, None)
        share = np.clip((elapsed_s - start_s[place]) / (end_s[place] - start_s[place]), 0, 1)
        level = begin[place] + share * (end[place] - begin[place])
        return np.where(elapsed_s < end_s[-1], level, 0.0)


def planned_parts(manifest: Mapping[str, Any]) -> tuple[PlannedPart, ...]:
    """What a manifest tells; nothing where it is older than this, or damaged."""
    told = manifest.get(KEY)
    parts = [_part(value) for value in told] if isinstance(told, list) else []
    whole = [part for part in parts if part is not None]
    return tuple(whole) if len(whole) == len(parts) else ()


def as_manifest(name: str, unit: str, stages: Sequence[tuple[float, float, float, float]]) -> dict[str, Any]:
    """One part as it stands in the manifest."""
    return {"part": name, "unit": unit, "stages": [list(stage) for stage in stages]}


def _part(value: Any) -> PlannedPart | None:
    try:
        stages = np.array(value["stages"], np.float64)
        name, unit = str(value["part"]), str(value["unit"])
    except (KeyError, TypeError, ValueError):
        return None
    sound = stages.ndim == 2 and stages.shape[1] == 4 and len(stages) > 0 and np.isfinite(stages).all()
    if not sound or not (stages[:, 1] > stages[:, 0]).all() or unit not in (USERS, ARRIVALS):
        return None
    return PlannedPart(name, unit, stages)

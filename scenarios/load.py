"""Load: the load models a scenario may have, and the plan one comes to.

Everything here is a pure function of the scenario: the same file and seed give the same plan, in the web
page, on the command line and in every process. The models are in `scenarios/loads/`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from scenarios.loads.levels import Hold, Staircase, Steps
from scenarios.loads.lines import Ramp, Soak, Spike, Stages, Trapezium
from scenarios.loads.plan import Open, Plan, Stage
from scenarios.loads.repeated import Repeat, Single
from scenarios.loads.shape import Levels, Repeats, Seconds

__all__ = [
    "Hold",
    "Levels",
    "Load",
    "Open",
    "Plan",
    "Ramp",
    "Repeat",
    "Repeats",
    "Seconds",
    "Soak",
    "Spike",
    "Stage",
    "Stages",
    "Staircase",
    "Steps",
    "Trapezium",
    "blocks_of",
    "plan",
    "repeated",
]

Load = Annotated[Single | Repeat, Field(discriminator="shape")]


def plan(load: Load, seed: int) -> Plan:
    """The plan of a load."""
    return Plan(tuple(load.as_stages(seed)), load.open)


def blocks_of(load: Steps | Staircase) -> int:
    """How many times a load repeats its levels."""
    return load.blocks if isinstance(load, Steps) else load.repeat


def repeated(load: Steps | Staircase, blocks: int) -> Steps | Staircase:
    """The same load with another number of repetitions; the first ones are the same."""
    return load.model_copy(update={"blocks" if isinstance(load, Steps) else "repeat": blocks})

"""Load: the shapes a scenario may have, and the plan they come to: users wanted at second t.

Everything here is a pure function of the scenario: the same file and seed give the same plan, in the web
page, on the command line and in every process.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Users = Annotated[int, Field(ge=0, le=100_000)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Levels = Annotated[tuple[Users, ...], Field(min_length=1, max_length=100)]

Repeats = Annotated[int, Field(ge=1, le=1000)]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Steps(_Shape):
    """Every level visited once per block, in an order drawn from the seed: the default.

    Load and time are kept apart by coming back to each level; the shuffling keeps out whatever happens to
    keep time with a cycle (a job every five minutes).
    """

    shape: Literal["steps"] = "steps"
    users: Levels
    step_s: Seconds
    blocks: Repeats = 4
    warm_up_s: Annotated[float, Field(ge=0, le=600)] = 0


class Staircase(_Shape):
    """Levels up and down again, `repeat` times."""

    shape: Literal["staircase"] = "staircase"
    users: Levels
    step_s: Seconds
    repeat: Repeats = 1


class Ramp(_Shape):
    """A straight line of users, then a hold. It cannot tell load from time, and the verdict says so."""

    shape: Literal["ramp"] = "ramp"
    from_users: Users = 1
    to_users: Users
    ramp_s: Seconds
    hold_s: Annotated[float, Field(ge=0, le=86_400)] = 0


class Hold(_Shape):
    """One level all the time."""

    shape: Literal["hold"] = "hold"
    users: Users
    hold_s: Seconds


Load = Annotated[Steps | Staircase | Ramp | Hold, Field(discriminator="shape")]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of the plan in which the users wanted follow a straight line.

    Attributes:
        name: what the stage is called in samples and events, such as `block 2: 11 users`.
        start_s: seconds since the run's start.
        end_s: seconds since the run's start.
        users_from: users wanted at `start_s`.
        users_to: users wanted just before `end_s`.
        block: which repetition of all levels this belongs to, from 1; 0 where nothing is repeated.
    """

    name: str
    start_s: float
    end_s: float
    users_from: int
    users_to: int
    block: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole load of a run as stages that follow one another."""

    stages: tuple[Stage, ...]

    @property
    def duration_s(self) -> float:
        """Seconds until the plan ends."""
        return self.stages[-1].end_s if self.stages else 0.0

    @property
    def block_ends_s(self) -> tuple[float, ...]:
        """When each repetition of all levels ends, seconds since the run's start."""
        ends = {stage.block: stage.end_s for stage in self.stages if stage.block}
        return tuple(ends.values())

    @property
    def peak_users(self) -> int:
        """The most users wanted at any time."""
        return max((max(s.users_from, s.users_to) for s in self.stages), default=0)

    def stage_at(self, elapsed_s: float) -> Stage | None:
        """The stage of a moment; None once the plan is over."""
        place = bisect_right(self.stages, elapsed_s, key=lambda stage: stage.end_s)
        return self.stages[place] if place < len(self.stages) else None

    def users_at(self, elapsed_s: float) -> int | None:
        """Users wanted at a moment (0 or more); None once the plan is over."""
        stage = self.stage_at(max(0.0, elapsed_s))
        if stage is None:
            return None
        if stage.users_from == stage.users_to:
            return stage.users_to
        share = (max(elapsed_s, stage.start_s) - stage.start_s) / (stage.end_s - stage.start_s)
        return round(stage.users_from + share * (stage.users_to - stage.users_from))


def plan(load: Load, seed: int) -> Plan:
    """The plan of a load."""
    match load:
        case Steps():
            stages = _steps(load, seed)
        case Staircase():
            stages = _staircase(load)
        case Ramp():
            stages = _ramp(load)
        case Hold():
            stages = [Stage(f"hold {load.users} users", 0.0, load.hold_s, load.users, load.users)]
    return Plan(tuple(stages))


def blocks_of(load: Steps | Staircase) -> int:
    """How many times a load repeats its levels."""
    return load.blocks if isinstance(load, Steps) else load.repeat


def repeated(load: Steps | Staircase, blocks: int) -> Steps | Staircase:
    """The same load with another number of repetitions; the first ones are the same."""
    return load.model_copy(update={"blocks" if isinstance(load, Steps) else "repeat": blocks})


def _steps(load: Steps, seed: int) -> list[Stage]:
    order = random.Random(seed)
    stages = (
        _chain([(f"warm-up: {min(load.users)} users", min(load.users), 0)], load.warm_up_s)
        if load.warm_up_s
        else []
    )
    visits = []
    for block in range(1, load.blocks + 1):
        levels = order.sample(load.users, len(load.users))
        visits += [(f"block {block}: {users} users", users, block) for users in levels]
    return stages + _chain(visits, load.step_s, load.warm_up_s)


def _staircase(load: Staircase) -> list[Stage]:
    there_and_back = [*load.users, *reversed(load.users[:-1])]
    visits = [
        (f"staircase {turn}: {users} users", users, turn)
        for turn in range(1, load.repeat + 1)
        for users in there_and_back
    ]
    return _chain(visits, load.step_s)


def _ramp(load: Ramp) -> list[Stage]:
    stages = [Stage(f"ramp to {load.to_users} users", 0.0, load.ramp_s, load.from_users, load.to_users)]
    if load.hold_s:
        end = load.ramp_s + load.hold_s
        stages.append(Stage(f"hold {load.to_users} users", load.ramp_s, end, load.to_users, load.to_users))
    return stages


def _chain(visits: Sequence[tuple[str, int, int]], step_s: float, start_s: float = 0.0) -> list[Stage]:
    return [
        Stage(name, start_s + i * step_s, start_s + (i + 1) * step_s, users, users, block)
        for i, (name, users, block) in enumerate(visits)
    ]

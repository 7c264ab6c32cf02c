"""Levels: load models that stay on one level for a while and then go to the next."""

from __future__ import annotations

import random
from typing import Annotated, Literal

from pydantic import Field

from scenarios.loads.plan import Stage
from scenarios.loads.shape import Level, Levels, Repeats, Seconds, Shape, chain, line, named


class Steps(Shape):
    """Every level visited once per block, in an order drawn from the seed: the default.

    Load and time are kept apart by coming back to each level; the shuffling keeps out whatever happens to
    keep time with a cycle (a job every five minutes).
    """

    shape: Literal["steps"] = "steps"
    users: Levels = Field(validation_alias=named("users"))
    step_s: Seconds
    blocks: Repeats = 4
    warm_up_s: Annotated[float, Field(ge=0, le=600)] = 0

    def as_stages(self, seed: int) -> list[Stage]:
        """Warm-up on the lowest level, then the blocks."""
        order, low = random.Random(seed), min(self.users)
        warm_up = line([(f"warm-up: {low} {self.unit}", self.warm_up_s, low, low)])
        visits = []
        for block in range(1, self.blocks + 1):
            levels = order.sample(self.users, len(self.users))
            visits += [(f"block {block}: {level} {self.unit}", level, block) for level in levels]
        return warm_up + chain(visits, self.step_s, self.warm_up_s)


class Staircase(Shape):
    """Levels up and down again, `repeat` times."""

    shape: Literal["staircase"] = "staircase"
    users: Levels = Field(validation_alias=named("users"))
    step_s: Seconds
    repeat: Repeats = 1

    def as_stages(self, seed: int) -> list[Stage]:
        """Each level once on the way up and once on the way down; the top once."""
        del seed
        there_and_back = [*self.users, *reversed(self.users[:-1])]
        visits = [
            (f"staircase {turn}: {level} {self.unit}", level, turn)
            for turn in range(1, self.repeat + 1)
            for level in there_and_back
        ]
        return chain(visits, self.step_s)


class Hold(Shape):
    """One level all the time."""

    shape: Literal["hold"] = "hold"
    users: Level = Field(validation_alias=named("users"))
    hold_s: Seconds

    def as_stages(self, seed: int) -> list[Stage]:
        """One stage."""
        del seed
        return line([(f"hold {self.users} {self.unit}", self.hold_s, self.users, self.users)])

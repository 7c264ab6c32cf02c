"""Repeated: any other load model several times in a row."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from scenarios.config import Model
from scenarios.loads.levels import Hold, Staircase, Steps
from scenarios.loads.lines import Ramp, Soak, Spike, Stages, Trapezium
from scenarios.loads.plan import Open, Stage
from scenarios.loads.shape import Repeats

MOST_STAGES = 100_000

Single = Steps | Staircase | Ramp | Hold | Spike | Soak | Trapezium | Stages


class Repeat(Model):
    """Another load, `times` times; shuffled levels come in another order each time."""

    shape: Literal["repeat"] = "repeat"
    times: Repeats
    load: Annotated[Single, Field(discriminator="shape")]

    @model_validator(mode="after")
    def _not_endless(self) -> Self:
        if self.times * len(self.load.as_stages(1)) > MOST_STAGES:
            raise ValueError(f"more than {MOST_STAGES:,} stages in all")
        return self

    @property
    def open(self) -> Open | None:
        """How arrivals come, where they do."""
        return self.load.open

    def as_stages(self, seed: int) -> list[Stage]:
        """The stages of each time; its number is their block."""
        stages: list[Stage] = []
        for turn in range(1, self.times + 1):
            begin = stages[-1].end_s if stages else 0.0
            stages += [
                replace(
                    stage,
                    name=f"time {turn}, {stage.name}",
                    start_s=begin + stage.start_s,
                    end_s=begin + stage.end_s,
                    block=turn,
                )
                for stage in self.load.as_stages(seed + 1_000_003 * (turn - 1))
            ]
        return stages

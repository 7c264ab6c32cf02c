"""Plan: what every load model comes to: stages that follow one another, each a straight line."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

from recording.planned import ARRIVALS, USERS

Spread = Literal["poisson", "even"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of the plan in which the level wanted follows a straight line.

    Attributes:
        name: what the stage is called in samples and events, such as `block 2: 11 users`.
        start_s: seconds since the run's start.
        end_s: seconds since the run's start.
        level_from: wanted at `start_s`: users, or arrivals per second where the load is open.
        level_to: wanted just before `end_s`.
        block: which repetition of all levels this belongs to, from 1; 0 where nothing is repeated.
    """

    name: str
    start_s: float
    end_s: float
    level_from: float
    level_to: float
    block: int = 0

    @property
    def area(self) -> float:
        """Level times seconds: of an open load the arrivals to expect."""
        return (self.level_from + self.level_to) / 2 * (self.end_s - self.start_s)

    def level_at(self, elapsed_s: float) -> float:
        """The level wanted at a moment of it."""
        if self.level_from == self.level_to:
            return self.level_to
        share = (elapsed_s - self.start_s) / (self.end_s - self.start_s)
        return self.level_from + share * (self.level_to - self.level_from)


@dataclass(frozen=True, slots=True)
class Open:
    """What makes a load open: requests come when they are due, whether or not earlier ones were answered.

    Attributes:
        spread: `poisson`: as independent people come; `even`: at equal distances.
        max_in_flight: turns under way at most, all processes together; an arrival beyond it is skipped and
            counted, since a generator without a limit measures its own collapse.
    """

    spread: Spread
    max_in_flight: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole load of a run.

    Attributes:
        stages: in order, without gaps.
        open: None where the load is closed, and levels are users.
    """

    stages: tuple[Stage, ...]
    open: Open | None = None

    @property
    def unit(self) -> str:
        """What the levels count."""
        return unit_of(self.open)

    @property
    def varies(self) -> bool:
        """Whether its level changes at all."""
        return len({level for stage in self.stages for level in (stage.level_from, stage.level_to)}) > 1

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
    def peak_level(self) -> float:
        """The most users or arrivals per second wanted at any time."""
        return max((max(s.level_from, s.level_to) for s in self.stages), default=0)

    @property
    def peak_users(self) -> int:
        """The most users that run at any time; those of an open load are the turns it may have under way."""
        return self.open.max_in_flight if self.open else int(self.peak_level)

    @property
    def most(self) -> str:
        """Its greatest load in words."""
        cap = f", at most {self.open.max_in_flight:,} in flight" if self.open else ""
        return f"up to {self.peak_level:,g} {self.unit}{cap}"

    def stage_at(self, elapsed_s: float) -> Stage | None:
        """The stage of a moment; None once the plan is over."""
        place = bisect_right(self.stages, elapsed_s, key=lambda stage: stage.end_s)
        return self.stages[place] if place < len(self.stages) else None

    def level_at(self, elapsed_s: float) -> float | None:
        """Users, or arrivals per second, wanted at a moment; None once the plan is over."""
        stage = self.stage_at(max(0.0, elapsed_s))
        return None if stage is None else stage.level_at(max(elapsed_s, stage.start_s))

    @property
    def is_pool(self) -> bool:
        """Whether users are made before the plan's second 0, and wait until they are needed."""
        return self.open is not None

    def now_at(self, elapsed_s: float) -> list[tuple[str, float]]:
        """Name and level of the stage of a moment; nothing once the plan is over."""
        stage = self.stage_at(elapsed_s)
        return [] if stage is None else [(stage.name, self.level_at(elapsed_s) or 0)]

    def users_at(self, elapsed_s: float, nodes: int = 1) -> int | None:
        """Users to run at a moment (0 or more), whatever the number of processes; None once the plan is
        over."""
        del nodes
        level = self.level_at(elapsed_s)
        if level is None or self.open is None:
            return None if level is None else round(level)
        return self.open.max_in_flight

    def wanted_again_s(self, users: int, elapsed_s: float) -> float | None:
        """The first moment from now on at which at least so many users are wanted; None if never again.

        Only for closed loads, whose levels are users.
        """
        least = users - 0.5
        for stage in self.stages[bisect_right(self.stages, elapsed_s, key=lambda stage: stage.end_s) :]:
            now_s = max(elapsed_s, stage.start_s)
            level = stage.level_at(now_s)
            if level > least:
                return now_s
            if stage.level_to > least:
                slope = (stage.level_to - stage.level_from) / (stage.end_s - stage.start_s)
                return now_s + (least - level) / slope
        return None


def unit_of(is_open: Open | None) -> str:
    """What levels count."""
    return ARRIVALS if is_open else USERS

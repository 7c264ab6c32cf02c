"""Lines: load models made of straight lines: ramp, spike, soak, trapezium, and stages written out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from scenarios.config import Model
from scenarios.loads.plan import Stage
from scenarios.loads.shape import Level, MaybeSeconds, Seconds, Shape, line, named


class Ramp(Shape):
    """A straight line, then a hold. It cannot tell load from time, and the verdict says so."""

    shape: Literal["ramp"] = "ramp"
    from_users: Level = Field(1, validation_alias=named("from_users"))
    to_users: Level = Field(validation_alias=named("to_users"))
    ramp_s: Seconds
    hold_s: MaybeSeconds = 0

    def as_stages(self, seed: int) -> list[Stage]:
        """The line and the hold."""
        del seed
        start, end = self.from_users, self.to_users
        return line(
            [
                (f"ramp to {end} {self.unit}", self.ramp_s, start, end),
                (f"hold {end} {self.unit}", self.hold_s, end, end),
            ]
        )


class Spike(Shape):
    """A low level, a sudden peak, the low level again: what is left of the peak when it is over?"""

    shape: Literal["spike"] = "spike"
    users: Level = Field(validation_alias=named("users"))
    peak_users: Level = Field(validation_alias=named("peak_users"))
    before_s: Seconds
    rise_s: MaybeSeconds = 0
    spike_s: Seconds
    after_s: Seconds

    def as_stages(self, seed: int) -> list[Stage]:
        """Before, up, peak, down as fast, after."""
        del seed
        low, peak = self.users, self.peak_users
        return line(
            [
                (f"before the spike: {low} {self.unit}", self.before_s, low, low),
                (f"up to {peak} {self.unit}", self.rise_s, low, peak),
                (f"spike: {peak} {self.unit}", self.spike_s, peak, peak),
                (f"down to {low} {self.unit}", self.rise_s, peak, low),
                (f"after the spike: {low} {self.unit}", self.after_s, low, low),
            ]
        )


class Soak(Shape):
    """One level for a long time, reached slowly: what leaks or fills up shows only with time."""

    shape: Literal["soak"] = "soak"
    users: Level = Field(validation_alias=named("users"))
    rise_s: MaybeSeconds = 60
    hold_s: Seconds

    def as_stages(self, seed: int) -> list[Stage]:
        """The rise from nothing, and the long hold."""
        del seed
        return line(
            [
                (f"up to {self.users} {self.unit}", self.rise_s, 0, self.users),
                (f"soak: {self.users} {self.unit}", self.hold_s, self.users, self.users),
            ]
        )


class Trapezium(Shape):
    """Up in a straight line, a plateau, and down again."""

    shape: Literal["trapezium"] = "trapezium"
    from_users: Level = Field(0, validation_alias=named("from_users"))
    users: Level = Field(validation_alias=named("users"))
    rise_s: MaybeSeconds
    hold_s: Seconds
    fall_s: MaybeSeconds

    def as_stages(self, seed: int) -> list[Stage]:
        """Rise, plateau, fall."""
        del seed
        low, high = self.from_users, self.users
        return line(
            [
                (f"up to {high} {self.unit}", self.rise_s, low, high),
                (f"plateau: {high} {self.unit}", self.hold_s, high, high),
                (f"down to {low} {self.unit}", self.fall_s, high, low),
            ]
        )


class Written(Model):
    """One stage as written: a level that is held, or one that is reached in a straight line from before."""

    for_s: Seconds
    users: Level | None = Field(None, validation_alias=named("users"))
    to_users: Level | None = Field(None, validation_alias=named("to_users"))
    name: Annotated[str, Field(max_length=60)] = ""

    @model_validator(mode="after")
    def _one_level(self) -> Self:
        if (self.users is None) == (self.to_users is None):
            raise ValueError(
                "a stage has one level: 'users' (held) or 'to_users' (a line to it); or arrivals"
            )
        return self

    @property
    def level(self) -> float:
        """The level at its end."""
        level = self.users if self.to_users is None else self.to_users
        return 0 if level is None else level


class Stages(Shape):
    """Stages written out, one after the other; the first line starts at 0."""

    shape: Literal["stages"] = "stages"
    stages: Annotated[tuple[Written, ...], Field(min_length=1, max_length=1000)]

    def levels(self) -> Iterator[float]:
        """Every level that is written in it."""
        return (row.level for row in self.stages)

    def as_stages(self, seed: int) -> list[Stage]:
        """As written."""
        del seed
        pieces, level = [], 0.0
        for number, row in enumerate(self.stages, start=1):
            end = row.level
            start = end if row.to_users is None else level
            way = "" if start == end else "to "
            name = row.name or f"stage {number}: {way}{end} {self.unit}"
            pieces.append((name, row.for_s, start, end))
            level = end
        return line(pieces)

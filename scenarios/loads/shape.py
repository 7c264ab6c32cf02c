"""Shape: what all load models have in common: levels in users (closed) or in arrivals per second (open).

The same shape serves both. In YAML a level is called `users`, `peak_users`, … or `arrivals`, `peak_arrivals`,
…; whoever writes arrivals gets an open load. In code the field is named after users either way.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from scenarios.config import Model
from scenarios.loads.plan import Open, Spread, Stage, unit_of

MAX_IN_FLIGHT = 200
"""Of an open load that names no limit."""

USERS, ARRIVALS = "users", "arrivals"


def _whole_if_it_is(value: float) -> float:
    return int(value) if float(value).is_integer() else value


def named(name: str) -> AliasChoices:
    """The names of a level in YAML, from its name for users."""
    return AliasChoices(name, name.replace(USERS, ARRIVALS))


Level = Annotated[
    float,
    Field(ge=0, le=100_000, allow_inf_nan=False),
    AfterValidator(_whole_if_it_is),
    PlainSerializer(_whole_if_it_is),
]
Levels = Annotated[tuple[Level, ...], Field(min_length=1, max_length=100)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
MaybeSeconds = Annotated[float, Field(ge=0, le=86_400)]
Repeats = Annotated[int, Field(ge=1, le=1000)]


class Shape(Model):
    """A load model. `spread` and `max_in_flight` are None exactly where the load is closed."""

    spread: Spread | None = None
    max_in_flight: Annotated[int, Field(ge=1, le=100_000)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _open_by_its_words(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        words = set(_words(data))
        users, arrivals = (sorted(w for w in words if kind in w) for kind in (USERS, ARRIVALS))
        if users and arrivals:
            raise ValueError(f"{users[0]!r} and {arrivals[0]!r} together: levels are users or arrivals/s")
        if arrivals:
            return {"spread": "poisson", "max_in_flight": MAX_IN_FLIGHT} | data
        given = [key for key in ("spread", "max_in_flight") if data.get(key) is not None]
        if given:
            raise ValueError(f"{given[0]!r} belongs to an open load: write 'arrivals' instead of 'users'")
        return data

    @model_validator(mode="after")
    def _users_are_whole(self) -> Self:
        broken = [level for level in self.levels() if not isinstance(level, int)]
        if broken and self.open is None:
            raise ValueError(f"users are whole numbers, not {broken[0]:g}")
        return self

    @model_serializer(mode="wrap")
    def _in_the_words_of_yaml(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        if self.open is not None:
            return dict(_renamed(values))
        return {key: value for key, value in values.items() if key not in ("spread", "max_in_flight")}

    @property
    def open(self) -> Open | None:
        """How arrivals come, where they do."""
        if self.spread is None or self.max_in_flight is None:
            return None
        return Open(self.spread, self.max_in_flight)

    @property
    def unit(self) -> str:
        """What the levels count."""
        return unit_of(self.open)

    def levels(self) -> Iterator[float]:
        """Every level that is written in it."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if USERS in name and value is not None:
                yield from value if isinstance(value, tuple) else (value,)

    @abstractmethod
    def as_stages(self, seed: int) -> list[Stage]:
        """The stages it comes to: a pure function of its numbers and the seed."""


def _words(data: Any) -> Iterator[str]:
    """Keys of a mapping and of the mappings in its lists."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield str(key)
            yield from _words(value)
    elif isinstance(data, list | tuple):
        for item in data:
            yield from _words(item)


def _renamed(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        rows = isinstance(value, list | tuple) and value and isinstance(value[0], dict)
        if value is None:
            continue
        yield key.replace(USERS, ARRIVALS), [dict(_renamed(row)) for row in value] if rows else value


def chain(visits: Iterable[tuple[str, float, int]], step_s: float, start_s: float = 0.0) -> list[Stage]:
    """Levels of equal length after one another: (name, level, block)."""
    return [
        Stage(name, start_s + i * step_s, start_s + (i + 1) * step_s, level, level, block)
        for i, (name, level, block) in enumerate(visits)
    ]


def line(pieces: Sequence[tuple[str, float, float, float]]) -> list[Stage]:
    """Straight lines after one another: (name, seconds, level from, level to); those of no length go."""
    stages: list[Stage] = []
    at_s = 0.0
    for name, length_s, level_from, level_to in pieces:
        if length_s > 0:
            stages.append(Stage(name, at_s, at_s + length_s, level_from, level_to))
            at_s += length_s
    return stages

"""Overrides: what a command line changes about a scenario: its load, and when it ends."""

from __future__ import annotations

import os
import re
from typing import Annotated

from pydantic import Field, ValidationError

from recording.errors import UsageError
from scenarios.config import Model
from scenarios.load import Levels, Repeats, Seconds, Staircase, Steps, blocks_of, plan, repeated
from scenarios.scenario import Scenario

FIRST_BLOCKS = 2
"""Blocks before the first look at a run that ends once it is decided: one visit of a level shows nothing."""

AT_MOST_S = 1200.0
"""The longest a run goes on undecided if nothing else is said."""

MOST_BLOCKS = 1000

ENV_OVERRIDES = "LOADVERDICT_OVERRIDES"
"""How `loadverdict run` tells the load generating processes, as JSON."""

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(s|m|h)")
_LEVEL = {int: re.compile(r"-?[0-9]{1,20}"), float: re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,9})?")}
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Overrides(Model):
    """Changes to a scenario; None leaves it as it is.

    Attributes:
        users: other levels of a closed load.
        arrivals: other levels of an open one, per second.
        step_s: seconds per level.
        blocks: how many times all levels are visited.
        at_most_s: repeat the levels until the verdict is decided, for at most so many seconds.
        abort_when_missed: end the load once a target cannot be met any more.
    """

    users: Levels | None = None
    arrivals: Levels | None = None
    step_s: Seconds | None = None
    blocks: Repeats | None = None
    at_most_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    abort_when_missed: bool | None = None

    @classmethod
    def parse(
        cls,
        users: str | None = None,
        step: str | None = None,
        blocks: int | None = None,
        *,
        until_decided: bool = False,
        at_most: str | None = None,
        arrivals: str | None = None,
        abort_when_missed: bool = False,
    ) -> Overrides:
        """From the words of a command line.

        Raises:
            UsageError: a value cannot be read, or two of them do not go together.
        """
        if at_most is not None and not until_decided:
            raise UsageError("--at-most belongs to --until-decided: say both")
        if until_decided and blocks is not None:
            raise UsageError("--blocks says how long, --until-decided finds out: say one of them")
        longest_s = duration_s(at_most, "--at-most") if at_most is not None else AT_MOST_S
        try:
            return cls(
                users=None if users is None else _levels(users, "--users", int),
                arrivals=None if arrivals is None else _levels(arrivals, "--arrivals", float),
                step_s=None if step is None else duration_s(step, "--step"),
                blocks=blocks,
                at_most_s=longest_s if until_decided else None,
                abort_when_missed=abort_when_missed or None,
            )
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]).removesuffix("_s").replace("_", "-")
            raise UsageError(f"--{name}: {first['msg'].lower()}, not {first['input']!r}") from error

    @property
    def any(self) -> bool:
        """Whether anything about the load is changed."""
        load = self.model_dump(exclude={"abort_when_missed"})
        return any(value is not None for value in load.values())

    def to_json(self) -> str:
        """For `ENV_OVERRIDES`."""
        return self.model_dump_json(exclude_none=True)

    def applied_to(self, scenario: Scenario) -> Scenario:
        """The scenario with its changes.

        Raises:
            UsageError: the load has no levels to repeat, or the time is too short to decide anything.
        """
        if self.abort_when_missed:
            scenario = scenario.model_copy(update={"abort_when_missed": True})
        if not self.any:
            return scenario
        load = scenario.load
        wish = "--until-decided" if self.at_most_s else "--users, --arrivals, --step and --blocks"
        if load is None:
            raise UsageError(
                f"scenario {scenario.name!r} has parts, each with a load of its own; {wish} can be used with "
                "a single load: change the parts in its file"
            )
        if not isinstance(load, Steps | Staircase):
            raise UsageError(
                f"scenario {scenario.name!r} is a {load.shape}, which repeats no levels; {wish} can be used "
                "with steps and staircase"
            )
        self._check_unit(scenario.name, load)
        given = {"users": self.users or self.arrivals, "step_s": self.step_s}
        load = load.model_copy(update={key: value for key, value in given.items() if value is not None})
        if self.at_most_s is not None and len(set(load.users)) < 2:
            raise UsageError(
                f"scenario {scenario.name!r} has one level only, which never shows what load does; "
                "--until-decided needs several: --users 2,6,11,16,20 or --arrivals 2,5,8"
            )
        if self.at_most_s is not None:
            load = repeated(load, _blocks_within(load, self.at_most_s, scenario.name))
        elif self.blocks is not None:
            load = repeated(load, self.blocks)
        return scenario.model_copy(update={"load": load})

    def _check_unit(self, name: str, load: Steps | Staircase) -> None:
        if self.users is not None and load.open is not None:
            raise UsageError(f"scenario {name!r} is an open load, of arrivals per second: say --arrivals")
        if self.arrivals is not None and load.open is None:
            raise UsageError(f"scenario {name!r} is a closed load, of users: say --users")


def overrides_told() -> Overrides:
    """What this process was told by its environment."""
    return Overrides.model_validate_json(os.environ.get(ENV_OVERRIDES, "{}"))


def duration_s(text: str, option: str) -> float:
    """Seconds of "90s", "20m" or "1h".

    Raises:
        UsageError: it is none.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None or float(found[1]) <= 0:
        raise UsageError(f"{option} {text[:80]!r} is no duration; write 90s, 20m or 1h")
    return float(found[1]) * _SECONDS[found[2]]


def _levels(text: str, option: str, kind: type[int] | type[float]) -> tuple[float, ...]:
    levels = [level.strip() for level in text.split(",")]
    if not all(_LEVEL[kind].fullmatch(level) for level in levels):
        what = "numbers of users: 2,6,11,16,20" if kind is int else "arrivals per second: 0.5,2,8"
        raise UsageError(f"{option} {text[:80]!r} are no levels; write {what}")
    return tuple(map(kind, levels))


def _blocks_within(load: Steps | Staircase, at_most_s: float, name: str) -> int:
    """As many repetitions as fit."""
    two, one = (plan(repeated(load, blocks), seed=1).duration_s for blocks in (2, 1))
    block_s = two - one
    fitting = int((at_most_s - (one - block_s)) / block_s + 1e-9)
    if fitting <= FIRST_BLOCKS:
        needed_s = one + FIRST_BLOCKS * block_s
        raise UsageError(
            f"--at-most {at_most_s:g}s is too short for scenario {name!r}: one block of its levels takes "
            f"{block_s:g} s and the first look comes after {FIRST_BLOCKS}; give it at least {needed_s:g}s"
        )
    return min(fitting, MOST_BLOCKS)


def look_times_s(scenario: Scenario) -> tuple[float, ...]:
    """When a run is looked at before its end, seconds since its start: after each block from the first on."""
    if isinstance(scenario.load, Steps | Staircase) and blocks_of(scenario.load) > FIRST_BLOCKS:
        return scenario.plan().block_ends_s[FIRST_BLOCKS - 1 : -1]
    return ()

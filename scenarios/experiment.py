"""Experiment: one change between two states of a target, and what must move if a suspect is to blame."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from recording.errors import UsageError
from scenarios.config import CONFIG_DIR, Model, config_names, load_named
from scenarios.load import Steps
from scenarios.scenario import Scenario

FOLDER = "experiments"
WAYS = ("lab", "command", "http", "ask", "scenario")
"""How a change is made; an experiment has exactly one."""

ARM_S, WARM_UP_S, PAIRS = 30.0, 5.0, 2

State = Literal["first", "changed"]
FIRST: State = "first"
CHANGED: State = "changed"

Setting = bool | int | float | str | None
Text = Annotated[str, Field(min_length=1, max_length=2000)]


class DoAndUndo(Model):
    """A command line to make the change, and one to take it back; no shell in between."""

    do: Annotated[tuple[str, ...], Field(min_length=1)]
    undo: Annotated[tuple[str, ...], Field(min_length=1)]


class Call(Model):
    """One HTTP request; `url` may be a path of the target."""

    method: Annotated[str, Field(pattern=r"^[A-Z]{3,10}$")] = "POST"
    url: Annotated[str, Field(pattern=r"^(https?://|/)")]
    json_: Annotated[Any, Field(alias="json")] = None
    headers: dict[str, str] = Field(default_factory=dict)


class Calls(Model):
    """HTTP requests that make the change and take it back.

    Attributes:
        do: makes the change.
        undo: takes it back.
        allow_host: a host beside this machine and the target that may be called.
    """

    do: Call
    undo: Call
    allow_host: str | None = None


class Asked(Model):
    """What a person is asked to do, and to take back."""

    do: Text
    undo: Text


class OfTheLoad(Model):
    """Keys of the scenario that are changed: the load's own side."""

    connections: Literal["kept", "fresh"] | None = None
    accounts: Literal["rotating", "own", "shared"] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.values()) != 1:
            raise ValueError("expected one of 'connections: fresh' and 'accounts: own'")
        return self

    def values(self) -> dict[str, str]:
        """What is changed."""
        return self.model_dump(exclude_none=True)


class Experiment(Model):
    """One experiment file, with every default filled in.

    Attributes:
        name: the file's name without `.yaml`.
        title: the change in a few words.
        suspect: whom it decides about, a name of config/suspects.yaml.
        measure: what must move: `error_rate`, or `p99` of successes.
        lab: settings of the lab and their other values.
        towards: of one number of the lab, where the change leads; it tests nothing where that is passed.
        command: command lines.
        http: HTTP calls.
        ask: a person does it.
        scenario: the load itself is changed.
        users: the load, where the scenario's highest level does not show it.
        arm_s: seconds of an arm that count.
        warm_up_s: seconds before them that do not.
        pairs: how often both states are visited.
    """

    name: str = ""
    title: Annotated[str, Field(min_length=1, max_length=120)]
    suspect: str
    measure: Literal["error_rate", "p99"] = "error_rate"
    lab: Annotated[dict[str, Setting], Field(min_length=1)] | None = None
    towards: Literal["lower", "higher"] | None = None
    command: DoAndUndo | None = None
    http: Calls | None = None
    ask: Asked | None = None
    scenario: OfTheLoad | None = None
    users: Annotated[int, Field(ge=1, le=100_000)] | None = None
    arm_s: Annotated[float, Field(ge=2, le=3600)] = ARM_S
    warm_up_s: Annotated[float, Field(ge=0, le=600)] = WARM_UP_S
    pairs: Annotated[int, Field(ge=1, le=50)] = PAIRS

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [way for way in WAYS if getattr(self, way) is not None]
        if len(given) != 1:
            found = " and ".join(map(repr, given)) or "none"
            raise ValueError(f"expected exactly one way of change ({', '.join(WAYS)}), found {found}")
        if self.towards is not None and (self.lab is None or len(self.lab) != 1):
            raise ValueError("'towards' belongs to 'lab' with one setting")
        return self

    @property
    def way(self) -> str:
        """Which of `WAYS` it is."""
        return next(way for way in WAYS if getattr(self, way) is not None)

    @property
    def change(self) -> str:
        """What is changed, in words that hold no secret: command lines and requests may."""
        settings = self.lab or (self.scenario.values() if self.scenario else None)
        if settings is None:
            return self.title
        return ", ".join(f"{name} {_shown(value)}" for name, value in settings.items())


def _shown(value: Setting) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None else str(value)


def experiment_names(config_dir: Path = CONFIG_DIR) -> list[str]:
    """Names of the experiments that exist."""
    return config_names(FOLDER, config_dir)


def load_experiment(name: str, config_dir: Path = CONFIG_DIR) -> tuple[Experiment, Path]:
    """Read an experiment by name, or by path where the name ends with `.yaml`; and its file.

    Raises:
        UsageError: no such experiment, or mistakes in it (all of them, with their places).
    """
    return load_named(Experiment, name, FOLDER, config_dir)


def arms_of(scenario: Scenario, experiment: Experiment, users: int | None) -> dict[State, Scenario]:
    """The scenario of each state: one level, warmed up first; equal but for what the experiment changes.

    Args:
        scenario: whose behaviour, client and limits are used.
        experiment: what is changed.
        users: the level; default that of the experiment, or the highest of the scenario.

    Raises:
        UsageError: the scenario has parts, counts its requests, is an open load with users asked for, or has
            already what the experiment changes.
    """
    if scenario.load is None:
        raise UsageError(
            f"scenario {scenario.name!r} has parts; an experiment needs a single load: --scenario steps"
        )
    plan = scenario.plan()
    if plan.open is not None and users is not None:
        raise UsageError(
            f"scenario {scenario.name!r} is an open load, of arrivals per second: leave --users out"
        )
    level = users or (experiment.users if plan.open is None else None) or plan.peak_level
    load: dict[str, Any] = {"step_s": experiment.arm_s, "blocks": 1, "warm_up_s": experiment.warm_up_s}
    if plan.open is None:
        load["users"] = [level]
    else:
        load |= {"arrivals": [level], "spread": plan.open.spread, "max_in_flight": plan.open.max_in_flight}
    first = scenario.model_copy(update={"load": Steps.model_validate(load), "max_requests": None})
    changes = experiment.scenario.values() if experiment.scenario else {}
    same = [f"{key}: {value}" for key, value in changes.items() if getattr(scenario, key) == value]
    if same:
        raise UsageError(
            f"nothing to change: scenario {scenario.name!r} has {same[0]!r} already; choose another with "
            "--scenario"
        )
    return {FIRST: first, CHANGED: first.model_copy(update=changes)}


def order_of(pairs: int, seed: int) -> list[State]:
    """First and changed by turns, mirrored in every second pair (A B B A), so that drift strikes both alike.

    The seed decides which of them begins.
    """
    pair: list[State] = [FIRST, CHANGED] if seed % 2 else [CHANGED, FIRST]
    return [state for number in range(pairs) for state in (pair if number % 2 == 0 else pair[::-1])]

"""Scenario: which load, which behaviour, which targets to meet. No host names, no passwords."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from analysis.slo.grammar import CASE_SLO, check_limit, parse_slo
from scenarios.behaviour import content_of
from scenarios.config import CONFIG_DIR, Model, config_names, load_named
from scenarios.load import Load, Plan, plan
from scenarios.loads.together import Together
from scenarios.part import BehaviourName, Behaviours, Part, Parts, ThinkTime
from scenarios.pause import Thinking

_LATER: dict[str, Any] = {"behaviours": None, "tags": [], "think_time": "uniform"}
"""Keys that came later, with what they were before: they leave the hash of older scenarios as it was."""

OF_A_PART = ("behaviour", "behaviours", "load", "think_time_s", "think_time")
"""Keys that each part has for itself."""

APART = 1009
"""Parts are drawn by seeds so far apart: the same load in two of them must not come in step."""


class Timeouts(Model):
    """Limits of one request in seconds: to connect, between two packets of the answer, and in all."""

    connect_s: Annotated[float, Field(gt=0, le=600)] = 2
    read_s: Annotated[float, Field(gt=0, le=600)] = 10
    total_s: Annotated[float, Field(gt=0, le=600)] = 15


ClientKind = Literal["lean", "fast", "requests"]


class Scenario(Model):
    """One scenario file, with every default filled in.

    Attributes:
        name: the file's name without `.yaml`.
        description: one line for lists and pages.
        behaviour: what one user does, over and over.
        behaviours: several with weights instead of one; each turn draws anew.
        tags: of a behaviour's steps with tags, only those with one of these are sent; () sends all.
        load: how many users, when; or how many arrivals per second.
        parts: instead of behaviour, load and think time: several of each by name, at the same time.
        think_time_s: mean pause between two turns of a user; an open load has none.
        think_time: how the pause is drawn; by default evenly from half to one and a half of the mean, so that
            users who began together do not stay in step.
        rendezvous_s: instead of think time, all users act at the same instants, this far apart.
        max_requests: stop after so many requests (one process only).
        accounts: `rotating`: each user has an account to itself and draws another after each turn, so
            that the mix of accounts does not depend on the load; `own`: each user keeps its account;
            `shared`: all users share one.
        client: what sends the requests: `lean` is the suite's own, `fast` and `requests` are those of
            Locust's FastHttpUser and HttpUser.
        connections: `kept`: each user keeps its connection; `fresh`: each request has one of its own.
        timeouts: limits of a request.
        slo: targets, see `analysis.slo.grammar`.
        abort_when_missed: `loadverdict run` ends the load once one of them cannot be met any more.
        seed: of everything drawn at random.
    """

    name: str = ""
    description: str = ""
    behaviour: BehaviourName = "login"
    behaviours: Behaviours = None
    tags: tuple[str, ...] = ()
    load: Load | None = None
    parts: Parts | None = None
    think_time_s: ThinkTime = 0.5
    think_time: Thinking = "uniform"
    rendezvous_s: Annotated[float, Field(gt=0, le=3600)] | None = None
    max_requests: Annotated[int, Field(ge=1)] | None = None
    accounts: Literal["rotating", "own", "shared"] = "rotating"
    client: ClientKind = "lean"
    connections: Literal["kept", "fresh"] = "kept"
    timeouts: Timeouts = Timeouts()
    slo: tuple[str, ...] = CASE_SLO
    abort_when_missed: bool = False
    seed: int = 1

    @field_validator("slo")
    @classmethod
    def _parsable_slo(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for target in value:
            check_limit(parse_slo(target))
        return value

    @model_validator(mode="after")
    def _a_load_or_parts(self) -> Self:
        if self.parts is None:
            if self.load is None:
                raise ValueError("'load' is missing: say how many users or arrivals, or write 'parts'")
            return self
        given = [key for key in OF_A_PART if key in self.model_fields_set]
        if given:
            raise ValueError(f"{given[0]!r} stands beside 'parts': write it into each of them")
        if self.rendezvous_s is not None:
            raise ValueError("'rendezvous_s' makes all users act at once, which 'parts' cannot: remove one")
        return self

    @model_validator(mode="after")
    def _slo_at_a_load_it_has(self) -> Self:
        """A target at a load that the run is not measured in would have no data."""
        bounds = [(target.text, bound) for target in map(parse_slo, self.slo) for bound in target.at]
        right = self.load_axis() if bounds else ""
        for text, bound in bounds:
            if bound.axis != right:
                raise ValueError(
                    f"{text!r}: this load is measured in {right}, not in {bound.axis}; "
                    f"write 'at {right} {bound.operator} …'"
                )
        return self

    def load_axis(self) -> str:
        """What targets call the measure of this load; `analysis.load_axis` finds the same in a run."""
        plans = self.plans().values()
        changing = {plan.open is not None for plan in plans if plan.varies}
        if changing == {False} or all(plan.open is None for plan in plans):
            return "users"
        return "in_flight" if len(changing) == 2 else "arrivals"

    def whole(self) -> dict[str, Part]:
        """Its parts by name; one without a name where it has a single load."""
        if self.parts is not None:
            return self.parts
        return {"": Part.model_construct(**{key: getattr(self, key) for key in OF_A_PART})}

    def behaviour_names(self) -> list[str]:
        """Every behaviour that is used, each once."""
        return list(dict.fromkeys(name for part in self.whole().values() for name in part.mix()))

    def seed_of(self, part: str) -> int:
        """The seed of a part's load."""
        return self.seed + APART * list(self.whole()).index(part)

    def plans(self) -> dict[str, Plan]:
        """The load of each part as stages."""
        return {name: plan(part.load, self.seed_of(name)) for name, part in self.whole().items()}

    def plan(self) -> Plan:
        """The load as stages, of a scenario with a single one."""
        (only,) = self.plans().values()
        return only

    def schedule(self) -> Plan | Together:
        """What is wanted at every second, over all parts."""
        return self.plan() if self.parts is None else Together(self.plans())

    def to_mapping(self) -> dict[str, Any]:
        """As plain values, for scenario.yaml and for workers."""
        return self.model_dump(mode="json", exclude={"parts"} if self.parts is None else {*OF_A_PART})

    def fingerprint(self) -> str:
        """A short hash of everything that makes runs comparable, what its behaviours do included.

        Raises:
            UsageError: a behaviour cannot be read.
        """
        left_out = {"description", "slo", "abort_when_missed"}
        same = {
            key: value
            for key, value in self.to_mapping().items()
            if key not in left_out and not (key in _LATER and value == _LATER[key])
        }
        same["content"] = {name: content_of(name) for name in self.behaviour_names()}
        return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:12]


def scenario_names(config_dir: Path = CONFIG_DIR) -> list[str]:
    """Names of the scenarios that exist."""
    return config_names("scenarios", config_dir)


def load_scenario(name: str, config_dir: Path = CONFIG_DIR) -> Scenario:
    """Read a scenario by name, or by path where the name ends with `.yaml`.

    Raises:
        UsageError: no such scenario, or mistakes in it (all of them, with their places).
    """
    scenario, _ = load_named(Scenario, name, "scenarios", config_dir)
    return scenario

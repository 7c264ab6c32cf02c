"""Scenario: which load, which behaviour, which targets to meet. No host names, no passwords."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from analysis.slo import CASE_SLO, parse_slo
from scenarios.behaviour import behaviour_names
from scenarios.config import CONFIG_DIR, Model, config_names, load_named
from scenarios.load import Load, Plan, plan
from scenarios.pause import Thinking
from scenarios.yaml_file import nearest

_LATER: dict[str, Any] = {"behaviours": None, "tags": [], "think_time": "uniform"}
"""Keys that came later, with what they were before: they leave the hash of older scenarios as it was."""


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
        slo: targets, see `analysis.slo`.
        seed: of everything drawn at random.
    """

    name: str = ""
    description: str = ""
    behaviour: str = "login"
    behaviours: dict[str, Annotated[float, Field(gt=0, le=1e6)]] | None = None
    tags: tuple[str, ...] = ()
    load: Load
    think_time_s: Annotated[float, Field(ge=0, le=3600)] = 0.5
    think_time: Thinking = "uniform"
    rendezvous_s: Annotated[float, Field(gt=0, le=3600)] | None = None
    max_requests: Annotated[int, Field(ge=1)] | None = None
    accounts: Literal["rotating", "own", "shared"] = "rotating"
    client: ClientKind = "lean"
    connections: Literal["kept", "fresh"] = "kept"
    timeouts: Timeouts = Timeouts()
    slo: tuple[str, ...] = CASE_SLO
    seed: int = 1

    @field_validator("behaviour")
    @classmethod
    def _known_behaviour(cls, value: str) -> str:
        known = behaviour_names()
        if value not in known and ":" not in value and not value.endswith(".yaml"):
            raise ValueError(f"not a behaviour{nearest(value, known)}")
        return value

    @field_validator("behaviours")
    @classmethod
    def _known_behaviours(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        if value is not None and not value:
            raise ValueError("expected behaviours with their weights: {login: 3, session: 1}")
        for name in value or {}:
            cls._known_behaviour(name)
        return value

    @field_validator("slo")
    @classmethod
    def _parsable_slo(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for target in value:
            parse_slo(target)
        return value

    def mix(self) -> dict[str, float]:
        """Every behaviour with its weight."""
        return self.behaviours or {self.behaviour: 1.0}

    def plan(self) -> Plan:
        """The load as stages."""
        return plan(self.load, self.seed)

    def to_mapping(self) -> dict[str, Any]:
        """As plain values, for scenario.yaml and for workers."""
        return self.model_dump(mode="json")

    def fingerprint(self) -> str:
        """A short hash of everything that makes runs comparable."""
        left_out = {"description", "slo"}
        same = {
            key: value
            for key, value in self.to_mapping().items()
            if key not in left_out and not (key in _LATER and value == _LATER[key])
        }
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

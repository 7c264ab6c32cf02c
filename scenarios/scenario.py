"""Scenario: which load, which behaviour, which targets to meet. No host names, no passwords."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from analysis.slo import CASE_SLO, parse_slo
from recording.errors import UsageError
from scenarios.behaviour import BEHAVIOURS
from scenarios.load import Load, Plan, plan
from scenarios.yaml_file import check, nearest, read_yaml

CONFIG_DIR = Path(__file__).resolve().parent.parent / "config"


class Model(BaseModel):
    """Frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Timeouts(Model):
    """Limits of one request in seconds: to connect, between two packets of the answer, and in all."""

    connect_s: Annotated[float, Field(gt=0, le=600)] = 2
    read_s: Annotated[float, Field(gt=0, le=600)] = 10
    total_s: Annotated[float, Field(gt=0, le=600)] = 15


class Scenario(Model):
    """One scenario file, with every default filled in.

    Attributes:
        name: the file's name without `.yaml`.
        description: one line for lists and pages.
        behaviour: what one user does, over and over.
        load: how many users, when.
        think_time_s: mean pause between two turns of a user; drawn evenly from half to one and a half of it,
            so that users who began together do not stay in step.
        rendezvous_s: instead of think time, all users act at the same instants, this far apart.
        max_requests: stop after so many requests (one process only).
        accounts: `rotating`: each user has an account to itself and draws another after each turn, so
            that the mix of accounts does not depend on the load; `own`: each user keeps its account;
            `shared`: all users share one.
        timeouts: limits of a request.
        slo: targets, see `analysis.slo`.
        seed: of everything drawn at random.
    """

    name: str = ""
    description: str = ""
    behaviour: str = "login"
    load: Load
    think_time_s: Annotated[float, Field(ge=0, le=3600)] = 0.5
    rendezvous_s: Annotated[float, Field(gt=0, le=3600)] | None = None
    max_requests: Annotated[int, Field(ge=1)] | None = None
    accounts: Literal["rotating", "own", "shared"] = "rotating"
    timeouts: Timeouts = Timeouts()
    slo: tuple[str, ...] = CASE_SLO
    seed: int = 1

    @field_validator("behaviour")
    @classmethod
    def _known_behaviour(cls, value: str) -> str:
        if value not in BEHAVIOURS:
            raise ValueError(f"not a behaviour{nearest(value, sorted(BEHAVIOURS))}")
        return value

    @field_validator("slo")
    @classmethod
    def _parsable_slo(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for target in value:
            parse_slo(target)
        return value

    def plan(self) -> Plan:
        """The load as stages."""
        return plan(self.load, self.seed)

    def to_mapping(self) -> dict[str, Any]:
        """As plain values, for scenario.yaml and for workers."""
        return self.model_dump(mode="json")

    def fingerprint(self) -> str:
        """A short hash of everything that makes runs comparable."""
        same = {k: v for k, v in self.to_mapping().items() if k not in ("description", "slo")}
        return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:12]


def scenario_names(config_dir: Path = CONFIG_DIR) -> list[str]:
    """Names of the scenarios that exist."""
    return sorted(path.stem for path in (config_dir / "scenarios").glob("*.yaml"))


def load_scenario(name: str, config_dir: Path = CONFIG_DIR) -> Scenario:
    """Read a scenario by name, or by path where the name ends with `.yaml`.

    Raises:
        UsageError: no such scenario, or mistakes in it (all of them, with their places).
    """
    path = config_file(name, config_dir, "scenarios", scenario_names(config_dir))
    scenario = check(Scenario, read_yaml(path))
    return scenario.model_copy(update={"name": path.stem})


def config_file(name: str, config_dir: Path, folder: str, known: list[str]) -> Path:
    """The file of a name in a folder of config/, or the path itself where it ends with `.yaml`."""
    if name.endswith(".yaml"):
        return Path(name)
    if name not in known:
        kind = folder.removesuffix("s")
        raise UsageError(f"no {kind} {name!r} in {config_dir / folder}{nearest(name, known)}")
    return config_dir / folder / f"{name}.yaml"

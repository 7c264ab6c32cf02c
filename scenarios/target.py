"""Target: where the load goes, which requests it understands, which answers are right, whose accounts."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, PrivateAttr, field_validator, model_validator

from recording.errors import RefusedError, UsageError
from recording.planned import ARRIVALS, USERS
from recording.probes.spec import Probe, environment
from scenarios.accounts import Account, accounts_from_environment, read_accounts
from scenarios.addresses import addresses_of
from scenarios.behaviour import WrittenBehaviour, load_behaviour, requests_of
from scenarios.config import CONFIG_DIR, Model, config_names, load_named
from scenarios.loads.together import peak_of
from scenarios.request import Request, RequestName
from scenarios.scenario import Scenario
from scenarios.yaml_file import nearest

NOWHERE: Mapping[str, str] = MappingProxyType({})
LAB = "lab"


_UNSENDABLE = re.compile(r"[\s\x00-\x20\x7f]")


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # brackets that hold no IPv6 address
        return urlsplit("")


class Target(Model):
    """One target file, with every default filled in.

    Attributes:
        name: the file's name without `.yaml`.
        description: one line for lists and pages.
        base_url: `http://host[:port]`, or `lab` for the service that comes with the suite.
        allow_load: must be true before load goes to anything but this machine.
        max_users: no scenario may have more at any time; None: no limit.
        max_arrivals_per_s: the same for open loads.
        health: path asked once before the run.
        accounts: CSV file with the columns username and password; relative to the target file.
        accounts_env: instead: the environment variable that holds such a CSV.
        cookies: whether each user keeps the cookies it is given.
        requests: by name; behaviours refer to these names.
        probes: what is read of the target during a run, by name; docs/probes.md.
    """

    name: str = ""
    description: str = ""
    base_url: str
    allow_load: bool = False
    max_users: Annotated[int, Field(ge=1)] | None = None
    max_arrivals_per_s: Annotated[float, Field(gt=0)] | None = None
    health: Annotated[str, Field(pattern=r"^/")] | None = None
    accounts: Path | None = None
    accounts_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    cookies: bool = False
    requests: dict[RequestName, Request] = Field(default_factory=dict)
    probes: dict[str, Probe] = Field(default_factory=dict)

    _file: Path | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """Where it was read from."""
        return self._file

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, value: str) -> str:
        if value == LAB:
            return value
        parts = _split(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or _UNSENDABLE.search(value):
            raise ValueError("expected a URL like http://127.0.0.1:8080, or 'lab'")
        try:
            has_port = parts.port != 0
        except ValueError:
            has_port = False
        if not has_port:
            raise ValueError("expected a port from 1 to 65535 behind the host")
        if parts.username or parts.password:
            raise ValueError("keep user and password out of the URL; put them into the accounts file")
        if parts.path not in ("", "/") or "?" in value or "#" in value:
            raise ValueError("expected only scheme, host and port; paths belong to the requests")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _accounts_from_one_place(self) -> Self:
        if self.accounts is not None and self.accounts_env is not None:
            raise ValueError("'accounts' and 'accounts_env' say the same: remove one")
        return self

    @property
    def is_lab(self) -> bool:
        """Whether the embedded service is meant."""
        return self.base_url == LAB

    def at(self, base_url: str, accounts: Path | None, places: Mapping[str, str] = NOWHERE) -> Target:
        """The same target at a URL, with an accounts file: what `lab` becomes once it runs. `places` stand
        for `${NAME}` in its probes."""
        probes = {name: probe.filled(places) for name, probe in self.probes.items()}
        changes: dict[str, Any] = {"base_url": base_url, "probes": probes}
        if accounts is not None:
            changes |= {"accounts": accounts, "accounts_env": None}
        return self.model_copy(update=changes)

    def read_accounts(self) -> list[Account]:
        """Its accounts, from where it says; none if it says nothing.

        Raises:
            UsageError: they are not there, or mistakes in them.
        """
        if self.accounts_env is not None:
            return accounts_from_environment(self.accounts_env)
        return [] if self.accounts is None else read_accounts(self.accounts)

    def to_mapping(self) -> dict[str, Any]:
        """As plain values, for workers. Holds no secret: accounts are named by their file, and what is probed
        is no worker's business."""
        return self.model_dump(mode="json", by_alias=True, exclude={"probes"})

    def uses_accounts(self, scenario: Scenario) -> bool:
        """Whether any request of the scenario's behaviours needs a user name or password."""
        behaviours = [load_behaviour(name) for name in scenario.behaviour_names()]
        sent = [request for each in behaviours for request in requests_of(each, self.requests)]
        return any({"username", "password"} & request.variables() for request in sent)

    def check_against(self, scenario: Scenario) -> None:
        """Raise UsageError if the scenario's behaviour needs a request that this target lacks."""
        behaviours = [load_behaviour(name) for name in scenario.behaviour_names()]
        steps = [s for b in behaviours if isinstance(b, WrittenBehaviour) for s in b.every_step()]
        missing = [s.request for s in steps if s.request is not None and s.request not in self.requests]
        if missing:
            raise UsageError(
                f"scenario {scenario.name!r} sends {missing[0]!r}, which target {self.name!r} does not have; "
                f"it has: {', '.join(self.requests) or 'none'}"
            )

    def check_allowed(self, scenario: Scenario | None = None) -> None:
        """Raise RefusedError if load may not go to this host, or not so much of it as the scenario makes."""
        host = urlsplit(self.base_url).hostname or ""
        if not (self.is_lab or self.allow_load or is_loopback(host)):
            raise RefusedError(
                f"target {self.name!r} is {host}, not this machine: set 'allow_load: true' in its file if "
                "you may put load on it"
            )
        for name, probe in self.probes.items():
            theirs = urlsplit(probe.filled(environment()).url or "").hostname or host
            if not (theirs == host or is_loopback(theirs) or probe.allow):
                raise RefusedError(
                    f"probe {name!r} of target {self.name!r} asks {theirs}, which is neither the target nor "
                    "this machine: set 'allow: true' in the probe if you may read there"
                )
        if scenario is not None:
            self._check_amount(scenario)

    def _check_amount(self, scenario: Scenario) -> None:
        plans = scenario.plans().values()
        limits = {"max_users": self.max_users, "max_arrivals_per_s": self.max_arrivals_per_s}
        for (key, most), unit in zip(limits.items(), (USERS, ARRIVALS), strict=True):
            peak = peak_of([plan for plan in plans if plan.unit == unit])
            if peak and most is None and any(limits.values()):
                raise RefusedError(
                    f"scenario {scenario.name!r} has up to {peak:,g} {unit}, and target {self.name!r} limits "
                    f"something else only: add '{key}' to its file"
                )
            if most is not None and peak > most:
                raise RefusedError(
                    f"scenario {scenario.name!r} has up to {peak:,g} {unit}, and target {self.name!r} allows "
                    f"{most:,g}: choose lower levels, or raise '{key}' in its file if you may"
                )


@lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether a host can only mean this machine, whatever the file of hosts says of `localhost`."""
    if host == "localhost":
        found = addresses_of(host)
        return bool(found) and all(ipaddress.ip_address(each).is_loopback for each in found)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def target_names(config_dir: Path = CONFIG_DIR) -> list[str]:
    """Names of the targets that exist."""
    return config_names("targets", config_dir)


def load_target(name: str, config_dir: Path = CONFIG_DIR) -> Target:
    """Read a target by name, or by path where the name ends with `.yaml`.

    Raises:
        UsageError: no such target, or mistakes in it (all of them, with their places).
    """
    target, path = load_named(Target, name, "targets", config_dir)
    accounts = path.resolve().parent / target.accounts if target.accounts else None
    probes = {n: _on_its_map(probe, n, path, config_dir) for n, probe in target.probes.items()}
    found = target.model_copy(update={"accounts": accounts, "probes": probes})
    found._file = path
    return found


def probe_maps(config_dir: Path = CONFIG_DIR) -> list[str]:
    """Names of the maps that probes may build on."""
    return config_names("probes", config_dir)


def _on_its_map(probe: Probe, name: str, path: Path, config_dir: Path) -> Probe:
    if probe.map is not None:
        known = probe_maps(config_dir)
        if probe.map not in known and not probe.map.endswith(".yaml"):
            raise UsageError(f"{path}: probes.{name}.map: no map {probe.map!r}{nearest(probe.map, known)}")
        probe = probe.on_top_of(load_named(Probe, probe.map, "probes", config_dir)[0])
    if lacking := probe.lacking():
        raise UsageError(f"{path}: probes.{name} {lacking}")
    return probe

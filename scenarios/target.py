"""Target: where the load goes, which requests it understands, which answers are right, whose accounts."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from recording.errors import RefusedError, UsageError
from scenarios.behaviour import BEHAVIOURS
from scenarios.scenario import CONFIG_DIR, Model, Scenario, config_file
from scenarios.yaml_file import check, read_yaml

LAB = "lab"
VARIABLE = re.compile(r"\{([a-z_]+)\}")


class Expect(Model):
    """Which answer is right: the status, and fields that its JSON body must hold."""

    status: Annotated[int, Field(ge=100, le=599)] = 200
    json_fields: tuple[str, ...] = ()


class Request(Model):
    """One request. `{username}`, `{password}` and saved values stand for themselves in path, headers, body.

    Attributes:
        method: HTTP method.
        path: below the target's base URL.
        json_body: sent as JSON.
        headers: sent with the request.
        expect: the right answer.
        save: fields of the JSON answer kept for the following requests of the turn: variable -> field.
    """

    method: Annotated[str, Field(pattern=r"^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)$")] = "GET"
    path: Annotated[str, Field(pattern=r"^/")]
    json_body: dict[str, Any] | None = Field(default=None, alias="json")
    headers: dict[str, str] = Field(default_factory=dict)
    expect: Expect = Expect()
    save: dict[str, str] = Field(default_factory=dict)


class Target(Model):
    """One target file, with every default filled in.

    Attributes:
        name: the file's name without `.yaml`.
        description: one line for lists and pages.
        base_url: `http://host[:port]`, or `lab` for the service that comes with the suite.
        allow_load: must be true before load goes to anything but this machine.
        health: path asked once before the run.
        accounts: CSV file with the columns username and password; relative to the target file.
        requests: by name; behaviours refer to these names.
    """

    name: str = ""
    description: str = ""
    base_url: str
    allow_load: bool = False
    health: str | None = None
    accounts: Path | None = None
    requests: dict[str, Request]

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, value: str) -> str:
        if value == LAB:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected a URL like http://127.0.0.1:8080, or 'lab'")
        try:
            _ = parts.port
        except ValueError:
            raise ValueError("expected a port from 1 to 65535 behind the host") from None
        if parts.username or parts.password:
            raise ValueError("keep user and password out of the URL; put them into the accounts file")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("expected only scheme, host and port; paths belong to the requests")
        return value.rstrip("/")

    @property
    def is_lab(self) -> bool:
        """Whether the embedded service is meant."""
        return self.base_url == LAB

    def at(self, base_url: str, accounts: Path | None) -> Target:
        """The same target at a URL, with an accounts file: what `lab` becomes once it runs."""
        return self.model_copy(update={"base_url": base_url, "accounts": accounts or self.accounts})

    def to_mapping(self) -> dict[str, Any]:
        """As plain values, for workers. Holds no secret: accounts are named by their file."""
        return self.model_dump(mode="json", by_alias=True)

    def uses_accounts(self, scenario: Scenario) -> bool:
        """Whether any request of the scenario's behaviour needs a user name or password."""
        needed = " ".join(self.requests[name].model_dump_json() for name in BEHAVIOURS[scenario.behaviour])
        return bool({"username", "password"} & set(VARIABLE.findall(needed)))

    def check_against(self, scenario: Scenario) -> None:
        """Raise UsageError if the scenario's behaviour needs a request that this target lacks."""
        missing = [name for name in BEHAVIOURS[scenario.behaviour] if name not in self.requests]
        if missing:
            raise UsageError(
                f"scenario {scenario.name!r} sends {missing[0]!r}, which target {self.name!r} does not have; "
                f"it has: {', '.join(self.requests)}"
            )

    def check_allowed(self) -> None:
        """Raise RefusedError if load may not go to this host."""
        host = urlsplit(self.base_url).hostname or ""
        if self.is_lab or self.allow_load or is_loopback(host):
            return
        raise RefusedError(
            f"target {self.name!r} is {host}, not this machine: set 'allow_load: true' in its file if you "
            "may put load on it"
        )


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def target_names(config_dir: Path = CONFIG_DIR) -> list[str]:
    """Names of the targets that exist."""
    return sorted(path.stem for path in (config_dir / "targets").glob("*.yaml"))


def load_target(name: str, config_dir: Path = CONFIG_DIR) -> Target:
    """Read a target by name, or by path where the name ends with `.yaml`.

    Raises:
        UsageError: no such target, or mistakes in it (all of them, with their places).
    """
    path = config_file(name, config_dir, "targets", target_names(config_dir))
    target = check(Target, read_yaml(path))
    accounts = path.resolve().parent / target.accounts if target.accounts else None
    return target.model_copy(update={"name": path.stem, "accounts": accounts})

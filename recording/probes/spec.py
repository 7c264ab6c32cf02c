"""Spec: what a probe reads, where, and which of the target's figures is which of our signals."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from recording.errors import UsageError
from recording.probes.signals import SIGNALS, is_signal

Kind = Literal["prometheus", "json", "redis", "process", "log"]
EVERY_S: dict[str, float] = {"prometheus": 1.0, "json": 5.0, "redis": 1.0, "process": 1.0, "log": 1.0}
"""A health endpoint often asks the database: not every second."""

_PLACE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PHASE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}_ms")
_WAYS = ("gauge", "rate", "mean", "text")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MeanOf(_Model):
    """Two counters whose quotient is the mean: what was spent, and how often."""

    sum: str | list[str]
    count: str | list[str]


class Rule(_Model):
    """How one signal comes about: exactly one of `gauge`, `rate`, `mean` and `text`.

    Attributes:
        gauge: the figure as it stands.
        rate: counters; their growth per second.
        mean: a histogram or summary (its _sum over its _count), or two counters; growth over growth.
        text: a word, such as a region; becomes the label of a reading of 1.
        minus: subtracted from gauge or rate (all - free = in use).
        where: only series with these labels.
        join: what several series make together.
        scale: factor of the result, such as 1000 for seconds.
    """

    gauge: str | list[str] | None = None
    rate: str | list[str] | None = None
    mean: str | MeanOf | None = None
    text: str | None = None
    minus: str | list[str] = Field(default_factory=list)
    where: dict[str, str] = Field(default_factory=dict)
    join: Literal["sum", "max"] = "sum"
    scale: float = 1.0

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(getattr(self, way) is not None for way in _WAYS) != 1:
            raise ValueError(f"expected exactly one of {', '.join(_WAYS)}")
        return self


class Probe(_Model):
    """One probe of a target file, or a map of config/probes with what its users have in common.

    Attributes:
        name: of the map's file.
        description: one line.
        map: name of a file in config/probes that this probe builds on.
        kind: what is read.
        url: of metrics, health or Redis; a path means the target's own host.
        headers: for HTTP; `${NAME}` anywhere in a probe stands for an environment variable.
        allow: must be true for a host that is neither this machine nor the target.
        file: of a phase log.
        command: whose output is a phase log.
        pid: of a process on this machine.
        port: on which that process listens.
        every_s: seconds from one reading to the next.
        timeout_s: how long an answer is waited for.
        signals: our names, and how each comes about.
        total: field of a phase log that holds the time of the whole request.
        within: phases that are part of another one, such as lookup_ms within lock_ms.
    """

    name: str = ""
    description: str = ""
    map: str | None = None
    kind: Kind | None = None
    url: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    allow: bool = False
    file: str | None = None
    command: str | list[str] | None = None
    pid: int | str | None = None
    port: int | None = Field(None, ge=1, le=65535)
    every_s: float | None = Field(None, ge=0.2, le=3600)
    timeout_s: float = Field(2.0, gt=0, le=60)
    signals: dict[str, Rule] = Field(default_factory=dict)
    total: str = "total_ms"
    within: dict[str, str] = Field(default_factory=dict)

    @field_validator("signals")
    @classmethod
    def _known_signals(cls, value: dict[str, Rule]) -> dict[str, Rule]:
        for name in value:
            if not is_signal(name):
                near = difflib.get_close_matches(name, SIGNALS, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(SIGNALS)}"
                raise ValueError(f"{name!r} is no signal; {hint} Names of your own begin with x_")
        return value

    @field_validator("url")
    @classmethod
    def _readable_url(cls, value: str | None) -> str | None:
        try:
            urlsplit(_PLACE.sub("0", value or "")).port  # noqa: B018 - raises where it is no number
        except ValueError:
            raise ValueError("expected a path, or scheme://host[:port]/path") from None
        return value

    @field_validator("total")
    @classmethod
    def _is_phase(cls, value: str) -> str:
        return _checked_phase(value)

    @field_validator("within")
    @classmethod
    def _are_phases(cls, value: dict[str, str]) -> dict[str, str]:
        for inner, outer in value.items():
            _checked_phase(inner), _checked_phase(outer)
            if outer in value:
                raise ValueError(f"{outer} lies within {value[outer]}; one level is possible")
        return value

    @property
    def period_s(self) -> float:
        """Seconds from one reading to the next."""
        return self.every_s or EVERY_S[self.kind or "log"]

    def on_top_of(self, base: Probe) -> Probe:
        """This probe with what its map says where it says nothing itself."""
        mine, theirs = (
            p.model_dump(exclude_unset=True, exclude={"name", "description"}) for p in (self, base)
        )
        signals = {**theirs.pop("signals", {}), **mine.pop("signals", {})}
        return Probe.model_validate({**theirs, **mine, "signals": signals})

    def lacking(self) -> str:
        """What it needs and does not have, in words; "" if it is complete."""
        has = {key for key in ("url", "file", "command", "pid", "port") if getattr(self, key) is not None}
        if self.kind is None:
            return "needs 'kind', or 'map' with the name of a file in config/probes"
        if self.kind in ("prometheus", "json", "redis") and "url" not in has:
            return f"of kind {self.kind} needs 'url'"
        if self.kind == "log" and len(has & {"file", "command"}) != 1:
            return "of kind log needs either 'file' or 'command'"
        if self.kind == "process" and len(has & {"pid", "port"}) != 1:
            return "of kind process needs either 'pid' or 'port'"
        if self.kind in ("prometheus", "json", "redis") and not self.signals:
            return "needs 'signals', or 'map' with the name of a file in config/probes"
        return ""

    def filled(self, values: Mapping[str, str]) -> Probe:
        """The same with `${NAME}` replaced where the name is known.

        Raises:
            UsageError: a value does not fit where it stands; it is not told, since it may be a secret.
        """
        try:
            return Probe.model_validate(_filled(self.model_dump(exclude_unset=True), values))
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors()[0]["loc"])
            names = ", ".join(f"${{{name}}}" for name in self.unfilled())
            raise UsageError(
                f"a probe's {place} cannot be read with {names} filled in; in a URL, write / # ? @ : and % "
                "of a password as %2F %23 %3F %40 %3A %25"
            ) from None

    def unfilled(self) -> list[str]:
        """Names of environment variables that are still missing."""
        return sorted(set(_PLACE.findall(self.model_dump_json(exclude={"signals"}))))


def _checked_phase(name: str) -> str:
    if not _PHASE.fullmatch(name):
        raise ValueError(f"{name!r} is no field of a phase log; expected a name that ends with _ms")
    return name


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PLACE.sub(lambda found: values.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {key: _filled(inner, values) for key, inner in value.items()}
    return [_filled(inner, values) for inner in value] if isinstance(value, list) else value


def environment() -> Mapping[str, str]:
    """Where `${NAME}` is looked up when a run begins: so late that no secret is passed on or written down."""
    return os.environ

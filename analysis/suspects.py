"""Suspects: who may be to blame, read from config/suspects.yaml; `analysis.weigh` weighs them.

Weights are log-odds and simply add up. That treats signals as independent, which they are not quite; the sum
ranks suspects, it is no probability. Several suspects can hold together.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from analysis.evidence import Evidence
from analysis.signals import SIGNALS
from recording.errors import UsageError
from recording.scrub import one_line
from recording.strict_yaml import MAX_BYTES, MAX_DEPTH, read_bounded
from recording.whole_file import whole_file

SUSPECTS_YAML = Path(__file__).resolve().parent.parent / "config" / "suspects.yaml"
_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""As safe, and ten times as fast where libyaml was there to build it with."""
SHARED = ("listed_from", "experiments_on")
"""Keys that hold for all suspects of a table."""
LEAST_WEIGHT = 1.0
"""Listed from this weight on, and only with at least one piece of evidence for it."""


class SuspectsError(UsageError):
    """config/suspects.yaml cannot be used; the message says where and why."""


class EvidenceLine(BaseModel):
    """One line of a suspect's `evidence`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signal: str
    is_: list[str | int] = Field(default_factory=list, alias="is")
    pattern: str | None = None
    for_: float = Field(alias="for", ge=0)
    against: float = Field(ge=0)

    @field_validator("signal")
    @classmethod
    def _known_signal(cls, value: str) -> str:
        if value not in SIGNALS:
            raise ValueError(f"unknown signal {value!r}; allowed: {', '.join(SIGNALS)}")
        return value

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
        return value

    @property
    def wanted(self) -> frozenset[str]:
        """What the signal should be."""
        return frozenset(str(value) for value in self.is_)


class MissingLine(BaseModel):
    """One line of a suspect's `missing` that goes once a probe has read any of these signals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    unless: list[str] = Field(min_length=1)

    def is_missing(self, evidence: Evidence) -> bool:
        """Whether none of them was read."""
        if evidence.server is None:
            return True
        read = {figure.signal for figure in evidence.server.figures}
        read |= {f"{phase.name}_ms" for phase in evidence.server.phases}
        return not read & set(self.unless)


class Suspect(BaseModel):
    """One suspect of the table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    evidence: list[EvidenceLine] = Field(min_length=1)
    needs: list[str] = Field(default_factory=list)
    missing: list[str | MissingLine] = Field(default_factory=list)
    advice: list[str] = Field(min_length=1)
    long_run: list[str] = Field(default_factory=list)
    watch: list[str] = Field(default_factory=list)
    experiment: str | None = None
    experiments_on: str | None = None
    listed_from: float = LEAST_WEIGHT

    @model_validator(mode="after")
    def _needs_what_it_has(self) -> Suspect:
        missing = set(self.needs) - {line.signal for line in self.evidence}
        if missing:
            raise ValueError(f"needs {sorted(missing)[0]!r}, which is no line of its evidence")
        return self


@lru_cache(maxsize=1)
def known_suspects() -> tuple[Suspect, ...]:
    """The suspects of config/suspects.yaml, read once."""
    return load_suspects(SUSPECTS_YAML)


def load_suspects(path: Path) -> tuple[Suspect, ...]:
    """Read a table of suspects.

    Raises:
        SuspectsError: no file, no YAML, or a key or value that does not belong there.
    """
    try:
        value = read_bounded(whole_file(path, MAX_BYTES).decode(), MAX_DEPTH, _YAML)
    except OSError as error:
        raise SuspectsError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SuspectsError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except yaml.YAMLError as error:
        raise SuspectsError(f"{path}: not YAML: {one_line(str(error), 300)}") from error
    return _suspects(value, path)


def _suspects(value: Any, path: Path) -> tuple[Suspect, ...]:
    if not isinstance(value, dict) or not isinstance(value.get("suspects"), dict):
        raise SuspectsError(f"{path}: expected a mapping with the key 'suspects'")
    unknown = {str(key) for key in value} - {"suspects", *SHARED}
    if unknown:
        allowed = ", ".join((*SHARED, "suspects"))
        raise SuspectsError(f"{path}: unknown key {sorted(unknown)[0]!r}; allowed: {allowed}")
    found = []
    for name, fields in value["suspects"].items():
        if not isinstance(fields, dict):
            raise SuspectsError(f"{path}: suspects.{name} must be a mapping with title, evidence and advice")
        shared = {key: value[key] for key in SHARED if key in value}
        try:
            found.append(Suspect.model_validate({**shared, **fields, "name": str(name)}))
        except ValidationError as error:
            raise SuspectsError(f"{path}: {_first_mistake(str(name), error)}") from error
    return tuple(found)


def _first_mistake(name: str, error: ValidationError) -> str:
    """The first mistake in words; a key that does not belong there before what is missing because of it."""
    mistake = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    place = ".".join(["suspects", name, *(str(part) for part in mistake["loc"])])
    if mistake["type"] == "extra_forbidden":
        return f"unknown key {place}"
    return f"{place}: {mistake['msg']}"

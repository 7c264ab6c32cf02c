"""Report: what an experiment found, as `experiment.json` (format 1) holds it.

Names are relied upon from outside: add, never rename. Ratios are changed against first: 0.1 is a tenth.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from analysis.verdict import Finding, Interval, Model, printable_json

FORMAT = 1

Conclusion = Literal["supports", "contradicts", "cannot_tell"]


class Effect(Model):
    """A figure in both states, and what became of it. None: not measured, or without bound."""

    first: float | None
    changed: float | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None


class RateChange(Model):
    """An error rate in both states, their ratio and their difference, each with its 95 % interval."""

    name: str
    first: Interval
    changed: Interval
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    difference: float
    difference_low: float
    difference_high: float


class ArmReport(Model):
    """One arm, without its warm-up. `start_s` counts from the beginning of the first arm."""

    state: Literal["first", "changed"]
    run_id: str
    start_s: float
    length_s: float
    requests: int
    errors: int
    error_rate: Interval
    throughput_per_s: float | None
    p99_ms: float | None
    p99_low_ms: float | None
    p99_high_ms: float | None
    trusted: bool
    findings: list[Finding] = Field(default_factory=list)


class Needed(Model):
    """How much would tell, if what was measured stays as it is. `command` is the line to type."""

    arm_s: float
    pairs: int
    duration_s: float
    command: str | None = None


class About(Model):
    """What was tried, and on what. `title` and `change` hold no secrets."""

    id: str
    experiment: str
    title: str
    suspect: str
    suspect_title: str
    change: str
    measure: Literal["error_rate", "p99"]
    scenario: str
    target: str
    level: float
    unit: str
    seed: int
    arm_s: float
    warm_up_s: float
    pairs: int
    started_utc: str
    command: str = ""
    restored: bool = True


class ExperimentReport(Model):
    """Everything about one experiment."""

    format: int = FORMAT
    about: About
    conclusion: Conclusion
    sentence: str
    why: str
    error_rate: RateChange | None
    by_class: list[RateChange] = Field(default_factory=list)
    p99_ms: Effect | None = None
    throughput_per_s: Effect | None = None
    arms: list[ArmReport] = Field(default_factory=list)
    valid: bool
    complete: bool
    needed: Needed | None = None

    def to_json(self) -> str:
        """As `experiment.json`, indented."""
        return printable_json(self)

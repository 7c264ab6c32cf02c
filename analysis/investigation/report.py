"""Report: what an investigation found, as `investigation.json` (format 1) holds it.

Names are relied upon from outside: add, never rename. Paths are relative to the investigation's folder.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from analysis.experiment.report import Effect, Needed, RateChange
from analysis.investigation.plan import Reason
from analysis.verdict import Interval, Model, SloResult, SuspectReport, printable_json

FORMAT = 1

Conclusion = Literal["cause_found", "ruled_out", "cannot_tell", "nothing_to_explain"]
TrialOutcome = Literal["supports", "contradicts", "cannot_tell", "not_possible", "not_tried"]
Explains = Literal["errors", "latency", "nothing"]


class About(Model):
    """What was investigated. `explains`: what a change must take away to be the cause."""

    id: str
    scenario: str
    target: str
    fault: str | None
    seed: int
    at_most_s: float
    started_utc: str
    duration_s: float
    command: str


class Seen(Model):
    """The run that it began with, and where it lies."""

    run_id: str
    folder: str
    report: str
    sentence: str
    requests: int
    errors: int
    error_rate: Interval
    p99_ms: float | None
    freezes: int
    slo: list[SloResult] = Field(default_factory=list)
    doubts: list[str] = Field(default_factory=list)


class Trial(Model):
    """One experiment: done, not possible (`why` says what is in the way), or not tried.

    `moved` is what the change did, `decides` whether "contradicts" clears the suspect. `changed_p99_ms` is of
    successes with the change, the highest of its arms; it is there even where too few succeeded without it.
    """

    experiment: str
    title: str
    suspect: str
    suspect_title: str
    change: str
    reason: Reason
    decides: bool
    outcome: TrialOutcome
    moved: str = ""
    why: str
    measure: Literal["error_rate", "p99"] = "error_rate"
    error_rate: RateChange | None = None
    p99_ms: Effect | None = None
    changed_p99_ms: float | None = None
    load: str = ""
    valid: bool = True
    complete: bool = True
    report: str | None = None
    command: str = ""
    needed: Needed | None = None


class Cause(Model):
    """Whom an experiment convicted, and of what: `moved` and `why` are its figures.

    `left` says which targets are missed even with the change, "" if none that it measured.
    """

    suspect: str
    title: str
    experiment: str
    change: str
    moved: str
    why: str
    left: str = ""


class Excluded(Model):
    """A suspect that its deciding experiment cleared."""

    suspect: str
    title: str
    experiment: str
    how: str


class Open(Model):
    """A suspect that stays: why, what was not measured about it, and the command that would settle it."""

    suspect: str
    title: str
    why: str
    missing: list[str] = Field(default_factory=list)
    command: str | None = None


class Advice(Model):
    """What to do about a suspect: now, in the long run, and what to watch."""

    suspect: str
    title: str
    now: list[str]
    long_run: list[str]
    watch: list[str]


class Investigation(Model):
    """Everything about one investigation."""

    format: int = FORMAT
    about: About
    conclusion: Conclusion
    sentence: str
    why: str
    explains: Explains
    seen: Seen
    suspects: list[SuspectReport] = Field(default_factory=list)
    trials: list[Trial] = Field(default_factory=list)
    cause: Cause | None = None
    ruled_out: list[Excluded] = Field(default_factory=list)
    open: list[Open] = Field(default_factory=list)
    advice: list[Advice] = Field(default_factory=list)
    stopped: str = ""
    valid: bool
    complete: bool

    def to_json(self) -> str:
        """As `investigation.json`, indented."""
        return printable_json(self, by_alias=True)

"""Report: what a comparison found, as `comparison.json` (format 1) holds it.

Names are relied upon from outside: add, never rename. Everything is new against base: a `change` of -0.6 is
60 % less.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from analysis.verdict import Finding, Model, printable_json

FORMAT = 1

Answer = Literal["better", "worse", "same", "cannot_tell"]
Overall = Literal["better", "worse", "mixed", "same", "cannot_tell"]
"""Of the whole; mixed: fewer failures, and something else of the headline is worse."""
Kind = Literal["new", "gone", "grown", "shrunk", "same", "cannot_tell"]
Unit = Literal["share", "ms", "per_s", "s"]


class Unlike(Model):
    """Something that runs must have in common to be compared, and do not."""

    what: str
    base: str
    new: str


class Side(Model):
    """The runs of one side, together."""

    runs: list[str]
    scenario: str | None = None
    target: str | None = None
    started_utc: str | None = None
    requests: int
    errors: int
    valid: bool
    complete: bool
    findings: list[Finding] = Field(default_factory=list)


class Line(Model):
    """One figure on both sides, each with its 95 % interval where it has one, and what became of it.

    `change` is relative (new / base - 1), `difference` absolute (shares as ratios, else in `unit`). Of
    `same`, `within` is the largest difference that the runs do not rule out, as a share of the base figure;
    for shares of requests, absolute.
    """

    key: str
    title: str
    unit: Unit
    base: float | None
    base_low: float | None = None
    base_high: float | None = None
    new: float | None
    new_low: float | None = None
    new_high: float | None = None
    change: float | None = None
    change_low: float | None = None
    change_high: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    within: float | None = None
    answer: Answer
    text: str


class KindLine(Line):
    """A kind of failure: status or outcome, and what the answer said."""

    kind: Kind


class LevelLines(Model):
    """The figures at one level of load that both sides have."""

    load_low: float
    load_high: float
    axis: str
    lines: list[Line]


class Comparison(Model):
    """Everything about one comparison."""

    format: int = FORMAT
    answer: Overall
    sentence: str
    base: Side
    new: Side
    unlike: list[Unlike] = Field(default_factory=list)
    lines: list[Line] = Field(default_factory=list)
    kinds: list[KindLine] = Field(default_factory=list)
    levels: list[LevelLines] = Field(default_factory=list)
    levels_why: str = ""
    valid: bool
    complete: bool

    def to_json(self) -> str:
        """As `comparison.json`, indented."""
        return printable_json(self)

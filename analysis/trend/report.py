"""Report: what a history shows of each scenario, as `trend.json` and `regression.json` (format 1) hold it.

Names are relied upon from outside: add, never rename.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from analysis.comparison.report import Unit
from analysis.verdict import Model, printable_json

FORMAT = 1

Answer = Literal["worse", "better", "same", "first", "not_judged"]


class TrendRun(Model):
    """One run of a series.

    `figures` by name; empty where the run is not whole. `repeats` is the first run of its night, where it was
    made at once after that one because of doubts.
    """

    run_id: str
    started_utc: str
    target_commit: str | None
    exit_code: int
    whole: bool
    pinned: bool
    repeats: str | None = None
    sentence: str
    figures: dict[str, float]


class Change(Model):
    """A figure went to another level.

    `begins` is the first run of the new level, `found` the run after which that was clear. The change came
    after `commit_before` and up to `commit_after`, where both are known. `low` and `high` bound the change
    with 95 %: of shares in points (0.02 is two points), of durations relative. `moved` and `since` say it in
    words: what the figure did, and since when or against what.
    """

    name: str
    title: str
    unit: Unit
    worse: bool
    base: float
    new: float
    change: float | None
    low: float
    high: float
    p_value: float
    runs_base: int
    runs_new: int
    begins: str
    begins_utc: str
    found: str
    commit_before: str | None = None
    commit_after: str | None = None
    moved: str
    since: str

    @property
    def text(self) -> str:
        """What the figure did, and since when."""
        return f"{self.moved} {self.since}"


class Line(Model):
    """One figure of a series: its values in the order of the runs (null where a run lacks it), and the levels
    that it had, as (first run, value) by place."""

    name: str
    title: str
    unit: Unit
    values: list[float | None]
    levels: list[tuple[int, float]]


class Series(Model):
    """One scenario's runs that can be compared, oldest first. `apart` tells of its other runs, and why they
    are not among them."""

    scenario: str
    target: str | None
    name: str
    runs: list[TrendRun]
    lines: list[Line]
    changes: list[Change]
    baseline: str
    sentence: str
    apart: list[str] = Field(default_factory=list)


class Trend(Model):
    """Every scenario of a history."""

    format: int = FORMAT
    series: list[Series]

    def of(self, scenario: str | None) -> Trend:
        """One scenario alone; all of them for None."""
        if scenario is None:
            return self
        return Trend(series=[one for one in self.series if one.scenario == scenario])

    def to_json(self) -> str:
        """As `trend.json`, indented."""
        return printable_json(self)


class Regression(Model):
    """The newest run, together with the others of its night, against those before them.

    `alarms` are changes for the worse that became clear in this night; `better` those for the better;
    `standing` those for the worse that were told before and have not gone. `doubtful` are figures that may
    be much worse, which this night by itself does not tell.
    """

    format: int = FORMAT
    run_id: str
    scenario: str
    answer: Answer
    sentence: str
    baseline: str
    runs_before: int
    alarms: list[Change] = Field(default_factory=list)
    better: list[Change] = Field(default_factory=list)
    standing: list[Change] = Field(default_factory=list)
    doubtful: list[str] = Field(default_factory=list)

    def to_json(self) -> str:
        """As `regression.json`, indented."""
        return printable_json(self)

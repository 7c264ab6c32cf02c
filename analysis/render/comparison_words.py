"""A comparison's figures and answers in words, so that every renderer says the same."""

from __future__ import annotations

import math

from analysis.comparison.report import Comparison, KindLine, Line, Overall, Side
from analysis.render import wording
from analysis.verdict import Interval

ANSWER: dict[Overall, str] = {
    "better": "Better",
    "worse": "Worse",
    "mixed": "Mixed",
    "same": "No difference seen",
    "cannot_tell": "Cannot tell",
}
HEADS = ("", "Base", "New", "Change (95 %)", "")
KIND_HEADS = ("Kind of failure", "Base", "New", "Change (95 %)", "")
LEVEL_HEADS = ("Load", "", "Base", "New", "Change (95 %)", "")


def rows(lines: list[Line] | list[KindLine]) -> list[tuple[str, ...]]:
    """One row per figure: name, both sides, change, what that means."""
    return [
        (line.title, _side(line, line.base, line.base_low, line.base_high),
         _side(line, line.new, line.new_low, line.new_high), change(line), line.text)
        for line in lines
    ]  # fmt: skip


def level_rows(report: Comparison) -> list[tuple[str, ...]]:
    """The figures of each level of load, lowest first."""
    return [
        (f"{wording.between(level.load_low, level.load_high)} {level.axis}", *row)
        for level in report.levels
        for row in rows(level.lines)
    ]


def change(line: Line) -> str:
    """A change with its interval: shares in points and per cent, other figures in per cent."""
    if line.unit == "share" and line.difference is not None:
        bounds = wording.points_span(line.difference_low, line.difference_high)
        relative = "" if line.change is None else f", {_percent(line.change)} %"
        return f"{wording.points(line.difference)} ({bounds}){relative}"
    if line.change is None or line.change_low is None or line.change_high is None:
        return wording.UNKNOWN
    return f"{_percent(line.change)} % ({_percent(line.change_low)} to {_percent(line.change_high)})"


def _percent(value: float) -> str:
    digits = 1 if abs(value) >= 0.995 and value < 0 else 0
    return f"{value * 100:+,.{digits}f}".replace("-", "−")


def _side(line: Line, value: float | None, low: float | None, high: float | None) -> str:
    if value is None or not math.isfinite(value):
        return wording.UNKNOWN
    if line.unit == "share":
        return wording.interval(Interval(value=value, low=low, high=high, n=1))
    if line.unit == "per_s":
        return wording.rate(value)
    if line.key == "freeze" and not value:
        return "none"
    return wording.milliseconds(value) if line.unit == "ms" else wording.seconds(value)


def context(report: Comparison) -> list[str]:
    """What was compared, in short pieces."""
    base, new = report.base, report.new
    return [
        f"base {_runs(base)}",
        f"new {_runs(new)}",
        *([f"scenario {new.scenario}"] if new.scenario else []),
        *([f"target {new.target}"] if new.target else []),
    ]


def _runs(side: Side) -> str:
    return f"{', '.join(side.runs)} ({wording.plural(side.requests, 'request')})"


def doubts(report: Comparison) -> list[str]:
    """Why the answer is not to be relied on."""
    found = [
        f"{name}: {finding.text}"
        for name, side in (("base", report.base), ("new", report.new))
        for finding in side.findings
    ]
    found += [f"the runs differ in {one.what}: {one.base} and {one.new}" for one in report.unlike]
    return list(dict.fromkeys(found))

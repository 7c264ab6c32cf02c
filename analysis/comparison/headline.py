"""Headline: the answer to a whole comparison, in a sentence with the figures that make it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from analysis.comparison.figure import figure
from analysis.comparison.report import Answer, Line, Overall, Unlike

HEADLINE = ("error_rate", "p99_all", "p99_ok", "p95_ok", "p50_ok", "freeze")
"""What the sentence speaks of, in this order."""
SURE = ("p95_ok", "p50_ok")
"""Those of them that count at 99 % only: the more figures decide, the more often chance does."""
SURE_WIDER = 1.84
"""An interval of 99 % against one of 95 %, where three degrees of freedom are known (Student's t)."""


def headline(lines: Sequence[Line]) -> tuple[Overall, str]:
    """The answer to all of it, with the figures that make it."""
    by_key = {line.key: line for line in lines}
    told = [by_key[key] for key in HEADLINE if key in by_key]
    if not told:
        return "cannot_tell", "Cannot tell: a side has no requests, or does not tell which failed."
    worse, better, same = (
        [line for line in told if _counts_as(line) == a] for a in ("worse", "better", "same")
    )
    fewer = [line for line in better if line.key == "error_rate"]
    if worse and fewer:
        good, bad = ("; ".join(map(_moved, _shown(found))) for found in (better, worse))
        return "mixed", f"Mixed: {good}; but {bad}."
    if worse:
        return "worse", f"New is worse: {'; '.join(map(_moved, _shown(worse) + _shown(better)))}."
    if better:
        return "better", f"New is better: {'; '.join(map(_moved, _shown(better)))}."
    if told[0] in same:
        clauses = "; ".join(f"{_name(line)}, {line.text}" for line in same)
        left = [line for line in told if line not in same]
        return "same", f"No difference seen: {clauses}.{_left_open(left)}"
    before, now = (figure(told[0].unit, value) for value in (told[0].base, told[0].new))
    return "cannot_tell", (
        f"Cannot tell: the {_name(told[0])} was {before} and is {now}, and single runs may differ by as much;"
        " several runs a side tell more."
    )


def _counts_as(line: Line) -> Answer:
    """What a figure of the headline is taken for."""
    if line.key in SURE and line.answer in ("better", "worse") and not _is_sure(line):
        return "cannot_tell"
    return line.answer


def _is_sure(line: Line) -> bool:
    """Whether an interval of 99 % holds no change of none."""
    if line.change is None or line.change_low is None or line.change_high is None:
        return False
    half = (math.log1p(line.change_high) - math.log1p(line.change_low)) / 2
    return abs(math.log1p(line.change)) > SURE_WIDER * half


def _shown(found: Sequence[Line]) -> list[Line]:
    """What is said of figures that moved alike: a P99 of successes speaks for what lies below it."""
    keys = {line.key for line in found}
    return [line for line in found if line.key not in SURE or "p99_ok" not in keys]


def _left_open(lines: Sequence[Line]) -> str:
    """What "no difference" does not cover."""
    figures = [
        f"{_name(line)} ({figure(line.unit, line.base)} and {figure(line.unit, line.new)})"
        for line in lines
        if line.base is not None or line.new is not None
    ]
    return f" Left open: {'; '.join(figures)}." if figures else ""


def _name(line: Line) -> str:
    return line.title if line.title.startswith("P") else line.title[:1].lower() + line.title[1:]


def _moved(line: Line) -> str:
    if line.key == "freeze":
        return "it freezes now" if line.new else "it freezes no more"
    verb = "rises" if (line.new or 0.0) > (line.base or 0.0) else "falls"
    change = "" if line.change is None else f" ({line.change * 100:+,.0f} %)".replace("-", "−")
    return (
        f"{_name(line)} {verb} from {figure(line.unit, line.base)} to {figure(line.unit, line.new)}{change}"
    )


def load_first(apart: Unlike) -> str:
    """What comes before the answer where the sides share no level of load."""
    return (
        f"The runs share no level of load ({apart.base} before, {apart.new} now), so what differs may be "
        "the load alone. "
    )

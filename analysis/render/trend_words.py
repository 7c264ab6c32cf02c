"""A history in words and rows, so that terminal, page and Markdown say the same."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.comparison.figure import figure
from analysis.gate import WORDS
from analysis.render import wording
from analysis.trend.entry import TITLES
from analysis.trend.judge import MOST_TOLD
from analysis.trend.report import Answer, Change, Regression, Series, TrendRun

ANSWER: dict[Answer, str] = {
    "worse": "Regression",
    "better": "Better",
    "same": "No regression",
    "first": "First run",
    "not_judged": "Not judged",
}
BADGE: dict[Answer, str] = {
    "worse": "missed",
    "better": "met",
    "same": "met",
    "first": "no_data",
    "not_judged": "incomplete",
}
HEADS = ("Run", "Began (UTC)", "Commit", "Targets", *(title for title, _ in TITLES.values()))
CHANGE_HEADS = ("Figure", "What it did", "Change (95 %)", "Chance", "Runs")


def rows(series: Series, most: int) -> list[tuple[str, ...]]:
    """The newest runs, newest first: name, time, commit, gate, figures."""
    return [_row(run) for run in reversed(series.runs[-most:])]


def _row(run: TrendRun) -> tuple[str, ...]:
    figures = (
        figure(unit, run.figures[name]) if name in run.figures else wording.UNKNOWN
        for name, (_, unit) in TITLES.items()
    )
    marks = " (pinned)" * run.pinned + " (again)" * (run.repeats is not None)
    gate = WORDS[run.exit_code].replace("_", " ") if run.exit_code in WORDS else str(run.exit_code)
    return f"{run.run_id}{marks}", run.started_utc[:16], (run.target_commit or "")[:12], gate, *figures


def change_rows(changes: Sequence[Change]) -> list[tuple[str, ...]]:
    """One row per change, the newest first."""
    return [
        (
            change.title,
            change.text,
            _bounds(change),
            f"{change.p_value:.1g}",
            f"{change.runs_new} against {change.runs_base}",
        )
        for change in reversed(changes)
    ]


def _bounds(change: Change) -> str:
    if change.unit == "share":
        return f"{wording.points(change.new - change.base)} ({wording.points_span(change.low, change.high)})"
    shown = (_signed(value) for value in (change.change or 0.0, change.low, change.high))
    return "{} % ({} to {})".format(*shown)


def _signed(value: float) -> str:
    return f"{value * 100:+,.0f}".replace("-", "−")


def notes(report: Regression) -> list[str]:
    """What a reader must know beside the sentence."""
    found = [f"{one.title} {one.text}" for one in report.alarms[MOST_TOLD:]]
    found += [f"better: {one.title} {one.text}" for one in report.better if report.answer != "better"]
    found += [f"still there: {one.title} {one.text}" for one in report.standing]
    told = {one.title for one in report.alarms}
    doubtful = [name for name in report.doubtful if name not in told]
    if doubtful:
        found.append(f"may be worse, which only more runs would tell: {', '.join(doubtful)}")
    return [*found, f"compared with: {report.baseline}"]

"""A regression run as Markdown (regression.md), for the summary of a CI job, a pull request or a chat."""

from __future__ import annotations

from analysis.render import trend_words as words
from analysis.render.markdown import plain, table
from analysis.trend.report import Regression
from analysis.verdict import Verdict


def regression_markdown(report: Regression, verdict: Verdict) -> str:
    """Answer, why requests failed, targets, changes; ends with a line break."""
    parts = [f"# {plain(report.sentence)}", plain(verdict.sentence)]
    parts += ["\n".join(f"- {plain(note)}" for note in words.notes(report))]
    changes = [*report.alarms, *report.better]
    if changes:
        parts.append(f"## Changes\n\n{table(words.CHANGE_HEADS, words.change_rows(changes), 200)}")
    if verdict.slo:
        results = [(one.target, one.outcome.replace("_", " "), one.text) for one in verdict.slo]
        parts.append(f"## Targets\n\n{table(('Target', 'Outcome', ''), results, 200)}")
    doubts = [one for one in verdict.quality.findings if one.severity in ("invalid", "incomplete")]
    parts += [f"> **{one.severity}:** {plain(one.text)}" for one in doubts]
    return "\n\n".join(part for part in parts if part) + "\n"

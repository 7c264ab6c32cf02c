"""The verdict as Markdown (report.md), for pull requests and chat: the answer, the tables, what to do next.

Foreign texts go into code spans, where neither HTML, links, mentions nor emphasis have any effect.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from analysis.render import answers, burst_words, server_words, suspect_words, wording
from analysis.verdict import Verdict

_SPECIAL = re.compile(r"([\\`*_\[\]|~#])")
_MOST_ROWS = 20
_MOST_LEVEL_ROWS = 40


def markdown(verdict: Verdict) -> str:
    """The whole report as Markdown; ends with a line break."""
    parts = [
        _head(verdict),
        _why(verdict),
        _slo(verdict),
        _levels(verdict),
        _attribution(verdict),
        _statuses(verdict),
        _fingerprints(verdict),
        _messages(verdict),
        _concentration(verdict),
        _latency(verdict),
        _latency_by_load(verdict),
        _phases(verdict),
        _figures(verdict),
        _events(verdict),
        _tree(verdict),
        _suspects(verdict),
        _quality(verdict),
        _next_run(verdict),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


UNMENTIONED = "@\u200b"
"""Looks like an @, and calls nobody."""


def plain(text: str, limit: int = 600) -> str:
    """A sentence of the suite's own, which may quote foreign words: nothing in it is markup."""
    escaped = _SPECIAL.sub(r"\\\1", wording.clean(text, limit))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", UNMENTIONED)


def code(text: str, limit: int = 200) -> str:
    """A foreign text as a code span; the pipe is escaped for tables."""
    body = wording.clean(text, limit).replace("|", "\\|")
    if not body:
        return ""
    longest = max((len(run) for run in re.findall("`+", body)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{body}{pad}{fence}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], limit: int) -> str:
    """A table of plain texts, each cut at `limit` characters; none of its columns is numeric."""
    lines = [heads, ["---"] * len(heads), *([plain(cell, limit) for cell in row] for row in rows)]
    return "\n".join(map(row_of, lines))


def row_of(cells: Sequence[str]) -> str:
    """A row of a table; the cells are escaped already."""
    return "| " + " | ".join(cells) + " |"


def _table(
    title: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric_from: int = 1,
    most: int = _MOST_ROWS,
) -> str:
    """A titled table; columns from `numeric_from` on are right-aligned. Empty without rows."""
    lines = [row_of(row) for row in rows]
    if not lines:
        return ""
    rule = ["---" if index < numeric_from else "--:" for index in range(len(heads))]
    dropped = len(lines) - most
    more = [f"\n…and {dropped} more rows in verdict.json."] if dropped > 0 else []
    head = [row_of(heads), row_of(rule)]
    return "\n".join([f"## {title}", "", *head, *lines[:most], *more])


def _head(verdict: Verdict) -> str:
    grave = answers.findings(verdict, ("invalid", "incomplete"))
    warnings = [f"> **{answers.SEVERITY[f.severity]}:** {plain(f.text)}" for f in grave]
    lines = [f"# {plain(verdict.sentence)}", *(["\n>\n".join(warnings)] if warnings else [])]
    lines.append(f"Run {code(verdict.run_id)}: " + plain(" · ".join(answers.context(verdict))))
    return "\n\n".join(lines)


def _why(verdict: Verdict) -> str:
    lines = [
        f"- **{line.label}: {line.answer}.** {plain(wording.sentence(line.why))}"
        for line in answers.why_lines(verdict)
    ]
    axis = plain(verdict.load_effect.axis, 20)
    if verdict.knee is not None:
        knee = verdict.knee
        where = f"{wording.number(knee.users)} {axis} ({wording.between(knee.low, knee.high)})"
        lines.append(f"- **Errors begin** at about {where}.")
    if verdict.capacity is not None:
        capacity = verdict.capacity
        figures = f"{wording.rate(capacity.low)} to {wording.rate(capacity.high)}"
        at = f" at {wording.number(capacity.users)} {axis}" if capacity.users is not None else ""
        lines.append(
            f"- **Held within the error target** {wording.rate(capacity.rate_per_s)} ({figures}){at}."
        )
    change = verdict.what_would_change
    last = ["", f"**What would change it:** {plain(change)}"] if change else []
    return "\n".join(["## Why", "", *lines, *last])


def _slo(verdict: Verdict) -> str:
    rows = (
        (
            f"{' '.join(answers.SLO[result.outcome])}",
            code(result.target),
            answers.slo_value(result),
            plain(result.text, 200),
        )
        for result in verdict.slo
    )
    return _table("Targets", ("Outcome", "Target", "Measured", ""), rows, numeric_from=4)


def _levels(verdict: Verdict) -> str:
    rows = (
        (
            wording.between(level.users_low, level.users_high),
            wording.count(level.requests),
            wording.count(level.errors),
            wording.interval(level.error_rate),
            wording.rate(level.rate_per_s),
            *(wording.milliseconds(p) for p in (level.ok_p50_ms, level.ok_p95_ms, level.ok_p99_ms)),
        )
        for level in verdict.levels
    )
    axis = plain(verdict.load_effect.axis, 20).capitalize()
    heads = (axis, "Requests", "Errors", "Error rate (95 %)", "Throughput", "P50 ok", "P95 ok", "P99 ok")
    return _table("Error rate by load", heads, rows)


def _attribution(verdict: Verdict) -> str:
    """The sentence and the table; nothing where one class is all there is."""
    rows = ([plain(row[0], 120), *row[1:]] for row in answers.attribution_rows(verdict))
    table = _table("What the error rate is made of", answers.ATTRIBUTION_HEADS, rows, numeric_from=2)
    title, _, rest = table.partition("\n\n")
    return f"{title}\n\n{plain(verdict.attribution_text)}\n\n{rest}" if rest else ""


def _statuses(verdict: Verdict) -> str:
    rows = (
        (
            plain(answers.status_name(status), 60),
            answers.LOAD[group.load_effect],
            answers.pattern(group.temporal, verdict),
            answers.class_numbers(group),
            wording.count(group.count),
            wording.percent(group.share),
        )
        for status, group in verdict.by_status.items()
    )
    heads = ("Status", "With load", "In time", "Lowest to highest load (95 %)", "Count", "Of all requests")
    return _table("By status", heads, rows, numeric_from=3)


def _fingerprints(verdict: Verdict) -> str:
    rows = (
        (
            plain(answers.failure_name(kind.status, kind.outcome), 60),
            code(kind.message, 160),
            answers.LOAD[kind.load_effect],
            answers.pattern(kind.temporal, verdict),
            answers.CLEAR[kind.clear],
            wording.count(kind.count),
            wording.percent(kind.share),
        )
        for kind in verdict.fingerprints
    )
    heads = ("Status", "Message", "With load", "In time", "Clear to a client", "Count", "Of all requests")
    return _table("Kinds of failure", heads, rows, numeric_from=5)


def _messages(verdict: Verdict) -> str:
    rows = (
        (
            plain(answers.failure_name(kind.status, kind.outcome), 60),
            code(kind.message, 100),
            plain(check.text, 160),
            plain(check.remedy, 300),
        )
        for kind in verdict.fingerprints
        for check in kind.checks
        if check.remedy
    )
    heads = ("Status", "Message", "What is missing", "What would help")
    return _table("Do the answers tell the client what to do?", heads, rows, numeric_from=9)


def _concentration(verdict: Verdict) -> str:
    rows = (
        (
            plain(group.dimension, 40),
            code(group.value, 80),
            wording.count(group.errors),
            wording.percent(group.error_rate),
            wording.percent(group.share),
        )
        for group in verdict.concentration
    )
    heads = ("Where", "Value", "Errors", "Error rate", "Of all errors")
    return _table("Where failures gather", heads, rows, numeric_from=2)


def _latency(verdict: Verdict) -> str:
    rows = (
        (f"{row.name} ({row.meaning})", wording.count(row.requests), *map(str, row.figures))
        for row in answers.latency_rows(verdict.latency_ms)
    )
    return _table("Latency (95 %)", ("", "Requests", "P50", "P95", "P99", "Longest"), rows)


def _latency_by_load(verdict: Verdict) -> str:
    rows = (
        (load, name, wording.count(row.requests), *map(str, row.figures[:3]))
        for name, _, levels in answers.latency_by_level(verdict)
        for load, row in levels
    )
    axis = plain(verdict.load_effect.axis, 20).capitalize()
    heads = (axis, "", "Requests", "P50", "P95", "P99")
    return _table("Latency by load (95 %)", heads, rows, numeric_from=2, most=_MOST_LEVEL_ROWS)


def _phases(verdict: Verdict) -> str:
    rows = [[plain(cell, 120) for cell in row] for row in server_words.phase_rows(verdict)]
    table = _table("Where the time goes", server_words.phase_heads(verdict), rows, numeric_from=2)
    title, _, rest = table.partition("\n\n")
    return (
        f"{title}\n\n{plain(wording.sentence(server_words.phases_line(verdict)))}\n\n{rest}" if rest else ""
    )


def _figures(verdict: Verdict) -> str:
    rows = [[plain(cell, 120) for cell in row] for row in server_words.figure_rows(verdict)]
    table = _table(
        "What the target measured", server_words.figure_heads(verdict), rows, numeric_from=2, most=60
    )
    limits = [f"- {plain(wording.sentence(line))}" for line in server_words.limit_lines(verdict)]
    title, _, rest = table.partition("\n\n")
    return "\n\n".join(part for part in (title, "\n".join(limits), rest) if part) if rest else ""


def _events(verdict: Verdict) -> str:
    lines = [f"- {burst_words.freeze_line(freeze)}" for freeze in verdict.freezes[:_MOST_ROWS]]
    lines += [
        f"- {plain(burst_words.burst_line(burst, verdict))}" for burst in verdict.temporal.bursts[:_MOST_ROWS]
    ]
    if not lines:
        return ""
    return "\n".join(["## Freezes and bursts", "", plain(burst_words.lead(verdict)), "", *lines])


def _tree(verdict: Verdict) -> str:
    lines = []
    for index, node in enumerate(verdict.tree, 1):
        leads = f" → {plain(node.leads_to)}" if node.leads_to else ""
        lines.append(
            f"{index}. {plain(node.question)} **{plain(node.answer)}** ({plain(node.numbers)}){leads}"
        )
    return "\n".join(["## Decision tree", "", *lines]) if lines else ""


def _suspects(verdict: Verdict) -> str:
    parts = ["## Suspects"] if verdict.suspects else []
    if blame := suspect_words.blame(verdict):
        parts.append(plain(blame))
    for index, suspect in enumerate(suspect_words.ranked(verdict), 1):
        lines = [f"### {index}. {plain(suspect.title, 80)} (weight {wording.number(suspect.weight)})", ""]
        for label, texts in suspect_words.arguments(suspect):
            lines += [f"- {label}: {plain(text)}" for text in texts]
        if suspect.experiment:
            lines.append(f"- Experiment: {code(f'loadverdict experiment {suspect.experiment}')}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _quality(verdict: Verdict) -> str:
    lines = [f"- **{answers.SEVERITY[f.severity]}:** {plain(f.text)}" for f in answers.findings(verdict)]
    lines += [f"- This source cannot tell {plain(answers.LACKS.get(lack, lack))}." for lack in verdict.lacks]
    return "\n".join(["## Can it be trusted?", "", f"{answers.validity(verdict).capitalize()}.", "", *lines])


def _next_run(verdict: Verdict) -> str:
    if verdict.next_run is None:
        return ""
    run = verdict.next_run
    typed = f"\n\n{code(run.command)}" if run.command else ""
    return f"## Next run\n\n{code(run.scenario)}: {plain(run.why)}{typed}"

"""An investigation as Markdown (investigation.md): an incident review that can be pasted anywhere."""

from __future__ import annotations

from analysis.investigation.report import Investigation
from analysis.render import investigation_words as words
from analysis.render import suspect_words, wording
from analysis.render.markdown import code, plain, row_of

CAPTION = "Error rate by load"


def investigation_markdown(report: Investigation, picture: str | None) -> str:
    """The whole report; ends with a line break.

    Args:
        report: what was found.
        picture: path of the run's picture of error rate by load, relative to the report; None: there is none.
    """
    parts = [
        _head(report),
        _seen(report, picture),
        _suspects(report),
        _tried(report),
        _cause(report),
        _open(report),
        *(_advice(report, name, title) for name, title in words.ADVICE),
        f"## How to repeat it\n\n{code(report.about.command)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(report: Investigation) -> str:
    why = "" if report.stopped and report.cause is None else plain(report.why)
    lines = [f"# {plain(report.sentence)}", why]
    lines += [f"> **Doubt:** {plain(doubt)}" for doubt in report.seen.doubts if doubt != report.why]
    if report.stopped:
        lines.append(f"> **Incomplete:** {plain(wording.sentence(report.stopped))}")
    lines.append(f"Investigation {code(report.about.id)}: " + plain(" · ".join(words.context(report))))
    return "\n\n".join(line for line in lines if line)


def _seen(report: Investigation, picture: str | None) -> str:
    lines = [f"- {label}: {plain(value)}" for label, value in words.seen_lines(report)]
    drawn = [f"![{CAPTION}]({wording.link(picture)})"] if picture else []
    link = f"[Report of the run]({wording.link(report.seen.report)})"
    return "\n\n".join(["## What was seen", plain(report.seen.sentence), "\n".join(lines), *drawn, link])


def _suspects(report: Investigation) -> str:
    parts = ["## Whom it pointed at"] if report.suspects else []
    for suspect in report.suspects:
        lines = [
            f"### {suspect.rank}. {plain(suspect.title, 80)} (weight {wording.number(suspect.weight)})",
            "",
        ]
        for label, texts in suspect_words.arguments(suspect):
            if label != "Advice":
                lines += [f"- {label}: {plain(text)}" for text in texts]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _tried(report: Investigation) -> str:
    if not report.trials:
        return ""
    lines = ["## What was tried", ""]
    rows = [
        [*(plain(cell, 200) for cell in row[:-1]), _link(row[-1], trial.report)]
        for row, trial in zip(words.trial_rows(report), words.done(report), strict=True)
    ]
    if rows:
        lines += [row_of(words.TRIAL_HEADS), row_of(["---"] * len(words.TRIAL_HEADS)), *map(row_of, rows), ""]
    lines += [f"- {plain(wording.stopped(f'{names}: {why}'))}" for names, why in words.left_out(report)]
    return "\n".join(lines).rstrip()


def _cause(report: Investigation) -> str:
    if report.cause is None:
        return ""
    cause = report.cause
    figures = [wording.sentence(cause.moved), cause.why, cause.left]
    return f"## The cause\n\n**{plain(cause.title)}.** {plain(' '.join(text for text in figures if text))}"


def _open(report: Investigation) -> str:
    lines = []
    for one in report.open:
        lines.append(f"- **{plain(one.title)}**: {plain(wording.stopped(one.why))}")
        lines += [f"  - not measured: {plain(text)}" for text in one.missing]
        lines += [f"  - to settle it: {code(one.command)}"] if one.command else []
    return "\n".join(["## What stays open", "", *lines]) if lines else ""


def _advice(report: Investigation, name: str, title: str) -> str:
    lines = [f"- {plain(line)}" for line in words.advice_lines(report, name)]
    return "\n".join([f"## {title}", "", *lines]) if lines else ""


def _link(text: str, target: str | None) -> str:
    return f"{plain(text, 200)} [arms]({wording.link(target)})" if target else plain(text, 200)

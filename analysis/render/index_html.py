"""The list of all runs as one page (index.html) that needs nothing else, escaped as the report is.

It has no script: what is shown is chosen by radio buttons and style rules. Links are relative, and every name
in them is percent-encoded: who made a folder chose its name.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from analysis.index import Row, Series, Standing
from analysis.render import answers, wording
from analysis.render.html import environment
from analysis.trace import Trace
from analysis.verdict import Interval, LoadAnswer
from recording.past import REPORT, VERDICT

TITLE = "All runs"
MARK = f"<title>{TITLE} · loadverdict</title>"
"""Stands near the beginning of every such page: a file without it is somebody else's."""

MOST_CHOICES = 24
MOST_SERIES = 20
STANDING: dict[Standing, str] = {
    "met": "targets met",
    "missed": "target missed",
    "invalid": "invalid",
    "incomplete": "incomplete",
    "no_data": "no data",
    "unread": "no verdict",
}
BADGE: dict[Standing, str] = {standing: standing for standing in STANDING} | {"unread": "plain"}
LOAD: dict[LoadAnswer, str] = answers.LOAD | {"inconclusive": "effect of load: cannot tell"}
SENTENCE = 300
HEADS = ("Run", "Answer", "Error rate", "P99 of all", "Requests", "Targets")
BAR, HEIGHT, BASE = 3, 22, 1
"""A bar of the small picture is so wide, so high at most, and so high where nothing failed."""


class Listing(NamedTuple):
    """Series of one kind: heading, folder below reports/, and the newest first."""

    title: str
    folder: str
    series: Sequence[Series]


class Choice(NamedTuple):
    """A value that rows can be chosen by: what it is called, how many rows have it, and their class."""

    label: str
    rows: int
    mark: str


class Group(NamedTuple):
    """Choices of which one is taken; `left` values are too many to be offered."""

    legend: str
    name: str
    choices: list[Choice]
    left: int


class Shown(NamedTuple):
    """A row as the template prints it."""

    row: Row
    marks: str
    report: str
    verdict: str


def index_html(
    rows: Sequence[Row], runs_folder: str, listings: Sequence[Listing], written: datetime, *, has_trend: bool
) -> str:
    """The whole page.

    Args:
        rows: newest first.
        runs_folder: name of the folder beside the page that holds them.
        listings: what else lies beside it.
        written: moment of writing, UTC.
        has_trend: whether there is a trend.html beside it.
    """
    groups = [
        _group("Outcome", "o", rows, lambda row: STANDING[row.standing], list(STANDING.values()).index),
        _group("Scenario", "s", rows, lambda row: row.scenario),
        _group("Target", "t", rows, lambda row: row.target),
    ]
    shown = [_shown(row, runs_folder, groups) for row in rows]
    return (
        environment()
        .get_template("index.html")
        .render(
            title=TITLE,
            shown=shown,
            groups=[group for group in groups if len(group.choices) > 1],
            listings=[listing for listing in listings if listing.series],
            most_series=MOST_SERIES,
            has_trend=has_trend,
            newest=_when(rows[0].time) if rows else "",
            written=_when(written),
            heads=HEADS,
            slo=answers.SLO,
            load=LOAD,
            longest=SENTENCE,
            w=wording,
            badge=BADGE,
            standing=STANDING,
            when=_when,
            interval=_interval,
            spark=_spark,
            link=link,
        )
    )


def link(*parts: str) -> str:
    """A relative link to a file: each part is one name, whatever characters it holds."""
    return "/".join(quote(os.fsencode(part), safe="") for part in parts)


def _when(time: datetime | None) -> str:
    return "time not known" if time is None else f"{time:%Y-%m-%d %H:%M}"


def _interval(row: Row) -> tuple[str, str]:
    """The error rate and its 95 % interval, "" without one."""
    figures = row.figures
    if figures is None or figures.error_rate is None:
        return wording.UNKNOWN, ""
    low, high = figures.error_rate_low, figures.error_rate_high
    text = wording.interval(Interval(value=figures.error_rate, low=low, high=high, n=figures.requests))
    value, _, bounds = text.partition(" (")
    return value, bounds.removesuffix(")")


def _group(
    legend: str,
    name: str,
    rows: Sequence[Row],
    of: Callable[[Row], str],
    order: Callable[[str], int | str] = str,
) -> Group:
    counts = Counter(text for row in rows if (text := of(row)))
    offered = sorted((text for text, _ in counts.most_common(MOST_CHOICES)), key=order)
    choices = [Choice(text, counts[text], f"{name}{i}") for i, text in enumerate(offered)]
    return Group(legend, name, choices, len(counts) - len(choices))


def _shown(row: Row, runs_folder: str, groups: Sequence[Group]) -> Shown:
    labels = (STANDING[row.standing], row.scenario, row.target)
    marks = [
        choice.mark
        for group, label in zip(groups, labels, strict=True)
        for choice in group.choices
        if choice.label == label
    ]
    report, verdict = (link(runs_folder, row.name, *path.split("/")) for path in (REPORT, VERDICT))
    return Shown(row, " ".join(marks), report if row.has_report else "", verdict if row.has_verdict else "")


def _spark(trace: Trace) -> Markup:
    """The error rate over the run as bars, to the scale of the highest; a gap where nothing was sent."""
    top = trace.top
    bars = "".join(
        f"M{i * BAR + 1} {HEIGHT}v-{max(BASE, round(HEIGHT * share / top)) if top else BASE}"
        for i, share in enumerate(trace.shares)
        if share is not None
    )
    parts = wording.plural(len(trace.shares), "part")
    says = f"Error rate over the run, {parts} of {wording.seconds(trace.part_s)}: {_scale(trace)}"
    return Markup(
        '<svg class="spark" role="img" width="{}" height="{}" viewBox="0 0 {} {}"><title>{}</title>'
        '<path d="{}"/></svg><small class="bounds">{}</small>'
    ).format(*(len(trace.shares) * BAR, HEIGHT) * 2, says, bars, _scale(trace))


def _scale(trace: Trace) -> str:
    return f"0 to {wording.percent(trace.top)}" if trace.top else "0 % throughout"

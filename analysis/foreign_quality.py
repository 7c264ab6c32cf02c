"""Findings about files of other tools: what they cannot tell, and lines that could not be read."""

from __future__ import annotations

from collections.abc import Iterator

from analysis import phrases
from analysis.usable import Usable
from analysis.verdict import Finding
from analysis.windows import Windows
from recording.run import Run

BROKEN_SHARE = 0.01


def foreign(run: Run, rows: Usable, _: Windows) -> Iterator[Finding]:
    """What the source cannot tell and a reader must know before any figure."""
    if rows.requests and ("readings" in run.lacks or run.readings is None):
        yield Finding(
            code="generator_unknown",
            severity="note",
            text="This source tells nothing about the load generator's own health; if it was saturated, "
            "the figures are its own.",
        )
    for lack, text in _FOREIGN_LACKS:
        if lack == "request_times" and "time_unit" in run.lacks:
            continue
        if rows.requests and lack in run.lacks:
            yield Finding(code=f"no_{lack}", severity="warning", text=text)
    if rows.requests and "users" in run.lacks and "request_times" not in run.lacks:
        yield Finding(
            code="users_unknown",
            severity="note",
            text="This source lacks the number of users; load is derived as requests in flight, which "
            "failures themselves can raise or lower: read the relation to load with caution.",
        )


_FOREIGN_LACKS = (
    (
        "time_unit",
        "The time stamps do not count from 1970, and the rows fit seconds as well as a smaller unit: nothing "
        "is said about freezes, rates, load and bursts. Write epoch seconds (1764000000.123) or epoch ms.",
    ),
    (
        "failed_requests",
        "This source has no row for a request without an answer; shares are of answered requests, and the "
        "error rate is at least theirs.",
    ),
    (
        "request_times",
        "This source holds sums, not requests; whether errors depend on load or come in bursts cannot be "
        "read from it.",
    ),
)


def bad_lines(run: Run, usable: Usable, _: Windows) -> Iterator[Finding]:
    """Lines that the reader left out; over 1 % of them and the figures are those of another run."""
    if run.bad_lines == 0 or usable.requests == 0:
        return
    rows = len(run.samples) if run.thinned is None else run.thinned.rows
    grave = run.bad_lines > max(1, BROKEN_SHARE * rows)
    yield Finding(
        code="bad_lines",
        severity="incomplete" if grave else "warning",
        text=f"{phrases.counted(run.bad_lines, 'line')} of the file could not be read and "
        "were left out; check what wrote it, or whether it was cut short.",
    )

"""Edited: that a run folder is not as the run left it, be it by an edit, a merge or half a copy."""

from __future__ import annotations

from collections.abc import Iterator

from analysis import phrases
from analysis.usable import Usable
from analysis.verdict import Finding
from analysis.windows import Windows
from recording.run import Run
from recording.tally import RowsChanged

ROWS_CHANGED = "rows_changed"
"""Code of the finding that tells of requests that are gone, doubled or others."""


def edited(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    """Rows that are not those that were written, and a scenario that is not the one of the run."""
    if run.health is not None and run.health.other_run:
        yield Finding(
            code="rows_of_another_run",
            severity="incomplete",
            text="samples.parquet is of another run than manifest.json; put the run's own file back.",
        )
    changed = () if run.health is None else run.health.rows_changed
    if changed:
        yield Finding(
            code=ROWS_CHANGED,
            severity="incomplete",
            text="samples.parquet was changed after the run: "
            f"{phrases.listed([_difference(one) for one in changed])}. Copy the folder anew from where it "
            "was made, or repeat the run.",
        )
    if run.scenario_changed:
        yield Finding(
            code="scenario_changed",
            severity="incomplete",
            text="scenario.yaml was changed after the run, or is gone: the targets judged here are not those "
            "that the run was made for. Put it back as it was; for other targets, run again.",
        )


def _difference(one: RowsChanged) -> str:
    """Of a process: "worker-1 has 9 requests instead of 12 (http_error 0 instead of 3)"."""
    found, written = sum(one.found.values()), sum(one.written.values())
    told = [
        f"{outcome} {_instead(one.found.get(outcome, 0), one.written.get(outcome, 0))}"
        for outcome in {**one.written, **one.found}
        if one.found.get(outcome) != one.written.get(outcome)
    ]
    total = ", as many as before" if found == written else f" instead of {phrases.count(written)}"
    return f"{one.node} has {phrases.counted(found, 'request')}{total} ({phrases.listed(told)})"


def _instead(found: int, written: int) -> str:
    return f"{phrases.count(found)} instead of {phrases.count(written)}"

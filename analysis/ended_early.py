"""Ended early: that a run was ended before the end of its plan because a target was missed for certain."""

from __future__ import annotations

from collections.abc import Iterator

from analysis import phrases
from analysis.usable import Usable
from analysis.verdict import Finding
from analysis.windows import Windows
from recording.run import Run

ENDED_EARLY = "ended_early"
"""Code of the finding."""

MISSED = "missed"
"""Kind of the event that notes it, with `target`, `text` and `elapsed_s`."""

LONGEST = 300
"""Characters of a text that is repeated."""

WHOLE_S = 2.0
"""A run whose last request was sent so shortly before the end of its plan was not ended by a look."""


def ended_early(run: Run, rows: Usable, _: Windows) -> Iterator[Finding]:
    """Which target ended the run, when, and that the rest of the plan was not measured."""
    missed = next((event for event in run.events if event.get("kind") == MISSED), None)
    start_s, planned_s = run.manifest.get("start_s"), run.manifest.get("planned_s")
    if missed is None or not isinstance(start_s, int | float) or not isinstance(planned_s, int | float):
        return
    elapsed_s = float(rows.samples.start_s.max(initial=start_s)) - start_s
    if elapsed_s > planned_s - WHOLE_S:
        return
    target, why = (str(missed.get(key, ""))[:LONGEST] for key in ("target", "text"))
    yield Finding(
        code=ENDED_EARLY,
        severity="note",
        text=f"The run was ended after {phrases.seconds(elapsed_s)} of {phrases.seconds(planned_s)}, "
        f"as asked, because it could not meet {target} any more: {why}. "
        "The rest of its plan was not measured.",
    )

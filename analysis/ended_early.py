"""Ended early: that a run was ended before the end of its plan, and why.

Either a target was missed for certain and somebody asked for that, or nothing could connect any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis import phrases
from analysis.usable import Usable
from analysis.verdict import Finding, Quality, SloResult
from analysis.windows import Windows
from recording.folder import CUT_OFF
from recording.run import Run

ENDED_EARLY = "ended_early"
"""Code of the finding about a target; that about connections has the code of its event, `CUT_OFF`."""

CODES = frozenset({ENDED_EARLY, CUT_OFF})
"""Findings that tell of a run which was ended before the end of its plan."""

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


def cut_off(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    """That nothing could connect. What the run can say no more is missing: see `decided`."""
    event = next((event for event in run.events if event.get("kind") == CUT_OFF), None)
    if event is not None:
        yield Finding(
            code=CUT_OFF,
            severity="incomplete",
            text=f"The load was {told_cut_off(event)}. The rest of its plan was not measured: bring the "
            "target back and repeat the run.",
        )


def was_cut_off(known: Quality) -> bool:
    """Whether the load was ended because nothing could connect."""
    return any(finding.code == CUT_OFF for finding in known.findings)


def told_cut_off(event: Mapping[str, Any]) -> str:
    """The event in words: "ended after 42 s of 600 s: nothing could connect for 30 s"."""
    elapsed, planned, quiet = (_seconds(event.get(key)) for key in ("elapsed_s", "planned_s", "quiet_s"))
    return f"ended after {elapsed} of {planned}: nothing could connect for {quiet}"


def decided(known: Quality, slo: Sequence[SloResult]) -> Quality:
    """The quality of a run once its targets are judged.

    A run that was cut off is incomplete, since the rest might have missed a target. Where one is missed
    already, that is the answer, and it stands.
    """
    if not any(result.outcome == "missed" for result in slo):
        return known
    findings = [
        finding.model_copy(update={"severity": "warning"}) if finding.code == CUT_OFF else finding
        for finding in known.findings
    ]
    complete = all(finding.severity != "incomplete" for finding in findings)
    return known.model_copy(update={"findings": findings, "complete": complete})


def _seconds(value: Any) -> str:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return phrases.seconds(value) if known else "an unknown time"

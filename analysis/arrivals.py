"""Arrivals: an open load judged by when its requests were due, not by when they could be sent.

A generator that waits for answers sends less while the target stands still, and so hardly sees it
(coordinated omission). What was due and when is known here, so latency is also given from that moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from analysis import phrases
from analysis.ranked import Ranked
from analysis.usable import Usable
from analysis.verdict import Arrivals, Finding, Percentiles, Severity
from recording.run import Run
from recording.sample import LATE_MS

SKIPPED_SHARE = 0.01
"""More skipped arrivals than this, and the load was another one than the plan's."""
SHORT_SHARE = 0.05
"""From here on the higher loads of the plan may not have been made at all: nothing is known about them."""
LATE_SHARE = 0.05


def from_intended(rows: Usable) -> Percentiles | None:
    """Percentiles of all requests that were due at a certain moment, counted from it; None without any.

    Time-outs stand at their limit, as in the view of all requests.
    """
    due = np.flatnonzero(rows.samples.delay_ms >= 0)
    if not len(due):
        return None
    samples = rows.samples.take(due)
    samples = replace(samples, duration_ms=samples.duration_ms + samples.delay_ms)
    planned = replace(rows, samples=samples, weight=rows.weight[due], failed=rows.failed[due])
    return Ranked.of(planned).latencies().all.percentiles()


def arrivals_of(run: Run) -> Arrivals | None:
    """The counts of all processes together; None where the load was closed."""
    if run.readings is None:
        return None
    due, sent, skipped, late = (
        run.readings.last_of_all(f"arrivals_{name}") for name in ("due", "sent", "skipped", "late")
    )
    if due is None or sent is None or skipped is None or late is None:
        return None
    return Arrivals(due=due, sent=sent, skipped=skipped, late=late, late_after_ms=LATE_MS)


def falls_short(run: Run) -> str:
    """Why a run cannot tell what its planned loads do: they were not made; "" where they were."""
    arrivals = arrivals_of(run)
    if arrivals is None or arrivals.skipped <= SHORT_SHARE * arrivals.due:
        return ""
    return (
        f"{phrases.percent(arrivals.skipped / arrivals.due)} of the planned arrivals were not sent, so the "
        "higher loads were not made"
    )


def arrival_findings(arrivals: Arrivals | None) -> Iterator[Finding]:
    """What a reader must know about arrivals that were not sent, or not in time."""
    if arrivals is None or not arrivals.due:
        return
    share = arrivals.skipped / arrivals.due
    if arrivals.skipped:
        yield Finding(
            code="arrivals_skipped",
            severity=_severity(share),
            text=f"{phrases.count(arrivals.skipped)} of {phrases.counted(arrivals.due, 'arrival')} due "
            f"({phrases.percent(share)}) were skipped: max_in_flight was reached, or the run ended; "
            f"{phrases.count(arrivals.sent)} were sent. How long the others would have taken is unknown"
            + (": plan fewer arrivals, or raise max_in_flight." if share > SHORT_SHARE else "."),
        )
    share = arrivals.late / max(arrivals.sent, 1)
    if arrivals.late:
        yield Finding(
            code="arrivals_late",
            severity="warning" if share > LATE_SHARE else "note",
            text=f"{phrases.counted(arrivals.late, 'arrival')} ({phrases.percent(share)} of those sent) "
            f"went out more than {LATE_MS:.0f} ms after they were due; latency from due time holds it.",
        )


def _severity(skipped_share: float) -> Severity:
    if skipped_share > SHORT_SHARE:
        return "incomplete"
    return "warning" if skipped_share > SKIPPED_SHARE else "note"

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
from analysis.verdict import Arrivals, Finding, Percentiles
from recording.run import Readings, Run
from recording.sample import LATE_MS

SKIPPED_SHARE = 0.01
"""More skipped arrivals than this, and the load was another one than the plan's."""
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
        last_total(run.readings, f"arrivals_{name}") for name in ("due", "sent", "skipped", "late")
    )
    if due is None or sent is None or skipped is None or late is None:
        return None
    return Arrivals(due=due, sent=sent, skipped=skipped, late=late, late_after_ms=LATE_MS)


def arrival_findings(arrivals: Arrivals | None) -> Iterator[Finding]:
    """What a reader must know about arrivals that were not sent, or not in time."""
    if arrivals is None or not arrivals.due:
        return
    share = arrivals.skipped / arrivals.due
    if arrivals.skipped:
        yield Finding(
            code="arrivals_skipped",
            severity="warning" if share > SKIPPED_SHARE else "note",
            text=f"{phrases.count(arrivals.skipped)} of {phrases.counted(arrivals.due, 'arrival')} due "
            f"({phrases.percent(share)}) were skipped: max_in_flight was reached, or the run ended; "
            f"{phrases.count(arrivals.sent)} were sent. How long the others would have taken is unknown.",
        )
    share = arrivals.late / max(arrivals.sent, 1)
    if arrivals.late:
        yield Finding(
            code="arrivals_late",
            severity="warning" if share > LATE_SHARE else "note",
            text=f"{phrases.counted(arrivals.late, 'arrival')} ({phrases.percent(share)} of those sent) "
            f"went out more than {LATE_MS:.0f} ms after they were due; latency from due time holds it.",
        )


def last_total(readings: Readings, name: str) -> int | None:
    """The last reading of each process, summed up, of a figure that only grows; None without any."""
    rows = (readings.source == "generator") & (readings.name == name) & np.isfinite(readings.value)
    nodes = np.unique(readings.labels[rows])
    if not len(nodes):
        return None
    return int(sum(readings.value[rows & (readings.labels == node)].max() for node in nodes))

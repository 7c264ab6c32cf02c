"""Withheld: what a source cannot tell is not said. One table, from what it lacks to what stays silent.

A file of sums has no requests to put in order, so neither load nor bursts; a file without rows for requests
that got no answer has no error rate, only a lower bound of it; one whose stamps may be seconds as well as
milliseconds has an order, but no times.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.levels import Levels
from analysis.ranked import Ranked
from analysis.usable import Usable
from analysis.verdict import Interval, LatencyMs, LoadEffect, LoadLevel, Percentiles, TimeDrift
from analysis.windows import Windows

DOUBTS: tuple[tuple[str, str], ...] = (
    ("time_unit", "the time stamps of this file may be seconds or a smaller unit, and its rows fit both"),
    ("request_times", "this file holds sums, not requests with their times"),
    ("failed_requests", "requests without an answer have no row in this file"),
)
"""What is lacking, and why then nothing is said about load, time and pattern; the first that holds."""


def doubt_of(lacks: frozenset[str]) -> str:
    """Why load effect, drift and pattern are withheld; "" if they are not."""
    return next((why for lack, why in DOUBTS if lack in lacks), "")


def no_load_effect(axis: str, doubt: str) -> LoadEffect:
    """The answer that is given instead."""
    return LoadEffect(
        answer="inconclusive", slope=None, low=None, high=None, confidence=None, why=doubt, axis=axis
    )


def no_drift(doubt: str) -> TimeDrift:
    """The answer that is given instead."""
    return TimeDrift(answer="inconclusive", slope=None, low=None, high=None, why=doubt)


def told_rate(rate: Interval, lacks: frozenset[str]) -> Interval:
    """An error rate; only its lower end where unanswered requests are missing, since those all failed."""
    if "failed_requests" not in lacks:
        return rate
    return Interval(value=None, low=rate.low, high=None, n=rate.n)


def told_levels(levels: list[LoadLevel], lacks: frozenset[str]) -> list[LoadLevel]:
    """The table by load, or what is left of it."""
    if "request_times" in lacks:
        return []
    return [
        level.model_copy(
            update={
                "error_rate": told_rate(level.error_rate, lacks),
                "latency_ms": level.latency_ms and told_percentiles(level.latency_ms, lacks),
            }
        )
        for level in levels
    ]


def told_windows(cut: Windows, lacks: frozenset[str]) -> Windows:
    """The run in windows; without latencies where no durations of single requests are known."""
    if "durations" not in lacks:
        return cut
    unknown = np.full(len(cut), np.nan)
    return replace(cut, ok_p50_ms=unknown, ok_p99_ms=unknown)


def told_durations(rows: Usable, levels: Levels, lacks: frozenset[str]) -> Ranked:
    """Durations in order, none where those of single requests are not known."""
    if "durations" not in lacks:
        return Ranked.of(rows, levels.place, len(levels))
    none = np.zeros(0, np.int64)
    empty = replace(rows, samples=rows.samples.take(none), weight=none, failed=np.zeros(0, bool))
    return Ranked.of(empty, none, len(levels))


def told_percentiles(figures: LatencyMs, lacks: frozenset[str]) -> LatencyMs:
    """Percentiles of the answered only, where the others are missing: a time-out would stand at their end."""
    if "failed_requests" not in lacks:
        return figures
    return figures.model_copy(update={"all": no_percentiles(), "failures_infinite": no_percentiles()})


def no_percentiles() -> Percentiles:
    """Percentiles of a kind of failure whose durations are not known."""
    return Percentiles(n=0, p50=None, p95=None, p99=None)

"""Withheld: why a target has no figure before anything is counted. What a source lacks is never guessed."""

from __future__ import annotations

from collections.abc import Iterator

from analysis import phrases
from analysis.slo.figure import Basis
from analysis.slo.grammar import SloTarget
from analysis.slo.selection import AXIS_NAMES, Selection
from analysis.withheld import doubt_of

UNANSWERED = "requests without an answer are not in this source"
MOST_NAME = 40


def untold(target: SloTarget, basis: Basis) -> str:
    """Why the source cannot answer a target; "" if it can."""
    return next(_untold(target, basis), "")


def _untold(target: SloTarget, basis: Basis) -> Iterator[str]:
    lacks = basis.lacks
    if (target.at or target.window_s) and "request_times" in lacks:
        yield doubt_of(lacks)
    if target.endpoint and "endpoint" in lacks:
        yield "this source does not tell which endpoint a request went to"
    if target.at and basis.windows.axis != AXIS_NAMES[target.at[0].axis]:
        yield f"the load of this run is measured in {basis.windows.axis}, not in {target.at[0].axis}"
    if target.metric in ("status", "outcome") and target.word != "ok":
        if "status" in lacks:
            yield "this source does not tell how a request failed"
        if target.word == "unfinished" and "unfinished" in lacks:
            yield "requests never answered are not in this source"
    if target.metric in ("status", "outcome") and "failed_requests" in lacks:
        yield UNANSWERED
    if target.share is not None and "durations" in lacks:
        yield "this source does not tell how long single requests took"
    if target.share is not None and not target.ok and "failed_requests" in lacks:
        yield UNANSWERED
    if target.metric == "throughput" and "time_unit" in lacks:
        yield doubt_of(lacks)
    if target.metric == "freeze" and (doubt := doubt_of(lacks)):
        yield doubt


def nobody(target: SloTarget, chosen: Selection) -> str:
    """That no request is meant by a target, and what there is instead."""
    load = f" at {' and '.join(map(str, target.at))}" if target.at else ""
    if not target.endpoint:
        return f"no request was sent{load}"
    known = sorted(name[:MOST_NAME] for name in chosen.rows.samples.endpoint.names)
    there = "" if load else f"; requests went to {phrases.listed(known)}"
    return f"no request went to {target.endpoint}{load}{there}"

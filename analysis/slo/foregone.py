"""Foregone: targets that a run which goes on can no longer meet, whatever is still to come.

A window that misses its target stays missed. A share of the whole run, percentiles among them, is foregone
once it would be missed even if all that is still to come were good; `analysis.slo.ahead` knows how much that
is. Nothing here is a matter of chance, so looks may be many. What the verdict on the run as it ends might see
otherwise is left open.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from analysis import phrases
from analysis.fingerprints import MOST
from analysis.latency import least
from analysis.slo.ahead import Ahead
from analysis.slo.figure import Basis
from analysis.slo.grammar import SloTarget
from analysis.slo.judge import judge
from analysis.slo.measure import counted, measure
from analysis.slo.selection import AXIS_NAMES, Rows, Selection, timed
from analysis.slo.withheld import untold
from analysis.usable import Ints


class Foregone(NamedTuple):
    """A target that is missed for certain, and why as a clause."""

    target: str
    text: str


def foregone(target: SloTarget, basis: Basis, ahead: Ahead) -> Foregone | None:
    """Why a target is missed for certain; None if it may still be met.

    Args:
        target: what is asked.
        basis: the part of the run that is settled; `until_s` is set.
        ahead: what is to come.
    """
    if not ahead.fits(basis.rows) or untold(target, basis) or _may_be_seen_otherwise(target, basis):
        return None
    if target.window_s is not None:
        result = judge(target, measure(target, basis))
        is_seen = result.outcome == "missed" and result.value is not None
        return Foregone(target.text, result.text.removeprefix(f"{target.text}: ")) if is_seen else None
    is_planned = all(AXIS_NAMES[bound.axis] in ahead.units for bound in target.at)
    return _out_of_reach(target, basis, ahead) if is_planned else None


def _may_be_seen_otherwise(target: SloTarget, basis: Basis) -> bool:
    """Whether what is missed by now may be met, or have no data, when all of the run is known."""
    return (
        # It counts where it is out of proportion to the usual answers of its load, which are not known yet.
        target.metric == "freeze"
        # It can be caught up with, how far nobody knows.
        or (target.metric == "throughput" and target.window_s is None)
        # Smoothed over windows that grow with the run.
        or any(bound.axis == "in_flight" for bound in target.at)
        # Its failures are known from below only.
        or "failed_requests" in basis.lacks
        # Where kinds are many, the rarest become one of which nobody knows whether it is clear.
        or (target.metric == "unclear_errors" and len(basis.clear()) >= MOST // 2)
        # Percentiles need so many requests that were measured, and some of these stand for others.
        or (target.share is not None and int(basis.rows.weight.max(initial=1)) > 1)
    )


def _out_of_reach(target: SloTarget, basis: Basis, ahead: Ahead) -> Foregone | None:
    chosen = Selection.of(target, basis.rows, basis.windows)
    to_come = ahead.requests(chosen, went_well(target, chosen))
    if to_come is None:
        return None
    requests = chosen.tally(_asked(target, chosen))[0]
    part = chosen.tally(_part(target, basis, chosen))[0]
    total = requests + to_come
    if requests == 0 or _can_be_met(target, part, to_come, requests, total):
        return None
    what = "are too slow" if target.share is not None else "count for it"
    return Foregone(
        target.text,
        f"{phrases.count(part)} of {phrases.counted(requests, 'request')} {what}, and at most "
        f"{phrases.count(round(to_come))} more are to come",
    )


def _can_be_met(target: SloTarget, part: float, to_come: float, requests: float, total: float) -> bool:
    """Whether it would be met if everything that is to come were good."""
    if target.share is not None:
        within = requests - part + to_come
        return requests < least(target.share) or within >= math.ceil(target.share * total - 1e-9)
    return bool(target.holds((part if target.is_upper else part + to_come) / total))


def _asked(target: SloTarget, chosen: Selection) -> Iterator[Rows]:
    """Rows that a share is taken of."""
    return chosen.slabs() if target.share is None else _timed(target, chosen)


def _timed(target: SloTarget, chosen: Selection) -> Iterator[Ints]:
    return (rows.start + np.flatnonzero(timed(target, chosen.rows, rows)) for rows in chosen.slabs())


def went_well(target: SloTarget, chosen: Selection) -> Iterator[Ints]:
    """Rows that went well: successes, of a percentile those that were fast enough."""
    for rows in chosen.slabs():
        good = ~chosen.rows.failed[rows]
        if target.share is not None:
            good &= target.holds(chosen.rows.samples.duration_ms[rows])
        yield rows.start + np.flatnonzero(good)


def _part(target: SloTarget, basis: Basis, chosen: Selection) -> Iterable[Ints]:
    """Rows that are the share: failures, those with a status; of a percentile the slow ones."""
    if target.metric == "unclear_errors":
        return [rows for clear, rows in basis.clear() if clear is False]
    return counted(target, chosen) if target.share is None else _slow(target, chosen)


def _slow(target: SloTarget, chosen: Selection) -> Iterator[Ints]:
    for rows in _timed(target, chosen):
        yield rows[~target.holds(chosen.rows.samples.duration_ms[rows])]

"""Limits: was a resource of the target used up, and did errors come then and not before?

A reading holds until the next one, a few seconds at most; a request belongs to the reading before its send.
One that is a mean since the reading before, as CPU is, holds for the time that it is a mean of. Where there
is none, nothing is known of a request, and it counts on neither side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analysis import phrases
from analysis.evidence import SEEN_SHARE
from analysis.intervals import table_tail
from analysis.told_by_target import Told
from analysis.usable import Bools, Floats, Ints, Usable
from analysis.verdict import KindAtLimit, ResourceLimit

HOLDS_S = 5.0
LEAST_READINGS = 3
EARLY_SHARE = 0.05
"""So many of the errors may come before the limit: there may be errors of another kind."""
TIMES, LEVEL = 2.0, 0.01
"""Errors come at the limit if they are twice as frequent there, by less than a chance in a hundred."""
FEW_OFF = 30
RARELY_OFF = 0.1
"""With fewer requests than this part sent off the limit, what failed there says little: it is the warm-up."""
MOST_KINDS = 8


class _Counts(NamedTuple):
    """Failures and requests sent while a resource was used up, and while it was not."""

    errors_at: int
    requests_at: int
    errors_off: int
    requests_off: int


@dataclass(frozen=True, slots=True)
class _Resource:
    """What is used (the first signal that was read), its limit as a signal or a figure (times `unit`), how
    much of it is "all", words, and whether a reading is the mean since the one before."""

    used: tuple[str, ...]
    limit: str | float
    unit: float
    full: float
    title: str
    what: str
    mean: bool = False


RESOURCES = {
    "pool": _Resource(("pool_active",), "pool_max", 1, 0.98, "the database pool", "connections"),
    "cache_pool": _Resource(
        ("cache_pool_active",), "cache_pool_max", 1, 0.98, "the cache pool", "connections"
    ),
    "workers": _Resource(("workers_busy",), "workers_max", 1, 0.98, "the pool of workers", "workers"),
    "hash_workers": _Resource(
        ("hash_workers_busy",), "hash_workers_max", 1, 0.98, "the pool of threads that hash", "threads"
    ),
    "cpu": _Resource(("cpu_percent",), "cpu_cores", 100, 0.9, "the process", "% CPU", mean=True),
    "thread": _Resource(
        ("cpu_thread_wanted_percent", "cpu_thread_percent"),
        100.0,
        1,
        0.9,
        "its busiest thread",
        "% of its time",
        mean=True,
    ),
}
"""By the name that suspects use."""


def limits(told: Told, rows: Usable, origin_s: float, kinds: Mapping[str, Ints]) -> list[ResourceLimit]:
    """Every resource whose use and limit were read, those that were used up first.

    Args:
        told: the readings.
        rows: the run.
        origin_s: its beginning.
        kinds: rows of each kind of failure by its id, the largest first.
    """
    large = _large(kinds, rows)
    found = [
        limit
        for name, resource in RESOURCES.items()
        for signal in [signal for signal in resource.used if told.rows(signal).any()][:1]
        for probe in told.labels(signal)
        if (limit := _limit(name, resource, signal, probe, told, rows, origin_s, large)) is not None
    ]
    return sorted(found, key=lambda limit: (limit.at_limit == 0, not limit.leads))


def _large(kinds: Mapping[str, Ints], rows: Usable) -> dict[str, Ints]:
    """Kinds that are worth asking about; none where there is only one."""
    if len(kinds) < 2:
        return {}
    return {
        name: failed
        for name, failed in list(kinds.items())[:MOST_KINDS]
        if rows.weight[failed].sum() >= SEEN_SHARE * rows.errors
    }


def _limit(
    name: str,
    resource: _Resource,
    signal: str,
    probe: str,
    told: Told,
    rows: Usable,
    origin_s: float,
    kinds: Mapping[str, Ints],
) -> ResourceLimit | None:
    used = told.rows(signal, probe)
    time_s, value = told.time_s[used], told.value[used]
    top = _limit_at(resource, probe, told, time_s)
    known = np.isfinite(top) & (top > 0)
    time_s, value, top = time_s[known], value[known], top[known]
    if len(time_s) < LEAST_READINGS:
        return None
    full = value >= resource.full * top
    most = int(np.argmax(value / top))
    if resource.mean:
        time_s = _begun(time_s)
    at, off = _sent(rows, time_s, full)
    sent = int(rows.weight[at].sum()), int(rows.weight[off].sum())
    counts = _counts(rows, np.flatnonzero(rows.failed), at, off, sent)
    apart_s = np.diff(time_s, append=time_s[-1])
    held_s = np.minimum(apart_s, max(HOLDS_S, 2 * float(np.median(apart_s))))
    first_s = float(time_s[full][0]) if full.any() else None
    reading = ResourceLimit(
        resource=name,
        probe=probe,
        most=float(value[most]),
        limit=float(top[most]),
        at_limit=int(full.sum()),
        readings=len(time_s),
        first_s=None if first_s is None else max(0.0, first_s - origin_s),
        at_limit_s=float(held_s[full].sum()),
        leads=_leads(rows, np.flatnonzero(rows.failed), first_s, counts),
        text="",
        **counts._asdict(),
    )
    how_far = _used(reading, resource)
    of_kinds = {kind: _counts(rows, failed, at, off, sent) for kind, failed in kinds.items()}
    return reading.model_copy(
        update={
            "text": _text(how_far, counts, "failed"),
            "kinds": {
                kind: KindAtLimit(
                    leads=_leads(rows, kinds[kind], first_s, found),
                    text=_text(how_far, found, "failed like this"),
                )
                for kind, found in of_kinds.items()
            },
        }
    )


def _limit_at(resource: _Resource, probe: str, told: Told, time_s: Floats) -> Floats:
    """The limit in force at each moment: it may be changed while the run goes on."""
    if isinstance(resource.limit, float):
        return np.full(len(time_s), resource.limit)
    rows = told.rows(resource.limit, probe)
    if not rows.any():
        return np.full(len(time_s), np.nan)
    before = np.searchsorted(told.time_s[rows], time_s, side="right") - 1
    return np.asarray(told.value[rows][np.maximum(before, 0)] * resource.unit, np.float64)


def _begun(time_s: Floats) -> Floats:
    """When the time began that each reading is a mean of."""
    usual_s = float(np.median(np.diff(time_s)))
    return np.concatenate([[time_s[0] - usual_s], time_s[:-1]])


def _counts(rows: Usable, failed: Ints, at: Bools, off: Bools, sent: tuple[int, int]) -> _Counts:
    """Of failing rows, given by index; `sent` are the requests at and off the limit, the same for all."""
    weight = rows.weight[failed]
    return _Counts(int(weight[at[failed]].sum()), sent[0], int(weight[off[failed]].sum()), sent[1])


def _sent(rows: Usable, time_s: Floats, full: Bools) -> tuple[Bools, Bools]:
    """Which requests were sent at the limit, and which surely off it."""
    sent_s = rows.samples.start_s
    before = np.searchsorted(time_s, sent_s, side="right") - 1
    fresh = (before >= 0) & (sent_s - time_s[np.maximum(before, 0)] <= HOLDS_S)
    at = full[np.maximum(before, 0)]
    return np.asarray(fresh & at, np.bool_), np.asarray(fresh & ~at, np.bool_)


def _leads(rows: Usable, failed: Ints, first_s: float | None, counts: _Counts) -> bool | None:
    """Whether these failures came at the limit and not before.

    None where there are none, or where the limit was never reached or hardly ever left: nothing to compare.
    """
    weight = rows.weight[failed]
    if first_s is None or not len(weight):
        return None
    early = int(weight[rows.samples.end_s[failed] < first_s].sum())
    if early > EARLY_SHARE * int(weight.sum()):
        return False
    if counts.requests_off < FEW_OFF:
        return None
    rate_at = counts.errors_at / max(counts.requests_at, 1)
    more = rate_at >= TIMES * counts.errors_off / counts.requests_off and table_tail(*counts) < LEVEL
    rarely_off = counts.requests_off < RARELY_OFF * counts.requests_at
    return None if rarely_off and not more else more


def _used(reading: ResourceLimit, resource: _Resource) -> str:
    figure = f"{phrases.load(reading.most)} of {phrases.load(reading.limit)} {resource.what}"
    if not reading.at_limit:
        return f"{resource.title} was never used up: at most {figure}"
    part = reading.at_limit / reading.readings
    return (
        f"{resource.title} was used up ({figure}) in {phrases.percent(part)} of "
        f"{phrases.counted(reading.readings, 'reading')}, first at {phrases.seconds(reading.first_s or 0.0)}"
    )


def _text(used: str, counts: _Counts, failed: str) -> str:
    """How far it was used, and how much failed then and else."""
    if not counts.requests_at or not counts.errors_at + counts.errors_off:
        return used
    text = f"{used}; {phrases.percent(counts.errors_at / counts.requests_at)} {failed} then"
    if counts.requests_off:
        text += f", {phrases.percent(counts.errors_off / counts.requests_off)} else"
    return text

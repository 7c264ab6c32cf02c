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


class _Use(NamedTuple):
    """Readings: when, how much was used, and how much of it there was."""

    time_s: Floats
    value: Floats
    top: Floats


class _Run(NamedTuple):
    """What is asked of every resource: the rows of all failures, and of each larger kind of them."""

    rows: Usable
    origin_s: float
    failing: Ints
    kinds: Mapping[str, Ints]


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
    run = _Run(rows, origin_s, np.flatnonzero(rows.failed), _large(kinds, rows))
    found = [
        limit
        for name, resource in RESOURCES.items()
        for signal in [signal for signal in resource.used if told.rows(signal).any()][:1]
        for probe in told.labels(signal)
        if (limit := _limit(name, resource, _read(resource, signal, probe, told), probe, run)) is not None
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


def _read(resource: _Resource, signal: str, probe: str, told: Told) -> _Use:
    """The readings of a resource whose limit is known."""
    used = told.rows(signal, probe)
    time_s, value = told.time_s[used], told.value[used]
    top = _limit_at(resource, probe, told, time_s)
    known = np.isfinite(top) & (top > 0)
    return _Use(time_s[known], value[known], top[known])


def _limit(name: str, resource: _Resource, use: _Use, probe: str, run: _Run) -> ResourceLimit | None:
    if len(use.time_s) < LEAST_READINGS:
        return None
    time_s = _begun(use.time_s) if resource.mean else use.time_s
    full = use.value >= resource.full * use.top
    most = int(np.argmax(use.value / use.top))
    split = _Split.of(run.rows, time_s, full)
    counts = split.counts(run.failing)
    reading = ResourceLimit(
        resource=name,
        probe=probe,
        most=float(use.value[most]),
        limit=float(use.top[most]),
        at_limit=int(full.sum()),
        readings=len(time_s),
        first_s=None if split.first_s is None else max(0.0, split.first_s - run.origin_s),
        at_limit_s=_held_s(time_s, full),
        leads=split.leads(run.failing, counts),
        text="",
        **counts._asdict(),
    )
    how_far = _used(reading, resource)
    kinds = {}
    for kind, failed in run.kinds.items():
        found = split.counts(failed)
        text = _text(how_far, found, "failed like this")
        kinds[kind] = KindAtLimit(leads=split.leads(failed, found), text=text)
    return reading.model_copy(update={"text": _text(how_far, counts, "failed"), "kinds": kinds})


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


def _held_s(time_s: Floats, full: Bools) -> float:
    """How long it was used up: a reading holds until the next one, or for as long as they usually do."""
    apart_s = np.diff(time_s, append=time_s[-1])
    return float(np.minimum(apart_s, max(HOLDS_S, 2 * float(np.median(apart_s))))[full].sum())


@dataclass(frozen=True, slots=True)
class _Split:
    """The requests of a run, by whether a resource was used up when they were sent.

    Attributes:
        rows: the run.
        first_s: when it was used up first; None if it never was.
        at: (n,) which were sent while it was.
        off: (n,) which surely were not.
        requests_at: how many requests the former are.
        requests_off: how many the latter.
    """

    rows: Usable
    first_s: float | None
    at: Bools
    off: Bools
    requests_at: int
    requests_off: int

    @classmethod
    def of(cls, rows: Usable, time_s: Floats, full: Bools) -> _Split:
        """By readings at `time_s`, `full` where it was used up."""
        sent_s = rows.samples.start_s
        before = np.searchsorted(time_s, sent_s, side="right") - 1
        fresh = (before >= 0) & (sent_s - time_s[np.maximum(before, 0)] <= HOLDS_S)
        used_up = full[np.maximum(before, 0)]
        at, off = np.asarray(fresh & used_up, np.bool_), np.asarray(fresh & ~used_up, np.bool_)
        first_s = float(time_s[full][0]) if full.any() else None
        return cls(rows, first_s, at, off, int(rows.weight[at].sum()), int(rows.weight[off].sum()))

    def counts(self, failed: Ints) -> _Counts:
        """Of failing rows, given by index."""
        weight = self.rows.weight[failed]
        errors_at, errors_off = (int(weight[which[failed]].sum()) for which in (self.at, self.off))
        return _Counts(errors_at, self.requests_at, errors_off, self.requests_off)

    def leads(self, failed: Ints, counts: _Counts) -> bool | None:
        """Whether these failures came at the limit and not before.

        None where there are none, or where the limit was never reached or hardly ever left: there is
        nothing to compare.
        """
        samples, weight = self.rows.samples, self.rows.weight[failed]
        if self.first_s is None or not len(weight):
            return None
        ended_s = samples.start_s[failed] + samples.duration_ms[failed] / 1000
        early = int(weight[ended_s < self.first_s].sum())
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

"""Advice from what was measured: how many connections, which accounts, at which moments.

What config/suspects.yaml says of a suspect holds anywhere; these sentences hold for this run. Each function
yields only what it has figures for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from analysis import phrases
from analysis.at_level import (
    LEAST_REQUESTS,
    figure_levels,
    matched,
    ok_per_s,
    passed_per_s,
    phase_levels,
)
from analysis.evidence import Evidence
from analysis.verdict import LoadLevel, ResourceLimit, ServerLevel

HEADROOM = 0.8
"""Resources are planned for this part of their use: queues grow without bound towards all of it."""
MOST_MOMENTS = 4
LEAST_READINGS = 5
MANY_ERRORS = 0.5
"""Where most requests fail, those that come through are others than were meant to."""
FEWER = 0.7
FLAT, TWICE = 1.15, 2.0
"""The same number of successes a second at twice the load is a ceiling."""

Advice = Callable[[Evidence], Iterator[str]]


def measured_advice(suspect: str, evidence: Evidence) -> list[str]:
    """Sentences about a suspect with the figures of this run; none where it was not measured."""
    found = ADVICE.get(suspect)
    return [] if found is None else list(found(evidence))


def _pool(e: Evidence) -> Iterator[str]:
    limit = _limit(e, "pool")
    if limit is None or not limit.at_limit:
        return
    words = (
        f"All {phrases.load(limit.limit)} connections were busy for {phrases.seconds(limit.at_limit_s)} of "
        f"{phrases.seconds(e.duration_s)}"
    )
    waits = [level.max for level in _figure(e, "pool_wait_ms", limit.probe)]
    if waits:
        words += f", and waits for one averaged up to {phrases.milliseconds(max(waits))}"
    yield words + "."
    yield from _connections_needed(e, limit)


def _connections_needed(e: Evidence, limit: ResourceLimit) -> Iterator[str]:
    """Little's law (1961): connections in use = requests a second x seconds that each holds one."""
    top = _top(e)
    # Where they run out, connections are held for clients that have given up: a level below that tells.
    here = [
        (level, active)
        for level, active in matched(_told(e), _figure(e, "pool_active", limit.probe))
        if active.mean <= HEADROOM * limit.limit and level.rate_per_s and active.readings >= LEAST_READINGS
    ]
    if top is None or top.rate_per_s is None:
        return
    if (top.error_rate.value or 0.0) > MANY_ERRORS:
        yield (
            f"How many are needed cannot be told while {phrases.percent(top.error_rate.value)} of requests "
            f"fail at {phrases.load(top.users_high)} {e.load.axis}: try {2 * math.ceil(limit.limit)}, "
            "and run again."
        )
        return
    if not here:
        return
    level, active = max(here, key=lambda pair: pair[0].requests)
    held_s = active.mean / (level.rate_per_s or 1.0)
    if held_s <= 0:
        return
    needed = top.rate_per_s * held_s
    tried = max(math.ceil(needed / HEADROOM), math.ceil(limit.limit) + 1)
    yield (
        f"A request holds one for about {phrases.milliseconds(held_s * 1000)}, so the "
        f"{top.rate_per_s:.3g} requests a second at {phrases.load(top.users_high)} {e.load.axis} need "
        f"{needed:.1f} on average: try {tried}, or make the queries shorter."
    )


def _bcrypt(e: Evidence) -> Iterator[str]:
    pool = _limit(e, "hash_workers")
    if pool is not None and pool.at_limit:
        yield (
            f"All {phrases.load(pool.limit)} threads that hash were at work in "
            f"{phrases.percent(pool.at_limit / pool.readings)} of the readings: more of them help only as "
            "far as there are idle cores; more cores, or a lower cost, do."
        )
    pairs = matched(_told(e), phase_levels(e.server, "bcrypt"))
    if not pairs:
        return
    level, at = max(pairs, key=lambda pair: pair[0].users_high)
    cheapest_ms = min(found.own_ms.value or math.inf for _, found in pairs)
    yield (
        f"A password check takes {phrases.milliseconds(cheapest_ms)} at best, and "
        f"{passed_per_s(at, level):.2g} a second were done at {phrases.load(level.users_high)} "
        f"{e.load.axis}: one core does "
        f"{1000 / max(cheapest_ms, 1e-3):.2g} a second and no more, whatever else is tuned."
    )
    cores = [found.max for found in _figure(e, "cpu_cores")]
    if cores:
        many = max(cores) * 1000 / max(cheapest_ms, 1e-3)
        yield (
            f"On worker threads all {phrases.load(max(cores))} cores would do about {many:.2g} a second; "
            f"each step of cost less doubles that (two steps: {4 * many:.2g})."
        )


def _lock(e: Evidence) -> Iterator[str]:
    held = matched(_told(e), phase_levels(e.server, "lookup"))
    top = _top(e)
    if not held or top is None or top.rate_per_s is None:
        return
    held_ms = max(at.whole_ms or 0.0 for _, at in held)
    if held_ms > 0:
        yield (
            f"Whoever has the lock keeps it for {phrases.milliseconds(held_ms)} (look-up), so one after the "
            f"other {1000 / held_ms:.3g} a second get through; {top.rate_per_s:.3g} a second came at "
            f"{phrases.load(top.users_high)} {e.load.axis}."
        )


def _cache(e: Evidence) -> Iterator[str]:
    slowest = [level.max for level in _figure(e, "cache_get_ms")]
    usual = [level.mean for level in _figure(e, "cache_get_ms")]
    if slowest and min(usual) > 0 and max(slowest) >= 2 * min(usual):
        yield (
            f"Reading from the cache took up to {phrases.milliseconds(max(slowest))} (mean of a second) "
            f"against {phrases.milliseconds(min(usual))} usually: look at what kept it busy then (SLOWLOG)."
        )


def _ceiling(e: Evidence) -> Iterator[str]:
    """The rate that gets through, where more load brings no more of it."""
    told = [(level, ok_per_s(level)) for level in _told(e)]
    known = [(level, rate) for level, rate in told if rate]
    if len(known) < 3:
        return
    best = max(rate for _, rate in known)
    first = next(level for level, rate in known if rate >= best / FLAT)
    top, last = known[-1]
    if TWICE * first.users_high <= top.users_high and last < FEWER * best:
        yield (
            f"{best:.3g} requests a second succeed at {phrases.load(first.users_high)} {e.load.axis}, and "
            f"{last:.3g} at {phrases.load(top.users_high)}: more load makes fewer of them succeed."
        )
    elif TWICE * first.users_high <= top.users_high:
        yield (
            f"At most {best:.3g} requests a second succeed, about as many already at "
            f"{phrases.load(first.users_high)} {e.load.axis}: more load brings no more of them."
        )


def _accounts(e: Evidence) -> Iterator[str]:
    held = [c for c in e.concentration if c.dimension == "account"]
    single = [c.value for c in held if "account" not in c.value]
    if single:
        total = held[0]
        which = phrases.listed([f"{value}" for value in single], 6)
        yield (
            f"Try accounts {which} by hand first: {phrases.percent(total.error_rate)} of the requests of "
            f"{total.value if 'account' in total.value else 'the first of them'} failed."
        )


def _moments(e: Evidence) -> Iterator[str]:
    silences = e.freezes or e.stalls
    if not silences or not len(e.rows.samples):
        return
    begin_s = float(e.rows.samples.start_s[0])
    moments = [_clock(begin_s + silence.start_s) for silence in silences[:MOST_MOMENTS]]
    more = f" and {len(silences) - MOST_MOMENTS} more times" if len(silences) > MOST_MOMENTS else ""
    yield f"Look what the service, its database and its machine did at {', '.join(moments)} UTC{more}."


def _clock(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%H:%M:%S")


def _limit(e: Evidence, resource: str) -> ResourceLimit | None:
    told = e.server.limits if e.server else []
    return next((limit for limit in told if limit.resource == resource), None)


def _figure(e: Evidence, signal: str, probe: str | None = None) -> Sequence[ServerLevel]:
    """A figure at every level, by one probe or by the first that read it."""
    told = figure_levels(e.server, signal)
    return next((levels for name, levels in told if probe in (None, name)), ())


def _told(e: Evidence) -> list[LoadLevel]:
    return [level for level in e.levels if level.requests >= LEAST_REQUESTS]


def _top(e: Evidence) -> LoadLevel | None:
    return max(_told(e), key=lambda level: level.users_high, default=None)


ADVICE: dict[str, Advice] = {
    "pool": _pool,
    "bcrypt": _bcrypt,
    "lock": _lock,
    "cache": _cache,
    "rate_limit": _ceiling,
    "throughput": _ceiling,
    "code": _accounts,
    "test_data": _accounts,
    "freeze": _moments,
}
"""By suspect, as named in config/suspects.yaml."""

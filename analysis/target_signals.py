"""Signals from the target's own figures: what was used up, which phase grows, what it counted itself."""

from __future__ import annotations

from analysis import phrases
from analysis.at_level import LEAST_REQUESTS, figure_levels, matched, passed_per_s, phase_levels
from analysis.evidence import SEEN_SHARE, Evidence
from analysis.load_axis import USERS
from analysis.shown import Expected, Shown
from analysis.verdict import FingerprintReport, KindAtLimit, LoadLevel, PhaseLevel, ResourceLimit

ALWAYS_FULL = 0.5
"""A resource that was used up all the time fits, and there is nothing to compare with: it counts half."""
BUSY, IDLE = 0.5, 0.1
"""Used up in so many of the readings: the resource was busy, or had time to spare."""
FULL = 0.9
"""A thread or all cores in use by so much of their time at a level are used up there."""
MOST_OF_IT, LITTLE_OF_IT = 0.5, 0.25
"""A phase that takes more than half of the CPU in use is what uses it up, below a quarter it is not."""
ALONE = 0.8
"""Where CPU was not read: a phase that holds a request at four moments of five may fill a whole thread."""
OUTSIDE_SHARE, OUTSIDE_MS = 0.6, 50.0
"""Of an answer's time so much must pass outside of the target's own log to be spent on the way."""
COVERED = 0.8
"""The log must tell of so many of the requests: of others, nothing is known of their time within."""
FEW_USERS = 3.0
"""So few users cannot wait for each other for long."""
ONE_CORE = 90.0
INSIDE_SHARE = 0.2
TOTAL = "total"


def at_limit(e: Evidence, expected: Expected, own: FingerprintReport | None) -> Shown | None:
    """A resource that was used up when the errors came, and not only after them."""
    told = [limit for limit in e.server.limits if limit.resource in expected.wanted] if e.server else []
    if not told:
        return None
    first = max(told, key=lambda limit: (bool(_of_kind(limit, own).leads), limit.at_limit))
    found = _of_kind(first, own)
    always = found.leads is None and first.at_limit > 0
    return Shown(ALWAYS_FULL if always else float(bool(found.leads)), found.text)


def _of_kind(limit: ResourceLimit, own: FingerprintReport | None) -> ResourceLimit | KindAtLimit:
    """Of the suspect's own kind of failure, where that is known; else of all of them."""
    return limit if own is None else limit.kinds.get(own.id, limit)


def idle(e: Evidence, expected: Expected, _: FingerprintReport | None) -> Shown | None:
    """Resources that had time to spare: what goes by the clock could."""
    told = [limit for limit in e.server.limits if limit.resource in expected.wanted] if e.server else []
    if not told:
        return None
    if not any(limit.resource == "thread" for limit in told):
        # A single thread may be full while the process as a whole uses a quarter of the cores.
        told = [limit for limit in told if limit.resource != "cpu" or limit.at_limit or limit.most < ONE_CORE]
        if not told:
            return None
    most = max(told, key=lambda limit: (limit.at_limit / limit.readings, limit.most / limit.limit))
    part = most.at_limit / most.readings
    if IDLE < part < BUSY:
        return None
    return Shown(float(part <= IDLE), most.text)


def phase(e: Evidence, expected: Expected, _: FingerprintReport | None) -> Shown | None:
    """A phase that takes longer under load: in full if none grows more, else half."""
    told = [p for p in e.server.phases if p.name in expected.wanted] if e.server else []
    told = [p for p in told if p.with_load != "inconclusive"]
    if e.server is None or not told:
        return None
    grown = [p for p in told if p.with_load == "grows"]
    if not grown:
        return Shown(0.0, f"{told[0].name} does not grow with load: {told[0].why}")
    return Shown(
        1.0 if grown[0] == e.server.phases[0] else 0.5, f"{grown[0].name} grows with load: {grown[0].why}"
    )


def occupies(e: Evidence, expected: Expected, _: FingerprintReport | None) -> Shown | None:
    """A phase of work (not of waiting) that takes most of the CPU, where CPU is used up.

    How many requests are in a phase at once is its time by its rate (Little 1961): of a phase that computes,
    that is the number of cores it takes.
    """
    told = [
        (in_it, phase.name, at, level)
        for phase in (e.server.phases if e.server else ())
        if phase.name in expected.wanted
        for level, at in matched(e.levels, phase.levels)
        if (in_it := _at_once(at, level)) is not None
    ]
    if not told:
        return None
    in_it, name, at, level = max(told, key=lambda found: found[0])
    assert level.rate_per_s is not None
    words = (
        f"at {phrases.load(level.users_high)} {e.load.axis} {in_it:.2f} requests are in {name} at any moment "
        f"({phrases.milliseconds(at.own_ms.value or 0.0)} each, {passed_per_s(at, level):.1f} a second)"
    )
    readings = _readings(e, "cpu_percent", level)
    if not readings:
        return Shown(0.5, words) if in_it >= ALONE else None
    # Several processes share the phase's work, and two probes may read the same one: neither says too much.
    busy, most = max(readings), sum(readings)
    part = in_it / max(most / 100, 1e-9)
    words += f"; the process uses {busy / 100:.2f} cores"
    if part >= MOST_OF_IT and _used_up(e, level, busy):
        return Shown(1.0, f"{words}, all that it can use")
    little = in_it / max(busy / 100, 1e-9) < LITTLE_OF_IT
    return Shown(0.0, words) if little or not _used_up(e, level, busy) else None


def on_the_way(e: Evidence, _: Expected, __: FingerprintReport | None) -> Shown | None:
    """Time of an answer that the target's own log does not account for, at a load without queues."""
    for level, at in matched(e.levels, phase_levels(e.server, TOTAL)):
        seen_ms, inside_ms = level.ok_p50_ms, at.whole_ms
        if not _without_queue(e, level):
            return None
        covered = (at.own_ms.n or 0) >= COVERED * level.requests
        if seen_ms is None or inside_ms is None or level.requests < LEAST_REQUESTS or not covered:
            continue
        words = (
            f"at {phrases.load(level.users_high)} {e.load.axis} an answer takes "
            f"{phrases.milliseconds(seen_ms)} (median), of which the target's own log accounts for "
            f"{phrases.milliseconds(inside_ms)} (mean)"
        )
        outside_ms = seen_ms - inside_ms
        if outside_ms >= max(OUTSIDE_MS, OUTSIDE_SHARE * seen_ms):
            return Shown(1.0, words)
        return Shown(0.0, words) if outside_ms <= max(INSIDE_SHARE * seen_ms, OUTSIDE_MS / 2) else None
    return None


def server_counts(e: Evidence, expected: Expected, _: FingerprintReport | None) -> Shown | None:
    """What the target itself counted, against the failures seen from outside."""
    told = [figure for figure in e.server.figures if figure.signal in expected.wanted] if e.server else []
    if not told or not e.errors:
        return None
    counted = {f.signal: 0.0 for f in told}
    for figure in told:
        readings = sum(level.readings for level in figure.levels)
        mean = sum(level.mean * level.readings for level in figure.levels) / max(readings, 1)
        counted[figure.signal] = max(counted[figure.signal], mean * e.duration_s)
    name, number = max(counted.items(), key=lambda item: item[1])
    what = name.removesuffix("_per_s").replace("_", " ")
    if number < SEEN_SHARE * e.errors:
        return Shown(0.0, f"the target counted {phrases.count(number)} {what}")
    return Shown(1.0, f"the target counted about {phrases.count(number)} {what}")


def _at_once(at: PhaseLevel, level: LoadLevel) -> float | None:
    """How many requests are in the phase at once; None where the level was too short to say."""
    if at.own_ms.value is None or not level.rate_per_s or level.requests < LEAST_REQUESTS:
        return None
    return at.own_ms.value / 1000 * passed_per_s(at, level)


def _without_queue(e: Evidence, level: LoadLevel) -> bool:
    """Whether a level is so low that requests do not queue before the target's log sees them."""
    if e.load.axis == USERS and level.users_high <= FEW_USERS:
        return True
    cpu_percent = _at_level(e, "cpu_percent", level)
    low = level.users_high <= e.levels[-1].users_high / 2
    return low and cpu_percent is not None and not _used_up(e, level, cpu_percent)


def _at_level(e: Evidence, signal: str, level: LoadLevel) -> float | None:
    """The highest mean of a figure at a level, over the probes that read it."""
    return max(_readings(e, signal, level), default=None)


def _readings(e: Evidence, signal: str, level: LoadLevel) -> list[float]:
    """Mean of a figure at a level, of each probe that read it."""
    told = figure_levels(e.server, signal)
    return [at.mean for _, levels in told for _, at in matched([level], levels)]


def _used_up(e: Evidence, level: LoadLevel, busy_percent: float) -> bool:
    """Whether the busiest thread, or all cores, had no time to spare at this level."""
    threads = (_at_level(e, name, level) for name in ("cpu_thread_wanted_percent", "cpu_thread_percent"))
    cores = _at_level(e, "cpu_cores", level)
    return any(percent is not None and percent >= FULL * 100 for percent in threads) or (
        cores is not None and busy_percent >= FULL * 100 * cores
    )

"""Signals: what a suspect is confronted with. Each tells whether the run shows it, with numbers."""

from __future__ import annotations

import re

import numpy as np

from analysis import phrases, target_signals
from analysis.at_level import ok_per_s
from analysis.evidence import SEEN_SHARE, Evidence
from analysis.filled import FILLED
from analysis.load_axis import USERS
from analysis.shown import Expected, Shown, Signal, or_
from analysis.verdict import FingerprintReport, LoadEffect, LoadLevel
from recording.outcomes import TIMEOUT_OUTCOMES

TWICE = 2.0
"""Load must at least double between two levels for a comparison of them to say something."""
QUEUE = 4 / 3
"""Median latency of successes growing by a third between lowest and highest load is a queue."""
LEAST_QUEUE_MS = 20.0
FLAT = 1.15
"""Successes per second growing by less than this while load at least doubles is a ceiling."""
TIGHT = 1.25
"""Failures whose p95 is within this factor of their median end at one limit."""
LEAST_SPREAD_MS = 20.0
"""Failures that differ by less are all quick: neither at a limit nor held up by anything."""
WIDE = 5.0
ALIKE = 1.5
"""Highest and lowest error rate of the endpoints within this factor are alike."""
UNANSWERED = frozenset(
    {"dns", "refused", "unreachable", "tls", "reset", "closed_early", "unfinished", *TIMEOUT_OUTCOMES}
)
"""Failures in which the service had no say: that none of them has its words or status tells nothing."""
LEAST_STALLS, MANY_WAITING, REGULAR = 3, 3, 0.15
"""So many silences make a pattern; it is regular if all lie near multiples of the usual distance."""
LEAST_REQUESTS = 50
LEAST_FAILURES = 20


def _share(evidence: Evidence, count: int, text: str) -> Shown:
    """A share of the failures; strength grows with its root: a third still counts for more than half."""
    part = count / max(evidence.errors, 1)
    strength = float(np.sqrt(part)) if part >= SEEN_SHARE else 0.0
    numbers = (
        f"{phrases.count(count)} of {phrases.counted(evidence.errors, 'failure')} ({phrases.percent(part)})"
        if evidence.of is None
        else f"all {phrases.counted(evidence.errors, 'failure')} of this kind"
        if part
        else f"none of {phrases.counted(evidence.errors, 'failure')} of this kind"
    )
    return Shown(strength, f"{numbers} {text}")


def _message(e: Evidence, expected: Expected, _: FingerprintReport | None) -> Shown | None:
    told = [f for f in e.fingerprints if f.message and f.outcome not in UNANSWERED]
    if expected.pattern is None or sum(f.count for f in told) < SEEN_SHARE * e.errors or not told:
        return None
    found = [f for f in told if re.search(expected.pattern, f.message, re.IGNORECASE)]
    if found:
        return _share(e, sum(f.count for f in found), f"say '{found[0].message}'")
    return Shown(0.0, f"no message speaks of it; the most frequent is '{told[0].message}'")


def _status(e: Evidence, expected: Expected, _: FingerprintReport | None) -> Shown | None:
    answered = sum(entry.count for name, entry in e.by_status.items() if name not in UNANSWERED)
    if not e.errors or answered < SEEN_SHARE * e.errors:
        return None
    count = sum(entry.count for name, entry in e.by_status.items() if name in expected.wanted)
    found = [name for name in e.by_status if name in expected.wanted]
    verb = "ended with" if found else "have status"
    return _share(e, count, f"{verb} {or_(found or sorted(expected.wanted))}")


def _outcome(e: Evidence, expected: Expected, _: FingerprintReport | None) -> Shown | None:
    if not e.errors:
        return None
    count = sum(f.count for f in e.fingerprints if f.outcome in expected.wanted)
    found = list(dict.fromkeys(f.outcome for f in e.fingerprints if f.outcome in expected.wanted))
    if found:
        return _share(e, count, f"ended as {or_([name.replace('_', ' ') for name in found])}")
    return _share(e, 0, "are of the kind expected (time-outs, broken connections or contents)")


def _load(e: Evidence, expected: Expected, own: FingerprintReport | None) -> Shown | None:
    answer = own.load_effect if own else e.load.answer
    if answer == "inconclusive" or not e.errors:
        return None
    subject = "these failures" if own else "the error rate"
    verb = {"rises": "rise with load", "constant": "stay the same at every load", "falls": "fall with load"}[
        answer
    ]
    if not own:
        verb = re.sub(r"^(\w+)", r"\1s", verb)
    return Shown(float(answer in expected.wanted), f"{subject} {verb}{_slope(e.load)}")


def _slope(load: LoadEffect) -> str:
    if load.slope is None or load.low is None or load.high is None:
        return ""
    return (
        f" (all failures: {phrases.points(load.slope)} points, 95 % interval "
        f"{phrases.points_range(load.low, load.high)})"
    )


def _temporal(e: Evidence, expected: Expected, own: FingerprintReport | None) -> Shown | None:
    answer = own.temporal if own else e.temporal.answer
    if answer in {"inconclusive", "none"}:
        return None
    even = "are spread evenly" if e.drift.step is None else "do not come in bursts"
    how = "come in bursts" if answer == "clustered" else even
    variation = e.temporal.excess_variation
    numbers = (
        f" (windows differ by {phrases.percent(variation)} of the mean rate, load and time allowed for)"
        if variation is not None and not own
        else ""
    )
    subject = "these failures" if own else "errors"
    return Shown(float(answer in expected.wanted), f"{subject} {how}{numbers}")


def _drift(e: Evidence, expected: Expected, _: FingerprintReport | None) -> Shown | None:
    if e.drift.answer == "inconclusive" or not e.errors or e.of is not None:
        return None
    rises = e.drift.answer != "yes" or (e.drift.slope or 0.0) > 0  # what gets better accuses nobody
    return Shown(float(rises and e.drift.answer in expected.wanted), e.drift.why)


def _error_duration(e: Evidence, expected: Expected, own: FingerprintReport | None) -> Shown | None:
    if _given_up(e, own):
        return None
    figures = own.duration_ms if own else e.latency.errors
    if figures.p50 is None or figures.p95 is None or figures.n < LEAST_FAILURES or figures.p50 <= 0:
        return None
    shape = "fixed" if figures.p95 <= TIGHT * figures.p50 else "spread"
    if shape == "spread" and figures.p95 - figures.p50 < LEAST_SPREAD_MS:
        return None
    how = "near one limit" if shape == "fixed" else "over a wide range of times"
    text = (
        f"failures end {how}: half within {phrases.milliseconds(figures.p50)}, "
        f"95 % within {phrases.milliseconds(figures.p95)} (n = {phrases.count(figures.n)})"
    )
    return Shown(float(shape in expected.wanted), text)


def _ends(e: Evidence) -> tuple[LoadLevel, LoadLevel] | None:
    told = [level for level in e.levels if level.requests >= LEAST_REQUESTS]
    if len(told) < 2 or told[-1].users_high < TWICE * max(told[0].users_low, 1.0):
        return None
    return told[0], told[-1]


def _ok_latency(e: Evidence, expected: Expected, _: FingerprintReport | None) -> Shown | None:
    ends = _ends(e)
    if ends is None or not ends[0].ok_p50_ms or ends[1].ok_p50_ms is None:
        return None
    low, high = ends[0].ok_p50_ms, ends[1].ok_p50_ms
    shape = "rises" if high >= QUEUE * low and high - low >= LEAST_QUEUE_MS else "flat"
    text = (
        f"successes take {phrases.milliseconds(high)} (median) at {phrases.load(ends[1].users_high)} "
        f"{e.load.axis} and {phrases.milliseconds(low)} at {phrases.load(ends[0].users_low)}"
    )
    return Shown(float(shape in expected.wanted), text)


def _given_up(e: Evidence, own: FingerprintReport | None) -> bool:
    """Whether most of these failures are time-outs of ours: how long they took is our own limit."""
    kinds = [own] if own else e.fingerprints
    ours = sum(kind.count for kind in kinds if kind.outcome in TIMEOUT_OUTCOMES)
    return ours > sum(kind.count for kind in kinds) / 2


def _error_latency(e: Evidence, expected: Expected, own: FingerprintReport | None) -> Shown | None:
    """How long failures take at low and at high load: a limit stays, a queue before it grows."""
    if _given_up(e, own) or e.of is not None:
        return None
    told = [
        (level, level.latency_ms.errors.p50)
        for level in e.levels
        if level.errors >= LEAST_FAILURES and level.latency_ms is not None and level.latency_ms.errors.p50
    ]
    if len(told) < 2 or told[-1][0].users_high < TWICE * max(told[0][0].users_low, 1.0):
        return None
    (low_level, low), (high_level, high) = told[0], told[-1]
    shape = "rises" if high >= QUEUE * low else "flat"
    text = (
        f"failures take {phrases.milliseconds(high)} (median) at {phrases.load(high_level.users_high)} "
        f"{e.load.axis} and {phrases.milliseconds(low)} at {phrases.load(low_level.users_high)}"
    )
    return Shown(float(shape in expected.wanted), text)


def _ok_rate(e: Evidence, expected: Expected, _: FingerprintReport | None) -> Shown | None:
    """Successes per second at the top against half-way: a ceiling shows as no growth between the two."""
    told = [(level, ok_per_s(level)) for level in e.levels if level.requests >= LEAST_REQUESTS]
    if len(told) < 3 or e.load.why.startswith(FILLED):
        return None
    top, top_rate = told[-1]
    # Half-way in whole users: of 20 and 11 as well.
    half_way = top.users_high / TWICE + (1 if e.load.axis == USERS else 0)
    half = [(level, rate) for level, rate in told[:-1] if level.users_high <= half_way]
    if not half or top_rate is None:
        return None
    middle, middle_rate = half[-1]
    if not middle_rate:
        return None
    shape = "flat" if top_rate < FLAT * middle_rate else "grows"
    text = (
        f"{top_rate:.1f} successes a second at {phrases.load(top.users_high)} {e.load.axis}, "
        f"{middle_rate:.1f} at {phrases.load(middle.users_high)}"
    )
    return Shown(float(shape in expected.wanted), text)


def _latency_spread(e: Evidence, expected: Expected, _: FingerprintReport | None) -> Shown | None:
    ok = e.latency.ok
    if not ok.p50 or ok.p99 is None:
        return None
    shape = "wide" if ok.p99 >= WIDE * ok.p50 else "narrow"
    text = f"successes: median {phrases.milliseconds(ok.p50)}, p99 {phrases.milliseconds(ok.p99)}"
    return Shown(float(shape in expected.wanted), text)


def _endpoint_rates(e: Evidence) -> dict[str, tuple[int, int]]:
    """Failures and requests of each endpoint that was asked often enough."""
    return {name: (k, n) for name, (k, n) in e.by_endpoint.items() if n >= LEAST_REQUESTS and name}


def _endpoints_alike(e: Evidence, _: Expected, __: FingerprintReport | None) -> Shown | None:
    rates = {name: k / n for name, (k, n) in _endpoint_rates(e).items()}
    if len(rates) < 2 or not e.errors:
        return None
    low, high = min(rates, key=lambda n: (rates[n], n)), max(rates, key=lambda n: (rates[n], n))
    text = f"{phrases.percent(rates[high])} of {high} fail and {phrases.percent(rates[low])} of {low}"
    return Shown(float(rates[high] <= ALIKE * rates[low]), text)


def _only_endpoint(e: Evidence, expected: Expected, _: FingerprintReport | None) -> Shown | None:
    rates = _endpoint_rates(e)
    if len(rates) < 2 or expected.pattern is None or not e.errors:
        return None
    found = [name for name in rates if re.search(expected.pattern, name, re.IGNORECASE)]
    if not found or len(found) == len(rates):
        return None
    inside = sum(rates[name][0] for name in found)
    total = sum(k for k, _ in rates.values())
    text = f"{phrases.count(inside)} of {phrases.counted(total, 'failure')} are at {or_(found)}"
    return Shown(float(total > 0 and inside >= 0.9 * total), text)


def _endpoint_named(e: Evidence, expected: Expected, _: FingerprintReport | None) -> Shown | None:
    """Whether any endpoint has such a name, be it the only one."""
    names = list(_endpoint_rates(e))
    if not names or expected.pattern is None or not e.errors:
        return None
    found = [name for name in names if re.search(expected.pattern, name, re.IGNORECASE)]
    text = f"{or_(found)} was asked" if found else f"no endpoint is named so, as {or_(names)} are"
    return Shown(float(bool(found)), text)


def _accounts(e: Evidence, _: Expected, __: FingerprintReport | None) -> Shown | None:
    if not e.errors or not bool((e.rows.samples.account >= 0).any()):
        return None
    held = [c for c in e.concentration if c.dimension == "account"]
    if not held:
        return Shown(0.0, "no account fails more often than the others")
    top = held[0]
    who = top.value if "account" in top.value else f"account {top.value}"
    text = (
        f"{who} hold {phrases.percent(top.share)} of the failures and fail in "
        f"{phrases.percent(top.error_rate)} of their {phrases.counted(top.requests, 'request')}"
    )
    return Shown(1.0, text)


def _freezes(e: Evidence, _: Expected, __: FingerprintReport | None) -> Shown | None:
    if not e.freezes:
        if _stalling(e):
            return None  # `stalls` tells of them
        return Shown(0.0, "answers never stopped out of proportion")
    longest = max(e.freezes, key=lambda f: f.duration_s)
    text = (
        f"{phrases.counted(len(e.freezes), 'freeze')}, the longest {phrases.seconds(longest.duration_s)} "
        f"with {phrases.counted(longest.in_flight, 'request')} waiting"
    )
    return Shown(1.0, text)


def _stalling(e: Evidence) -> bool:
    """That one or two users wait for so long together happens by chance; that many do, again, does not."""
    many = sum(stall.in_flight >= MANY_WAITING for stall in e.stalls)
    return len(e.stalls) >= LEAST_STALLS and many >= LEAST_STALLS - 1


def _stalls(e: Evidence, _: Expected, __: FingerprintReport | None) -> Shown | None:
    """Silences too short for a freeze, again and again; the text says how regular they come."""
    if not _stalling(e):
        return None
    lengths = sorted(stall.duration_s for stall in e.stalls)
    text = (
        f"answers stopped {len(e.stalls)} times for {phrases.seconds(lengths[0])} to "
        f"{phrases.seconds(lengths[-1])} while requests waited"
    )
    apart = np.diff([stall.start_s for stall in e.stalls])
    usual = float(np.median(apart))
    regular = bool((np.abs(apart / usual - np.round(apart / usual)) <= REGULAR).all()) if usual > 0 else False
    return Shown(1.0, f"{text}, {phrases.seconds_about(usual)} apart" if regular else text)


def _generator(e: Evidence, _: Expected, __: FingerprintReport | None) -> Shown | None:
    found = [
        f.text for f in e.quality.findings if f.code.startswith("generator_") and f.severity == "invalid"
    ]
    return Shown(1.0, found[0]) if found else Shown(0.0, "the load generator was not the limit")


SIGNALS: dict[str, Signal] = {
    "message": _message,
    "status": _status,
    "outcome": _outcome,
    "load_effect": _load,
    "temporal": _temporal,
    "drift": _drift,
    "error_duration": _error_duration,
    "ok_latency": _ok_latency,
    "ok_rate": _ok_rate,
    "error_latency": _error_latency,
    "latency_spread": _latency_spread,
    "endpoints_alike": _endpoints_alike,
    "only_endpoint": _only_endpoint,
    "endpoint_named": _endpoint_named,
    "accounts": _accounts,
    "freezes": _freezes,
    "generator": _generator,
    "stalls": _stalls,
    "at_limit": target_signals.at_limit,
    "idle": target_signals.idle,
    "phase": target_signals.phase,
    "occupies": target_signals.occupies,
    "on_the_way": target_signals.on_the_way,
    "server_counts": target_signals.server_counts,
}
"""Every signal that config/suspects.yaml may name."""

"""Sentence: the answer in one line, first line of every output, in plain words and with its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis import phrases
from analysis.filled import FILLED
from analysis.intervals import share_upper
from analysis.shares import LEAST_REQUESTS
from analysis.verdict import (
    FingerprintReport,
    Freeze,
    Interval,
    Knee,
    LoadAnswer,
    LoadEffect,
    LoadLevel,
    Quality,
    StatusClass,
    Temporal,
    TimeDrift,
)
from analysis.withheld import DOUBTS
from recording.folder import CUT_OFF

LONGEST = 240
MESSAGE = 60
WARM_UP_PART = 0.5
"""Fewer than this part of the failures after the warm-up: then the warm-up is the news."""
LEAST_AFTER = 200
"""Requests after the warm-up that must have gone well before it is blamed."""
LEAST_CLASS = 0.05
"""A class is named beside the others from this share of the failures on."""
BURSTS_HOLD = 0.5
"""Bursts are the news from this share of the failures on."""
GENERATOR = {
    "generator_cpu": "the load generator was short of CPU",
    "generator_lag": "the load generator stalled",
    "generator_errors": "the load generator itself failed",
    "behaviour_errors": "turns of the behaviour broke off",
}
MISSING = "Incomplete data: "
INCOMPLETE = {
    "arrivals_skipped": "The planned load was not made: ",
    "scenario_changed": "The scenario was changed after the run: ",
}
"""How the sentence begins where this is all that is not whole."""
UNDECIDED = "what was measured fits a rise as well as none"
ALIKE: dict[LoadAnswer, str] = {
    "rises": "rises with load",
    "constant": "is the same at every load",
    "falls": "falls with load",
    "inconclusive": "cannot be told",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the sentence, and what would change it, are made of."""

    rate: Interval
    errors: int
    load: LoadEffect
    temporal: Temporal
    knee: Knee | None
    levels: Sequence[LoadLevel]
    fingerprints: Sequence[FingerprintReport]
    statuses: dict[str, StatusClass]
    quality: Quality
    duration_s: float
    warm_up_s: float
    drift: TimeDrift
    freezes: Sequence[Freeze]

    @property
    def warm_up_only(self) -> bool:
        """Whether the failures lie mostly in the warm-up, which the fits leave out."""
        judged = self.load.requests >= LEAST_AFTER
        return judged and self.load.errors < WARM_UP_PART * self.errors


def sentence(facts: Facts) -> str:
    """Validity first, then the news: what load does, or else bursts, time, a freeze; then how much fails."""
    rate, errors = facts.rate, facts.errors
    if rate.n == 0:
        return "No data: nothing was measured."
    prefix = _prefix(facts.quality, facts.duration_s)
    if errors == 0 and rate.value is None:
        none = f"No request in this file failed ({phrases.count(rate.n)}), but {DOUBTS[-1][1]}."
        return _joined(prefix, none)
    prefix += _frozen(facts.freezes)
    if errors == 0:
        bound = phrases.percent(share_upper(0, rate.n))
        none = f"No request failed in {phrases.count(rate.n)}: the true rate is under {bound}"
        return _joined(prefix, f"{none}, with 95 % confidence.")
    head = _joined(prefix, _head(facts))
    candidates = [f"{head} {_what(facts)}", f"{head} {_amount(rate, errors)}."]
    return next((text for text in candidates if len(text) <= LONGEST), candidates[-1])


def _joined(prefix: str, text: str) -> str:
    """After a colon the sentence goes on in small letters."""
    return prefix + (text[:1].lower() + text[1:] if prefix.endswith(": ") else text)


def _prefix(quality: Quality, duration_s: float) -> str:
    first = {finding.code for finding in quality.findings if finding.severity == "invalid"}
    if not quality.valid:
        why = next((text for code, text in GENERATOR.items() if code in first), "see the findings")
        return f"Invalid run, do not rely on it ({why}). If it counted: "
    if not quality.complete:
        codes = {finding.code for finding in quality.findings if finding.severity == "incomplete"}
        if codes & {"cut_short", "interrupted", CUT_OFF}:
            return f"Cut short after {phrases.seconds(round(duration_s))}: "
        return INCOMPLETE.get(codes.pop(), MISSING) if len(codes) == 1 else MISSING
    return ""


def _frozen(freezes: Sequence[Freeze]) -> str:
    """The longest stretch without any answer, which no share of errors shows."""
    if not freezes:
        return ""
    worst = max(freezes, key=lambda freeze: freeze.duration_s)
    times = "" if len(freezes) == 1 else f" (the longest of {len(freezes)} such stretches)"
    return f"Nothing was answered for {phrases.seconds(worst.duration_s)}{times}. "


def _head(facts: Facts) -> str:
    load = facts.load
    if load.down_since_s is not None:
        since = phrases.seconds(load.down_since_s)
        return (
            f"From {since} on nearly every request failed, whatever the load; whether load brought the "
            "service down cannot be seen."
        )
    if load.answer == "inconclusive":
        news = _warm_up(facts) or bursts(facts.temporal) or drifts(facts.drift)
        unknown = f"annot tell whether errors depend on load: {reason(load)}{_seen(facts)}."
        return f"{news}; c{unknown}" if news else f"C{unknown}"
    if facts.warm_up_only and load.answer == "constant":
        if not load.errors:
            return f"{_warm_up(facts)}; after it nothing failed, at any load."
        return f"{_warm_up(facts)}; after it {phrases.counted(load.errors, 'failure')}, at any load."
    if load.answer == "constant":
        return _constant(facts)
    verb = "rise" if load.answer == "rises" else "fall"
    begin = ""
    if facts.knee is not None and load.answer == "rises":
        begin = f"; they begin at about {where(facts.knee, load.axis)}"
    extra = bursts(facts.temporal)
    also = f", in bursts{_every(facts.temporal)}" if extra else ""
    return f"Errors {verb} with load{also}{_from_to(load, facts.levels, facts.knee)}{begin}."


def _warm_up(facts: Facts) -> str:
    if not facts.warm_up_only:
        return ""
    part = "Most" if facts.load.errors else f"All {phrases.count(facts.errors)}"
    return f"{part} failures fell into the first {phrases.seconds(facts.warm_up_s)}, the warm-up"


def _constant(facts: Facts) -> str:
    """Constant: bursts or a trend are the news where there are any, and load is ruled out after them."""
    news = bursts(facts.temporal) or drifts(facts.drift)
    if news:
        on = "how high the load is" if _aligned(facts.temporal) else "load"
        return f"{news}, and do not depend on {on}."
    low, high = facts.load.load_low, facts.load.load_high
    place = f", from {phrases.load(low)} to {phrases.load(high)} {facts.load.axis}" if low and high else ""
    return f"Errors do not depend on load: about {phrases.percent(facts.rate.value)} at every level{place}."


def bursts(temporal: Temporal) -> str:
    """Bursts as a clause without its end: how often, how many endpoints; "" where they are not the news."""
    held = sum(burst.share for burst in temporal.bursts)
    if temporal.answer != "clustered" or held < BURSTS_HOLD:
        return ""
    count = phrases.counted(len(temporal.bursts), "burst")
    share = phrases.percent(min(held, 1.0))
    extent = _extent(temporal)
    # A plan with equal steps gives bursts after its changes a period; the changes are the better reason.
    when = ", right after changes of load" if _aligned(temporal) else _every(temporal)
    if len(temporal.bursts) == 1:
        burst = temporal.bursts[0]
        length = phrases.seconds_about(burst.end_s - burst.start_s)
        return f"Errors come in one burst of {length} that holds {share} of them{extent}"
    return f"Errors come in bursts{when}{extent} ({count} with {share} of them)"


def _aligned(temporal: Temporal) -> bool:
    return temporal.alignment is not None and temporal.alignment.answer == "yes"


def _every(temporal: Temporal) -> str:
    return f" every {phrases.seconds_about(temporal.period_s)}" if temporal.period_s is not None else ""


def _extent(temporal: Temporal) -> str:
    """All endpoints or which; "" where a run has one endpoint only, or it is not known."""
    reach = temporal.reach
    if reach is None or reach.answer is None or len(reach.by_endpoint) < 2:
        return ""
    return (
        ", all endpoints at once"
        if reach.answer == "all"
        else f", only on {phrases.listed(reach.endpoints, 2)}"
    )


def drifts(drift: TimeDrift) -> str:
    """A trend over time, or a step, as a clause without its end; "" without one."""
    if (step := drift.step) is not None:
        verb = "rise" if step.after > step.before else "fall"
        rates = f"{phrases.percent(step.before)} to {phrases.percent(step.after)}"
        return f"Errors {verb} from {rates} of requests from {phrases.moment(step.since_s)} on"
    if drift.answer != "yes" or drift.slope is None:
        return ""
    verb = "rise" if drift.slope > 0 else "fall"
    return f"Errors {verb} with time, by {phrases.points(abs(drift.slope))} points over the run"


def where(knee: Knee, axis: str) -> str:
    """A knee with its interval: "24 users (20–28)"."""
    return f"{phrases.load(knee.users)} {axis} ({phrases.load(knee.low)}–{phrases.load(knee.high)})"


def _from_to(load: LoadEffect, levels: Sequence[LoadLevel], knee: Knee | None) -> str:
    """Raw rates at both ends; where time hides the effect in them, the fitted difference instead."""
    told = [
        level for level in levels if level.requests >= LEAST_REQUESTS and level.error_rate.value is not None
    ]
    slope = load.slope or 0.0
    if len(told) < 2 or ((told[-1].error_rate.value or 0) - (told[0].error_rate.value or 0)) * slope <= 0:
        return f" by {phrases.points(abs(slope))} points, time allowed for"
    first, last = told[0], told[-1]
    end = f"to {phrases.percent(last.error_rate.value)} at {_level(last)}"
    calm = [level for level in told if knee is not None and level.users_high <= knee.low]
    if knee is not None and len(calm) > 1:
        rate = sum(level.errors for level in calm) / sum(level.requests for level in calm)
        below = "below" if calm[-1].users_high < knee.low else "at up to"
        return f": from {phrases.percent(rate)} {below} {phrases.load(knee.low)} {load.axis} {end}"
    return f": from {phrases.percent(first.error_rate.value)} at {_level(first)} {load.axis} {end}"


def _level(level: LoadLevel) -> str:
    low, high = phrases.load(level.users_low), phrases.load(level.users_high)
    return low if low == high else f"{low}–{high}"


def reason(load: LoadEffect) -> str:
    """The short form of why nothing can be said about load: up to its first colon or semicolon."""
    for known in (
        *(why for _, why in DOUBTS),
        "load did not vary",
        "load and time moved together",
        "too few requests",
        "too few errors",
        FILLED,
    ):
        if load.why.startswith(known):
            return known
    if load.why.startswith("high load was reached only once"):
        return "high load was reached only once, while the rate drifted"
    return "no request was left to judge" if load.requests == 0 else UNDECIDED


def _seen(facts: Facts) -> str:
    """What was seen at both ends where load and time cannot be told apart: it is news all the same."""
    if not facts.load.why.startswith("load and time moved together") or len(facts.levels) < 2:
        return ""
    first, last = facts.levels[0], facts.levels[-1]
    axis = facts.load.axis
    return (
        f" ({phrases.percent(first.error_rate.value)} failed at {_level(first)} {axis}, "
        f"{phrases.percent(last.error_rate.value)} at {_level(last)})"
    )


def mixed(facts: Facts) -> list[tuple[str, StatusClass]]:
    """The classes worth naming, where they do not all do the same with load; else none."""
    named = [
        (name, entry) for name, entry in facts.statuses.items() if entry.count >= LEAST_CLASS * facts.errors
    ]
    return named if len({entry.load_effect for _, entry in named}) > 1 else []


def _what(facts: Facts) -> str:
    amount = _amount(facts.rate, facts.errors)
    several = mixed(facts)
    if several:
        parts = [
            f"{name.replace('_', ' ')} ({phrases.percent(entry.share)}) {ALIKE[entry.load_effect]}"
            for name, entry in several[:3]
        ]
        return f"{amount}: {phrases.listed(parts)}."
    if not facts.fingerprints:
        return f"{amount}."
    top = facts.fingerprints[0]
    name = str(top.status) if top.status else top.outcome.replace("_", " ")
    message = top.message if len(top.message) <= MESSAGE else top.message[: MESSAGE - 1] + "…"
    quoted = f" '{message}'" if message else ""
    part = top.count / max(facts.errors, 1)
    extent = "all" if part == 1 else "most" if part > 0.5 else "the largest part"
    return f"{amount}, {extent} with {name}{quoted}."


def _amount(rate: Interval, errors: int) -> str:
    requests = phrases.counted(rate.n, "request")
    if rate.value is None:
        return f"{phrases.count(errors)} of {phrases.counted(rate.n, 'answered request')} failed"
    return f"{phrases.percent(rate.value)} of {requests} failed ({phrases.count(errors)})"

"""Sentence: the answer in one line, first line of every output, in plain words and with its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from analysis import phrases
from analysis.verdict import (
    FingerprintReport,
    Freeze,
    Interval,
    Knee,
    LoadEffect,
    LoadLevel,
    Quality,
    Temporal,
    TimeDrift,
)
from analysis.withheld import DOUBTS

LONGEST = 240
MESSAGE = 60
LEAST_REQUESTS = 20
"""A level's rate is only quoted with this many requests behind it."""
WARM_UP_PART = 0.5
"""Fewer than this part of the failures after the warm-up: then the warm-up is the news."""


def sentence(
    rate: Interval,
    errors: int,
    load: LoadEffect,
    temporal: Temporal,
    knee: Knee | None,
    levels: Sequence[LoadLevel],
    fingerprints: Sequence[FingerprintReport],
    quality: Quality,
    duration_s: float,
    drift: TimeDrift,
    freezes: Sequence[Freeze],
) -> str:
    """Validity first, then the news: what load does, or else bursts, time, a freeze; then how much fails."""
    if rate.n == 0:
        return "No data: nothing was measured."
    prefix = _prefix(quality, duration_s)
    if errors == 0 and rate.value is None:
        return f"{prefix}No request in this file failed ({phrases.count(rate.n)}), but {DOUBTS[-1][1]}."
    if errors == 0:
        body = (
            f"No request failed in {phrases.count(rate.n)} (so under {phrases.percent(rate.high)} at 95 %)."
        )
        return prefix + _frozen(freezes) + body
    what = _what(rate, errors, fingerprints)
    head = prefix + _frozen(freezes) + _head(load, temporal, drift, knee, levels, rate, errors)
    full = f"{head} {what}"
    return full if len(full) <= LONGEST else f"{head} {_amount(rate, errors)}."


def _prefix(quality: Quality, duration_s: float) -> str:
    first = {finding.code for finding in quality.findings if finding.severity == "invalid"}
    if not quality.valid:
        reason = {
            "generator_cpu": "the load generator was short of CPU",
            "generator_lag": "the load generator stalled",
            "generator_errors": "the load generator itself failed",
        }
        why = next((text for code, text in reason.items() if code in first), "see the findings")
        return f"Invalid run, {why}: "
    if not quality.complete:
        codes = {finding.code for finding in quality.findings if finding.severity == "incomplete"}
        if codes & {"cut_short", "interrupted"}:
            return f"Cut short after {phrases.seconds(round(duration_s))}: "
        return "Incomplete data: "
    return ""


def _frozen(freezes: Sequence[Freeze]) -> str:
    """The longest stretch without any answer, which no share of errors shows."""
    if not freezes:
        return ""
    worst = max(freezes, key=lambda freeze: freeze.duration_s)
    times = "" if len(freezes) == 1 else f" (the longest of {len(freezes)} such stretches)"
    return f"Nothing was answered for {phrases.seconds(worst.duration_s)}{times}. "


def _other_news(temporal: Temporal, drift: TimeDrift) -> str:
    """What is known although load is not: bursts, or a change with time."""
    if temporal.answer == "clustered" and temporal.bursts:
        held = sum(burst.share for burst in temporal.bursts)
        count = phrases.counted(len(temporal.bursts), "burst")
        return f"Errors come in bursts ({count} with {phrases.percent(min(held, 1.0))} of them)"
    if drift.answer == "yes" and drift.slope is not None:
        verb = "rise" if drift.slope > 0 else "fall"
        return f"Errors {verb} with time, by {phrases.points(abs(drift.slope))} points over the run"
    return ""


def _head(
    load: LoadEffect,
    temporal: Temporal,
    drift: TimeDrift,
    knee: Knee | None,
    levels: Sequence[LoadLevel],
    rate: Interval,
    errors: int,
) -> str:
    if load.answer == "inconclusive":
        news = _other_news(temporal, drift)
        unknown = f"annot tell whether errors depend on load: {_reason(load)}."
        return f"{news}; c{unknown}" if news else f"C{unknown}"
    if load.answer == "constant" and load.errors < WARM_UP_PART * errors:
        return f"Most failures fell into the warm-up; after it {phrases.count(load.errors)} at any load."
    if load.answer == "constant":
        pattern = ", in bursts" if temporal.answer == "clustered" else ""
        return f"Errors do not depend on load: about {phrases.percent(rate.value)} at every level{pattern}."
    begin = ""
    if knee is not None and load.answer == "rises":
        begin = f"; they begin between {phrases.load(knee.low)} and {phrases.load(knee.high)} {load.axis}"
    verb = "rise" if load.answer == "rises" else "fall"
    return f"Errors {verb} with load{_from_to(load, levels)}{begin}."


def _from_to(load: LoadEffect, levels: Sequence[LoadLevel]) -> str:
    """Raw rates at both ends; where time hides the effect in them, the fitted difference instead."""
    told = [
        level for level in levels if level.requests >= LEAST_REQUESTS and level.error_rate.value is not None
    ]
    slope = load.slope or 0.0
    if len(told) < 2 or ((told[-1].error_rate.value or 0) - (told[0].error_rate.value or 0)) * slope <= 0:
        return f" by {phrases.points(abs(slope))} points, time allowed for"
    first, last = told[0], told[-1]
    return (
        f": from {phrases.percent(first.error_rate.value)} at {_level(first)} {load.axis} "
        f"to {phrases.percent(last.error_rate.value)} at {_level(last)}"
    )


def _level(level: LoadLevel) -> str:
    low, high = phrases.load(level.users_low), phrases.load(level.users_high)
    return low if low == high else f"{low}–{high}"


def _reason(load: LoadEffect) -> str:
    """The short form of why: up to its first colon or semicolon."""
    for known in (
        *(why for _, why in DOUBTS),
        "load did not vary",
        "load and time moved together",
        "too few requests",
        "too few errors",
    ):
        if load.why.startswith(known):
            return known
    if load.why.startswith("high load was reached only once"):
        return "high load was reached only once, while the rate drifted"
    return "no request was left to judge" if load.requests == 0 else "the interval is too wide"


def _what(rate: Interval, errors: int, fingerprints: Sequence[FingerprintReport]) -> str:
    amount = _amount(rate, errors)
    if not fingerprints:
        return f"{amount}."
    top = fingerprints[0]
    name = str(top.status) if top.status else top.outcome.replace("_", " ")
    message = top.message if len(top.message) <= MESSAGE else top.message[: MESSAGE - 1] + "…"
    quoted = f" '{message}'" if message else ""
    part = top.count / max(errors, 1)
    extent = "all" if part == 1 else "most" if part > 0.5 else "the largest part"
    return f"{amount}, {extent} with {name}{quoted}."


def _amount(rate: Interval, errors: int) -> str:
    requests = phrases.counted(rate.n, "request")
    if rate.value is None:
        return f"{phrases.count(errors)} of {phrases.counted(rate.n, 'answered request')} failed"
    return f"{phrases.percent(rate.value)} of {requests} failed ({phrases.count(errors)})"

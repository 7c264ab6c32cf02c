"""Bursts and freezes in words, the same in report.md, on the page and on the terminal."""

from __future__ import annotations

from analysis import phrases
from analysis.render import wording
from analysis.verdict import Burst, Freeze, Verdict

_MOST_NAMES = 2


def numbers(verdict: Verdict) -> str:
    """How many, how often, where: "29 bursts every 30 s holding 97 % of the errors, all 3 endpoints"."""
    temporal = verdict.temporal
    if not temporal.bursts:
        return ""
    share = wording.percent(min(1.0, sum(burst.share for burst in temporal.bursts)))
    every = "" if temporal.period_s is None else f" every {phrases.seconds_about(temporal.period_s)}"
    text = f"{wording.plural(len(temporal.bursts), 'burst')}{every} holding {share} of the errors"
    near, reach = temporal.alignment, temporal.reach
    if near is not None and near.answer == "yes":
        text += f", {near.aligned} right after a change of load"
    if reach is not None and reach.answer is not None and len(reach.by_endpoint) > 1:
        hit = [wording.clean(name, 40) for name in reach.endpoints]
        every_one = f"all {len(reach.by_endpoint)} endpoints"
        text += f", {every_one if reach.answer == 'all' else 'only on ' + phrases.listed(hit, _MOST_NAMES)}"
    return text


def freeze_line(freeze: Freeze) -> str:
    """A freeze in a line."""
    return (
        f"Freeze at {wording.moment(freeze.start_s)}: {wording.seconds(freeze.duration_s)} "
        f"without an answer, {who_waited(freeze)}"
    )


def who_waited(freeze: Freeze) -> str:
    """How many waited in a freeze, and the oldest of them for how long."""
    oldest = "" if freeze.oldest_s is None else f", the oldest for {wording.seconds(freeze.oldest_s)}"
    return f"{wording.plural(freeze.in_flight, 'request')} waiting{oldest}"


def burst_line(burst: Burst, verdict: Verdict) -> str:
    """A burst in a line; what it hit is told where there was a choice."""
    share = wording.percent(burst.share)
    text = (
        f"Burst {wording.moment(burst.start_s)} to {wording.moment(burst.end_s)}: "
        f"{wording.plural(burst.errors, 'error')}, {share} of all errors"
    )
    reach = verdict.temporal.reach
    if burst.aligned:
        text += ", right after a change of load"
    if reach is not None and len(reach.by_endpoint) > 1 and burst.endpoints:
        everyone = len(burst.endpoints) == len(reach.by_endpoint)
        names = [wording.clean(name, 40) for name in burst.endpoints]
        text += ", all endpoints" if everyone else f", {phrases.listed(names, _MOST_NAMES)}"
    if reach is not None and len(reach.statuses) > 1:
        text += f", {phrases.listed([wording.clean(name, 30) for name in burst.statuses], _MOST_NAMES)}"
    return text


def lead(verdict: Verdict) -> str:
    """What stands above the pictures over time."""
    temporal = verdict.temporal
    if not temporal.bursts and not verdict.freezes:
        return "Neither bursts nor freezes were found."
    told = ["Bursts hold more errors than chance allows."] if temporal.bursts else []
    told += ["In a freeze nothing was answered although requests waited."] if verdict.freezes else []
    if temporal.period is not None:
        period = temporal.period
        told.append(
            f"Bursts come back every {phrases.seconds_about(period.period_s)}: "
            f"{period.seen} of {period.expected} were seen."
        )
    if temporal.alignment is not None and temporal.bursts:
        told.append(wording.sentence(temporal.alignment.why))
    return " ".join(told)

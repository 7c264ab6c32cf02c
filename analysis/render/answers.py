"""The verdict's closed answers in words: one table per question, so that every renderer says the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import NamedTuple

from analysis.render import burst_words, wording
from analysis.slo.grammar import SloTarget, parse_slo
from analysis.slo.near import told_apart
from analysis.verdict import (
    Attribution,
    Finding,
    Interval,
    JudgedClass,
    LatencyMs,
    LoadAnswer,
    LoadLevel,
    Percentiles,
    PhaseAnswer,
    Severity,
    SloOutcome,
    SloResult,
    TemporalAnswer,
    Verdict,
    YesNo,
)

UNDECIDED = "cannot tell"
PHASE: dict[PhaseAnswer, str] = {
    "grows": "grows with load",
    "constant": "same at every load",
    "falls": "falls with load",
    "inconclusive": UNDECIDED,
}
LOAD: dict[LoadAnswer, str] = {
    "rises": "rises with load",
    "constant": "same at every load",
    "falls": "falls with load",
    "inconclusive": UNDECIDED,
}
TEMPORAL: dict[TemporalAnswer, str] = {
    "clustered": "in bursts",
    "distributed": "evenly spread",
    "none": "no errors",
    "inconclusive": UNDECIDED,
}
DRIFT: dict[YesNo, str] = {
    "yes": "changes with time",
    "no": "steady over time",
    "inconclusive": UNDECIDED,
}
SLO: dict[SloOutcome, tuple[str, str]] = {
    "met": ("✓", "met"),
    "missed": ("✗", "missed"),
    "no_data": ("?", "no data"),
}
SEVERITY: dict[Severity, str] = {
    "invalid": "INVALID",
    "incomplete": "INCOMPLETE",
    "warning": "Warning",
    "note": "Note",
}
CLEAR: dict[bool | None, str] = {True: "yes", False: "no", None: "not known"}
OUTCOMES = {
    "generator": "load generator's own failure",
    "dns": "name not resolved",
    "refused": "connection refused",
    "unreachable": "network unreachable",
    "connect_timeout": "connect timed out",
    "tls": "TLS failed",
    "reset": "connection reset",
    "closed_early": "closed before the answer",
    "first_byte_timeout": "no first byte in time",
    "body_timeout": "answer stalled",
    "total_timeout": "total time limit reached",
    "bad_response": "not valid HTTP",
    "http_error": "HTTP error",
    "wrong_content": "wrong content",
    "unfinished": "never answered",
    "unknown": "unknown failure",
    "ok": "ok",
}
LACKS = {
    "users": "how many users were active (load is derived from requests in flight, if at all)",
    "endpoint": "which endpoint a request went to",
    "message": "what the failed answers said",
    "unfinished": "requests that were never answered",
    "readings": "the load generator's own health and the target's metrics",
    "sub_second_time": "times finer than a second, so short bursts and freezes stay unseen",
    "failed_requests": "requests that got no answer, so it holds no error rate",
    "status": "which status or error a failed request had",
    "request_times": "when each request was sent, so neither load nor bursts can be judged",
    "time_unit": "in which unit its time stamps are, as they do not count from 1970 and its rows fit several",
    "durations": "how long single requests took",
}
_SEVERITIES: tuple[Severity, ...] = ("invalid", "incomplete", "warning", "note")


@dataclass(frozen=True, slots=True)
class WhyLine:
    """One of the three questions every verdict answers.

    Attributes:
        label: the question in a word.
        answer: the answer in a few words.
        effect: its size, "" without.
        numbers: its size and interval, "" without.
        why: the verdict's own reason, which holds the numbers too.
    """

    label: str
    answer: str
    effect: str
    numbers: str
    why: str

    @property
    def decided(self) -> bool:
        """False where the run could not tell."""
        return self.answer != UNDECIDED


def why_lines(verdict: Verdict) -> list[WhyLine]:
    """Load, time pattern and drift: a line each."""
    load, temporal, drift = verdict.load_effect, verdict.temporal, verdict.time_drift
    start_to_end, bounds = _start_to_end(verdict), drift.step or drift
    bursts = burst_words.numbers(verdict)
    return [
        WhyLine("Load", LOAD[load.answer], load_range(verdict), load_numbers(verdict), load.why),
        WhyLine("Pattern", pattern(temporal.answer, verdict), bursts, bursts, temporal.why),
        WhyLine(
            "Drift",
            _drift(verdict),
            start_to_end,
            _with_bounds(start_to_end, bounds.low, bounds.high),
            drift.why,
        ),
    ]


def pattern(answer: TemporalAnswer, verdict: Verdict) -> str:
    """How failures lie in time. What happens from one moment on only is not in bursts, yet not even."""
    if answer == "distributed" and verdict.time_drift.step is not None:
        return "not in bursts"
    return TEMPORAL[answer]


def _drift(verdict: Verdict) -> str:
    """A step is told by its moment, whether or not it counts as a trend."""
    drift = verdict.time_drift
    return DRIFT[drift.answer] if drift.step is None else f"changes at {wording.moment(drift.step.since_s)}"


def _start_to_end(verdict: Verdict) -> str:
    """How much the rate moved over the run, or at its step."""
    drift = verdict.time_drift
    if drift.step is None:
        return _effect(drift.slope, "start to end")
    return _effect(drift.step.after - drift.step.before, "")


def load_numbers(verdict: Verdict) -> str:
    """`load_range` with its interval: "+34 points from 4 to 52 users (95 %: +31 to +37)"."""
    load = verdict.load_effect
    return _with_bounds(load_range(verdict), load.low, load.high)


def load_range(verdict: Verdict) -> str:
    """How much the error rate moves over the load range: "+34 points from 4 to 52 users"."""
    load = verdict.load_effect
    where = ""
    if load.load_low is not None and load.load_high is not None:
        axis = wording.clean(load.axis, 30)
        where = f"from {wording.number(load.load_low)} to {wording.number(load.load_high)} {axis}"
    return _effect(load.slope, where)


def _effect(slope: float | None, where: str) -> str:
    return "" if slope is None else f"{wording.points(slope)} {where}".strip()


def _with_bounds(text: str, low: float | None, high: float | None) -> str:
    bounds = wording.points_span(low, high)
    return f"{text} (95 %: {bounds})" if bounds and text else text


def status_name(status: str) -> str:
    """A key of `by_status` in words: "503 Service Unavailable", "connection reset"."""
    if status in OUTCOMES:
        return OUTCOMES[status]
    try:
        return f"{status} {HTTPStatus(int(status)).phrase}"
    except ValueError:
        return "no HTTP answer" if status == "0" else wording.clean(status, 60)


def status_short(status: str) -> str:
    """A key of `by_status` as short as it can be said: "503", "connection reset"."""
    return OUTCOMES.get(status, wording.clean(status, 30))


def failure_name(status: int, outcome: str) -> str:
    """Status and outcome of a fingerprint, shortest form: "503", "200 wrong content", "connection reset"."""
    if status == 0:
        return OUTCOMES.get(outcome, wording.clean(outcome, 40))
    if outcome == "http_error":
        return str(status)
    return f"{status} {OUTCOMES.get(outcome) or wording.clean(outcome, 40)}"


def slo_value(result: SloResult, intervals: bool = True) -> str:
    """What was measured for a target, in the unit the target is written in, told apart from its limit."""
    if result.outcome == "no_data":
        return wording.NO_DATA
    target = _target(result)
    write = _WRITERS[target.unit] if target is not None else wording.number

    def apart(value: float | None) -> str:
        return write(value) if target is None or value is None else told_apart(target, value, write)

    if result.value is None:
        return _bound(result, apart)
    if not intervals or result.low is None or result.high is None:
        return apart(result.value)
    if target is None or write is not wording.percent:
        return f"{apart(result.value)} ({apart(result.low)} – {apart(result.high)})"

    def as_much_as_it_bears(value: float) -> str:
        return wording.interval(Interval(value=value, low=result.low, high=result.high, n=1))

    whole = as_much_as_it_bears(result.value)
    figure = told_apart(target, result.value, lambda value: as_much_as_it_bears(value).partition(" (")[0])
    return f"{figure} ({whole.partition(' (')[2]}"


def _bound(result: SloResult, write: Callable[[float | None], str]) -> str:
    """Of a figure of which only ends are known."""
    if result.low is not None and result.high is not None:
        return f"{write(result.low)} – {write(result.high)}"
    if result.low is not None:
        return f"at least {write(result.low)}"
    return wording.UNKNOWN if result.high is None else f"at most {write(result.high)}"


def limits(verdict: Verdict, metric: str) -> list[float]:
    """The limits of a metric over the whole run, in their order; texts that are no targets have none."""
    found = []
    for result in verdict.slo:
        target = _target(result)
        if target is not None and target.name == metric and target.is_plain:
            found.append(target.limit)
    return found


def _target(result: SloResult) -> SloTarget | None:
    """The target that was judged; None for a text that is none."""
    try:
        return parse_slo(result.target)
    except ValueError:
        return None


_WRITERS: dict[str, Callable[[float | None], str]] = {
    "%": wording.percent,
    "ms": wording.milliseconds,
    "s": wording.seconds,
    "per s": wording.rate,
}
"""How figures are written, by the unit of their target."""


def findings(verdict: Verdict, severities: tuple[Severity, ...] = _SEVERITIES) -> list[Finding]:
    """What a reader must know about the measurement, the gravest first."""
    chosen = [finding for finding in verdict.quality.findings if finding.severity in severities]
    return sorted(chosen, key=lambda finding: _SEVERITIES.index(finding.severity))


def validity(verdict: Verdict) -> str:
    """Can the run be trusted, in a word or two."""
    if not verdict.quality.valid:
        return "invalid measurement"
    if not verdict.quality.complete:
        return "incomplete measurement"
    warnings = len(findings(verdict, ("warning",)))
    return f"valid, {wording.plural(warnings, 'warning')}" if warnings else "valid measurement"


class Figure(NamedTuple):
    """A percentile as text, and its 95 % interval in brackets, "" without one."""

    value: str
    interval: str

    def __str__(self) -> str:
        return f"{self.value} {self.interval}".strip()


PERCENTILES = ("p50", "p95", "p99")
ENDLESS = "∞"


class LatencyRow(NamedTuple):
    """One view of latency: what it is called, what it means, its requests and figures."""

    name: str
    meaning: str
    requests: int
    figures: list[Figure]


def latency_rows(latency: LatencyMs) -> list[LatencyRow]:
    """Latency told apart: P50, P95, P99 and longest of each view; views that are not known are left out."""
    views = [
        ("Successes", "answered as wanted", latency.ok),
        ("Answered", "successes and answered errors", latency.answered),
        ("All requests", "time-outs at their limit", latency.all),
        ("Errors", "time to the failure, or to the limit", latency.errors),
        ("Failures as infinite", "the wait for the right answer", latency.failures_infinite),
        ("From intended start", "all requests, from when they were due", latency.from_intended),
    ]
    return [
        LatencyRow(name, meaning, view.n, [_figure(view, figure) for figure in (*PERCENTILES, "max")])
        for name, meaning, view in views
        if view is not None
    ]


def latency_by_level(verdict: Verdict) -> list[tuple[str, str, list[tuple[str, LatencyRow]]]]:
    """The same per load level: name and meaning of each view, and its row of every level; Errors left out."""
    known = [
        (wording.between(level.users_low, level.users_high), latency_rows(level.latency_ms))
        for level in verdict.levels
        if level.latency_ms is not None
    ]
    views = [(row.name, row.meaning) for row in known[0][1] if row.name != "Errors"] if known else []
    return [
        (name, meaning, [(load, next(row for row in rows if row.name == name)) for load, rows in known])
        for name, meaning in views
    ]


def _figure(view: Percentiles, name: str) -> Figure:
    value, low, high = (_duration(view, f"{name}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return Figure(wording.UNKNOWN, "")
    if low == ENDLESS or (low is None and high is None) or value == low == high:
        return Figure(value, "")
    if value == ENDLESS or high is None:
        return Figure(value, f"(from {low})")
    return Figure(value, f"({wording.durations(low, high)})" if low else f"(up to {high})")


def _duration(view: Percentiles, name: str) -> str | None:
    """A figure as text; None if it is not known."""
    value: float | None = getattr(view, name, None)
    if name in view.infinite:
        return ENDLESS
    return None if value is None else wording.milliseconds(value)


def class_numbers(group: JudgedClass) -> str:
    """What load does to one class, with its interval: "+14 points (+12 to +16)"; "" without."""
    bounds = wording.points_span(group.low, group.high)
    return "" if group.slope is None or not bounds else f"{wording.points(group.slope)} ({bounds})"


def attribution_rows(verdict: Verdict) -> list[list[str]]:
    """The error rate taken apart, one row per class and one for all; none where one class is all there is.

    Columns: class, what load does to it, rate, part of the failures, rates at lowest and highest load, part
    of the slope.
    """
    if not verdict.attribution_text:
        return []
    rows = [
        [
            class_name(part),
            LOAD[part.load_effect],
            wording.percent(part.rate),
            wording.percent(part.share),
            wording.percent(part.at_lowest_load),
            wording.percent(part.at_highest_load),
            wording.points(part.slope_part),
        ]
        for part in verdict.attribution
    ]
    sums = [_sum(getattr(p, name) for p in verdict.attribution) for name in _SUMMED]
    rate, share, lowest, highest = (wording.percent(value) for value in sums[:4])
    total = ["All failures", LOAD[verdict.load_effect.answer], rate, share, lowest, highest]
    return [*rows, [*total, wording.points(sums[4])]]


ATTRIBUTION_HEADS = (
    "Class",
    "With load",
    "Of all requests",
    "Of all failures",
    "At lowest load",
    "At highest load",
    "Part of the slope",
)
_SUMMED = ("rate", "share", "at_lowest_load", "at_highest_load", "slope_part")


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def class_name(part: Attribution) -> str:
    """A class in words: its status, and its message where that tells it from others."""
    name = status_name(part.status)
    return name if part.fingerprint is None else f"{name}: {wording.clean(part.message, 60) or 'no message'}"


def level_name(level: LoadLevel, axis: str = "users") -> str:
    """A load level in words: "12–20 users"."""
    return f"{wording.between(level.users_low, level.users_high)} {axis}"


def _date(utc: str | None) -> str:
    try:
        return datetime.fromisoformat(utc or "").strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return utc or ""


def context(verdict: Verdict) -> list[str]:
    """What was tested and when, as short pieces; unknown ones are left out."""
    pieces = [
        f"scenario {verdict.scenario}" if verdict.scenario else "",
        f"against {verdict.target}" if verdict.target else "",
        _date(verdict.started_utc),
        wording.seconds(verdict.duration_s) if verdict.duration_s else "",
        f"{wording.plural(verdict.requests, 'request')}, {wording.plural(verdict.errors, 'error')}",
        f"{count} never answered" if (count := verdict.unfinished) else "",
    ]
    return [wording.clean(piece, 120) for piece in pieces if piece]

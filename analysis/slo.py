"""SLO: targets as text, parsed and checked before any traffic, judged after the run.

Grammar, one target a line:  METRIC < NUMBER UNIT
    error_rate < 5 %        share of requests that failed
    p50|p95|p99 < 1000 ms   latency of all requests, time-outs at their limit
    p50|p95|p99(ok) < …     latency of successful requests only
    freeze < 2 s            longest stretch in which nothing was answered although requests waited
    unclear_errors < 1 %    share of requests that failed without telling the client what to do

Missing data is never a pass: a target that could not be measured is `no_data`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from analysis import phrases
from analysis.verdict import SloOutcome, SloResult

UNITS = {
    "error_rate": "%",
    "unclear_errors": "%",
    "freeze": "s",
    **{f"{p}{kind}": "ms" for p in ("p50", "p95", "p99") for kind in ("", "(ok)")},
}
"""Every metric a target may name, with its unit."""

CASE_SLO = ("error_rate < 5 %", "p99 < 1000 ms", "freeze < 2 s", "unclear_errors < 1 %")
"""The success criteria of the commissioned case: the default of every scenario."""

_PATTERN = re.compile(r"^\s*([a-z0-9_]+(?:\(ok\))?)\s*<\s*([0-9]*\.?[0-9]+)\s*(%|ms|s)\s*$")


@dataclass(frozen=True, slots=True)
class SloTarget:
    """One parsed target. `limit` is in the metric's unit; percentages are kept as ratios.

    Attributes:
        metric: a key of `UNITS`.
        limit: the value must stay below it.
        text: as written.
    """

    metric: str
    limit: float
    text: str


def parse_slo(text: str) -> SloTarget:
    """Parse one target.

    Raises:
        ValueError: the text does not follow the grammar; the message says what is allowed.
    """
    match = _PATTERN.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a target; write it like 'error_rate < 5 %' or 'p99 < 1000 ms'")
    metric, number, unit = match.groups()
    if metric not in UNITS:
        raise ValueError(f"{text!r}: unknown metric {metric!r}; allowed: {', '.join(UNITS)}")
    if unit != UNITS[metric]:
        raise ValueError(f"{text!r}: {metric} is measured in {UNITS[metric]}, not {unit}")
    limit = float(number) / 100 if unit == "%" else float(number)
    return SloTarget(metric, limit, " ".join(text.split()))


@dataclass(frozen=True, slots=True)
class Measured:
    """What one metric came to, in the unit of its target (ratios for %).

    Attributes:
        value: None if it could not be measured.
        low, high: 95 % interval where there is one. `high` None: no upper bound can be given.
        n: requests behind it.
        note: what a reader must know about the figure, or why there is none.
        worst: what the value may really be (some requests were never answered); a pass needs this below
            the limit as well.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    note: str = ""
    worst: float | None = None


def evaluate(targets: Sequence[str], measured: dict[str, Measured]) -> list[SloResult]:
    """Judge every target; `measured` is keyed by metric, and a metric that is not in it is `no_data`.

    Raises:
        ValueError: a target does not follow the grammar.
    """
    return [_judge(parse_slo(text), measured) for text in targets]


def _judge(target: SloTarget, measured: dict[str, Measured]) -> SloResult:
    figure = measured.get(target.metric, Measured(None, note="it was not measured"))
    outcome = _outcome(target, figure)
    return SloResult(
        name=target.metric,
        target=target.text,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        outcome=outcome,
        text=_text(target, figure, outcome),
    )


def _outcome(target: SloTarget, figure: Measured) -> SloOutcome:
    if figure.value is None:
        surely_over = figure.low is not None and figure.low >= target.limit
        return "missed" if surely_over else "no_data"
    if figure.value >= target.limit:
        return "missed"
    return "no_data" if figure.worst is not None and figure.worst >= target.limit else "met"


def _text(target: SloTarget, figure: Measured, outcome: SloOutcome) -> str:
    if outcome == "no_data":
        return f"{target.text}: no data, {figure.note or 'it was not measured'}"
    value = figure.low if figure.value is None else figure.value
    prefix = "at least " if figure.value is None else ""
    parts = [f"{target.text}: {outcome} with {prefix}{_figure(target.metric, value or 0.0)}"]
    if figure.value is not None and figure.low is not None and figure.high is not None:
        parts.append(
            f" (95 % interval {_figure(target.metric, figure.low)} to {_figure(target.metric, figure.high)})"
        )
    if figure.n:
        parts.append(f" of {phrases.counted(figure.n, 'request')}")
    if figure.note:
        parts.append(f"; {figure.note}")
    return "".join(parts)


def _figure(metric: str, value: float) -> str:
    unit = UNITS[metric]
    return {"%": phrases.percent, "ms": phrases.milliseconds, "s": phrases.seconds}[unit](value)

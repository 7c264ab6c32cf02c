"""SLO: targets as text, parsed and checked before any traffic, judged after the run.

Grammar, one target a line:  METRIC < NUMBER UNIT
    error_rate < 5 %        share of requests that failed
    p50|p95|p99 < 1000 ms   latency of all requests, time-outs at their limit
    p50|p95|p99(ok) < …     latency of successful requests only
    freeze < 2 s            longest stretch in which nothing was answered although requests waited
    unclear_errors < 1 %    share of requests that failed without telling the client what to do
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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

"""Summaries of the Node.js tools: Artillery's -o file and autocannon's --json.

Artillery counts per ten seconds, autocannon for the whole run; neither writes a row per request.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recording.errors import UsageError
from recording.foreign.json_lines import whole_object
from recording.foreign.sums import Sum, sums_run
from recording.foreign.times import iso_s
from recording.run import Run

_CODES, _ERRORS = "http.codes.", "errors."
_CHECKS = ("Failed capture or match", "failed capture", "expect")
"""Errors of Artillery that come on top of an answer, which http.codes has counted already."""


def is_artillery(head: bytes) -> bool:
    """An object that begins with its aggregate."""
    return head.lstrip()[:1] == b"{" and b'"aggregate"' in head[:200] and b'"counters"' in head


def is_autocannon(head: bytes) -> bool:
    """By its counters."""
    return head.lstrip()[:1] == b"{" and b'"non2xx"' in head and b'"connections"' in head


def read_artillery(path: Path) -> Run:
    """Counts per period of ten seconds, per status and errno."""
    whole = _mapping(whole_object(path, "Artillery"), path, "Artillery")
    periods = [part for part in whole.get("intermediate") or [] if isinstance(part, dict)]
    aggregate = _mapping(whole.get("aggregate"), path, "Artillery")
    sums = [one for part in periods for one in _period(part, path)]
    if sum(one.requests for one in sums) < sum(one.requests for one in _period(aggregate, path)):
        sums = _period(aggregate, path)
    return sums_run(path, "artillery", sums, length_s=_length(aggregate))


def _period(part: dict[str, Any], path: Path) -> list[Sum]:
    counters = _mapping(part.get("counters") or {}, path, "Artillery")
    start = _number(part.get("period", part.get("firstCounterAt"))) / 1000
    sums = []
    for name, count in counters.items():
        if name.startswith(_CODES) and name.removeprefix(_CODES).isdigit():
            status = int(name.removeprefix(_CODES))
            sums.append(Sum(int(_number(count)), status, "", status >= 400, start))
        elif name.startswith(_ERRORS) and not any(check in name for check in _CHECKS):
            sums.append(Sum(int(_number(count)), 0, name.removeprefix(_ERRORS), True, start))
    return sums


def _length(aggregate: dict[str, Any]) -> float | None:
    first, last = (_number(aggregate.get(name)) for name in ("firstCounterAt", "lastCounterAt"))
    return (last - first) / 1000 if last > first > 0 else None


def read_autocannon(path: Path) -> Run:
    """Counts per status; time-outs, and other failures without a reason."""
    whole = _mapping(whole_object(path, "autocannon"), path, "autocannon")
    start = iso_s(str(whole.get("start")))
    since = start if start > 0 else 0.0
    codes = _mapping(whole.get("statusCodeStats") or {}, path, "autocannon")
    sums = [
        Sum(int(_number(stats.get("count"))), int(code), "", int(code) >= 400, since)
        for code, stats in codes.items()
        if code.isdigit() and isinstance(stats, dict)
    ]
    errors, timeouts = (int(_number(whole.get(name))) for name in ("errors", "timeouts"))
    resets = min(int(_number(whole.get("resets"))), max(errors - timeouts, 0))
    sums += [
        Sum(timeouts, 0, "timeout", True, since),
        Sum(resets, 0, "connection reset", True, since),
        Sum(errors - timeouts - resets, 0, "connection error without a reason", True, since),
    ]
    duration = _number(whole.get("duration"))
    return sums_run(path, "autocannon", sums, {"endpoint"}, length_s=duration or None)


def _mapping(value: Any, path: Path, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{path}: expected an object of {name}'s summary, found {type(value).__name__}")
    return value


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if 0 <= number < 1e18 else 0.0

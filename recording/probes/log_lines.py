"""Log lines: what one line of a phase log says, be it JSON, logfmt, or pairs behind a text."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_PHASE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}_ms")
# The look behind keeps a long word from being tried at each of its letters.
_PAIR = re.compile(r'(?<![\w.])([A-Za-z_][\w.]*)=("(?:[^"\\]|\\.)*"|[^\s,]+)')
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_BEGINS_WITH_TIME = re.compile(r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)")
_TIMES = ("ts", "time", "timestamp", "@timestamp", "t")
LONGEST_MS = 1e9
"""Eleven days: whatever is longer is no time of a request."""
_TRILLION = 1e11
"""Epoch seconds beyond this are milliseconds, microseconds or nanoseconds."""


@dataclass(frozen=True, slots=True)
class PhaseLine:
    """Milliseconds by field, and the moment that the line names, epoch seconds."""

    phases: dict[str, float] = field(default_factory=dict)
    time_s: float | None = None


class BrokenLineError(ValueError):
    """A line that should have been readable."""


def parse_line(text: str) -> PhaseLine | None:
    """What a line says; None for a line that is about something else.

    Raises:
        BrokenLineError: JSON that is none, or a `*_ms` field that holds no time.
    """
    text = _COLOUR.sub("", text).strip()
    fields = _json_fields(text) if text.startswith("{") else dict(_PAIR.findall(text))
    phases = {}
    for name, value in fields.items():
        if _PHASE.fullmatch(name) and value is not None:
            phases[name] = _milliseconds(value)
    if not phases:
        return None
    named = next((fields[key] for key in _TIMES if fields.get(key) is not None), None)
    if named is None and (begin := _BEGINS_WITH_TIME.match(text)):
        named = begin[1]
    return PhaseLine(phases, _epoch_s(named))


def _json_fields(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BrokenLineError("no JSON") from None
    if not isinstance(value, dict):
        raise BrokenLineError("no object")
    # Loggers put a line's own fields one level down (`fields` of Rust's tracing).
    inner = [item for item in value.values() if isinstance(item, dict)]
    return {**{k: v for part in inner for k, v in part.items()}, **value}


def _milliseconds(value: Any) -> float:
    if isinstance(value, str):
        value = value.strip('"').removesuffix("ms")
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number <= LONGEST_MS:
        raise BrokenLineError("a time that is none")
    return number


def _epoch_s(value: Any) -> float | None:
    text = str(value).strip('"') if value is not None else ""
    try:
        number = float(text)
    except ValueError:
        return _iso_s(text)
    if not (math.isfinite(number) and number > 0):
        return None
    while number > _TRILLION:
        number /= 1000
    return number


def _iso_s(text: str) -> float | None:
    text = text.replace(",", ".")
    # Python reads six digits of a second; nanoseconds have nine.
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()

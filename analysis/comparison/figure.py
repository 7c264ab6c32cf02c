"""Figure: a figure of a comparison as sentences write it."""

from __future__ import annotations

from analysis import phrases
from analysis.comparison.report import Unit


def figure(unit: Unit, value: float | None) -> str:
    """A figure in its unit, as sentences write it."""
    if value is None:
        return "unknown"
    if unit == "per_s":
        return f"{value:,.1f} per s"
    return {"share": phrases.percent, "ms": phrases.milliseconds, "s": phrases.seconds}[unit](value)

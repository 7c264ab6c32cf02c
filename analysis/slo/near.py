"""Near: a figure beside its limit. Rounded alike, "missed with 5 %" of "< 5 %" would say what is not so."""

from __future__ import annotations

from collections.abc import Callable

from analysis.slo.grammar import SloTarget

MOST_DIGITS = 9


def told_apart(target: SloTarget, value: float, write: Callable[[float], str]) -> str:
    """A figure as `write` writes it; where that is how the limit is written too, with as many digits, in the
    target's unit, as tell the two apart."""
    text = write(value)
    if value == target.limit or not _reads_alike(text, write(target.limit)):
        return text
    scale = 100.0 if target.unit == "%" else 1.0
    shown, limit = value * scale, target.limit * scale
    digits = next((d for d in range(1, MOST_DIGITS) if round(shown, d) != round(limit, d)), MOST_DIGITS)
    return f"{shown:,.{digits}f} {target.unit}"


def _reads_alike(text: str, other: str) -> bool:
    """Whether two figures read the same: "2.0 s" is "2 s"."""
    (first, *unit), (second, *other_unit) = (one.replace(",", "").split(" ") for one in (text, other))
    try:
        return unit == other_unit and float(first) == float(second)
    except ValueError:
        return text == other

"""Phrases: numbers as they stand in the sentences of a verdict. Ratios become per cent only here."""

from __future__ import annotations

import math


def count(number: float) -> str:
    """A whole number with thousands separators: "12,345"."""
    return f"{number:,.0f}"


def counted(number: float, noun: str) -> str:
    """A number with its noun: "1 request", "3,120 requests"."""
    text = count(number)
    return f"{text} {noun}{'' if text == '1' else 's'}"


def percent(ratio: float | None) -> str:
    """A share: "16.6 %", "0.04 %"; two significant digits below one per cent."""
    if ratio is None or not math.isfinite(ratio):
        return "unknown"
    value = ratio * 100
    if value > 100:
        return f"{value:,.0f} %"
    if value == 0 or value >= 99.95:
        return f"{value:.0f} %" if value in {0, 100} else f"{math.floor(value * 100) / 100:.2f} %"
    if value >= 1:
        return f"{value:.1f} %".replace(".0 %", " %")
    return f"{value:.{min(6, 1 - math.floor(math.log10(value)))}f}".rstrip("0").rstrip(".") + " %"


def points(ratio: float) -> str:
    """A difference of shares, in percentage points without the word: "31", "0.4", "−2.1"."""
    value = ratio * 100
    digits = 0 if abs(value) >= 10 else 1 if abs(value) >= 0.1 or value == 0 else 2
    text = f"{value:.{digits}f}"
    return ("0" if float(text) == 0 else text.removesuffix(".0")).replace("-", "−")


def points_range(low: float, high: float) -> str:
    """Bounds of a difference: "24 to 38"."""
    return f"{points(low)} to {points(high)}"


def load(value: float) -> str:
    """A number of users: whole from 10 on, else with one decimal if it has one."""
    if abs(value) >= 10 or abs(value - round(value)) < 0.05:
        return f"{value:,.0f}"
    return f"{value:.1f}"


def milliseconds(value: float) -> str:
    """A duration: "4.2 ms", "898 ms", "901,405 ms"."""
    return f"{value:.1f} ms".replace(".0 ms", " ms") if value < 10 else f"{value:,.0f} ms"


def seconds(value: float) -> str:
    """A duration in seconds: "0.4 s", "42 s"."""
    return f"{value:,.0f} s" if value >= 20 or value == round(value) else f"{value:.1f} s"


def per_second(value: float) -> str:
    """A rate: "0.42 per s", "12.5 per s", "1,250 per s"."""
    digits = 0 if value >= 100 or value == round(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} per s"


def moment(offset_s: float) -> str:
    """A point in time since the run's start as a clock reads: "0:07", "12:30", "1:02:30"."""
    minutes, rest = divmod(max(0, round(offset_s)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def seconds_about(value: float) -> str:
    """A measured interval of time without false precision: "12.5 s", "30 s", "4 min 10 s"."""
    if value < 20:
        return f"{value:.1f}".removesuffix(".0") + " s"
    minutes, rest = divmod(round(value), 60)
    if value < 120:
        return f"{round(value)} s"
    return f"{minutes} min" + (f" {rest} s" if rest else "")


def p_value(value: float) -> str:
    """A p-value without false precision: "p = 0.03", "p < 0.0001"."""
    return "p < 0.0001" if value < 0.0001 else f"p = {value:.2g}"


def factor(value: float) -> str:
    """How many times: "3.2 times", "12 times"."""
    return f"{value:.1f} times" if value < 10 else f"{value:,.0f} times"


def listed(items: list[str], most: int = 3) -> str:
    """A list in words, cut after `most`: "a, b and 4 more"."""
    if len(items) <= most:
        return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
    return f"{', '.join(items[:most])} and {len(items) - most} more"

"""How numbers and foreign texts are written, the same on the terminal, on the page and in the pictures.

Inside the suite shares are ratios and times seconds or milliseconds; only here do they become text.
"""

from __future__ import annotations

import math
import re
from urllib.parse import quote

from analysis import phrases
from analysis.verdict import Interval

NO_DATA = "no data"
UNKNOWN = "–"

# C0 and C1 controls (ESC among them), the characters that reverse the direction of text, and what XML
# forbids: any of them in a target's answer could rewrite a terminal line or break a report.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")


def block(text: str, limit: int = 2000) -> str:
    """A foreign text without control characters, line breaks kept, cut at `limit` characters."""
    text = text.replace("\r\n", "\n").replace("\t", "    ")
    text = _UNSAFE.sub("", _ESCAPE_SEQUENCE.sub("", text))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clean(text: str, limit: int = 600) -> str:
    """A foreign text on one line: no control characters, white space collapsed, cut at `limit`."""
    return block(" ".join(block(text, 4 * limit).split()), limit)


def link(path: str) -> str:
    """A relative path as a link may hold it: it leads to a file, whatever characters its names have."""
    return quote(path, safe="/")


def sentence(text: str) -> str:
    """A clause as a sentence: a capital first, a full stop last, the rest as it is."""
    return stopped(capital(text.strip()))


def stopped(text: str) -> str:
    """A line that may begin with a name: a full stop at its end, the rest as it is."""
    return text if not text or text[-1] in ".!?…" else f"{text}."


def capital(text: str) -> str:
    """The text with a capital first."""
    return text[:1].upper() + text[1:]


def count(number: float) -> str:
    """A whole number with thousands separators: "12,345"."""
    return f"{number:,.0f}"


def plural(number: int, noun: str) -> str:
    """A count with its noun: "1 request", "12,345 requests", "3 time windows"."""
    if number == 1:
        return f"1 {noun}"
    return f"{count(number)} {noun}{'es' if noun.endswith('s') else 's'}"


def number(value: float | None) -> str:
    """A plain figure such as a number of users: whole from 10 on, else with one decimal if it has one."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if abs(value) >= 10 or value == round(value):
        return count(value)
    return f"{value:.1f}"


def _digits(percentage: float) -> int:
    """Decimals that leave two significant digits under one per cent, and one above."""
    size = abs(percentage)
    if size == 0 or size >= 99.95 or not math.isfinite(size):
        return 0
    return 1 if size >= 1 else min(6, 1 - math.floor(math.log10(size)))


def percent(ratio: float | None) -> str:
    """A share as per cent: "16.6 %", "0.04 %", "0 %"; not quite all is never "100 %"."""
    if ratio is None or not math.isfinite(ratio):
        return NO_DATA
    percentage = ratio * 100
    if 99.95 <= percentage < 100:
        return f"{math.floor(percentage * 100) / 100:.2f} %"
    text = f"{percentage:.{_digits(percentage)}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def _span_digits(low: float, high: float) -> int:
    return 0 if high - low >= 0.1 else max(1, min(4, _digits(high * 100) - 1))


def span(low: float, high: float) -> str:
    """The bounds of a share, in per cent, with the same digits on both: "24–38 %"."""
    digits = _span_digits(low, high)
    return f"{low * 100:.{digits}f}–{high * 100:.{digits}f} %"


def interval(value: Interval) -> str:
    """A share with its 95 % interval: "31 % (24–38 %)"; "0 % (under 0.3 %)" when nothing was seen."""
    if value.value is None or value.n == 0:
        return NO_DATA
    if value.value == 0 and value.high is not None:
        return f"0 % (under {percent(value.high)})"
    if value.low is None or value.high is None:
        return percent(value.value)
    # As many digits as the interval bears, unless they would print a seen error as 0.
    text = f"{value.value * 100:.{_span_digits(value.low, value.high)}f} %"
    if text in {"0 %", "0.0 %", "100 %", "100.0 %"}:
        text = percent(value.value)
    return f"{text} ({span(value.low, value.high)})"


def points(ratio: float | None) -> str:
    """A difference of two shares, in percentage points with sign: "+34 points"."""
    if ratio is None or not math.isfinite(ratio):
        return NO_DATA
    size = abs(ratio * 100)
    digits = 0 if size >= 10 or size == 0 else 1 if size >= 0.1 else 2
    return f"{ratio * 100:+.{digits}f} points".replace("-", "−")


def points_span(low: float | None, high: float | None) -> str:
    """The bounds of a difference in percentage points: "+31 to +37"; empty without bounds."""
    if low is None or high is None:
        return ""
    return f"{points(low).removesuffix(' points')} to {points(high).removesuffix(' points')}"


def milliseconds(duration_ms: float | None) -> str:
    """A duration measured in milliseconds: "4.2 ms", "850 ms", "1.2 s", "15 min 1 s"."""
    if duration_ms is None or not math.isfinite(duration_ms):
        return UNKNOWN
    if duration_ms < 9.95:
        return f"{duration_ms:.1f}".removesuffix(".0") + " ms"
    if duration_ms < 999.5:
        return f"{duration_ms:.0f} ms"
    return seconds(duration_ms / 1000)


def durations(low: str, high: str) -> str:
    """Two durations as a range, the unit once where both share it: "840–905 ms", "850 ms – 1.2 s"."""
    if low == high:
        return low
    (figure, *unit), (_, *other) = low.split(" "), high.split(" ")
    return f"{figure}–{high}" if unit == other and len(unit) == 1 else f"{low} – {high}"


def milliseconds_within(duration_ms: float | None, low: float | None, high: float | None) -> str:
    """A duration with its interval: "310 ms (290–340 ms)"; alone where a bound is not known."""
    value = milliseconds(duration_ms)
    if low is None or high is None:
        return value
    return f"{value} ({durations(milliseconds(low), milliseconds(high))})"


def seconds(duration_s: float | None) -> str:
    """A duration measured in seconds: "350 ms", "1.05 s", "42 s", "10 min", "2 h 5 min"."""
    if duration_s is None or not math.isfinite(duration_s):
        return UNKNOWN
    if 0 < duration_s < 0.9995:
        return milliseconds(duration_s * 1000)
    if duration_s < 99.5:
        digits = 2 if duration_s < 9.995 else 1
        return f"{duration_s:.{digits}f}".rstrip("0").rstrip(".") + " s"
    minutes, rest = divmod(round(duration_s), 60)
    if minutes < 60:
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h" + (f" {minutes} min" if minutes else "")


def moment(offset_s: float | None) -> str:
    """A point in time since the run's start as a clock reads: "0:07", "12:30", "1:02:30"."""
    if offset_s is None or not math.isfinite(offset_s):
        return UNKNOWN
    return phrases.moment(offset_s)


def rate(per_second: float | None) -> str:
    """Events per second: "41 /s", "0.3 /s"."""
    if per_second is None or not math.isfinite(per_second):
        return UNKNOWN
    return f"{count(per_second) if per_second >= 10 else f'{per_second:.1f}'} /s"


def between(low: float, high: float) -> str:
    """A range of load: "12" or "12–20"."""
    return number(low) if number(low) == number(high) else f"{number(low)}–{number(high)}"

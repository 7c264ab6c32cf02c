"""Times: other tools' stamps as epoch seconds, in whatever unit they were written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""Above this an epoch stamp can only be in nano-, micro- or milliseconds (until the year 5138)."""

_EPOCH_S = 9e8, 4.2e9
"""Years 1998 to 2103: outside, in every unit, stamps count from some other moment, such as the test's start.
So do those of which most lie more than a year from the middle one; a torn one does not count."""
_EACH = 1.0, 1e3, 1e6, 1e9
_SHORTEST_S, _LONGEST_S = 1.0, 30 * 86400.0
_MOST_WAITING, _MOST_PER_S = 1000.0, 10_000.0
_SPARE = 1.1
"""A load test takes a second at least and a month at most. In a second it sends so many requests at most; no
more of them wait at once than there are users (with some to spare for those that come and go), or so many
where those are not known."""

YEAR_S = 366 * 86400.0


def plausible(start_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which starts lie within a year of the others: a torn stamp is still a number, but decades off."""
    return near(start_s, middle(start_s))


def middle(start_s: NDArray[np.float64]) -> float:
    """The median of about a thousand starts."""
    return float(np.median(start_s[:: max(1, len(start_s) // 1001)])) if len(start_s) else 0.0


def near(start_s: NDArray[np.float64], middle_s: float) -> NDArray[np.bool_]:
    """Which starts lie within a year of a moment."""
    return np.asarray(~(np.abs(start_s - middle_s) > YEAR_S))


def epoch_s(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers in s, ms, µs or ns as seconds; the unit is read off their size."""
    finite = values[np.isfinite(values)]
    middle = float(np.median(finite)) if len(finite) else 0.0
    return values / next((unit for least, unit in _UNITS if middle >= least), 1.0)


class Unit(NamedTuple):
    """How many stamps make a second, and whether the rows leave no other choice."""

    per_s: float
    certain: bool


def unit_of(stamps: NDArray[np.float64], duration_ms: NDArray[np.float64], users: int = -1) -> Unit:
    """The unit of stamps of requests that come with durations in ms.

    Epoch stamps are unmistakable. Others are tried in s, ms, µs and ns against what the rows say: in a unit
    that is too large the test lasts for months, in one that is too small it is over at once, or more requests
    wait than there are users. Where several are left nobody can tell, and the smallest stands for them.

    Args:
        stamps: times of sending, in any order; a few may be torn.
        duration_ms: of the same requests.
        users: the most that ran; -1 if that is not known.
    """
    finite = np.isfinite(stamps) & np.isfinite(duration_ms)
    stamps, duration_ms = stamps[finite], duration_ms[finite]
    if not len(stamps):
        return Unit(1.0, True)
    low, centre, high = np.percentile(stamps, (1, 50, 99))
    for per_s in _EACH:
        together = near(stamps / per_s, float(centre) / per_s).mean() > 0.5
        if _EPOCH_S[0] <= centre / per_s <= _EPOCH_S[1] and together:
            return Unit(per_s, True)
    busy_s = float(np.percentile(duration_ms, 99)) / 1000
    waiting = float(np.minimum(duration_ms / 1000, busy_s).sum())
    most = users * _SPARE if users > 0 else _MOST_WAITING

    def is_possible(per_s: float) -> bool:
        length_s = float(high - low) / per_s
        whole_s = length_s + busy_s
        sane = _SHORTEST_S <= length_s <= _LONGEST_S
        return sane and waiting / whole_s <= most and len(stamps) / whole_s <= _MOST_PER_S

    possible = [per_s for per_s in _EACH if is_possible(per_s)]
    return Unit(possible[-1] if possible else 1.0, len(possible) <= 1)


def stamps_s(texts: tuple[str, ...]) -> NDArray[np.float64]:
    """Stamps as texts: numbers of any unit, RFC 3339, or date and time with slashes; else NaN."""
    try:
        return epoch_s(np.array(texts, np.str_).astype(np.float64))
    except ValueError:
        numbers = np.array([_number(text) for text in texts], np.float64)
    if np.isfinite(numbers).sum() * 2 >= len(numbers):
        return epoch_s(numbers)
    try:
        plain = pc.replace_substring(pc.replace_substring(pa.array(texts), "/", "-"), ",", ".")
        kind = pa.timestamp("ns", "UTC") if texts[0][-1:] == "Z" or "+" in texts[0] else pa.timestamp("ns")
        return np.asarray(plain.cast(kind).cast(pa.int64()).to_numpy(), np.float64) / 1e9
    except pa.ArrowInvalid:
        return np.array([iso_s(text) for text in texts], np.float64)


def iso_s(text: str) -> float:
    """One RFC 3339 stamp as epoch seconds; without a zone it is taken as UTC; NaN if it is none."""
    try:
        moment = datetime.fromisoformat(_six_digits(text.strip().replace("/", "-").replace(",", ".")))
    except ValueError:
        return float("nan")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _six_digits(text: str) -> str:
    """Python reads microseconds at most; k6 and Vegeta write nanoseconds."""
    head, point, rest = text.partition(".")
    if not point:
        return text
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return f"{head}.{digits[:6].ljust(6, '0')}{rest[len(digits) :]}"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")

"""Times: other tools' stamps as epoch seconds, in whatever unit they were written."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""Above this an epoch stamp can only be in nano-, micro- or milliseconds (until the year 5138)."""


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

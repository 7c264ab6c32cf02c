"""Filled: whether failures that hang may themselves have filled the count that stands for the load.

Requests in flight are as many as are sent a second, times how long they take (Little's law). Where no more
are sent than before and failures last far longer than successes, more of them fill the count: the errors come
first then, and the load that they "rise" with is their own. The same holds for users that follow the requests
in flight, as the threads of a tool do that starts one for every arrival.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis import phrases
from analysis.usable import Floats, Ints, Usable

FILLED = "the failures may have filled the count of requests in flight"
HALF = 0.5
"""Part of the count's growth that is made of failures."""
SENDS_RISE = 1.25
"""So many times as many requests a second: from there on more load was put on, whatever else grew."""
LOW, HIGH = 1 / 3, 2 / 3
MOVES = 0.05
"""Users that follow what is in flight go up, and down again, at more than this share of the sends each."""
NEAR, NEAR_LEAST = 0.2, 1.5
"""And are as many as are in flight: within a fifth, or within one or two."""


class Filled(NamedTuple):
    """How the count grew from its lowest third to its highest.

    Attributes:
        low, high: requests in flight.
        failed: those of the growth that failed later.
        sends_low, sends_high: requests sent per second.
    """

    low: float
    high: float
    failed: float
    sends_low: float
    sends_high: float

    @property
    def holds(self) -> bool:
        """Whether the failures may have filled it."""
        grown = self.high - self.low
        return grown > 0 and self.failed >= HALF * grown and self.sends_high < SENDS_RISE * self.sends_low

    @property
    def why(self) -> str:
        """Why nothing is said then."""
        part = min(self.failed / (self.high - self.low), 1.0)
        low, high, sends_low, sends_high = map(
            phrases.load, (self.low, self.high, self.sends_low, self.sends_high)
        )
        return (
            f"{FILLED}: it grew from {low} to {high} while {sends_low} and then {sends_high} a second were "
            f"sent, and {phrases.percent(part)} of what it grew by failed later; so it may be what follows "
            "from the failures, and not what they follow from"
        )


def filled(in_flight: Floats, failed: Floats, requests: Ints, width_s: float) -> Filled | None:
    """How the count grew; None where it did not, or nothing was sent.

    Args:
        in_flight: (w,) requests in flight, NaN where nothing was sent.
        failed: (w,) those of them that failed later, on average.
        requests: (w,) sent.
        width_s: of a window.
    """
    known = np.isfinite(in_flight)
    if not known.any():
        return None
    lowest, highest = float(in_flight[known].min()), float(in_flight[known].max())
    if highest <= lowest:
        return None
    place = (in_flight[known] - lowest) / (highest - lowest)
    ends = place <= LOW, place >= HIGH
    low, high = (float(in_flight[known][end].mean()) for end in ends)
    failed_low, failed_high = (float(failed[known][end].mean()) for end in ends)
    sends_low, sends_high = (float(requests[known][end].mean()) / width_s for end in ends)
    return Filled(low, high, failed_high - failed_low, sends_low, sends_high)


def failing_in_flight(rows: Usable, origin_s: float, width_s: float, count: int) -> Floats:
    """(w,) mean number of requests under way that fail later, over the time of each window."""
    samples = rows.samples
    weight = rows.weight[rows.failed].astype(np.float64)
    starts = samples.start_s[rows.failed] - origin_s
    ends = starts + samples.duration_ms[rows.failed] / 1000
    edges = np.arange(count + 1, dtype=np.float64) * width_s
    return np.asarray(
        np.diff(_since(edges, starts, weight) - _since(edges, ends, weight)) / width_s, np.float64
    )


def _since(at: Floats, moments: Floats, weight: Floats) -> Floats:
    """Seconds since each of the moments that lie before, summed, at each of `at`."""
    order = np.argsort(moments, kind="stable")
    before = np.searchsorted(moments[order], at, side="right")
    many = np.concatenate([[0.0], np.cumsum(weight[order])])[before]
    sums = np.concatenate([[0.0], np.cumsum(weight[order] * moments[order])])[before]
    return np.asarray(many * at - sums, np.float64)


def follow(users: NDArray[np.int32], mean_users: Floats, in_flight: Floats) -> bool:
    """Whether users are no plan but what is in flight: as many, and up and down with every send.

    Args:
        users: (n,) of each row, in order of the starts.
        mean_users, in_flight: (w,) of each window.
    """
    known = np.isfinite(mean_users) & np.isfinite(in_flight)
    if len(users) < 2 or not known.any():
        return False
    apart = np.abs(mean_users[known] - in_flight[known])
    if np.median(apart - np.maximum(NEAR * in_flight[known], NEAR_LEAST)) > 0:
        return False
    moved = np.diff(users)
    up, down = (float(np.count_nonzero(there)) for there in (moved > 0, moved < 0))
    return min(up, down) > MOVES * len(moved)

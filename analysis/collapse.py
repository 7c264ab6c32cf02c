"""Collapse: a target that went down during the run and did not come back.

From then on everything fails, at whatever load: that is no sign that load does nothing. It may have been the
load of that moment, with a queue that no lower load empties, or anything else that happened once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis import phrases
from analysis.intervals import table_tail
from analysis.usable import Bools, Floats, Ints, Usable

DOWN, UP = 0.95, 0.5
"""Down: so much fails from one moment to the end; up: no more than that before it."""
STRUCK = 0.05
"""An endpoint with this part of the failures is struck; one that always answers tells nothing of it."""
LONG = 0.6
"""Part of the requests that found it down: what happens near the end leaves enough to judge by."""
CHANCE = 0.001


class Down(NamedTuple):
    """When it went down, seconds since the run's start, and what happened in words.

    `load_came_back`: it was down also at numbers of users at which it had been up before.
    """

    since_s: float
    text: str
    load_came_back: bool


def collapse(rows: Usable, failed: Bools | Ints, asked: Floats, origin_s: float) -> Down | None:
    """Whether the target went down for good, and when.

    Args:
        rows: the run.
        failed: the failures that are asked about, as mask or indices.
        asked: requests of each endpoint; mostly they show at once that too little failed.
        origin_s: its beginning.
    """
    hit = _hit(rows, failed, asked)
    errors = float(rows.weight[failed].sum())
    if not errors or errors < LONG * DOWN * asked[hit].sum():
        return None
    chosen = slice(None) if hit[asked > 0].all() else hit[rows.samples.endpoint.codes]
    weight = rows.weight[chosen].astype(np.float64)
    struck = np.zeros(len(rows.samples), np.bool_)
    struck[failed] = True
    n, k = np.cumsum(weight), np.cumsum(weight * struck[chosen])
    at = likeliest_change(n, k)
    before_n, before_k = float(n[at]), float(k[at])
    after_n, after_k = float(n[-1]) - before_n, float(k[-1]) - before_k
    if after_n < LONG * n[-1] or after_k < DOWN * after_n or before_k > UP * before_n:
        return None
    if table_tail(round(after_k), round(after_n), round(before_k), round(before_n)) >= CHANCE:
        return None
    since_s = float(rows.samples.start_s[chosen][at + 1]) - origin_s
    return Down(
        since_s,
        f"from {phrases.seconds(since_s)} on {phrases.percent(after_k / after_n)} of requests failed until "
        f"the end, whatever the load, and {phrases.percent(before_k / before_n)} before: it went down then "
        "and did not come back, so what load does cannot be seen",
        _came_back(rows.samples.users[chosen], at),
    )


def _came_back(users: NDArray[np.int32], at: int) -> bool:
    """Whether a part of the requests after the change met no more users than some before it."""
    before, after = users[: at + 1], users[at + 1 :]
    known = bool((before >= 0).all() and (after >= 0).all())
    return known and float((after <= before.max()).mean()) >= STRUCK


def _hit(rows: Usable, failed: Bools | Ints, asked: Floats) -> Bools:
    """Endpoints that the failures strike: a fault of one is no collapse because others began."""
    counts = np.bincount(rows.samples.endpoint.codes[failed], rows.weight[failed], minlength=len(asked))
    return np.asarray(counts >= STRUCK * counts.sum(), np.bool_)


def likeliest_change(n: Floats, k: Floats) -> int:
    """Last row before the change that fits best: the likeliest two rates (Hinkley 1970, Biometrika 57:1)."""
    before_n, before_k = n[:-1], k[:-1]
    after_n, after_k = n[-1] - before_n, k[-1] - before_k
    return (
        int(np.argmax(_likelihood(before_k, before_n) + _likelihood(after_k, after_n))) if len(n) > 1 else 0
    )


def _likelihood(k: Floats, n: Floats) -> Floats:
    """Logarithm of the binomial likelihood at the rate seen, without its constant."""
    rate = k / n
    with np.errstate(divide="ignore", invalid="ignore"):
        failed, passed = k * np.log(rate), (n - k) * np.log1p(-rate)
    return np.where(k > 0, failed, 0.0) + np.where(k < n, passed, 0.0)

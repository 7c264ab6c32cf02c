"""Conditions: sizes of requests, ages of connections and minutes of the hour at which failures gather.

Unlike an account or an endpoint, these go with the time: connections grow old while a run goes on, tokens
grow longer. So a request is compared with others of the same load, endpoint and moment only, and the excess
must show in many moments (Mantel and Haenszel 1959, J. Natl. Cancer Inst. 22:719, with a variance that lets
requests of one moment hang together). Where all are alike at any moment nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.concentration import CHANCE, LEAST_FACTOR, LEAST_POINTS, LEAST_SHARE, concentration, row_of
from analysis.intervals import normal_tail
from analysis.levels import Levels
from analysis.usable import Bools, Floats, Usable, sums
from analysis.verdict import Concentration
from recording.sample import is_constant, picked

MOMENT_S, MOST_MOMENTS = 5.0, 200
"""A moment is five seconds; longer in long runs."""
LEAST_MOMENTS = 10
"""So many moments must tell: fewer could be one event."""
LEAST_MIXED = 0.5
"""In so many of the moments in which the condition holds there must be others to compare with."""
MOST_CELLS = 4_000_000
HOURS, MOST_HOURS = 3, 24 * 31
HOURS_SHARE = 0.75
"""A minute must stand out in three hours and in three quarters of all."""

Classes = NDArray[np.int8]


def gathered(rows: Usable, levels: Levels) -> list[Concentration]:
    """Where failures gather: accounts, endpoints, nodes, and the conditions."""
    found = concentration(rows, levels)
    return [*found, *conditions(rows, levels, _of_accounts(rows, found))]


def _of_accounts(rows: Usable, found: list[Concentration]) -> Bools:
    """Rows of accounts that are blamed already: whatever else they have in common is theirs."""
    blamed = [int(c.value) for c in found if c.dimension == "account" and c.value.isdigit()]
    return np.isin(rows.samples.account, blamed) if blamed else np.zeros(len(rows.samples), np.bool_)


def conditions(rows: Usable, levels: Levels, explained: Bools) -> list[Concentration]:
    """Sizes, ages and minutes that hold more failures than others at the same time; at most one of the first
    two each. `explained` rows are left out."""
    if not len(rows.samples) or rows.errors == 0:
        return []
    samples = rows.samples
    columns = (
        ("connection age", samples.connection_age, _age),
        ("request size", samples.request_size, _size),
    )
    found = [
        _from_some_class_on(dimension, np.where(explained, -1, column).astype(np.int8), name, rows, levels)
        for dimension, column, name in columns
        if not is_constant(column)
    ]
    return [*(one for one in found if one is not None), *_minutes(rows)]


def _age(least: int) -> str:
    return "kept connections" if least == 1 else f"{1 << (least - 2):,} s and older"


def _size(least: int) -> str:
    return f"{1 << max(least - 1, 0):,} bytes and more"


class Contrast(NamedTuple):
    """What speaks for a condition: tail probability, how often it fails, and others at the same time."""

    p: float
    own: float
    others: float

    @property
    def holds(self) -> bool:
        """Whether it fails clearly more often."""
        return self.own >= LEAST_FACTOR * self.others and self.own >= self.others + LEAST_POINTS


def _from_some_class_on(
    dimension: str, column: Classes, name: Callable[[int], str], rows: Usable, levels: Levels
) -> Concentration | None:
    """The class from which on requests fail, if there is one. Young connections are not blamed: a failure
    often closes one, and the next request, in the same trouble, has a new one."""
    classes = np.unique(column[column >= 0])
    if len(classes) < 2:
        return None
    n, k = _tables(column, classes, rows, levels)
    # What is from a class on, from the last class back.
    tested = [_contrast(n[i:].sum(axis=0), n[:i].sum(axis=0), k[i:].sum(axis=0), k[:i].sum(axis=0))
              for i in range(1, len(classes))]  # fmt: skip
    best = min((i for i, one in enumerate(tested) if one.holds), key=lambda i: tested[i].p, default=None)
    if best is None or tested[best].p * len(tested) >= CHANCE:
        return None
    least = int(classes[best + 1])
    chosen = column >= least
    requests, errors = (float(picked(rows.weight, of).sum()) for of in (chosen, chosen & rows.failed))
    if errors < LEAST_SHARE * rows.errors:
        return None
    return row_of(dimension, name(least), requests, errors, tested[best].p * len(tested), rows.errors)


def _tables(column: Classes, classes: Classes, rows: Usable, levels: Levels) -> tuple[Floats, Floats]:
    """(c, cells, moments) requests and failures of each class, by load and endpoint, and by moment."""
    endpoint, start_s = rows.samples.endpoint, rows.samples.start_s - rows.samples.start_s[0]
    cells = (len(levels) + 1) * max(len(endpoint.names), 1)
    length_s = float(start_s[-1])
    most = max(1, min(MOST_MOMENTS, MOST_CELLS // (cells * len(classes))))
    moments = int(np.clip(length_s // MOMENT_S, 1, most))
    known = np.flatnonzero(column >= 0)
    cell = (levels.place[known] + 1) * max(len(endpoint.names), 1) + endpoint.codes[known]
    moment = np.minimum(start_s[known] * (moments / max(length_s, 1e-9)), moments - 1).astype(np.int64)
    place = (np.searchsorted(classes, column[known]) * cells + cell) * moments + moment
    shape = (len(classes), cells, moments)
    weight, failed = picked(rows.weight, known), rows.failed[known]
    n = sums(place, weight, int(np.prod(shape)))
    k = sums(place[failed], picked(weight, failed), int(np.prod(shape)))
    return n.reshape(shape), k.reshape(shape)


def _contrast(n: Floats, others_n: Floats, k: Floats, others_k: Floats) -> Contrast:
    """Of (cells, moments): those of the condition against the others of the same cell and moment."""
    mixed = (n > 0) & (others_n > 0)
    total, failed = n + others_n, k + others_k
    where = mixed & (failed > 0) & (failed < total)
    share = np.divide(n, total, out=np.zeros_like(n), where=total > 0)
    excess = np.where(where, k - failed * share, 0.0).sum(axis=0)
    spread = failed * share * (1 - share) * (total - failed) / np.maximum(total - 1, 1)
    variance = max(float(np.where(where, spread, 0.0).sum()), float((excess**2).sum()))
    told = where.any(axis=0)
    has, both = (n > 0).any(axis=0), mixed.any(axis=0)
    enough = np.count_nonzero(told) >= LEAST_MOMENTS and both.sum() >= LEAST_MIXED * has.sum()
    z = float(excess.sum()) / math.sqrt(variance) if enough and variance > 0 else 0.0
    # As many of the others in each cell as there are of the condition: else another mix of cells would tell.
    weight = np.where(mixed, n, 0.0)
    rate = np.divide(others_k, others_n, out=np.zeros_like(n), where=mixed)
    mass = max(float(weight.sum()), 1.0)
    own = float(np.where(mixed, k, 0.0).sum()) / mass
    return Contrast(_tail(z), own, float((weight * rate).sum()) / mass)


def _tail(z: float) -> float:
    return float(normal_tail(np.array(z)))


def _minutes(rows: Usable) -> list[Concentration]:
    """Minutes of the hour that fail hour after hour: what runs by the clock. One bad minute is a burst."""
    start_s = rows.samples.start_s
    # Longer than a month is no run but a wrong clock.
    if not HOURS * 3600 <= float(start_s[-1] - start_s[0]) <= MOST_HOURS * 3600:
        return []
    hour, minute = np.divmod((start_s // 60).astype(np.int64), 60)
    hour -= hour[0]
    shape = (60, int(hour[-1]) + 1)
    place = minute * shape[1] + hour
    n = sums(place, rows.weight, shape[0] * shape[1]).reshape(shape)
    k = sums(place[rows.failed], picked(rows.weight, rows.failed), shape[0] * shape[1]).reshape(shape)
    return [_minute(m, n, k, rows.errors) for m in range(60) if _by_the_clock(m, n, k, rows.errors)]


def _by_the_clock(minute: int, n: Floats, k: Floats, errors: int) -> bool:
    """Whether a minute fails clearly more often than the others of its hour, in most hours."""
    asked = n.sum(axis=0) - n[minute]
    use = (n[minute] > 0) & (asked > 0)
    own = k[minute][use] / n[minute][use]
    others = (k.sum(axis=0) - k[minute])[use] / asked[use]
    hot = (own >= LEAST_FACTOR * others) & (own >= others + LEAST_POINTS)
    often = np.count_nonzero(hot) >= max(HOURS, HOURS_SHARE * np.count_nonzero(use))
    return bool(often and k[minute].sum() >= LEAST_SHARE * errors)


def _minute(minute: int, n: Floats, k: Floats, errors: int) -> Concentration:
    own, asked = float(k[minute].sum()), float(n[minute].sum())
    rate = float((k.sum() - own) / max(n.sum() - asked, 1.0))
    z = (own - asked * rate) / math.sqrt(max(asked * rate * (1 - rate), 1.0))
    return row_of("minute of the hour", f":{minute:02} UTC", asked, own, _tail(z), errors)

"""Concentration: which accounts, endpoints, nodes, sizes, connections or minutes hold more failures than
chance and load allow.

Every value is compared with all others at the same load level: accounts that are only used when many users
run fail more often because of the load, not because of themselves. Connections grow old while a run goes on,
so they are compared with others of the same moment as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.intervals import binomial_tail, holm, poisson_tail, table_tail
from analysis.levels import Levels
from analysis.usable import Bools, Floats, Ints, Usable, sums
from analysis.verdict import Concentration
from recording.sample import is_constant, picked

Codes = NDArray[np.int8] | NDArray[np.int32]

EXACT = ("endpoint", "node")
"""What rows are thinned by, so that sums over it stay exact; see `recording.collect`."""
SIZES = ("nothing", "1 byte", *(f"{1 << i:,} to {(2 << i) - 1:,} bytes" for i in range(1, 100)))
AGES = tuple(f"class {i}" for i in range(102))
"""Names of the classes of `recording.sample.Samples`; of ages only the least one is told."""
MINUTES = tuple(f":{minute:02} UTC" for minute in range(60))
CHANCE = 0.001
"""After Holm's correction for the number of values looked at."""
LEAST_FACTOR, LEAST_POINTS = 1.5, 0.05
"""A value must fail half as often again as the others, and five points more."""
LEAST_SHARE = 0.05
"""It must hold a twentieth of the failures: what explains less is no explanation."""
MOST = 10
MOMENT_S, MOST_MOMENTS = 5.0, 200
"""Connections are compared within five seconds, longer in long runs."""
HOURS = 3
"""Minutes of the hour are told apart in runs over so many hours: they must stand out in each of them."""
ALWAYS_REQUESTS, ALWAYS_VALUES, ALWAYS_CHANCE = 3, 3, 1e-6
"""Many accounts with few requests each: those that failed every time are counted together."""


def concentration(rows: Usable, levels: Levels) -> list[Concentration]:
    """All dimensions, the values that hold most failures first; at most ten per dimension."""
    samples = rows.samples
    most = int(samples.account.max(initial=-1))
    plain = Strata(levels.place, len(levels))
    dimensions: tuple[tuple[str, Codes, Sequence[str], Strata], ...] = (
        ("account", samples.account, [str(i) for i in range(most + 1)], plain),
        ("endpoint", samples.endpoint.codes, samples.endpoint.names, plain),
        ("node", samples.node.codes, samples.node.names, plain),
        ("request size", samples.request_size, SIZES, plain),
    )
    found = [c for name, codes, values, at in dimensions for c in _of(name, codes, values, rows, at)]
    return [*found, *_old_connections(rows, levels), *_minutes(rows, plain)]


class Strata(NamedTuple):
    """Which rows are compared with each other: `place` of each row, -1 where unknown, below `size`."""

    place: Ints
    size: int


def _old_connections(rows: Usable, levels: Levels) -> list[Concentration]:
    """Connections that fail from some age on. Young ones are not blamed: a failure often closes a connection,
    so that the next request, in the same trouble, has a new one."""
    samples = rows.samples
    age = samples.connection_age
    if is_constant(age) or int(age.max(initial=-1)) < 2:
        return []
    start_s = samples.start_s - samples.start_s[0]
    moments = int(np.clip(start_s[-1] // MOMENT_S, 1, MOST_MOMENTS))
    moment = np.minimum(start_s * (moments / max(float(start_s[-1]), 1e-9)), moments - 1).astype(np.int64)
    place = np.where(levels.place < 0, -1, levels.place * moments + moment)
    # Where all are of one age nothing can be compared, not even with other moments.
    known = np.where(_mixed(place, age, len(levels) * moments), age, -1)
    told = _of("connection age", known, AGES, rows, Strata(place, len(levels) * moments))
    found = {AGES.index(c.value): c for c in told if c.value in AGES}
    hot = list(takewhile(found.__contains__, reversed(np.unique(age[age >= 1]).tolist())))
    return [_together([found[i] for i in hot], f"{1 << (hot[-1] - 2)} s and older")] if hot[-1:] > [1] else []


def _mixed(place: Ints, age: NDArray[np.int8], size: int) -> Bools:
    """Rows of strata that hold more than one age."""
    least, most = np.full(size + 1, 127, np.int8), np.full(size + 1, -1, np.int8)
    np.minimum.at(least, place, age)
    np.maximum.at(most, place, age)
    return np.asarray((least < most)[place] & (place >= 0), np.bool_)


def _together(parts: list[Concentration], value: str) -> Concentration:
    """Several values of one dimension as one."""
    requests, errors = sum(c.requests for c in parts), sum(c.errors for c in parts)
    sums_up = {"share": sum(c.share for c in parts), "requests": requests, "errors": errors}
    rest = {"value": value, "error_rate": errors / requests, "p_value": max(c.p_value for c in parts)}
    return parts[0].model_copy(update=sums_up | rest)


def _minutes(rows: Usable, plain: Strata) -> list[Concentration]:
    """Minutes of the hour that fail again and again: what runs by the clock. One bad minute is a burst."""
    start_s = rows.samples.start_s
    if not len(start_s) or float(start_s[-1] - start_s[0]) < HOURS * 3600:
        return []
    hour, minute = np.divmod((start_s // 60).astype(np.int64), 60)
    found = _of("minute of the hour", minute.astype(np.int32), MINUTES, rows, plain)
    return [c for c in found if _each_hour(rows, hour, minute == MINUTES.index(c.value))]


def _each_hour(rows: Usable, hour: Ints, chosen: Bools) -> bool:
    """Whether the chosen rows fail more often than the others in at least three quarters of the hours."""
    hour = hour - hour[0]
    count = int(hour[-1]) + 1

    def rate(of: Bools) -> Floats:
        asked = sums(hour[of], picked(rows.weight, of), count)
        failed = sums(hour[of & rows.failed], picked(rows.weight, of & rows.failed), count)
        return np.asarray(np.divide(failed, asked, out=np.full(count, np.nan), where=asked > 0), np.float64)

    own, others = rate(chosen), rate(~chosen)
    both = np.isfinite(own) & np.isfinite(others)
    return bool(np.count_nonzero(own[both] > others[both]) >= max(HOURS, 0.75 * np.count_nonzero(both)))


def _of(
    dimension: str, codes: Codes, names: Sequence[str], rows: Usable, strata: Strata
) -> list[Concentration]:
    failures = rows.errors
    if len(names) < 2 or failures == 0:
        return []
    n, k, expected, others = _tables(codes, len(names), rows, strata)
    used = n > 0
    if np.count_nonzero(used) < 2:
        return []
    tail = np.ones(len(n))
    rate = np.divide(expected, n, out=np.zeros(len(n)), where=used)
    # Sums over what rows are thinned by stay exact, the others are estimates.
    each = 1.0 if dimension in EXACT else _per_row(rows)
    tail[used] = binomial_tail(k[used] / each, n[used] / each, rate[used])
    for i in np.flatnonzero(used & (tail < CHANCE)):
        worth = others[i] / each
        tail[i] = max(tail[i], table_tail(k[i] / each, n[i] / each, rate[i] * worth, worth))
    tail[used] = holm(tail[used])
    own = np.divide(k, n, out=np.zeros(len(n)), where=used)
    hot = (tail < CHANCE) & (own >= LEAST_FACTOR * rate) & (own >= rate + LEAST_POINTS)
    found = _listed(dimension, names, n, k, tail, hot, failures)
    # Where rows were thinned, an account whose successes were left out would seem to fail every time.
    rare = dimension == "account" and each == 1.0
    return found or (_always(dimension, n, k, rate, failures) if rare else [])


def _per_row(rows: Usable) -> float:
    """Requests that one row tells as much about as one would (Kish 1965)."""
    weight = rows.weight
    if len(weight) == 0 or is_constant(weight):
        return 1.0 if len(weight) == 0 else float(weight[0])
    return float(np.dot(weight, weight) / weight.sum())


def _tables(codes: Codes, count: int, rows: Usable, strata: Strata) -> tuple[Floats, Floats, Floats, Floats]:
    """Requests and failures per value, the failures expected from the others at the same load, and how many
    requests of others that expectation is worth: few, where few others saw the same load."""
    level_count = strata.size + 1
    # Unknown values and unknown loads are -1: each gets a place of its own, and that of values is cut off.
    cell = (codes.astype(np.int64) + 1) * level_count + strata.place
    cell[strata.place < 0] += level_count
    failing = np.flatnonzero(rows.failed)

    def table(cells: Ints, weight: Ints) -> Floats:
        return sums(cells, weight, (count + 1) * level_count).reshape(count + 1, level_count)[1:]

    n, k = table(cell, rows.weight), table(cell[failing], picked(rows.weight, failing))
    others_n, others_k = n.sum(axis=0) - n, k.sum(axis=0) - k
    overall = np.full_like(n, k.sum() / max(n.sum(), 1.0))
    rate = np.divide(others_k, others_n, out=overall, where=others_n > 0)
    total = n.sum(axis=1)
    seen = np.where(others_n > 0, others_n, np.maximum(others_n.sum(axis=1, keepdims=True), 1.0))
    worth = np.divide(total**2, (n**2 / seen).sum(axis=1), out=np.zeros(count), where=total > 0)
    return total, k.sum(axis=1), (n * rate).sum(axis=1), worth


def _listed(
    dimension: str, names: Sequence[str], n: Floats, k: Floats, p: Floats, hot: Bools, failures: int
) -> list[Concentration]:
    places = sorted(np.flatnonzero(hot).tolist(), key=lambda i: (-k[i], names[i]))
    together = float(k[hot].sum()) / failures
    if together < LEAST_SHARE:
        return []
    rows = [_row(dimension, names[i], n[i], k[i], p[i], failures) for i in places]
    if len(places) <= 3:
        return rows
    used = int(np.count_nonzero(n > 0))
    value = f"{len(places):,} of {used:,} {dimension}s"
    total = _row(dimension, value, float(n[hot].sum()), float(k[hot].sum()), float(p[hot].max()), failures)
    return [total, *rows[: MOST - 1]]


def _always(dimension: str, n: Floats, k: Floats, rate: Floats, failures: int) -> list[Concentration]:
    """Values with few requests that failed every time, if they are far more than chance allows."""
    enough = n >= ALWAYS_REQUESTS
    always = enough & (k == n)
    count = int(np.count_nonzero(always))
    by_chance = float(np.sum(rate[enough] ** n[enough]))
    if count < ALWAYS_VALUES or float(k[always].sum()) / failures < LEAST_SHARE:
        return []
    p = poisson_tail(count, by_chance)
    if p >= ALWAYS_CHANCE:
        return []
    value = f"{count:,} of {np.count_nonzero(n > 0):,} {dimension}s"
    return [_row(dimension, value, float(n[always].sum()), float(k[always].sum()), p, failures)]


def _row(dimension: str, value: str, n: float, k: float, p: float, failures: int) -> Concentration:
    return Concentration(
        dimension=dimension,
        value=value,
        share=float(k) / failures,
        requests=round(float(n)),
        errors=round(float(k)),
        error_rate=float(k) / float(n),
        p_value=float(p),
    )

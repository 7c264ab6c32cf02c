"""Concentration: which accounts, endpoints or nodes hold more failures than chance and load allow.

Every value is compared with all others at the same load level: accounts that are only used when many users
run fail more often because of the load, not because of themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.intervals import binomial_tail, holm, poisson_tail, table_tail
from analysis.levels import Levels
from analysis.usable import Bools, Floats, Ints, Usable, sums
from analysis.verdict import Concentration
from recording.sample import is_constant, picked

CHANCE = 0.001
"""After Holm's correction for the number of values looked at."""
LEAST_FACTOR, LEAST_POINTS = 1.5, 0.05
"""A value must fail half as often again as the others, and five points more."""
LEAST_SHARE = 0.05
"""It must hold a twentieth of the failures: what explains less is no explanation."""
MOST = 10
ALWAYS_REQUESTS, ALWAYS_VALUES, ALWAYS_CHANCE = 3, 3, 1e-6
"""Many accounts with few requests each: those that failed every time are counted together."""


def concentration(rows: Usable, levels: Levels) -> list[Concentration]:
    """Accounts, endpoints and nodes, the values that hold most failures first; at most ten per dimension."""
    samples = rows.samples
    most = int(samples.account.max(initial=-1))
    dimensions: tuple[tuple[str, NDArray[np.int32], Sequence[str]], ...] = (
        ("account", samples.account, [str(i) for i in range(most + 1)]),
        ("endpoint", samples.endpoint.codes, samples.endpoint.names),
        ("node", samples.node.codes, samples.node.names),
    )
    return [c for name, codes, values in dimensions for c in _of(name, codes, values, rows, levels)]


def _of(
    dimension: str, codes: NDArray[np.int32], names: Sequence[str], rows: Usable, levels: Levels
) -> list[Concentration]:
    failures = rows.errors
    if len(names) < 2 or failures == 0:
        return []
    n, k, expected, others = _tables(codes, len(names), rows, levels)
    used = n > 0
    if np.count_nonzero(used) < 2:
        return []
    tail = np.ones(len(n))
    rate = np.divide(expected, n, out=np.zeros(len(n)), where=used)
    # Sums over endpoints and nodes stay exact when rows are thinned, those over accounts are estimates.
    each = 1.0 if dimension != "account" else _perrow_of(rows)
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


def _perrow_of(rows: Usable) -> float:
    """Requests that one row tells as much about as one would (Kish 1965)."""
    weight = rows.weight
    if len(weight) == 0 or is_constant(weight):
        return 1.0 if len(weight) == 0 else float(weight[0])
    return float(np.dot(weight, weight) / weight.sum())


def _tables(
    codes: NDArray[np.int32], count: int, rows: Usable, levels: Levels
) -> tuple[Floats, Floats, Floats, Floats]:
    """Requests and failures per value, the failures expected from the others at the same load, and how many
    requests of others that expectation is worth: few, where few others saw the same load."""
    level_count = len(levels) + 1
    # Unknown values and unknown loads are -1: each gets a place of its own, and that of values is cut off.
    cell = (codes.astype(np.int64) + 1) * level_count + levels.place
    cell[levels.place < 0] += level_count
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
    rows = [row_of(dimension, names[i], n[i], k[i], p[i], failures) for i in places]
    if len(places) <= 3:
        return rows
    used = int(np.count_nonzero(n > 0))
    value = f"{len(places):,} of {used:,} {dimension}s"
    total = row_of(dimension, value, float(n[hot].sum()), float(k[hot].sum()), float(p[hot].max()), failures)
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
    return [row_of(dimension, value, float(n[always].sum()), float(k[always].sum()), p, failures)]


def row_of(dimension: str, value: str, n: float, k: float, p: float, failures: int) -> Concentration:
    """One value that holds `k` of all `failures` in its `n` requests."""
    return Concentration(
        dimension=dimension,
        value=value,
        share=float(k) / failures,
        requests=round(float(n)),
        errors=round(float(k)),
        error_rate=float(k) / float(n),
        p_value=float(p),
    )

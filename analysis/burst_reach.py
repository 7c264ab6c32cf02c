"""Burst reach: which endpoints and which statuses the bursts hold, inside against outside.

A burst that hits every endpoint points at something shared (pool, lock, process, network); one that hits a
single endpoint points at its own code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.intervals import binomial_tail, holm, share_interval
from analysis.usable import Bools, Floats, Ints
from analysis.verdict import BurstEndpoint, BurstReach, Spread
from recording.sample import Category

CHANCE = 0.001
"""After Holm's correction for the number of endpoints."""
LEAST_FACTOR, LEAST_POINTS = 1.5, 0.05
"""Hit: inside the bursts it fails half as often again as outside, and five points more."""
SPARED_SHARE = 0.5
SPARED_LEVEL = 0.95
"""Spared: its whole interval stays below this share of what the endpoints that were hit got on top."""
UNKNOWN_SHARE = 0.1
"""Endpoints too rare to judge may hold this share of the requests inside and "all" is still said."""
ONE_CHANCE, ONE_ERRORS = 0.01, 3
"""A single burst hits an endpoint with so many failures, more than chance gives at its usual rate."""
Codes = NDArray[np.int32]
MOST_NAMES, MOST_STATUSES = 10, 4
MOST_ENDPOINTS = 100
OTHERS = "(other endpoints)"
"""Names with an id in them can be as many as requests: the rarer ones are judged together."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What is needed of each request. All arrays have one length.

    Attributes:
        time_s: send time, ascending, seconds since the run's start.
        weight: requests per row.
        failed: which rows are the failures in question.
        endpoint, status: what was asked, and what the failure is called.
    """

    time_s: Floats
    weight: Ints
    failed: Bools
    endpoint: Category
    status: Category


@dataclass(frozen=True, slots=True)
class Reach:
    """The reach of all bursts together, and the endpoints and statuses of each of them."""

    overall: BurstReach
    endpoints: list[list[str]]
    statuses: list[dict[str, int]]


def inside(time_s: Floats, start_s: Floats, end_s: Floats) -> Ints:
    """(n,) number of the burst that each request was sent in; -1 outside of all."""
    place = np.searchsorted(start_s, time_s, side="right") - 1
    within = (place >= 0) & (time_s <= end_s[np.maximum(place, 0)])
    return np.where(within, place, -1).astype(np.int64)


def at_most(endpoint: Category) -> Category:
    """The endpoints asked most by name, the others as one."""
    if len(endpoint.names) <= MOST_ENDPOINTS:
        return endpoint
    asked = np.bincount(endpoint.codes, minlength=len(endpoint.names))
    kept = np.sort(np.argsort(-asked, kind="stable")[: MOST_ENDPOINTS - 1])
    code = np.full(len(asked), len(kept), np.int32)
    code[kept] = np.arange(len(kept), dtype=np.int32)
    return Category(code[endpoint.codes], (*(endpoint.names[i] for i in kept), OTHERS))


def reach(rows: Rows, burst: Ints, count: int) -> Reach:
    """Judge the reach of `count` bursts; `burst` is what `inside` gives."""
    names = rows.endpoint.names
    n, k = _table(rows, burst, count, rows.endpoint.codes, len(names))
    by_endpoint = _endpoints(names, n, k)
    failures = rows.failed & (burst >= 0)
    _, statuses = _table(
        rows, np.where(failures, burst, -1), count, rows.status.codes, len(rows.status.names)
    )
    hit = [row.endpoint for row in by_endpoint if row.hit]
    overall = BurstReach(
        answer=_answer(by_endpoint),
        endpoints=hit[:MOST_NAMES],
        spared=[row.endpoint for row in by_endpoint if row.hit is False][:MOST_NAMES],
        statuses=_counts(rows.status.names, statuses[:count].sum(axis=0)),
        by_endpoint=by_endpoint[:MOST_NAMES],
    )
    usual = (k[count] + 0.5) / (n[count] + 1)
    return Reach(
        overall=overall,
        endpoints=[_names_hit(names, n[i], k[i], usual) for i in range(count)],
        statuses=[_counts(rows.status.names, statuses[i]) for i in range(count)],
    )


def _table(rows: Rows, burst: Ints, count: int, codes: Codes, width: int) -> tuple[Floats, Floats]:
    """Requests and failures per burst and code, (count + 1, width); the last row is what lies outside."""
    cell = np.where(burst < 0, count, burst) * width + codes
    size = (count + 1) * width
    requests = np.bincount(cell, rows.weight, minlength=size)
    failures = np.bincount(cell[rows.failed], rows.weight[rows.failed], minlength=size)
    shape = (count + 1, width)
    return requests.astype(np.float64).reshape(shape), failures.astype(np.float64).reshape(shape)


def _endpoints(names: tuple[str, ...], n: Floats, k: Floats) -> list[BurstEndpoint]:
    """All endpoints that were asked within bursts, the most failing first."""
    n_in, k_in, n_out, k_out = n[:-1].sum(axis=0), k[:-1].sum(axis=0), n[-1], k[-1]
    used = np.flatnonzero(n_in > 0)
    n_in, k_in, n_out, k_out = n_in[used], k_in[used], n_out[used], k_out[used]
    usual, rate = (k_out + 0.5) / (n_out + 1), k_in / n_in
    tail = holm(binomial_tail(k_in, n_in, usual))
    hit = (tail < CHANCE) & (rate >= LEAST_FACTOR * usual) & (rate >= usual + LEAST_POINTS)
    extra = float(np.sum((k_in - n_in * usual)[hit]) / max(float(n_in[hit].sum()), 1.0))
    order = sorted(range(len(used)), key=lambda i: (-k_in[i], names[used[i]]))
    return [
        BurstEndpoint(
            endpoint=names[used[i]],
            inside=float(rate[i]),
            outside=float(k_out[i] / n_out[i]) if n_out[i] else None,
            requests_inside=round(float(n_in[i])),
            errors_inside=round(float(k_in[i])),
            hit=bool(hit[i]) or _not_spared(float(k_in[i]), float(n_in[i]), float(usual[i]), extra),
        )
        for i in order
    ]


def _not_spared(errors: float, requests: float, usual: float, extra: float) -> bool | None:
    """False where the endpoint was surely spared, None where it was asked too rarely to know."""
    high = share_interval(errors, requests, 2 * SPARED_LEVEL - 1)[1]
    return False if extra > 0 and high < usual + SPARED_SHARE * extra else None


def _answer(rows: list[BurstEndpoint]) -> Spread | None:
    """All, some or one of the endpoints; None where that is not known."""
    hit = [row for row in rows if row.hit]
    unknown = sum(row.requests_inside for row in rows if row.hit is None)
    if not hit or unknown > UNKNOWN_SHARE * sum(row.requests_inside for row in rows):
        return None
    if len(hit) == 1:
        return "one"
    return "some" if any(row.hit is False for row in rows) else "all"


def _names_hit(names: tuple[str, ...], n: Floats, k: Floats, usual: Floats) -> list[str]:
    hit = (k >= ONE_ERRORS) & (binomial_tail(k, n, usual) < ONE_CHANCE)
    order = sorted(np.flatnonzero(hit).tolist(), key=lambda i: (-k[i], names[i]))
    return [names[i] for i in order[:MOST_NAMES]]


def _counts(names: tuple[str, ...], counts: Floats) -> dict[str, int]:
    order = sorted(np.flatnonzero(counts > 0).tolist(), key=lambda i: (-counts[i], names[i]))
    return {names[i]: round(float(counts[i])) for i in order[:MOST_STATUSES]}

"""Rows of made-up runs: every request of a run that `benchmarks.simulate` counts, as Samples.

    from benchmarks.rows import made_rows
    samples = made_rows("rises_knee", "shuffled_steps", 600.0, seed=7)

Counts per slice of time are those of `simulate.draw` with the same arguments. Where in its slice a request
was sent, which of them fail, durations, accounts and endpoints are drawn from a generator of their own.
"""

from __future__ import annotations

import numpy as np

from analysis.usable import Bools, Floats, Ints
from benchmarks.simulate import SHAPES, Slices, slices
from recording.run import ErrorExample, Run
from recording.sample import Category, Samples

START_S = 1_750_000_000.0
TIMEOUT_MS = 3000.0
"""Failures that take so long are time-outs, others are answers with status 503."""
ENDPOINTS, LOGIN_SHARE = ("login", "me"), 0.8
OK_SPREAD, ERROR_SPREAD = 0.3, 0.03
BUSY = "Service temporarily busy, please retry"


def made_run(kind: str, shape: str, duration_s: float, seed: int) -> Run:
    """The rows as a Run with one example of each failure."""
    samples = made_rows(kind, shape, duration_s, seed)
    return Run(f"{kind}-{shape}-{seed}", "made_up", samples, examples=_examples(samples))


def made_rows(kind: str, shape: str, duration_s: float, seed: int) -> Samples:
    """One row per request, in order of their start; arguments as in `simulate.draw`."""
    made = slices(kind, shape, duration_s, seed)
    rng = np.random.default_rng([seed, round(duration_s), SHAPES.index(shape), sum(kind.encode()), 1])
    place = np.repeat(np.arange(len(made.requests)), made.requests.astype(np.int64))
    start_s = (place + rng.random(len(place))) * made.dt_s
    users = made.world.users[place]
    failed = _failed(made, place, rng)
    late = made.world.err_ms >= TIMEOUT_MS
    order = np.argsort(start_s, kind="stable")
    return Samples(
        start_s=START_S + start_s,
        duration_ms=_durations(made, users, failed, rng),
        endpoint=Category((rng.random(len(place)) >= LOGIN_SHARE).astype(np.int32), ENDPOINTS),
        method=Category.constant("POST", len(place)),
        status=np.where(failed, 0 if late else 503, 200).astype(np.int16),
        outcome=Category(failed.astype(np.int32), ("ok", "total_timeout" if late else "http_error")),
        code=Category(failed.astype(np.int32), ("", "total_timeout" if late else "busy")),
        users=users.astype(np.int32),
        in_flight=np.full(len(place), -1, np.int32),
        account=np.floor(rng.random(len(place)) * users).astype(np.int32),
        node=Category.constant("local", len(place)),
        stage=Category.constant("", len(place)),
        response_bytes=np.full(len(place), 80, np.int64),
        weight=np.ones(len(place), np.int32),
    ).take(order)


def _failed(made: Slices, place: Ints, rng: np.random.Generator) -> Bools:
    """As many rows of each slice as it counts errors, picked at random."""
    order = np.lexsort((rng.random(len(place)), place))
    sizes = made.requests.astype(np.int64)
    rank = np.arange(len(place)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    failed = np.zeros(len(place), bool)
    failed[order] = rank < np.repeat(made.errors, sizes)
    return failed


def _durations(made: Slices, users: Floats, failed: Bools, rng: np.random.Generator) -> Floats:
    """Milliseconds: successes slow down above the capacity, failures take what they take."""
    world = made.world
    ok = world.base_ms * np.maximum(1.0, users / world.capacity) * rng.lognormal(0, OK_SPREAD, len(users))
    error = world.err_ms * np.maximum(0.1, rng.normal(1, ERROR_SPREAD, len(users)))
    return np.asarray(np.where(failed, error, ok), np.float64)


def _examples(samples: Samples) -> tuple[ErrorExample, ...]:
    failed = np.flatnonzero(samples.is_error)
    if not len(failed):
        return ()
    first = samples.take(failed[:1])
    (outcome,), (code,) = first.outcome.to_list(), first.code.to_list()
    return (
        ErrorExample(
            time_s=float(first.start_s[0]),
            status=int(first.status[0]),
            outcome=outcome,
            code=code,
            message=BUSY if first.status[0] else "no answer within the limit",
            endpoint="login",
            content_type="application/json",
        ),
    )

"""Runs made by hand for the analysis tests: seeded, with known truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from recording.run import ErrorExample, Run
from recording.sample import Category, Samples

START_S = 1_750_000_000.0
STEPS = (2, 6, 11, 16, 20)
BUSY = "Service temporarily busy, please retry"

Rate = float | Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Error rate: a number, or a function of users and seconds since the run's start (arrays)."""


def by_load(rate: Callable[[np.ndarray], np.ndarray]) -> Rate:
    """An error rate that depends on the users alone."""
    return lambda users, _: rate(users)


def by_time(rate: Callable[[np.ndarray], np.ndarray]) -> Rate:
    """An error rate that depends on the time alone."""
    return lambda _, time_s: rate(time_s)


def shuffled_steps(seed: int, levels: Sequence[int] = STEPS, blocks: int = 4) -> list[int]:
    rng = np.random.default_rng(seed)
    return [int(level) for _ in range(blocks) for level in rng.permutation(levels)]


def make_run(
    users: Sequence[int] | None = None,
    errors: Rate = 0.0,
    seed: int = 1,
    step_s: float = 30.0,
    per_user_s: float = 0.8,
    status: int = 503,
    message: str = BUSY,
    ok_ms: float = 120.0,
    error_ms: float = 52.0,
    **changes: Any,
) -> Run:
    """A run through `users` (default: shuffled steps), `step_s` each; a user sends `per_user_s` a second."""
    rng = np.random.default_rng(seed)
    plan = shuffled_steps(seed) if users is None else list(users)
    starts, loads = [], []
    for i, level in enumerate(plan):
        count = max(1, round(level * step_s * per_user_s))
        starts.append(np.sort(rng.uniform(i * step_s, (i + 1) * step_s, count)))
        loads.append(np.full(count, level))
    time_s, load = np.concatenate(starts), np.concatenate(loads)
    rate = errors(load.astype(float), time_s) if callable(errors) else np.full(len(load), errors)
    failed = rng.random(len(load)) < rate
    duration = np.where(
        failed, error_ms * rng.normal(1, 0.03, len(load)), ok_ms * rng.lognormal(0, 0.3, len(load))
    )
    samples = make_samples(
        start_s=START_S + time_s,
        duration_ms=np.maximum(duration, 1.0),
        status=np.where(failed, status, 200),
        outcome=["http_error" if f else "ok" for f in failed],
        code=["busy" if f else "" for f in failed],
        users=load,
    )
    examples = (example(status, message),) if failed.any() else ()
    values = {"id": "run", "source": "made_up", "samples": samples, "examples": examples, **changes}
    return Run(**values)


def make_samples(**columns: Any) -> Samples:
    """Samples from the columns given; the others hold what is usual for one login on one node."""
    rows = len(columns["start_s"])

    def category(name: str, default: str) -> Category:
        value = columns.get(name, default)
        return Category.constant(value, rows) if isinstance(value, str) else Category.of(list(value))

    def number(name: str, default: float, dtype: type) -> np.ndarray:
        return np.broadcast_to(np.asarray(columns.get(name, default)), rows).astype(dtype)

    return Samples(
        start_s=np.asarray(columns["start_s"], np.float64),
        duration_ms=number("duration_ms", 100.0, np.float64),
        endpoint=category("endpoint", "login"),
        method=category("method", "POST"),
        status=number("status", 200, np.int16),
        outcome=category("outcome", "ok"),
        code=category("code", ""),
        users=number("users", 10, np.int32),
        in_flight=number("in_flight", -1, np.int32),
        account=number("account", -1, np.int32),
        node=category("node", "local"),
        stage=category("stage", ""),
        response_bytes=number("response_bytes", 80, np.int64),
        weight=number("weight", 1, np.int32),
    )


def example(
    status: int = 503, message: str = BUSY, code: str = "busy", outcome: str = "http_error", **changes: Any
) -> ErrorExample:
    values = {
        "time_s": START_S + 1,
        "status": status,
        "outcome": outcome,
        "code": code,
        "message": message,
        "endpoint": "login",
        "content_type": "application/json",
        "body": f'{{"error": "{message}"}}',
        **changes,
    }
    return ErrorExample(**values)

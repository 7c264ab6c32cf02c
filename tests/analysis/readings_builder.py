"""Readings made by hand for the analysis tests: what probes would have read while `run_builder` ran."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from run_builder import START_S, by_load, make_run, shuffled_steps

from recording.run import Readings, Run
from recording.sample import Category

STEP_S = 30.0
Mean = Callable[[np.ndarray], np.ndarray]


def readings_of(*columns: tuple[np.ndarray, str, str, np.ndarray]) -> Readings:
    """Readings of the target from (seconds since the start, name, label, values)."""
    rows = [len(time_s) for time_s, *_ in columns]
    return Readings(
        time_s=np.concatenate([START_S + time_s for time_s, *_ in columns]),
        source=np.full(sum(rows), "target"),
        name=np.repeat([name for _, name, _, _ in columns], rows),
        labels=np.repeat([label for _, _, label, _ in columns], rows),
        value=np.concatenate([np.asarray(value, float) for *_, value in columns]),
    )


def seconds_and_users(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    plan = np.array(shuffled_steps(seed))
    time_s = np.arange(0.5, len(plan) * STEP_S, 1.0)
    return time_s, plan[(time_s // STEP_S).astype(int)]


def phase_log(seed: int = 1, noise: float = 0.3, **means: Mean) -> Readings:
    """A log with these phases, and the whole as their sum; seconds that follow each other hang together."""
    rng = np.random.default_rng(seed)
    time_s, users = seconds_and_users(seed)
    count = rng.poisson(np.maximum(users * 0.8, 1)) + 1.0
    columns, total = [], np.zeros(len(time_s))
    for name, mean in means.items():
        wander = np.convolve(rng.normal(0, 1, len(time_s) + 4), np.ones(5) / np.sqrt(5), "valid")
        spent = mean(users.astype(float)) * np.exp(noise * wander - noise**2 / 2)
        total += spent
        for figure, values in (("phase_count", count), ("phase_ms", spent), ("phase_own_ms", spent)):
            columns.append((time_s, figure, name, values))
    columns += [(time_s, figure, "total", total) for figure in ("phase_ms", "phase_own_ms")]
    return readings_of(*columns, (time_s, "phase_count", "total", count))


def steady(value: float) -> Mean:
    return lambda users: np.full(len(users), value)


def pool(active: Mean, most: float = 10.0, **more: tuple[float, Mean]) -> Readings:
    time_s, users = seconds_and_users()
    columns = [
        (time_s, "pool_active", "metrics", active(users.astype(float))),
        (time_s, "pool_max", "metrics", np.full(len(time_s), most)),
    ]
    columns += [(time_s, name, "metrics", values(users.astype(float))) for name, (_, values) in more.items()]
    return readings_of(*columns)


def failing(readings: Readings | None) -> Run:
    """503s from 12 users on that say nothing, not even a code."""
    rate = by_load(lambda users: np.where(users > 12, 0.4, 0.0))
    run = make_run(errors=rate, status=503, error_ms=800.0, readings=readings)
    silent = replace(run.samples, code=Category.constant("", len(run.samples)))
    return replace(run, samples=silent, examples=())

"""Strange runs: seeded mixtures of everything a file may hold, however unlikely."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recording.outcomes import OUTCOMES
from recording.run import LACKS, ErrorExample, LogHealth, Readings, Run
from recording.sample import Category, Samples

SIZES = (0, 1, 2, 5, 50, 300, 1500)
LENGTHS_S = (0.0, 1e-3, 1.0, 60.0, 300.0, 3600.0, 1e7)
BEGINNINGS_S = (0.0, 1.75e9, -5.0)
DURATIONS_MS = (0.0, 1.0, 100.0, 3e4, 1e9)
NO_TIMES = (np.nan, np.inf, -np.inf, -1.0)
USERS = (-1, 0, 1, 5, 1000, 2**31 - 1)
STATUSES = (0, 200, 200, 429, 500, 503, -1)
CATEGORIES = ("endpoint", "method", "outcome", "code", "node", "stage")


def strange_run(seed: int) -> Run:
    """Any run at all; the same seed gives the same one."""
    rng = np.random.default_rng(seed)
    samples = strange_samples(rng)
    return Run(
        id="strange",
        source=str(rng.choice(["case_csv", "run_folder"])),
        samples=samples,
        lacks=frozenset(lack for lack in LACKS if rng.random() < 0.1),
        readings=_readings(rng) if rng.random() < 0.4 else None,
        events=tuple(
            {"kind": str(kind), "time_s": 1.0}
            for kind in rng.choice(["node_lost", "interrupted", "fault"], rng.integers(3))
        ),
        examples=tuple(_example(rng, samples) for _ in range(rng.integers(5))),
        health=LogHealth(("a",), ("a",), missing_frames=1) if rng.random() < 0.3 else None,
        bad_lines=int(rng.choice([0, 3])),
        length_s=None if rng.random() < 0.7 else 5.0,
    )


def strange_samples(rng: np.random.Generator) -> Samples:
    """Rows in no order, with whole seconds, times that are no times, any load, outcome and weight."""
    n = int(rng.choice(SIZES))
    outcomes = tuple(dict.fromkeys(["ok", *map(str, rng.choice(OUTCOMES, rng.integers(1, 6)))]))
    failed = rng.random(n) < rng.choice([0, 0.001, 0.1, 0.5, 1.0])
    codes = ["", *(f"code-{i}" for i in range(rng.choice([0, 2, 70])))]
    return Samples(
        start_s=_times(rng, rng.choice(BEGINNINGS_S) + rng.random(n) * rng.choice(LENGTHS_S)),
        duration_ms=_times(rng, rng.choice(DURATIONS_MS) * rng.lognormal(0, 1, n)),
        endpoint=_category(rng, ["", "login", "me"], n),
        method=_category(rng, ["POST"], n),
        status=rng.choice(STATUSES, n).astype(np.int16),
        outcome=Category(np.where(failed, rng.integers(0, len(outcomes), n), 0).astype(np.int32), outcomes),
        code=_category(rng, codes, n),
        users=_users(rng, n),
        in_flight=rng.integers(-1, 9, n).astype(np.int32),
        account=rng.integers(-1, rng.choice([1, 6, 400]), n).astype(np.int32),
        node=_category(rng, ["a", "b", "c"][: rng.integers(1, 4)], n),
        stage=_category(rng, ["", "hold"], n),
        response_bytes=rng.integers(-1, 99, n),
        weight=rng.choice([[0] * 4, [1] * 4, [1000] * 4, [1, 1, 2, 50]][rng.integers(4)], n).astype(np.int32),
    )


def told_otherwise(samples: Samples, rng: np.random.Generator) -> Samples:
    """The same rows in another order, their names numbered in another order."""
    mixed = samples.take(rng.permutation(len(samples)))
    return replace(mixed, **{name: _renumbered(getattr(mixed, name), rng) for name in CATEGORIES})


def _times(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    values = np.floor(values) if rng.random() < 0.5 else values
    if rng.random() < 0.2:
        values[rng.random(len(values)) < 0.1] = rng.choice(NO_TIMES)
    return values


def _users(rng: np.random.Generator, n: int) -> np.ndarray:
    waves = rng.integers(1, 9) * np.arange(n) / max(n, 1)
    users = np.full(n, rng.choice(USERS)) if rng.random() < 0.4 else 1 + np.abs(40 * np.sin(waves))
    return np.where(rng.random(n) < rng.choice([0, 0, 0.3]), -1, users).astype(np.int32)


def _category(rng: np.random.Generator, names: list[str], n: int) -> Category:
    return Category(rng.integers(0, len(names), n).astype(np.int32), tuple(names))


def _renumbered(column: Category, rng: np.random.Generator) -> Category:
    order = rng.permutation(len(column.names))
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order))
    return Category(place[column.codes], tuple(column.names[i] for i in order))


def _example(rng: np.random.Generator, samples: Samples) -> ErrorExample:
    return ErrorExample(
        time_s=float(rng.random() * 1e9),
        status=int(rng.choice(STATUSES)),
        outcome=str(rng.choice(samples.outcome.names)),
        code=str(rng.choice(samples.code.names)),
        message=str(rng.choice(["", "busy 7", "x" * 500])),
        endpoint="login",
    )


def _readings(rng: np.random.Generator) -> Readings:
    n = int(rng.integers(50))
    names = ["cpu_percent", "loop_lag_ms", "users_wanted", "users_running"]
    return Readings(
        time_s=rng.random(n),
        source=rng.choice(["generator", "target"], n),
        name=rng.choice(names, n),
        labels=rng.choice(["a", "b"], n),
        value=rng.choice([0.0, 50, 95, 200, np.nan], n),
    )

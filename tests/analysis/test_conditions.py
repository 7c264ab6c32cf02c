"""Conditions: what goes with connection age, size or minute, and what only seems to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from run_builder import make_samples

from analysis.conditions import gathered
from analysis.diagnose import diagnose
from analysis.levels import cut_levels
from analysis.usable import usable
from analysis.verdict import Concentration
from analysis.windows import cut_windows, row_load
from recording.run import Run
from recording.sample import Samples, size_class

START_S = 1e9
Chance = Callable[[np.ndarray, np.ndarray], np.ndarray]


def held(samples: Samples) -> list[Concentration]:
    rows = usable(samples)
    return gathered(rows, cut_levels(rows.samples, row_load(rows.samples, cut_windows(rows))))


def classes(age_s: np.ndarray) -> np.ndarray:
    return np.array([0 if age < 0 else size_class(age) + 1 for age in age_s], np.int8)


def made(time_s: np.ndarray, failed: np.ndarray, status: int = 503, **columns: object) -> Samples:
    order = np.argsort(time_s, kind="stable")
    sorted_ = {name: np.asarray(column)[order] for name, column in columns.items()}
    samples = make_samples(
        start_s=START_S + time_s[order],
        outcome=np.where(failed, "http_error", "ok")[order].tolist(),
        status=np.where(failed, status, 200)[order],
        **{
            name: column.tolist() if name == "endpoint" else column
            for name, column in sorted_.items()
            if name in ("account", "endpoint")
        },
    )
    new = {name: column for name, column in sorted_.items() if name in ("connection_age", "request_size")}
    return replace(samples, **new)


def connections(
    chance: Chance, seed: int = 1, length_s: float = 180.0, life_s: float = 60.0, users: int = 20
) -> Samples:
    """Users with a connection each, which lives for up to `life_s` and is opened anew; `chance` of a failure
    by time and age of the connection."""
    rng = np.random.default_rng(seed)
    times, ages = [], []
    for _ in range(users):
        at, opened = rng.uniform(0, 2), -rng.uniform(0, life_s)
        lives = rng.uniform(0.3, 1.0) * life_s
        while at < length_s:
            if at - opened > lives:
                opened, lives = at, rng.uniform(0.3, 1.0) * life_s
            times.append(at)
            ages.append(at - opened if at > opened else -1.0)
            at += rng.exponential(0.6)
    time_s, age_s = np.array(times), np.array(ages)
    return made(time_s, rng.random(len(times)) < chance(time_s, age_s), connection_age=classes(age_s))


@pytest.mark.parametrize("seed", range(5))
def test_connections_that_fail_from_some_age_on_are_named(seed: int) -> None:
    (found,) = held(connections(lambda _, age: np.where(age >= 32, 0.4, 0.01), seed))
    assert (found.dimension, found.value) == ("connection age", "32 s and older")
    assert found.share > 0.8
    assert found.error_rate == pytest.approx(0.4, abs=0.1)


def test_a_few_connections_older_than_any_other_hide_nothing() -> None:
    samples = connections(lambda _, age: np.where(age >= 16, 0.4, 0.01))
    age = samples.connection_age.copy()
    age[np.flatnonzero(~samples.is_error)[:3]] = 9
    assert [c.value for c in held(replace(samples, connection_age=age))] == ["16 s and older"]


def test_kept_connections_are_named_where_new_ones_never_fail() -> None:
    rng = np.random.default_rng(1)
    time_s, age = rng.uniform(0, 120, 4000), rng.integers(0, 4, 4000).astype(np.int8)
    samples = made(time_s, rng.random(4000) < np.where(age > 0, 0.3, 0.0), connection_age=age)
    assert [c.value for c in held(samples)] == ["kept connections"]


@pytest.mark.parametrize(
    "chance",
    [
        lambda t, _: t / 360,
        lambda t, _: np.where(t > 66, 0.5, 0.01),
        lambda t, _: np.where(t % 50 < 6, 0.7, 0.01),
        lambda _, age: np.where(age < 4, 0.5, 0.01),
        lambda t, _: np.full(len(t), 0.2),
    ],
    ids=["growing", "from then on", "bursts", "young ones", "steady"],
)
@pytest.mark.parametrize("seed", range(4))
def test_age_is_not_blamed_for_what_time_or_youth_does(chance: Chance, seed: int) -> None:
    assert held(connections(chance, seed)) == []


@pytest.mark.parametrize("begin_s", [17.0, 31.0, 33.0, 63.0])
def test_connections_opened_together_are_no_evidence(begin_s: float) -> None:
    """All cross from one age to the next within a moment: what begins then is not theirs."""
    rng = np.random.default_rng(3)
    time_s = rng.uniform(0, 90, 9000)
    age_s = np.maximum(0.0, time_s - rng.uniform(0, 2, 9000))
    unknown = rng.random(9000) < 0.1
    failed = rng.random(9000) < np.where(time_s > begin_s, 0.4, 0.01)
    age = np.where(unknown, -1, classes(age_s)).astype(np.int8)
    assert held(made(time_s, failed, connection_age=age)) == []


def test_a_broken_account_is_not_its_old_connection() -> None:
    """Users begin one after another, each with an account of its own; that of the first is broken."""
    rng = np.random.default_rng(4)
    user = rng.integers(0, 20, 12_000)
    time_s = rng.uniform(0, 400, 12_000)
    there = time_s > 10 * user
    user, time_s = user[there].astype(np.int32), time_s[there]
    failed = rng.random(len(user)) < np.where(user == 0, 0.9, 0.01)
    found = held(made(time_s, failed, connection_age=classes(time_s - 10 * user), account=user))
    assert [(c.dimension, c.value) for c in found] == [("account", "0")]


def test_an_endpoint_is_not_the_size_of_its_requests() -> None:
    rng = np.random.default_rng(5)
    time_s, login = rng.uniform(0, 120, 6000), rng.random(6000) < 0.5
    failed = rng.random(6000) < np.where(login, 0.3, 0.01)
    size = np.where(login, 9, 8).astype(np.int8)
    age = classes(np.where(login, time_s, time_s - 30).clip(0))
    endpoint = np.where(login, "login", "me")
    found = held(made(time_s, failed, endpoint=endpoint, request_size=size, connection_age=age))
    assert [(c.dimension, c.value) for c in found] == [("endpoint", "login")]


def test_requests_that_grow_while_errors_begin_are_no_evidence() -> None:
    rng = np.random.default_rng(6)
    time_s = rng.uniform(0, 120, 6000)
    failed = rng.random(6000) < np.where(time_s > 30, 0.4, 0.01)
    assert held(made(time_s, failed, request_size=np.where(time_s > 20, 9, 8).astype(np.int8))) == []


def test_a_size_from_which_on_requests_fail_is_named() -> None:
    rng = np.random.default_rng(7)
    time_s, size = rng.uniform(0, 120, 4000), rng.integers(7, 13, 4000).astype(np.int8)
    failed = rng.random(4000) < np.where(size >= 11, 0.4, 0.01)
    (found,) = held(made(time_s, failed, 413, request_size=size))
    assert (found.dimension, found.value) == ("request size", "1,024 bytes and more")


@pytest.mark.parametrize(
    ("minutes", "hours", "named"), [(1, (0, 1, 2, 3), 1), (6, (0, 1, 2, 3), 6), (1, (1,), 0)]
)
def test_minutes_are_named_that_fail_hour_after_hour(
    minutes: int, hours: tuple[int, ...], named: int
) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        time_s = np.sort(rng.uniform(0, 4 * 3600, 40_000))
        minute = time_s // 60 % 60
        hot = (minute >= 17) & (minute < 17 + minutes) & np.isin(time_s // 3600, hours)
        failed = rng.random(len(time_s)) < np.where(hot, 0.9, 0.01)
        samples = make_samples(
            start_s=497_223 * 3600 + time_s,
            outcome=np.where(failed, "http_error", "ok").tolist(),
            status=np.where(failed, 503, 200),
        )
        found = diagnose(Run(id="x", source="made_up", samples=samples)).concentration
        assert [c.value for c in found] == [f":{17 + i} UTC" for i in range(named)]

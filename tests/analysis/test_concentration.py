"""Concentration: what holds more failures than chance allows, and what only seems to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_builder import make_samples
from scipy.stats import hypergeom

from analysis.concentration import concentration
from analysis.intervals import table_tail
from analysis.levels import cut_levels
from analysis.usable import usable
from analysis.windows import cut_windows, row_load
from benchmarks.kinds import KINDS
from benchmarks.rows import made_rows
from recording.sample import size_class


def held(samples):
    rows = usable(samples)
    return concentration(rows, cut_levels(rows.samples, row_load(rows.samples, cut_windows(rows))))


@pytest.mark.parametrize(
    ("k", "n", "others_k", "others_n"), [(56, 429, 8, 110), (5, 10, 20, 1000), (3, 3, 0, 5), (0, 5, 2, 5)]
)
def test_the_tail_of_a_table_is_fishers(k, n, others_k, others_n):
    expected = hypergeom.sf(k - 1, n + others_n, k + others_k, n)
    assert table_tail(k, n, others_k, others_n) == pytest.approx(expected, rel=1e-9)


def test_a_busy_endpoint_is_not_blamed_because_few_others_were_lucky():
    blamed = [
        held(made_rows(kind, shape, 60.0, seed))
        for kind in KINDS
        for shape in ("shuffled_steps", "stairs_up_down")
        for seed in (1, 2, 3)
    ]
    assert sum(bool(found) for found in blamed) <= 1


def test_a_broken_endpoint_is_found_among_few_others():
    rng = np.random.default_rng(2)
    n = 500
    broken = rng.random(n) < 0.8
    failed = rng.random(n) < np.where(broken, 0.3, 0.02)
    samples = make_samples(
        start_s=1e9 + np.sort(rng.uniform(0, 60, n)),
        endpoint=np.where(broken, "login", "me").tolist(),
        outcome=np.where(failed, "http_error", "ok").tolist(),
        status=np.where(failed, 503, 200),
    )
    (found,) = held(samples)
    assert (found.dimension, found.value) == ("endpoint", "login")
    assert found.errors == np.count_nonzero(failed & broken)


def aged(failing, n=6000, length_s=120.0, seed=5):
    """Requests of connections up to a minute old; `failing` tells the chance by time and age."""
    rng = np.random.default_rng(seed)
    time_s = np.sort(rng.uniform(0, length_s, n))
    age_s = rng.uniform(0, 60, n)
    failed = rng.random(n) < failing(time_s, age_s)
    samples = make_samples(
        start_s=1e9 + time_s,
        outcome=np.where(failed, "reset", "ok").tolist(),
        status=np.where(failed, 0, 200),
    )
    classes = np.array([size_class(age) + 1 for age in age_s], np.int8)
    return replace(samples, connection_age=classes)


def test_connections_that_fail_from_some_age_on_are_named():
    (found,) = held(aged(lambda _, age: np.where(age > 32, 0.3, 0.01)))
    assert (found.dimension, found.value) == ("connection age", "32 s and older")
    assert found.share > 0.9
    assert found.error_rate == pytest.approx(0.3, abs=0.05)


def test_young_connections_are_not_blamed_for_what_made_them_young():
    assert held(aged(lambda _, age: np.where(age < 4, 0.5, 0.01))) == []


@pytest.mark.parametrize(
    "rate", [lambda t: t / 240, lambda t: np.where(t > 66, 0.5, 0.01)], ids=["growing", "from then on"]
)
def test_connections_that_grow_old_while_errors_grow_are_not_blamed(rate):
    rng = np.random.default_rng(6)
    n = 6000
    time_s = np.sort(rng.uniform(0, 120, n))
    failed = rng.random(n) < rate(time_s)
    samples = make_samples(
        start_s=1e9 + time_s,
        outcome=np.where(failed, "http_error", "ok").tolist(),
        status=np.where(failed, 503, 200),
    )
    age_s = np.maximum(0.0, time_s - rng.uniform(0, 8, n))
    assert held(replace(samples, connection_age=np.array([size_class(a) + 1 for a in age_s], np.int8))) == []


def test_a_size_of_what_is_sent_is_named():
    rng = np.random.default_rng(7)
    n = 3000
    size = rng.integers(7, 13, n)
    failed = rng.random(n) < np.where(size == 12, 0.4, 0.01)
    samples = make_samples(
        start_s=1e9 + np.sort(rng.uniform(0, 60, n)),
        outcome=np.where(failed, "http_error", "ok").tolist(),
        status=np.where(failed, 413, 200),
    )
    (found,) = held(replace(samples, request_size=size.astype(np.int8)))
    assert (found.dimension, found.value) == ("request size", "2,048 to 4,095 bytes")


@pytest.mark.parametrize(("hours", "named"), [((0, 1, 2, 3), True), ((1,), False)])
def test_a_minute_is_named_that_fails_hour_after_hour(hours, named):
    rng = np.random.default_rng(8)
    time_s = np.sort(rng.uniform(0, 4 * 3600, 40_000))
    begin_s = 497_223 * 3600
    clock = (time_s // 60 % 60 == 17) & np.isin(time_s // 3600, hours)
    failed = rng.random(len(time_s)) < np.where(clock, 0.9, 0.01)
    found = held(
        make_samples(
            start_s=begin_s + time_s,
            outcome=np.where(failed, "http_error", "ok").tolist(),
            status=np.where(failed, 503, 200),
        )
    )
    assert [c.value for c in found] == ([":17 UTC"] if named else [])

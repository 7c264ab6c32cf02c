"""Freezes, percentiles, levels and capacity."""

from __future__ import annotations

import numpy as np
import pytest
from run_builder import by_load, make_run, make_samples

from analysis.freezes import silences
from analysis.latency import Distribution, Latencies
from analysis.levels import capacity, cut_levels, level_table
from analysis.usable import usable
from analysis.windows import cut_windows, row_load


def prepared(samples):
    rows = usable(samples)
    return rows, cut_levels(rows.samples, row_load(rows.samples, cut_windows(rows)))


def frozen(users: int = 10, freeze: tuple[float, float] = (30.0, 38.0), end: float = 60.0, **columns):
    """A closed loop: each user sends, waits 0.2 s, thinks 0.3 s; nothing is answered during the freeze."""
    starts, durations = [], []
    for user in range(users):
        t = user * 0.05
        while t < end:
            done = t + 0.2
            if freeze[0] < done < freeze[1]:
                done = freeze[1] + 0.01 * user
            starts.append(t)
            durations.append((min(done, end) - t) * 1000)
            t = done + 0.3
    return make_samples(start_s=1e9 + np.array(starts), duration_ms=durations, users=users, **columns)


def test_a_freeze_is_found_to_a_tenth_of_a_second_with_everybody_waiting():
    rows, levels = prepared(frozen())
    (freeze,) = silences(rows.samples, levels).freezes
    assert freeze.start_s == pytest.approx(30.0, abs=0.5)
    assert freeze.duration_s == pytest.approx(8.0, abs=0.5)
    assert freeze.in_flight == 10


def test_a_freeze_that_lasts_to_the_end_shows_in_unfinished_requests():
    samples = frozen(freeze=(50.0, 1e9))
    outcome = np.where(samples.end_s > 1e9 + 59.9, "unfinished", "ok")
    rows, levels = prepared(frozen(freeze=(50.0, 1e9), outcome=outcome.tolist()))
    (freeze,) = silences(rows.samples, levels).freezes
    assert freeze.start_s + freeze.duration_s == pytest.approx(60.0, abs=0.5)
    assert freeze.duration_s == pytest.approx(10.0, abs=0.5)


def test_time_outs_do_not_end_a_freeze():
    samples = frozen()
    outcome = np.where(samples.duration_ms > 5000, "total_timeout", "ok")
    limited = frozen(outcome=outcome.tolist())
    limited.duration_ms[limited.duration_ms > 5000] = 5000
    rows, levels = prepared(limited)
    (freeze,) = silences(rows.samples, levels).freezes
    assert freeze.duration_s == pytest.approx(8.0, abs=0.6)


def test_one_client_with_slow_answers_is_no_freeze():
    slow = make_samples(start_s=1e9 + np.arange(30) * 5.0, duration_ms=4000.0, users=1)
    rows, levels = prepared(slow)
    assert silences(rows.samples, levels).freezes == ()


def test_nobody_waiting_is_no_freeze():
    starts = np.concatenate([np.arange(100) * 0.1, 40 + np.arange(100) * 0.1])
    rows, levels = prepared(make_samples(start_s=1e9 + starts, duration_ms=50.0, users=1))
    assert silences(rows.samples, levels).freezes == ()


def test_one_user_sees_a_freeze_too():
    durations = np.full(100, 100.0)
    durations[50] = 9000.0
    starts = np.concatenate([[0.0], np.cumsum(durations[:-1] / 1000 + 0.2)])
    rows, levels = prepared(make_samples(start_s=1e9 + starts, duration_ms=durations, users=1))
    (freeze,) = silences(rows.samples, levels).freezes
    assert freeze.duration_s == pytest.approx(9.0, abs=0.3)


def test_percentiles_are_nearest_rank():
    values = Distribution.of(np.arange(1.0, 201.0)[::-1], np.ones(200, np.int64))
    assert (values.percentile(0.50), values.percentile(0.95), values.percentile(0.99)) == (100, 190, 198)


def test_weights_count_as_requests():
    found = Distribution.of(np.array([5.0, 1.0]), np.array([10, 990])).percentiles()
    assert (found.n, found.p50, found.p99, found.max) == (1000, 1.0, 1.0, 5.0)


def test_percentiles_that_too_few_samples_cannot_give_are_none():
    found = Distribution.of(np.arange(1.0, 51.0), np.ones(50, np.int64)).percentiles()
    assert found.p95 is not None
    assert found.p99 is None


def test_failures_as_infinite_leave_no_p99_when_more_than_one_per_cent_fail():
    report = Latencies.of(usable(make_run(errors=0.05).samples)).report()
    assert report.failures_infinite.p50 is not None
    assert report.failures_infinite.p99 is None
    assert report.failures_infinite.max is None
    assert report.all.p99 is not None


def test_levels_of_a_stepped_plan_are_its_steps():
    rows, levels = prepared(make_run(errors=by_load(lambda u: 0.02 * u)).samples)
    table = level_table(rows, levels)
    assert [level.users_high for level in table] == [2, 6, 11, 16, 20]
    assert sum(level.requests for level in table) == rows.requests
    assert table[-1].rate_per_s == pytest.approx(20 * 0.8, rel=0.1)


def test_a_ramp_has_at_most_eight_levels():
    rows, levels = prepared(make_run(users=list(range(1, 41)), step_s=5).samples)
    table = level_table(rows, levels)
    assert len(table) == 8
    assert sum(level.requests for level in table) == rows.requests


def test_capacity_is_the_rate_at_the_highest_level_that_held():
    rows, levels = prepared(make_run(errors=by_load(lambda u: np.where(u > 11, 0.3, 0.005))).samples)
    found = capacity(level_table(rows, levels), levels, 0.05)
    assert found is not None
    assert found.users == 11
    assert found.low < 11 * 0.8 < found.high


def test_no_level_that_held_means_no_capacity():
    rows, levels = prepared(make_run(errors=0.3).samples)
    assert capacity(level_table(rows, levels), levels, 0.05) is None

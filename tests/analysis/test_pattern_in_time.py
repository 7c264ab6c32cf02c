"""Temporal pattern and drift."""

from __future__ import annotations

import numpy as np
import pytest
from run_builder import START_S, by_load, by_time, make_run

from analysis.classes import Judge
from analysis.diagnose import diagnose
from analysis.drift import time_drift
from analysis.usable import usable
from analysis.windows import windows


def pattern_of(run):
    rows = usable(run.samples)
    return Judge.of(rows, windows(run.samples)).temporal(rows.failed)


def test_bursts_are_clustered_and_listed_where_they_are():
    found = pattern_of(make_run(errors=by_time(lambda t: np.where((t > 300) & (t < 320), 0.9, 0.0))))
    assert found.answer == "clustered"
    assert len(found.bursts) == 1
    assert 290 <= found.bursts[0].start_s <= 301
    assert 319 <= found.bursts[0].end_s <= 326
    assert found.bursts[0].share == 1.0


def test_regular_bursts_are_clustered():
    assert (
        pattern_of(make_run(errors=by_time(lambda t: np.where(t % 60 < 8, 0.7, 0.01)))).answer == "clustered"
    )


def test_an_even_rate_is_distributed():
    assert pattern_of(make_run(errors=0.1)).answer == "distributed"


def test_a_rate_that_follows_load_or_time_is_distributed():
    assert (
        pattern_of(make_run(errors=by_load(lambda u: 0.03 * np.maximum(0, u - 10)))).answer == "distributed"
    )
    assert pattern_of(make_run(errors=by_time(lambda t: 0.3 * t / 600))).answer == "distributed"


def test_no_error_is_none_and_few_are_inconclusive():
    assert pattern_of(make_run()).answer == "none"
    few = make_run(errors=by_time(lambda t: np.where((t > 300) & (t < 302), 0.1, 0.0)))
    assert pattern_of(few).answer == "inconclusive"


def test_drift_is_told_from_load():
    growing = time_drift(windows(make_run(errors=by_time(lambda t: 0.02 + 0.3 * t / 600)).samples))
    assert growing.answer == "yes"
    assert growing.low < 0.3 < growing.high
    steady = time_drift(windows(make_run(errors=by_load(lambda u: 0.02 + 0.3 * u / 20)).samples))
    assert steady.answer != "yes"


def test_drift_is_judged_on_time_alone_where_load_did_not_vary():
    found = time_drift(windows(make_run(users=[10] * 20, errors=by_time(lambda t: 0.3 * t / 600)).samples))
    assert found.answer == "yes"
    assert "on time alone" in found.why


def test_drift_of_a_run_without_errors_is_no():
    assert time_drift(windows(make_run().samples)).answer == "no"


def test_between_bursts_and_an_even_spread_neither_is_said():
    def run(high):
        # A fifth of the time at `high`, the rest at 2 %: from an even spread to bursts.
        return make_run(errors=by_time(lambda t: np.where(t % 100 < 20, high, 0.02)), per_user_s=4.0)

    found = [pattern_of(run(high)) for high in np.linspace(0.03, 0.12, 46)]
    answers = [f.answer for f in found]
    assert answers[0] == "distributed"
    assert answers[-1] == "clustered"
    between = [f for f in found if f.answer == "inconclusive"]
    assert between
    assert all(0.66 < f.excess_variation < 0.74 for f in between)
    assert all(f.why.endswith("between bursts and an even spread") for f in between)


def test_where_a_worker_was_lost_a_pattern_near_the_limit_is_left_open():
    def run(high, **changes):
        rate = by_time(lambda t: np.where(t % 100 < 20, high, 0.02))
        return make_run(errors=rate, per_user_s=4.0, **changes)

    lost = ({"kind": "node_lost", "node": "worker-2", "time_s": START_S + 300.0},)
    assert diagnose(run(0.11)).temporal.answer == "clustered"
    assert diagnose(run(0.11, events=lost)).temporal.answer == "inconclusive"
    assert diagnose(run(0.6, events=lost)).temporal.answer == "clustered"
    assert diagnose(make_run(errors=0.1, events=lost)).temporal.answer == "distributed"


def test_errors_at_a_peak_of_load_that_came_once_are_one_burst():
    """Load explains them, so no window holds more than expected; a pattern of no bursts would be none."""
    users = [5] * 30 + [50] + [5] * 29
    verdict = diagnose(make_run(users=users, step_s=2, errors=by_load(lambda u: np.where(u == 50, 0.9, 0.0))))
    (burst,) = verdict.temporal.bursts
    assert verdict.temporal.answer == "clustered"
    assert (burst.start_s, burst.end_s) == (pytest.approx(60, abs=1), pytest.approx(62, abs=1))
    assert verdict.sentence.startswith("Errors come in one burst of")
    assert verdict.next_run is not None
    assert ": 1 burst here" in verdict.next_run.why

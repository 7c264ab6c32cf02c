"""A rate that changes at one moment is told with the moment, and no trend is larger than what was seen."""

from __future__ import annotations

import numpy as np
import pytest
from run_builder import by_time, make_run

from analysis.diagnose import diagnose
from analysis.render.markdown import markdown

UP_AND_DOWN = [2, 6, 11, 16, 20, 16, 11, 6, 2] * 2


def from_on(since_s: float, after: float = 1.0, before: float = 0.0):
    return by_time(lambda time_s: np.where(time_s >= since_s, after, before))


def test_what_fails_from_a_moment_on_is_told_with_it_and_is_not_even():
    verdict = diagnose(make_run(errors=from_on(400.0)))
    drift = verdict.time_drift
    assert drift.answer == "yes"
    assert drift.step is not None
    assert drift.step.since_s == pytest.approx(400, abs=1)
    assert (drift.slope, drift.step.before, drift.step.after) == (1.0, 0.0, 1.0)
    assert drift.low is not None
    assert drift.high is not None
    assert 0.9 < drift.low <= drift.high <= 1
    assert verdict.sentence.startswith("Errors rise from 0 % to 100 % of requests from 6:40 on")
    text = markdown(verdict)
    assert "changes at 6:40" in text
    assert "not in bursts" in text
    assert "evenly" not in verdict.to_json() + text


@pytest.mark.parametrize(("before", "after"), [(0.0, 0.2), (0.25, 0.02)])
def test_a_smaller_step_is_told_with_its_two_rates(before: float, after: float):
    drift = diagnose(make_run(errors=from_on(300.0, after, before))).time_drift
    assert drift.step is not None
    assert drift.slope == pytest.approx(after - before, abs=0.03)
    assert drift.step.since_s == pytest.approx(300, abs=10)
    assert drift.step.low < after - before < drift.step.high


def test_an_undecided_drift_tells_that_everything_failed_from_a_moment_on():
    verdict = diagnose(make_run(users=UP_AND_DOWN, step_s=10, per_user_s=3.3, errors=from_on(134.0)))
    assert verdict.time_drift.answer == "inconclusive"
    assert verdict.time_drift.step is not None
    assert "from 2:14 on 100 % of requests failed, and 0 % before" in verdict.time_drift.why
    assert "from 2:14 on" in verdict.sentence
    assert "changes at 2:14" in markdown(verdict)


@pytest.mark.parametrize(
    "rate",
    [
        by_time(lambda t: 0.3 * t / 600),
        by_time(lambda t: 0.5 * np.maximum(t - 400, 0) / 200),
        by_time(lambda t: np.where((t > 330) & (t < 430), 0.5, 0.02)),
        0.15,
    ],
    ids=["grows", "begins to grow", "comes back", "steady"],
)
def test_what_grows_or_comes_back_is_no_step(rate):
    assert diagnose(make_run(errors=rate)).time_drift.step is None


def test_what_gets_better_accuses_nobody_of_a_leak():
    worse, better = (
        diagnose(make_run(errors=by_time(rate)))
        for rate in (lambda t: 0.9 * (t > 300), lambda t: 0.9 * (t < 300))
    )
    assert "leak" in {suspect.name for suspect in worse.suspects}
    assert "leak" not in {suspect.name for suspect in better.suspects}


def test_what_grows_evenly_keeps_its_slope():
    drift = diagnose(make_run(errors=by_time(lambda t: 0.3 * t / 600))).time_drift
    assert drift.slope == pytest.approx(0.3, abs=0.04)


@pytest.mark.parametrize("seed", range(6))
def test_a_rate_never_moves_by_more_than_was_seen(seed: int):
    """A line through an outage at the end rises by over 100 points."""
    rng = np.random.default_rng(seed)
    begin, end = rng.uniform(350, 500), rng.uniform(560, 590)
    run = make_run(seed=seed, errors=by_time(lambda t: (t >= begin) & (t < end)))
    drift = diagnose(run).time_drift
    for value in (drift.slope, drift.low, drift.high):
        assert value is None or -1 <= value <= 1

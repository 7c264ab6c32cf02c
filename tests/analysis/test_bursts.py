"""What is told of bursts: exact edges, period, alignment with the load, reach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_builder import START_S, by_time, make_run

from analysis.bursts import described
from analysis.classes import Judge
from analysis.period import period
from analysis.usable import usable
from analysis.windows import windows
from recording.sample import Category

LENGTH_S = 600.0


def told(run):
    rows = usable(run.samples)
    judge = Judge.of(rows, windows(run.samples))
    return described(judge.temporal(rows.failed), judge, rows.failed)


def bursts_at(*onset_s, lasting_s=5.0, strength=0.8, calm=0.005):
    def rate(time_s):
        inside = [(time_s >= onset) & (time_s < onset + lasting_s) for onset in onset_s]
        return np.where(np.any(inside, axis=0), strength, calm)

    return by_time(rate)


def with_endpoints(run, failing, names=("login", "search", "order")):
    """The same run over several endpoints; failures of those not in `failing` become successes."""
    samples = run.samples
    codes = (np.arange(len(samples)) % len(names)).astype(np.int32)
    spared = samples.is_error & ~np.isin(codes, [names.index(name) for name in failing])
    outcome = Category.of(["ok" if s else o for s, o in zip(spared, samples.outcome.to_list(), strict=True)])
    status = np.where(spared, 200, samples.status).astype(np.int16)
    changed = replace(samples, endpoint=Category(codes, names), outcome=outcome, status=status)
    return replace(run, samples=changed)


def test_edges_are_told_to_the_request():
    (burst,) = told(make_run(users=[12] * 20, errors=bursts_at(303.0, lasting_s=14))).bursts
    assert abs(burst.start_s - 303) < 0.6
    assert abs(burst.end_s - 317) < 0.6


def test_a_period_is_found_with_the_bursts_that_it_predicts():
    onset_s = np.arange(20, LENGTH_S, 50) + np.random.default_rng(1).uniform(-3, 3, 12)
    found = told(make_run(errors=bursts_at(*onset_s)))
    assert found.period is not None
    assert found.period.low_s < 50 < found.period.high_s
    assert (found.period.seen, found.period.expected) == (12, 12)
    assert found.period_s == found.period.period_s
    assert "they come every 50 s (12 of 12" in found.why


def test_a_missing_burst_hides_no_period():
    onset_s = np.delete(np.arange(20.0, LENGTH_S, 50), 5)
    found = told(make_run(errors=bursts_at(*onset_s)))
    assert found.period is not None
    assert (found.period.seen, found.period.expected) == (11, 12)


def test_random_bursts_have_no_period():
    onset_s = np.cumsum(np.random.default_rng(3).exponential(35, 14) + 10)
    found = told(make_run(errors=bursts_at(*onset_s[onset_s < 590])))
    assert len(found.bursts) > 6
    assert found.period is None


def test_a_few_bursts_are_rarely_regular_by_chance():
    rng = np.random.default_rng(5)
    periodic = 0
    for _ in range(300):
        start_s = np.cumsum(rng.exponential(40, 8) + 10)
        periodic += period(start_s, start_s + 4, float(start_s[-1] + 30), 5.0) is not None
    assert periodic <= 9


@pytest.mark.parametrize("count", [0, 1, 3])
def test_three_bursts_make_no_period(count):
    start_s = 10 + 30.0 * np.arange(count)
    assert period(start_s, start_s + 4, 120.0, 5.0) is None


def test_bursts_right_after_changes_of_load_are_aligned():
    found = told(make_run(step_s=40.0, errors=bursts_at(*(40.0 * np.arange(1, 20) + 1))))
    assert found.alignment.answer == "yes"
    assert np.mean([burst.aligned for burst in found.bursts]) > 0.8
    assert found.alignment.p_value < 1e-6


def test_bursts_between_changes_of_load_are_not():
    found = told(make_run(step_s=40.0, errors=bursts_at(*(40.0 * np.arange(1, 20) + 17))))
    assert found.alignment.answer == "no"
    assert not any(burst.aligned for burst in found.bursts)


def test_a_load_that_changes_all_the_time_makes_nothing_aligned():
    plan = list(np.random.default_rng(1).permutation(np.tile([4, 8, 14, 20], 40)))
    found = told(make_run(users=plan, step_s=4.0, errors=bursts_at(*np.arange(32.5, 630, 40))))
    assert found.alignment.near_share > 0.8
    assert found.alignment.answer == "inconclusive"


def test_without_users_no_change_of_load_is_known():
    run = make_run(users=[12] * 20, errors=bursts_at(100, 260, 420))
    hidden = replace(run.samples, users=np.full(len(run.samples), -1, np.int32))
    found = told(replace(run, samples=hidden))
    assert found.alignment.answer == "inconclusive"
    assert {burst.aligned for burst in found.bursts} == {None}


@pytest.mark.parametrize(
    ("failing", "answer", "spared"),
    [
        (("login", "search", "order"), "all", []),
        (("login", "search"), "some", ["order"]),
        (("search",), "one", ["login", "order"]),
    ],
)
def test_the_reach_of_bursts(failing, answer, spared):
    run = with_endpoints(make_run(users=[20] * 20, errors=bursts_at(100, 260, 420)), failing)
    found = told(run)
    assert found.reach.answer == answer
    assert sorted(found.reach.endpoints) == sorted(failing)
    assert sorted(found.reach.spared) == spared
    assert set(found.reach.statuses) == {"503"}
    assert set(found.bursts[0].endpoints) <= set(failing)
    assert sum(burst.statuses["503"] for burst in found.bursts) == found.reach.statuses["503"]


def test_one_endpoint_is_no_news():
    found = told(make_run(users=[20] * 20, errors=bursts_at(100, 260, 420)))
    assert found.reach.answer == "one"
    assert "endpoint" not in found.why


def test_endpoints_with_ids_in_their_names_are_judged_together():
    names = ("login", *(f"order/{i}" for i in range(500)))
    found = told(with_endpoints(make_run(users=[20] * 20, errors=bursts_at(100, 260, 420)), names, names))
    assert len(found.reach.by_endpoint) <= 10
    assert found.reach.by_endpoint[0].endpoint == "(other endpoints)"
    assert found.reach.by_endpoint[0].hit


def test_the_order_of_rows_changes_nothing():
    run = make_run(errors=bursts_at(*np.arange(20, LENGTH_S, 50)))
    shuffled = run.samples.take(np.random.default_rng(1).permutation(len(run.samples)))
    assert told(replace(run, samples=shuffled)) == told(run)


def test_shares_add_up_to_the_failures_inside():
    run = make_run(errors=bursts_at(*np.arange(20, LENGTH_S, 50)))
    found = told(run)
    time_s = run.samples.start_s - START_S
    origin = time_s.min()
    inside = sum(
        (time_s - origin >= burst.start_s - 1e-9) & (time_s - origin <= burst.end_s + 1e-9)
        for burst in found.bursts
    )
    errors = int((run.samples.is_error & (inside > 0)).sum())
    assert errors == sum(burst.errors for burst in found.bursts)

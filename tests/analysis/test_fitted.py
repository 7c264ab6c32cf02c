"""Curves behind the answers: they say what the answer says, and their band holds the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_builder import by_load, make_run, shuffled_steps

from analysis.diagnose import diagnose
from analysis.fitted import fitted
from analysis.knee import knee
from analysis.load import load_effect
from analysis.windows import windows
from recording.sample import Category

WIDE = (4, 8, 14, 20, 28, 36)


def flat(users):
    return np.full(len(users), 0.166)


def smooth(users):
    return 0.02 + 0.012 * users


def exceeded(users):
    return 0.004 + 0.95 * np.maximum(0, 1 - 17 / users)


def curve_of(rate, seed=1, users=None):
    cut = windows(
        make_run(users=users or shuffled_steps(seed, WIDE), errors=by_load(rate), seed=seed).samples
    )
    load = load_effect(cut)
    return load, fitted(cut, load, knee(cut) if load.answer == "rises" else None)


def test_a_line_has_the_slope_of_the_answer():
    load, points = curve_of(flat)
    assert points[-1].rate - points[0].rate == pytest.approx(load.slope)
    assert (points[0].load, points[-1].load) == (load.load_low, load.load_high)
    assert all(point.low <= point.rate <= point.high for point in points)


def test_the_band_is_narrowest_where_most_requests_are():
    _, points = curve_of(smooth)
    widths = [point.high - point.low for point in points]
    assert min(widths) < widths[0]
    assert min(widths) < widths[-1]


@pytest.mark.parametrize("rate", [flat, smooth, exceeded])
def test_the_band_holds_the_truth(rate):
    inside = []
    for seed in range(20):
        _, points = curve_of(rate, seed)
        truth = rate(np.array([point.load for point in points]))
        inside += [p.low - 1e-9 <= t <= p.high + 1e-9 for p, t in zip(points, truth, strict=True)]
    assert np.mean(inside) > 0.85


def test_the_curve_bends_at_the_knee():
    _, points = curve_of(exceeded, seed=3)
    below = [point.rate for point in points if point.load < 14]
    assert max(below) < 0.02
    assert points[-1].rate == pytest.approx(exceeded(np.array([36.0]))[0], abs=0.05)


def test_no_curve_where_load_and_time_are_one_line_or_load_did_not_vary():
    assert curve_of(smooth, users=list(range(2, 42)))[1] == []
    assert curve_of(flat, users=[10] * 20)[1] == []
    assert curve_of(lambda users: np.zeros(len(users)))[1] == []


def test_each_class_has_its_own_curve():
    run = make_run(step_s=60, errors=by_load(lambda users: 0.03 * np.maximum(0, users - 8)))
    samples = run.samples
    bug = np.random.default_rng(8).random(len(samples)) < 0.12
    outcome = ["http_error" if b else o for b, o in zip(bug, samples.outcome.to_list(), strict=True)]
    status = np.where(bug, 401, samples.status).astype(np.int16)
    verdict = diagnose(replace(run, samples=replace(samples, outcome=Category.of(outcome), status=status)))
    rising, constant = verdict.class_rates
    assert (rising.name, constant.name) == ("503", "401")
    assert rising.knee is not None
    assert constant.knee is None
    assert abs(constant.fitted[-1].rate - constant.fitted[0].rate) < 0.04
    for row in verdict.class_rates:
        assert sum(level.errors for level in row.levels) == verdict.by_status[row.name].count
    assert [level.users_high for level in rising.levels] == [level.users_high for level in verdict.levels]
